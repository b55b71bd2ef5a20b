//! Keys of company names: one that identifies, and weaker ones that propose.
//!
//! | key | `上海（浦东）某某貿易有限责任公司` | equal keys mean |
//! |---|---|---|
//! | exact | `上海(浦东)某某贸易有限公司` | the same name |
//! | core | `上海某某贸易` | ask a person: another legal form, marks left out |
//! | local | `某某贸易` | ask a person: another way to name the town |
//!
//! A branch (分公司, 分行) is a party of its own: it keeps its whole name and tells the key of its parent.

use super::fold::{fold, loosen, transcribed, unmarked};
use super::is_east_asian;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Characters of a name that count.
const MAX_CHARACTERS: usize = 200;
/// Characters that stay at least when a legal form or a town is taken off.
const MIN_CORE: usize = 2;

/// Legal forms in East Asian scripts, the longer ones first.
const EASTERN_FORMS: [&str; 13] = [
    "股份有限公司",
    "有限公司",
    "股份公司",
    "总公司",
    "公司",
    "集团",
    "株式会社",
    "有限会社",
    "合同会社",
    "合资会社",
    "주식회사",
    "유한회사",
    "厂",
];
/// Forms that Japanese and Korean write before or after the name, with their short signs.
const MOVING_FORMS: [(&str, &str); 6] = [
    ("(株)", "株式会社"),
    ("株式会社", "株式会社"),
    ("(有)", "有限会社"),
    ("有限会社", "有限会社"),
    ("(주)", "주식회사"),
    ("주식회사", "주식회사"),
];
/// Ends of a name that make it a branch of the company before them.
const BRANCHES: [&str; 8] = ["分公司", "分行", "支行", "分店", "分部", "分厂", "办事处", "营业部"];
/// Spellings of western legal forms and the one that stands for them.
const WESTERN_FORMS: [(&str, &str); 52] = [
    ("ab", "ab"),
    ("ag", "ag"),
    ("aps", "aps"),
    ("as", "as"),
    ("asa", "asa"),
    ("berhad", "bhd"),
    ("bhd", "bhd"),
    ("bv", "bv"),
    ("bvba", "bvba"),
    ("co", "company"),
    ("company", "company"),
    ("corp", "corporation"),
    ("corporation", "corporation"),
    ("doo", "doo"),
    ("eirl", "eirl"),
    ("gmbh", "gmbh"),
    ("group", "group"),
    ("holding", "holding"),
    ("holdings", "holding"),
    ("inc", "inc"),
    ("incorporated", "inc"),
    ("kft", "kft"),
    ("kg", "kg"),
    ("kk", "kk"),
    ("limited", "ltd"),
    ("llc", "llc"),
    ("llp", "llp"),
    ("lp", "lp"),
    ("ltd", "ltd"),
    ("ltda", "ltda"),
    ("nv", "nv"),
    ("ohg", "ohg"),
    ("ooo", "ooo"),
    ("oy", "oy"),
    ("oyj", "oyj"),
    ("plc", "plc"),
    ("private", "pte"),
    ("proprietary", "pty"),
    ("pte", "pte"),
    ("pty", "pty"),
    ("pvt", "pte"),
    ("sa", "sa"),
    ("sarl", "sarl"),
    ("sas", "sas"),
    ("sasu", "sas"),
    ("sdn", "sdn"),
    ("se", "se"),
    ("sl", "sl"),
    ("sp", "sp"),
    ("spa", "spa"),
    ("srl", "srl"),
    ("zoo", "zoo"),
];
/// Words in brackets that say where, besides the places of `places.txt`.
const BRACKET_PLACES: [&str; 14] = [
    "中国",
    "大中华",
    "亚太",
    "亚洲",
    "国际",
    "china",
    "prc",
    "hk",
    "hong kong",
    "shanghai",
    "beijing",
    "shenzhen",
    "asia",
    "asia pacific",
];
/// What may follow a place's short name.
const PLACE_ENDS: [&str; 5] = ["自治区", "特别行政区", "省", "市", "县"];

/// Provinces, prefectures and cities of China by their short names, from the Ministry of Civil Affairs' list.
static PLACES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("places.txt").split_whitespace().collect());
/// Longest name in `places.txt`, in characters.
const MAX_PLACE: usize = 6;

