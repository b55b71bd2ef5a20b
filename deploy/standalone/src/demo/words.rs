//! Words that names are made of, and real cities to put them in.

/// A place with what an address, a telephone number and a company there need.
#[derive(Debug)]
pub struct City {
    pub country: &'static str,
    /// Province or state.
    pub area: &'static str,
    pub name: &'static str,
    pub district: &'static str,
    pub postal_code: &'static str,
    /// Country code and area code.
    pub dial: &'static str,
    /// Digits of a subscriber's number: fixed ones first, then so many random ones.
    pub line: (&'static str, usize),
    /// Sales region of the demonstration company.
    pub region: &'static str,
    /// First six digits of a unified social credit code's division; empty elsewhere.
    pub division: &'static str,
    pub currency: &'static str,
    pub language: &'static str,
}

const fn china(
    area: &'static str,
    name: &'static str,
    district: &'static str,
    codes: [&'static str; 3],
    region: &'static str,
) -> City {
    let [postal_code, dial, division] = codes;
    let (line, currency, language) = (("6", 7), "CNY", "zh-CN");
    City {
        country: "CN",
        area,
        name,
        district,
        postal_code,
        dial,
        line,
        region,
        division,
        currency,
        language,
    }
}

const fn abroad(
    country: &'static str,
    place: [&'static str; 3],
    dial: &'static str,
    line: (&'static str, usize),
    region: &'static str,
    money_and_language: [&'static str; 2],
) -> City {
    let [area, name, postal_code] = place;
    let [currency, language] = money_and_language;
    City {
        country,
        area,
        name,
        district: "",
        postal_code,
        dial,
        line,
        region,
        division: "",
        currency,
        language,
    }
}

pub const CHINA: [City; 14] = [
    china("上海市", "上海市", "浦东新区", ["200120", "+8621", "310115"], "华东"),
    china("上海市", "上海市", "徐汇区", ["200030", "+8621", "310104"], "华东"),
    china("江苏省", "苏州市", "吴中区", ["215100", "+86512", "320506"], "华东"),
    china("江苏省", "南京市", "江宁区", ["211100", "+8625", "320115"], "华东"),
    china("浙江省", "杭州市", "西湖区", ["310012", "+86571", "330106"], "华东"),
    china("浙江省", "宁波市", "鄞州区", ["315100", "+86574", "330212"], "华东"),
    china("北京市", "北京市", "海淀区", ["100080", "+8610", "110108"], "华北"),
    china("北京市", "北京市", "朝阳区", ["100020", "+8610", "110105"], "华北"),
    china("天津市", "天津市", "滨海新区", ["300450", "+8622", "120116"], "华北"),
    china("山东省", "青岛市", "黄岛区", ["266400", "+86532", "370211"], "华北"),
    china("广东省", "深圳市", "南山区", ["518000", "+86755", "440305"], "华南"),
    china("广东省", "广州市", "天河区", ["510630", "+8620", "440106"], "华南"),
    china("四川省", "成都市", "武侯区", ["610041", "+8628", "510107"], "西部"),
    china("重庆市", "重庆市", "渝北区", ["401120", "+8623", "500112"], "西部"),
];

/// Abroad, subscribers' numbers begin with digits kept for fiction where the country keeps such.
pub const ABROAD: [City; 10] = [
    abroad("DE", ["", "Berlin", "10115"], "+4930", ("23125", 3), "EMEA", ["EUR", "de-DE"]),
    abroad("DE", ["Bayern", "München", "80331"], "+4989", ("99998", 3), "EMEA", ["EUR", "de-DE"]),
    abroad("FR", ["", "Lyon", "69002"], "+334", ("6571", 4), "EMEA", ["EUR", "fr-FR"]),
    abroad("GB", ["", "London", "EC2A 4NE"], "+4420", ("79460", 3), "EMEA", ["GBP", "en-GB"]),
    abroad("NL", ["Zuid-Holland", "Rotterdam", "3011 AD"], "+3110", ("400", 4), "EMEA", ["EUR", "nl-NL"]),
    abroad("US", ["NY", "New York", "10013"], "+1212", ("55501", 2), "AMER", ["USD", "en-US"]),
    abroad("US", ["WA", "Seattle", "98101"], "+1206", ("55501", 2), "AMER", ["USD", "en-US"]),
    abroad("JP", ["東京都", "千代田区", "100-0005"], "+813", ("3212", 4), "APAC", ["JPY", "ja-JP"]),
    abroad("SG", ["", "Singapore", "018956"], "+65", ("6222", 4), "APAC", ["SGD", "en-SG"]),
    abroad("AU", ["NSW", "Sydney", "2000"], "+612", ("5550", 4), "APAC", ["AUD", "en-AU"]),
];

/// An industry: code of the demonstration company, Chinese word in company names, foreign word in company names, tag.
pub const INDUSTRIES: [(&str, &str, &str, &str); 10] = [
    ("C34 通用设备", "机械", "Machinery", "制造业"),
    ("C36 汽车制造", "汽车零部件", "Automotive", "制造业"),
    ("C38 电气机械", "电气", "Electric", "制造业"),
    ("C39 电子设备", "电子", "Electronics", "制造业"),
    ("C27 医药制造", "生物医药", "Pharma", "医药"),
    ("C26 化学原料", "新材料", "Materials", "化工"),
    ("I65 软件", "软件", "Software", "互联网"),
    ("I64 互联网", "网络科技", "Digital", "互联网"),
    ("F51 批发", "贸易", "Trading", "贸易"),
    ("G54 物流", "物流", "Logistics", "物流"),
];

/// Characters of Chinese company names, with their sound for the web site.
pub const COMPANY_FIRST: [(&str, &str); 24] = [
    ("华", "hua"),
    ("瑞", "rui"),
    ("恒", "heng"),
    ("鼎", "ding"),
    ("远", "yuan"),
    ("盛", "sheng"),
    ("嘉", "jia"),
    ("博", "bo"),
    ("智", "zhi"),
    ("新", "xin"),
    ("中", "zhong"),
    ("东", "dong"),
    ("金", "jin"),
    ("天", "tian"),
    ("宏", "hong"),
    ("安", "an"),
    ("凌", "ling"),
    ("康", "kang"),
    ("明", "ming"),
    ("凯", "kai"),
    ("润", "run"),
    ("星", "xing"),
    ("海", "hai"),
    ("立", "li"),
];
pub const COMPANY_SECOND: [(&str, &str); 20] = [
    ("达", "da"),
    ("源", "yuan"),
    ("泰", "tai"),
    ("通", "tong"),
    ("诚", "cheng"),
    ("创", "chuang"),
    ("辉", "hui"),
    ("腾", "teng"),
    ("科", "ke"),
    ("联", "lian"),
    ("航", "hang"),
    ("宇", "yu"),
    ("丰", "feng"),
    ("捷", "jie"),
    ("邦", "bang"),
    ("信", "xin"),
    ("图", "tu"),
    ("程", "cheng"),
    ("和", "he"),
    ("微", "wei"),
];
pub const COMPANY_ABROAD: [&str; 30] = [
    "Alder",
    "Bergmann",
    "Brightwater",
    "Cascade",
    "Delacroix",
    "Eastgate",
    "Falkner",
    "Granite",
    "Harbour",
    "Ivory",
    "Juniper",
    "Keller",
    "Lindqvist",
    "Meridian",
    "Northwind",
    "Oakridge",
    "Pinnacle",
    "Quayside",
    "Redwood",
    "Silverline",
    "Thornbury",
    "Umbra",
    "Van Dijk",
    "Westbrook",
    "Yamato",
    "Zenith",
    "Aurora",
    "Beacon",
    "Cobalt",
    "Dunmore",
];

/// What a company's name ends with, by country.
pub fn suffix(country: &str) -> &'static str {
    match country {
        "CN" => "有限公司",
        "DE" => "GmbH",
        "FR" => "SAS",
        "GB" => "Ltd",
        "NL" => "B.V.",
        "US" => "Inc.",
        "JP" => "株式会社",
        _ => "Pte. Ltd.",
    }
}

pub const SURNAMES: [(&str, &str); 30] = [
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("赵", "zhao"),
    ("黄", "huang"),
    ("周", "zhou"),
    ("吴", "wu"),
    ("徐", "xu"),
    ("孙", "sun"),
    ("胡", "hu"),
    ("朱", "zhu"),
    ("高", "gao"),
    ("林", "lin"),
    ("何", "he"),
    ("郭", "guo"),
    ("马", "ma"),
    ("罗", "luo"),
    ("梁", "liang"),
    ("宋", "song"),
    ("郑", "zheng"),
    ("谢", "xie"),
    ("韩", "han"),
    ("唐", "tang"),
    ("冯", "feng"),
    ("董", "dong"),
    ("欧阳", "ouyang"),
    ("诸葛", "zhuge"),
];
pub const GIVEN: [(&str, &str); 32] = [
    ("伟", "wei"),
    ("芳", "fang"),
    ("敏", "min"),
    ("静", "jing"),
    ("丽", "li"),
    ("强", "qiang"),
    ("磊", "lei"),
    ("洋", "yang"),
    ("艳", "yan"),
    ("勇", "yong"),
    ("军", "jun"),
    ("杰", "jie"),
    ("娟", "juan"),
    ("涛", "tao"),
    ("明", "ming"),
    ("超", "chao"),
    ("秀英", "xiuying"),
    ("霞", "xia"),
    ("平", "ping"),
    ("建国", "jianguo"),
    ("桂英", "guiying"),
    ("志强", "zhiqiang"),
    ("雨桐", "yutong"),
    ("子涵", "zihan"),
    ("思远", "siyuan"),
    ("晓东", "xiaodong"),
    ("海燕", "haiyan"),
    ("文博", "wenbo"),
    ("佳怡", "jiayi"),
    ("浩然", "haoran"),
    ("梦琪", "mengqi"),
    ("一鸣", "yiming"),
];
pub const GIVEN_ABROAD: [&str; 30] = [
    "Anna", "Ben", "Claire", "David", "Emma", "Felix", "Grace", "Hugo", "Ingrid", "James", "Kenji", "Laura",
    "Marc", "Nina", "Oliver", "Paula", "Quentin", "Rosa", "Stefan", "Tara", "Ursula", "Victor", "Wendy",
    "Yuki", "Zoe", "Amir", "Bianca", "Carlos", "Dana", "Erik",
];
pub const SURNAMES_ABROAD: [&str; 30] = [
    "Schmidt", "Fischer", "Weber", "Dupont", "Moreau", "Laurent", "Smith", "Taylor", "Evans", "Jansen",
    "Bakker", "de Vries", "Johnson", "Miller", "Garcia", "Tanaka", "Sato", "Suzuki", "Tan", "Lim", "Wong",
    "Nguyen", "Kelly", "Murphy", "Rossi", "Novak", "Petersen", "Larsen", "Costa", "O'Brien",
];

/// A position: Chinese and English title, department, role at the account.
pub const POSITIONS: [(&str, &str, &str, &str); 8] = [
    ("总经理", "Managing Director", "管理层", "decision maker"),
    ("采购总监", "Head of Procurement", "采购部", "decision maker"),
    ("采购经理", "Procurement Manager", "采购部", "buyer"),
    ("技术总监", "Chief Engineer", "技术部", "evaluator"),
    ("研发工程师", "Engineer", "技术部", "user"),
    ("财务经理", "Finance Manager", "财务部", "payer"),
    ("信息主管", "IT Manager", "信息部", "evaluator"),
    ("行政专员", "Office Manager", "行政部", "contact"),
];

pub const STREETS: [&str; 10] =
    ["人民路", "解放路", "中山路", "建设路", "科技路", "创新大道", "工业园路", "滨江路", "长江路", "和平路"];
pub const STREETS_ABROAD: [&str; 8] = [
    "Station Road",
    "Market Street",
    "Mill Lane",
    "King Street",
    "Harbour Road",
    "Park Avenue",
    "Canal Street",
    "High Street",
];

pub const TAGS: [&str; 10] = [
    "重点跟进",
    "年度框架",
    "展会线索",
    "老客户推荐",
    "待回款",
    "试用中",
    "VIP",
    "价格敏感",
    "政府采购",
    "海外",
];
pub const SOURCES: [&str; 7] = ["官网", "展会", "转介绍", "电话营销", "LinkedIn", "百度推广", "partner"];
