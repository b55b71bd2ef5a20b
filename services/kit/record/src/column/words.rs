//! Words that people write for the values of enums, for countries and for currencies.

use prost_reflect::EnumDescriptor;
use unicode_normalization::UnicodeNormalization as _;

/// Words that people write for the values of one enum, by the number of the value: English, then Chinese, the first of each is the one that exports write.
pub type Words = &'static [(i32, &'static [&'static str], &'static [&'static str])];

/// Countries that files name, by name instead of by code.
const COUNTRIES: &[(&str, &[&str])] = &[
    ("CN", &["China", "PRC", "CHN", "P.R. China", "Mainland China", "中国", "中国大陆", "中华人民共和国"]),
    ("HK", &["Hong Kong", "HKG", "Hong Kong SAR", "香港", "中国香港"]),
    ("MO", &["Macao", "Macau", "澳门", "中国澳门"]),
    ("TW", &["Taiwan", "TWN", "台湾", "中国台湾"]),
    ("US", &["United States", "United States of America", "USA", "U.S.", "U.S.A.", "America", "美国"]),
    ("GB", &["United Kingdom", "UK", "U.K.", "Great Britain", "GBR", "England", "英国"]),
    ("DE", &["Germany", "DEU", "Deutschland", "德国"]),
    ("FR", &["France", "FRA", "法国"]),
    ("JP", &["Japan", "JPN", "日本"]),
    ("KR", &["South Korea", "Korea", "KOR", "Republic of Korea", "韩国"]),
    ("SG", &["Singapore", "SGP", "新加坡"]),
    ("MY", &["Malaysia", "MYS", "马来西亚"]),
    ("TH", &["Thailand", "THA", "泰国"]),
    ("VN", &["Vietnam", "Viet Nam", "VNM", "越南"]),
    ("ID", &["Indonesia", "IDN", "印度尼西亚", "印尼"]),
    ("PH", &["Philippines", "PHL", "菲律宾"]),
    ("IN", &["India", "IND", "印度"]),
    ("AU", &["Australia", "AUS", "澳大利亚"]),
    ("NZ", &["New Zealand", "NZL", "新西兰"]),
    ("CA", &["Canada", "CAN", "加拿大"]),
    ("MX", &["Mexico", "MEX", "México", "墨西哥"]),
    ("BR", &["Brazil", "BRA", "Brasil", "巴西"]),
    ("AR", &["Argentina", "ARG", "阿根廷"]),
    ("IT", &["Italy", "ITA", "Italia", "意大利"]),
    ("ES", &["Spain", "ESP", "España", "西班牙"]),
    ("PT", &["Portugal", "PRT", "葡萄牙"]),
    ("NL", &["Netherlands", "The Netherlands", "Holland", "NLD", "荷兰"]),
    ("BE", &["Belgium", "BEL", "比利时"]),
    ("CH", &["Switzerland", "CHE", "Schweiz", "瑞士"]),
    ("AT", &["Austria", "AUT", "Österreich", "奥地利"]),
    ("SE", &["Sweden", "SWE", "瑞典"]),
    ("NO", &["Norway", "NOR", "挪威"]),
    ("DK", &["Denmark", "DNK", "丹麦"]),
    ("FI", &["Finland", "FIN", "芬兰"]),
    ("IE", &["Ireland", "IRL", "爱尔兰"]),
    ("PL", &["Poland", "POL", "Polska", "波兰"]),
    ("CZ", &["Czech Republic", "Czechia", "CZE", "捷克"]),
    ("RU", &["Russia", "Russian Federation", "RUS", "俄罗斯"]),
    ("UA", &["Ukraine", "UKR", "乌克兰"]),
    ("TR", &["Turkey", "Türkiye", "TUR", "土耳其"]),
    ("IL", &["Israel", "ISR", "以色列"]),
    ("AE", &["United Arab Emirates", "UAE", "ARE", "阿联酋"]),
    ("SA", &["Saudi Arabia", "SAU", "沙特阿拉伯"]),
    ("ZA", &["South Africa", "ZAF", "南非"]),
    ("EG", &["Egypt", "EGY", "埃及"]),
    ("NG", &["Nigeria", "NGA", "尼日利亚"]),
];

const CURRENCIES: &[(&str, &[&str])] = &[
    ("CNY", &["RMB", "人民币", "元", "¥", "￥"]),
    ("USD", &["US$", "$", "美元", "US Dollar", "U.S. Dollar"]),
    ("EUR", &["€", "欧元", "Euro"]),
    ("HKD", &["HK$", "港币", "港元"]),
    ("GBP", &["£", "英镑"]),
    ("JPY", &["日元", "Yen"]),
    ("TWD", &["NT$", "新台币"]),
    ("SGD", &["S$", "新加坡元"]),
];

/// An enum and what people write for its values.
#[derive(Clone, Debug)]
pub struct Choices {
    /// The enum.
    pub values: EnumDescriptor,
    /// Words for its values.
    pub words: Words,
}

impl Choices {
    /// The number of the value that a text names: by its name in the contract, with or without the enum's prefix, or by a common word.
    pub fn number(&self, text: &str) -> Option<i32> {
        let wanted = fold(text);
        let named = self.values.values().find(|value| {
            let name = value.name();
            let bare = prefix(&self.values).and_then(|prefix| name.strip_prefix(&prefix)).unwrap_or(name);
            [name, bare].into_iter().any(|name| fold(name) == wanted)
        });
        let known = || {
            let entries = self.words.iter();
            let mut known =
                entries.flat_map(|(number, en, zh)| en.iter().chain(*zh).map(move |word| (*number, *word)));
            known.find(|(_, word)| fold(word) == wanted).map(|(number, _)| number)
        };
        named.map(|value| value.number()).or_else(known)
    }

    /// What an export writes for a value in English (0) or Chinese (1); empty for the value 0.
    pub fn label(&self, number: i32, language: usize) -> String {
        if number == 0 {
            return String::new();
        }
        let entry = self.words.iter().find(|entry| entry.0 == number);
        let word = entry.and_then(|(_, en, zh)| if language == 0 { en.first() } else { zh.first() });
        let name = || self.values.get_value(number).map(|value| value.name().to_owned()).unwrap_or_default();
        word.map_or_else(name, |word| (*word).to_owned())
    }
}

/// The code of a country given by code or name; anything else as it is, for the record's own check to refuse.
pub fn country(text: &str) -> String {
    code(text, 2, COUNTRIES)
}

/// The code of a currency given by code, sign or name; anything else as it is.
pub fn currency(text: &str) -> String {
    code(text, 3, CURRENCIES)
}

fn code(text: &str, length: usize, known: &[(&str, &[&str])]) -> String {
    let wanted = fold(text);
    let by_name = known.iter().find(|(_, names)| names.iter().any(|name| fold(name) == wanted));
    match by_name {
        Some((code, _)) => (*code).to_owned(),
        None if text.len() == length && text.is_ascii() => text.to_ascii_uppercase(),
        None => text.to_owned(),
    }
}

/// The prefix of an enum's value names: that of its value 0 before `UNSPECIFIED`.
fn prefix(values: &EnumDescriptor) -> Option<String> {
    values.get_value(0)?.name().strip_suffix("UNSPECIFIED").map(str::to_owned)
}

/// Compatibility characters plain, lower case, without blanks, points, hyphens and underscores.
fn fold(text: &str) -> String {
    let folded = text.nfkc().flat_map(char::to_lowercase);
    folded.filter(|letter| !letter.is_whitespace() && !matches!(letter, '_' | '-' | '.')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_and_currencies_have_codes() {
        for (text, expected) in
            [("China", "CN"), ("中国", "CN"), ("usa", "US"), ("de", "DE"), ("Nowhere", "Nowhere")]
        {
            assert_eq!(country(text), expected);
        }
        for (text, expected) in
            [("人民币", "CNY"), ("rmb", "CNY"), ("$", "USD"), ("eur", "EUR"), ("??", "??")]
        {
            assert_eq!(currency(text), expected);
        }
    }
}
