//! Names of people: native order, sort form, keys and partial masks.
//!
//! | names | shown as | by |
//! |---|---|---|
//! | 张 + 安怡, 𠮷田 + 太郎 | 张安怡, 𠮷田太郎 | East Asian script |
//! | 米勒 + 克特 | 克特·米勒 | a foreign name written in Chinese: a dot, or only the characters used to transcribe |
//! | Nguyễn + Văn An | Nguyễn Văn An | a common Vietnamese family name, with its marks |
//! | O’Brien + Seán | Seán O’Brien | anything else |
//!
//! Hungarian and unmarked Vietnamese names cannot be told from western ones; their display name is set by hand.

use super::fold::{fold, transcribed};
use super::pinyin::is_compound_surname;
use super::{is_east_asian, is_han};

/// The characters that transcribe foreign names (after the table of the Xinhua news agency), without those that are
/// common in Japanese family names.
const TRANSCRIBING: &str = "阿埃艾爱安昂奥巴白班邦包保鲍贝本比彼宾波玻伯勃博卜布采查达代戴丹当道德登邓迪蒂丁东杜敦顿多俄厄恩尔法凡范菲费芬\
弗夫佛福甫盖甘冈戈哥格根贡古顾瓜圭哈海汉豪赫黑亨洪胡华怀惠霍基吉加贾简姜杰金津居卡凯坎康考科克肯孔库夸奎昆拉喇莱赖兰朗劳勒\
雷蕾黎李里理利莉力立连莲廉良列林琳留柳龙隆卢鲁路露伦罗洛略马玛迈麦曼芒毛茂梅门蒙米密明缪摩莫默姆穆买拿那娜纳奈南瑙内嫩尼妮\
年涅宁纽农努诺欧帕潘庞佩彭皮匹平珀泊普齐奇恰乔切琴丘琼热荣茹儒瑞若萨塞赛桑瑟森沙莎珊尚绍舍申什圣施史舒朔司丝斯松苏索塔泰坦\
汤唐陶特滕提廷通图托瓦万旺威韦维伟卫温文翁沃乌武西希锡席夏显香谢欣辛休逊雅亚延扬耶叶伊因英尤于约泽扎詹兹佐祖";

/// Vietnamese family names that show by their marks, folded. They cover some nine people in ten.
const VIETNAMESE: [&str; 18] = [
    "nguyễn", "trần", "lê", "phạm", "huỳnh", "hoàng", "vũ", "võ", "đặng", "bùi", "đỗ", "hồ", "ngô", "dương",
    "lý", "đào", "đoàn", "trịnh",
];

/// How the parts of a name are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Custom {
    /// Family then given, nothing between.
    Solid,
    /// Given, a dot, family.
    Dotted,
    /// Family, blank, given.
    FamilyFirst,
    /// Given, blank, family.
    GivenFirst,
}

/// The whole name in the order its bearer uses. Either part may be empty.
pub fn display(family: &str, given: &str) -> String {
    full(family, "", given)
}