/// The keys of one company name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompanyKey {
    /// Equal for two spellings of one registered name.
    pub exact: String,
    /// Without legal form, bracketed place and marks. Weak.
    pub core: String,
    /// The core without the leading province and city, where it has one. Weak.
    pub local: Option<String>,
    /// The exact key of the company this is a branch of.
    pub parent: Option<String>,
}

impl CompanyKey {
    pub fn of(name: &str) -> Self {
        let folded: String = fold(name).chars().take(MAX_CHARACTERS).collect();
        if !folded.chars().any(is_east_asian) {
            return Self::western(&folded);
        }
        let exact = eastern_exact(&folded);
        let parent = parent(&exact);
        let core = if parent.is_some() { loosen(&exact) } else { eastern_core(&exact) };
        let local = without_places(&core).map(str::to_owned);
        Self { exact, core, local, parent }
    }

    fn western(folded: &str) -> Self {
        let exact = western_exact(&transcribed(folded));
        let core = western_core(&western_exact(&unmarked(&without_bracketed_places(folded))));
        Self { exact, core: loosen(&core), local: None, parent: None }
    }
}

fn eastern_exact(folded: &str) -> String {
    let solid: String = folded.chars().filter(|c| *c != ' ').collect();
    let mut name = transcribed(&solid).replace("有限责任公司", "有限公司").replace("(集团)", "集团");
    for (sign, form) in MOVING_FORMS {
        let stem = name.strip_prefix(sign).or_else(|| name.strip_suffix(sign));
        if let Some(stem) = stem.filter(|stem| !stem.is_empty()) {
            name = format!("{stem}{form}");
            break;
        }
    }
    name
}

fn eastern_core(exact: &str) -> String {
    let mut core = without_bracketed_places(exact);
    while let Some(stem) = EASTERN_FORMS.iter().find_map(|form| core.strip_suffix(form)) {
        if stem.chars().count() < MIN_CORE {
            break;
        }
        core.truncate(stem.len());
    }
    loosen(&core)
}

fn western_exact(name: &str) -> String {
    let spaced: String = name
        .replace('&', " and ")
        .replace("a/s", "as")
        .chars()
        .filter(|c| !matches!(c, '.' | '\''))
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().map(|word| western_form(word).unwrap_or(word)).collect();
    words.join(" ")
}

fn western_core(exact: &str) -> String {
    let mut words: Vec<&str> = exact.split(' ').collect();
    while words.len() > 1 && words.last().is_some_and(|word| western_form(word).is_some() || *word == "and") {
        words.pop();
    }
    if words.len() > 1 && words.first() == Some(&"the") {
        words.remove(0);
    }
    words.join(" ")
}

fn western_form(word: &str) -> Option<&'static str> {
    let place = WESTERN_FORMS.binary_search_by_key(&word, |(spelling, _)| spelling).ok();
    place.and_then(|place| WESTERN_FORMS.get(place)).map(|(_, form)| *form)
}

/// Drops "(中国)" and "(shenzhen)"; any other brackets go, but what they hold stays.
fn without_bracketed_places(name: &str) -> String {
    let mut rest = name;
    let mut kept = String::with_capacity(name.len());
    while let Some((before, (inside, after))) =
        rest.split_once('(').and_then(|(before, rest)| Some((before, rest.split_once(')')?)))
    {
        kept.push_str(before);
        let bare = without_place_end(inside.trim());
        if !PLACES.contains(bare) && !BRACKET_PLACES.contains(&bare) {
            kept.push_str(inside);
        }
        rest = after;
    }
    kept.push_str(rest);
    kept
}

/// The name without leading places; `None` when there are none or too little would stay.
fn without_places(core: &str) -> Option<&str> {
    let mut rest = core;
    while let Some(after) = without_place(rest) {
        rest = after;
    }
    (rest.len() < core.len()).then_some(rest)
}

fn without_place(name: &str) -> Option<&str> {
    let ends = name.char_indices().map(|(index, c)| index + c.len_utf8()).take(MAX_PLACE);
    let end = ends.filter(|end| PLACES.contains(&name[..*end])).last()?;
    let rest = &name[end..];
    let rest = PLACE_ENDS.iter().find_map(|suffix| rest.strip_prefix(suffix)).unwrap_or(rest);
    (rest.chars().count() >= MIN_CORE).then_some(rest)
}

