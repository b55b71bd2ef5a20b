//! National numbering plans: the metadata of `phonenumber` with each pattern compiled once, when first needed.

use phonenumber::metadata::{DATABASE, Descriptor};
use phonenumber::{Metadata, Type};
use regex::{Regex, RegexBuilder};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};

/// Largest country code plus one.
const CODES: u16 = 1000;
/// The kinds of number a subscriber can have, the common ones first.
const KINDS: [Type; 10] = [
    Type::Mobile,
    Type::FixedLine,
    Type::TollFree,
    Type::SharedCost,
    Type::Voip,
    Type::Uan,
    Type::PremiumRate,
    Type::PersonalNumber,
    Type::Pager,
    Type::Voicemail,
];

/// One region's numbering plan.
pub struct Plan {
    pub region: &'static str,
    pub country_code: u16,
    exit_code: Option<Pattern>,
    trunk: Option<Pattern>,
    trunk_rewrite: Option<String>,
    leading: Option<Pattern>,
    general: Kind,
    kinds: Vec<Kind>,
}

/// The plans in the order of libphonenumber: by country code, the main region first.
struct Book {
    plans: Vec<Plan>,
    by_code: HashMap<u16, std::ops::Range<usize>>,
    by_region: HashMap<&'static str, usize>,
}

static BOOK: LazyLock<Book> = LazyLock::new(Book::load);

/// Reads the metadata of all countries, which takes some 60 ms and happens once.
pub fn load() {
    LazyLock::force(&BOOK);
}

/// The plan of a region such as `CN`.
pub fn of_region(region: &str) -> Option<&'static Plan> {
    BOOK.by_region.get(region).and_then(|index| BOOK.plans.get(*index))
}

/// The main plan of the country code that leads these digits.
pub fn of_number(digits: &str) -> Option<&'static Plan> {
    (1..=3).find_map(|length| {
        let code = digits.get(..length).filter(|code| !code.starts_with('0'))?.parse().ok()?;
        of_code(code).first()
    })
}

/// The plan in which a national number is in use, among those that share its country code.
pub fn owner(code: u16, national: &str) -> Option<&'static Plan> {
    let plans = of_code(code);
    if let [only] = plans {
        return only.has(national).then_some(only);
    }
    let owner = plans.iter().find(|plan| match &plan.leading {
        Some(leading) => leading.leads(national),
        None => plan.has(national),
    })?;
    owner.has(national).then_some(owner)
}

fn of_code(code: u16) -> &'static [Plan] {
    BOOK.by_code.get(&code).and_then(|range| BOOK.plans.get(range.clone())).unwrap_or_default()
}

impl Book {
    fn load() -> Self {
        let mut book = Self { plans: Vec::new(), by_code: HashMap::new(), by_region: HashMap::new() };
        for code in 1..CODES {
            let start = book.plans.len();
            for metadata in DATABASE.by_code(&code).unwrap_or_default() {
                book.by_region.insert(metadata.id(), book.plans.len());
                book.plans.push(Plan::new(metadata));
            }
            if book.plans.len() > start {
                book.by_code.insert(code, start..book.plans.len());
            }
        }
        book
    }
}

impl Plan {
    fn new(metadata: &'static Metadata) -> Self {
        let descriptors = metadata.descriptors();
        let kinds: Vec<Kind> =
            KINDS.iter().filter_map(|kind| descriptors.get(*kind)).map(Kind::new).collect();
        // The metadata leaves the general lengths out: they are those of all kinds together.
        let lengths = kinds.iter().flat_map(|kind| kind.lengths.iter().copied()).collect();
        Self {
            region: metadata.id(),
            country_code: metadata.country_code(),
            exit_code: metadata.international_prefix().map(|regex| Pattern::new(regex.as_str())),
            trunk: trunk_pattern(metadata).map(Pattern::new),
            trunk_rewrite: metadata.national_prefix_transform_rule().map(braced_groups),
            leading: metadata.leading_digits().map(|regex| Pattern::new(regex.as_str())),
            general: Kind { lengths, ..Kind::new(descriptors.general()) },
            kinds,
        }
    }

    pub fn code_digits(&self) -> usize {
        1 + usize::from(self.country_code > 9) + usize::from(self.country_code > 99)
    }