/// The whole name with a middle name, which stands before the given name where the family name comes first (Nguyễn Văn An) and behind it
/// elsewhere (John Quincy Adams). Any part may be empty.
pub fn full(family: &str, middle: &str, given: &str) -> String {
    let (family, middle, given) = (family.trim(), middle.trim(), given.trim());
    let (parts, between) = match custom(family, &format!("{given}{middle}")) {
        Custom::Solid => ([family, middle, given], ""),
        Custom::Dotted => ([given, middle, family], "·"),
        Custom::FamilyFirst => ([family, middle, given], " "),
        Custom::GivenFirst => ([given, middle, family], " "),
    };
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

/// Family and given name of a whole name in Chinese script, as far as it shows them: a family name of one character, or a known one of two. Any other
/// name is all given name.
pub fn guessed_parts(whole: &str) -> (&str, &str) {
    let length = whole.chars().count();
    if !(2..=4).contains(&length) || !whole.chars().all(is_han) {
        return ("", whole);
    }
    let split = |count: usize| whole.split_at(whole.chars().take(count).map(char::len_utf8).sum());
    let (family, given) = split(2);
    if length > 2 && is_compound_surname(&fold(family)) { (family, given) } else { split(1) }
}

/// The whole name with the family name in front, as lists show it.
pub fn display_sorted(family: &str, given: &str) -> String {
    let (family, given) = (family.trim(), given.trim());
    if family.is_empty() || given.is_empty() {
        return format!("{family}{given}");
    }
    match custom(family, given) {
        Custom::Solid => format!("{family}{given}"),
        Custom::Dotted => format!("{family}，{given}"),
        Custom::FamilyFirst => format!("{family} {given}"),
        Custom::GivenFirst => format!("{family}, {given}"),
    }
}

/// The key under which two spellings of a full name meet: folded, umlauts written out, other marks dropped.
pub fn key(family: &str, given: &str) -> String {
    let folded = transcribed(&fold(&display(family, given)));
    folded.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect()
}

/// A partial mask that keeps what greets a person: 张*, 欧阳**, J*** S****.
pub fn mask(name: &str) -> String {
    let mut masked = String::with_capacity(name.len());
    let mut word = String::new();
    for c in name.trim().chars() {
        if c.is_alphanumeric() || matches!(c, '*' | '\'' | '’') || !c.is_ascii() && !is_divider(c) {
            word.push(c);
        } else {
            masked.push_str(&mask_word(&word));
            word.clear();
            masked.push(c);
        }
    }
    masked.push_str(&mask_word(&word));
    masked
}

fn is_divider(c: char) -> bool {
    c.is_whitespace() || matches!(c, '·' | '•' | '・' | '，' | '、' | '（' | '）')
}

/// Keeps the first character, or the two of a compound family name; nothing of a word of one.
fn mask_word(word: &str) -> String {
    let length = word.chars().count();
    let head: String = word.chars().take(2).collect();
    let shown = match length {
        0 | 1 => 0,
        3.. if is_compound_surname(&fold(&head)) => 2,
        _ => 1,
    };
    word.chars().enumerate().map(|(index, c)| if index < shown { c } else { '*' }).collect()
}

fn custom(family: &str, given: &str) -> Custom {
    let eastern = |part: &str| part.chars().all(|c| is_east_asian(c) || is_divider(c));
    if eastern(family) && eastern(given) {
        return if is_transcribed(family, given) { Custom::Dotted } else { Custom::Solid };
    }
    if VIETNAMESE.contains(&fold(family).as_str()) { Custom::FamilyFirst } else { Custom::GivenFirst }
}

fn is_transcribed(family: &str, given: &str) -> bool {
    let whole = || family.chars().chain(given.chars());
    if !whole().all(|c| is_han(c) || is_divider(c)) {
        return false;
    }
    let dotted = whole().any(is_divider);
    let long = family.chars().nth(1).is_some() && !is_compound_surname(&fold(family));
    dotted || (long && whole().all(|c| TRANSCRIBING.contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn people_are_shown_in_their_own_order() {
        let rows = shared_data::rows("cn/person_names.tsv");
        for row in &rows {
            assert_eq!(display(&row[0], &row[1]), row[3], "{row:?}");
            if let Some(sorted) = row.get(4).filter(|sorted| !sorted.is_empty()) {
                assert_eq!(&display_sorted(&row[0], &row[1]), sorted, "{row:?}");
            }
        }
        println!("person_names: {} as judged", rows.len());
        let table = [
            ("Smith", "John", "John Smith"),
            ("김", "민수", "김민수"),
            ("佐々木", "希", "佐々木希"),
            ("爱新觉罗", "溥仪", "爱新觉罗溥仪"),
            ("王", "Leehom", "Leehom 王"),
            ("", "", ""),
        ];
        for (family, given, whole) in table {
            assert_eq!(display(family, given), whole);
        }
    }

    #[test]
    fn a_middle_name_stands_where_its_bearer_puts_it() {
        let table = [
            (["Adams", "Quincy", "John"], "John Quincy Adams"),
            (["Nguyễn", "Văn", "An"], "Nguyễn Văn An"),
            (["毛", "泽", "东"], "毛泽东"),
            (["米勒", "雅", "克特"], "克特·雅·米勒"),
            (["", "Maria", "Anna"], "Anna Maria"),
            (["Adams", "Quincy", ""], "Quincy Adams"),
            (["Adams", "", ""], "Adams"),
            (["", "", ""], ""),
        ];
        for ([family, middle, given], whole) in table {
            assert_eq!(full(family, middle, given), whole);
        }
    }

    #[test]
    fn a_chinese_name_shows_its_family_name() {
        let table = [
            ("张三", ("张", "三")),
            ("单雄信", ("单", "雄信")),
            ("欧阳娜娜", ("欧阳", "娜娜")),
            ("欧阳", ("欧", "阳")),
            ("John Smith", ("", "John Smith")),
            ("张", ("", "张")),
        ];
        for (whole, parts) in table {
            assert_eq!(guessed_parts(whole), parts);
        }
    }

    #[test]
    fn spellings_of_a_name_have_one_key() {
        assert_eq!(key("O’Brien", "Seán"), key("O'Brien", "Sean"));
        assert_eq!(key("Nguyễn", "Văn An"), key("Nguye\u{302}\u{303}n", "Va\u{306}n An"));
        assert_eq!(key("張", "安怡"), key("张", "安怡"));
        assert_ne!(key("Müller", "A"), key("Muller", "A"));
    }

    #[test]
    fn masks_keep_what_greets() {
        let table = [
            ("张三", "张*"),
            ("张安怡", "张**"),
            ("欧阳娜娜", "欧阳**"),
            ("歐陽修", "歐陽*"),
            ("欧阳", "欧*"),
            ("John Smith", "J*** S****"),
            ("Seán O’Brien", "S*** O******"),
            ("克特·米勒", "克*·米*"),
            ("J. Doe", "*. D**"),
            ("张", "*"),
            ("", ""),
        ];
        for (name, masked) in table {
            assert_eq!(mask(name), masked);
        }
    }

    proptest! {
        #[test]
        fn masking_twice_is_masking_once(name in "(\\PC{0,20}|[张欧阳娜 ·*a-c]{0,10})") {
            let once = mask(&name);
            prop_assert_eq!(mask(&once), once.clone());
        }

        #[test]
        fn a_mask_hides_at_least_half_of_a_short_name(name in "[一-龥]{1,4}") {
            let shown = mask(&name).chars().filter(|c| *c != '*').count();
            prop_assert!(shown * 2 <= name.chars().count() || (shown == 2 && name.chars().count() == 3));
        }

        #[test]
        fn no_name_panics(family in "\\PC{0,12}", given in "\\PC{0,12}") {
            let _ = (display(&family, &given), display_sorted(&family, &given), key(&family, &given));
        }
    }
}