fn without_place_end(place: &str) -> &str {
    PLACE_ENDS
        .iter()
        .find_map(|end| place.strip_suffix(end))
        .filter(|place| PLACES.contains(place))
        .unwrap_or(place)
}

/// The company before the town and kind of a branch.
fn parent(exact: &str) -> Option<String> {
    let stem = BRANCHES.iter().find_map(|branch| exact.strip_suffix(branch))?;
    let end = stem.rfind("公司")? + "公司".len();
    Some(stem[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_data;
    use proptest::prelude::*;

    #[test]
    fn variants_of_a_company_meet_as_judged() {
        let rows = shared_data::rows("cn/company_variants.tsv");
        let canonical: HashSet<&str> =
            rows.iter().map(|row| row[1].as_str()).filter(|name| !name.is_empty()).collect();
        for row in &rows {
            let (variant, same, why) = (CompanyKey::of(&row[0]), row[1].as_str(), row[2].as_str());
            if why.contains("propose") {
                assert_ne!(variant.exact, CompanyKey::of(same).exact, "{row:?}");
                assert_eq!(variant.core, CompanyKey::of(same).core, "{row:?}");
            } else if same.is_empty() {
                let met = canonical.iter().find(|name| CompanyKey::of(name).exact == variant.exact);
                assert_eq!(met, None, "{row:?}");
            } else {
                assert_eq!(variant.exact, CompanyKey::of(same).exact, "{row:?}");
            }
        }
        println!("company_variants: {} as judged", rows.len());
    }

    #[test]
    fn weak_keys_leave_form_and_town_out() {
        let table = [
            ("华为技术有限公司", "华为技术", None),
            ("上海（浦东）某某貿易有限责任公司", "上海浦东某某贸易", Some("浦东某某贸易")),
            ("广东省深圳市腾讯计算机系统有限公司", "广东省深圳市腾讯计算机系统", Some("腾讯计算机系统")),
            ("ＡＢＣ电子（深圳）有限公司", "abc电子", None),
            ("某某集团股份有限公司", "某某", None),
            ("Acme, Inc.", "acme", None),
            ("The Acme Co., Ltd.", "acme", None),
            ("Acme (China) Holdings Limited", "acme", None),
            ("北京公司", "北京", None),
            ("㈱トヨタ", "トヨタ", None),
            ("A.P. Møller A/S", "ap moller", None),
        ];
        for (name, core, local) in table {
            let key = CompanyKey::of(name);
            assert_eq!((key.core.as_str(), key.local.as_deref()), (core, local), "{name}");
        }
        assert_eq!(CompanyKey::of("Acme, Inc.").core, CompanyKey::of("Acme Corporation").core);
    }

    #[test]
    fn a_branch_tells_its_parent() {
        let branch = CompanyKey::of("某某集团股份有限公司上海分公司");
        assert_eq!(branch.parent.as_ref(), Some(&CompanyKey::of("某某集团股份有限公司").exact));
        assert_eq!(
            CompanyKey::of("中国工商银行股份有限公司北京分行").parent.as_deref(),
            Some("中国工商银行股份有限公司")
        );
        assert_eq!(CompanyKey::of("某某有限公司").parent, None);
    }

    #[test]
    fn legal_forms_are_sorted_for_search() {
        assert!(WESTERN_FORMS.is_sorted());
    }

    #[test]
    fn short_names_of_companies_keep_a_core() {
        let Some(names) = shared_data::read("cn/company_short_names_sample.txt") else { return };
        for name in names.lines().filter(|name| !name.trim().is_empty()) {
            let key = CompanyKey::of(name);
            assert!(!key.exact.is_empty() && !key.core.is_empty(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn keys_are_stable_and_bounded(name in "\\PC{0,60}", han in "[一-龥()公司有限集团北京上海]{0,40}") {
            for name in [name, han] {
                let key = CompanyKey::of(&name);
                prop_assert!(key.exact.chars().count() <= 4 * MAX_CHARACTERS);
                prop_assert_eq!(CompanyKey::of(&name.to_uppercase().to_lowercase()).exact.is_empty(), key.exact.is_empty());
            }
        }
    }
}