    /// The digits after the exit code (`00`, `011`), when they start with it.
    pub fn strip_exit_code<'d>(&self, digits: &'d str) -> Option<&'d str> {
        let end = self.exit_code.as_ref()?.leading_match(digits)?;
        digits.get(end..).filter(|rest| !rest.starts_with('0') && !rest.is_empty())
    }

    /// The digits without the plan's own country code, where they only make sense without it.
    pub fn strip_own_code<'d>(&self, digits: &'d str) -> &'d str {
        let Some(rest) = digits.strip_prefix(&self.country_code.to_string()) else {
            return digits;
        };
        let without = self.strip_trunk_prefix(rest);
        let fits_only_without = !self.general.matches(digits) && self.general.matches(&without);
        if fits_only_without || self.general.is_longer_than_any(digits) { rest } else { digits }
    }

    /// The national significant number: without the trunk prefix, rewritten where the country asks for it.
    pub fn strip_trunk_prefix<'d>(&self, digits: &'d str) -> Cow<'d, str> {
        let stripped = self.try_strip(digits);
        match stripped {
            Some(stripped) if self.general.has_length_of(&stripped) => stripped,
            _ => Cow::Borrowed(digits),
        }
    }

    fn try_strip<'d>(&self, digits: &'d str) -> Option<Cow<'d, str>> {
        let trunk = self.trunk.as_ref()?.prefix()?;
        let groups = trunk.captures(digits)?;
        let whole = groups.get(0)?;
        let last = groups.get(groups.len() - 1).filter(|_| groups.len() > 1);
        let stripped = match (&self.trunk_rewrite, last) {
            (Some(rewrite), Some(_)) => trunk.replace(digits, rewrite.as_str()),
            _ => Cow::Borrowed(&digits[whole.end()..]),
        };
        (!self.general.matches(digits) || self.general.matches(&stripped)).then_some(stripped)
    }

    fn has(&self, national: &str) -> bool {
        self.general.matches(national) && self.kinds.iter().any(|kind| kind.matches(national))
    }
}

/// The numbers of one kind: a pattern and the lengths that occur.
struct Kind {
    pattern: Pattern,
    lengths: Vec<u16>,
}

impl Kind {
    fn new(descriptor: &'static Descriptor) -> Self {
        Self {
            pattern: Pattern::new(descriptor.national_number().as_str()),
            lengths: descriptor.possible_length().to_vec(),
        }
    }

    fn matches(&self, national: &str) -> bool {
        (self.lengths.is_empty() || self.has_length_of(national))
            && self.pattern.whole().is_some_and(|regex| regex.is_match(national))
    }

    fn has_length_of(&self, national: &str) -> bool {
        self.lengths.iter().any(|length| usize::from(*length) == national.len())
    }

    fn is_longer_than_any(&self, national: &str) -> bool {
        self.lengths.iter().all(|length| usize::from(*length) < national.len())
    }
}

/// A pattern of the metadata, compiled anchored when first used.
struct Pattern {
    source: &'static str,
    prefix: OnceLock<Option<Regex>>,
    whole: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn new(source: &'static str) -> Self {
        Self { source, prefix: OnceLock::new(), whole: OnceLock::new() }
    }

    fn prefix(&self) -> Option<&Regex> {
        self.prefix.get_or_init(|| compile(&format!("^(?:{})", self.source))).as_ref()
    }

    fn whole(&self) -> Option<&Regex> {
        self.whole.get_or_init(|| compile(&format!("^(?:{})$", self.source))).as_ref()
    }

    fn leading_match(&self, digits: &str) -> Option<usize> {
        self.prefix()?.find(digits).map(|found| found.end())
    }

    fn leads(&self, digits: &str) -> bool {
        self.leading_match(digits).is_some()
    }
}

/// What may lead a number dialled inside the country; the plain prefix where no pattern is given.
fn trunk_pattern(metadata: &'static Metadata) -> Option<&'static str> {
    match metadata.national_prefix_for_parsing() {
        Some(pattern) => Some(pattern.as_str()),
        None => metadata.national_prefix(),
    }
}

/// Metadata patterns hold blanks for legibility. One that does not compile matches nothing.
fn compile(source: &str) -> Option<Regex> {
    RegexBuilder::new(source).ignore_whitespace(true).unicode(false).build().ok()
}

/// `$1` as `${1}`, so that digits after it are not read as part of the group's name.
fn braced_groups(rule: &str) -> String {
    let mut braced = String::with_capacity(rule.len() + 4);
    let mut after_dollar = false;
    for c in rule.chars() {
        if after_dollar && c.is_ascii_digit() {
            braced.extend(['{', c, '}']);
        } else {
            braced.push(c);
        }
        after_dollar = c == '$';
    }
    braced
}
