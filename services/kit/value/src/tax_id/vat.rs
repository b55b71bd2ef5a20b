//! Value added tax numbers of the EU's member states and Great Britain.
//!
//! The checks are those the states published for VIES. Numbers of natural persons are in `vat_people`.

use super::TaxIdError;
use super::checksum::{digits, expect, luhn, mod_11_10, mod_97, shaped, value, weighted};
use super::vat_people as people;

type Checked = Result<(), TaxIdError>;

/// Prefixes of a VAT number: the member states (Greece as EL) without the special ones.
const MEMBERS: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];
/// Letters of French keys and check letters of Cyprus and Ireland.
const FRENCH: &str = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const IRISH: &str = "WABCDEFGHIJKLMNOPQRSTUV";
/// What the odd places of a Cypriot number count for.
const CYPRIOT: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];

pub fn is_member(country: &str) -> bool {
    MEMBERS.contains(&country)
}

/// Checks a compact number and returns it with its prefix, padded where the state writes leading zeros.
pub fn european(compact: &str) -> Result<String, TaxIdError> {
    let (country, number) = compact.split_at_checked(2).ok_or(TaxIdError::Country)?;
    let (country, number) = match (country, number) {
        ("GR", number) => ("EL", number),
        ("BE" | "EL", short) if short.len() + 1 == padded_length(country) => {
            return european(&format!("{country}0{short}"));
        }
        ("NL", short)
            if short.len() < padded_length(country) && short.ends_with(|c: char| c.is_ascii_digit()) =>
        {
            (country, &*format!("{short:0>12}"))
        }
        other => other,
    };
    // A prefix typed twice is a slip that no state's form allows.
    check(country, number).map(|()| format!("{country}{number}"))
}

/// Great Britain and Northern Ireland: nine digits, twelve with a branch, or a government or health number.
pub fn british(number: &str) -> Checked {
    match number.len() {
        5 => british_body(&number[..2], &number[2..]),
        11 if number.starts_with("GD8888") || number.starts_with("HA8888") => {
            british_body(&number[..2], &number[6..9])?;
            let tail = digits(&number[6..], 5)?;
            expect(value(&tail[..3]) % 97 == value(&tail[3..]))
        }
        length @ (9 | 12) => {
            let number = digits(number, length)?;
            let rest = weighted(&number, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
            // Numbers from 100 on may use the later scheme, which adds 55.
            let later = value(&number[..3]) >= 100 && (rest == 42 || rest == 55);
            expect(rest == 0 || later)
        }
        _ => Err(TaxIdError::Length),
    }
}

fn padded_length(country: &str) -> usize {
    match country {
        "BE" => 10,
        "NL" => 12,
        _ => 9,
    }
}

fn check(country: &str, number: &str) -> Checked {
    match country {
        "AT" => austria(number),
        "BE" => belgium(number),
        "BG" => bulgaria(number),
        "CY" => cyprus(number),
        "CZ" => people::czechia(number),
        "DE" | "HR" => germany_or_croatia(country, number),
        "DK" => modulus(number, &[2, 7, 6, 5, 4, 3, 2, 1], 11, true),
        "EE" => modulus(number, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10, false),
        "EL" => greece(number),
        "ES" => people::spain(number),
        "EU" => one_stop_shop(number),
        "FI" => modulus(number, &[7, 9, 10, 5, 8, 4, 2, 1], 11, false),
        "FR" => france(number),
        "HU" => modulus(number, &[9, 7, 3, 1, 9, 7, 3, 1], 10, false),
        "IE" => ireland(number),
        "IT" => italy(number),
        "LT" => lithuania(number),
        "LU" => luxembourg(number),
        "LV" => people::latvia(number),
        "MT" => modulus(number, &[3, 4, 6, 7, 8, 9, 10, 1], 37, true),
        "NL" => netherlands(number),
        "PL" => poland(number),
        "PT" => portugal(number),
        "RO" => people::romania(number),
        "SE" => sweden(number),
        "SI" => slovenia(number),
        "SK" => slovakia(number),
        "XI" => british(number),
        _ => Err(TaxIdError::Country),
    }
}

/// As many digits as weights, whose weighted sum the modulus divides.
fn modulus(number: &str, weights: &[u32], modulus: u32, no_leading_zero: bool) -> Checked {
    let number = digits(number, weights.len())?;
    shaped(!(no_leading_zero && number.first() == Some(&0)))?;
    expect(weighted(&number, weights).is_multiple_of(modulus))
}

fn austria(number: &str) -> Checked {
    let number = digits(number.strip_prefix('U').ok_or(TaxIdError::Format)?, 8)?;
    let sum: u32 = number
        .iter()
        .take(7)
        .enumerate()
        .map(|(i, d)| if i % 2 == 0 { *d } else { d / 5 + d * 2 % 10 })
        .sum();
    expect((sum + 4 + number[7]).is_multiple_of(10))
}

fn belgium(number: &str) -> Checked {
    let number = digits(number, 10)?;
    shaped(number[0] <= 1 && value(&number[..8]) > 0)?;
    expect(97 - value(&number[..8]) % 97 == value(&number[8..]))
}

fn bulgaria(number: &str) -> Checked {
    if number.len() == 10 {
        return people::bulgaria(number);
    }
    let number = digits(number, 9)?;
    let first = weighted(&number[..8], &[1, 2, 3, 4, 5, 6, 7, 8]) % 11;
    let second = weighted(&number[..8], &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10;
    expect(number[8] == if first == 10 { second } else { first })
}

fn cyprus(number: &str) -> Checked {
    let (head, letter) = number.split_at_checked(8).ok_or(TaxIdError::Length)?;
    let head = digits(head, 8)?;
    shaped(!(head[0] == 1 && head[1] == 2))?;
    let sum: u32 =
        head.iter().enumerate().map(|(i, d)| if i % 2 == 0 { CYPRIOT[*d as usize] } else { *d }).sum();
    let wanted = char::from_digit(10 + sum % 26, 36).map(|c| c.to_ascii_uppercase().to_string());
    expect(wanted.as_deref() == Some(letter))
}

fn germany_or_croatia(country: &str, number: &str) -> Checked {
    let number = digits(number, if country == "DE" { 9 } else { 11 })?;
    shaped(country == "HR" || number[0] != 0)?;
    expect(mod_11_10(&number))
}

fn greece(number: &str) -> Checked {
    let number = digits(number, 9)?;
    expect(weighted(&number[..8], &[256, 128, 64, 32, 16, 8, 4, 2]) % 11 % 10 == number[8])
}

/// Non-Union traders in the one-stop shop: the state of registration by its numeric code (ISO 3166), then a check digit.
fn one_stop_shop(number: &str) -> Checked {
    const STATES: [u64; 29] = [
        40, 56, 100, 191, 196, 203, 208, 233, 246, 250, 276, 300, 348, 372, 380, 428, 440, 442, 470, 528,
        616, 620, 642, 703, 705, 724, 752, 826, 900,
    ];
    let number = digits(number, 9)?;
    shaped(STATES.contains(&value(&number[..3])))?;
    Ok(())
}

fn france(number: &str) -> Checked {
    let (key, siren) = number.split_at_checked(2).ok_or(TaxIdError::Length)?;
    let siren = digits(siren, 9)?;
    // Monaco's numbers start with 000 and have no check of their own.
    if value(&siren[..3]) != 0 {
        expect(luhn(&siren) == 0)?;
    }
    let siren = value(&siren);
    if let Ok(key) = digits(key, 2) {
        return expect(value(&key) == (siren * 100 + 12) % 97);
    }
    let mut places = key.chars().map(|c| FRENCH.find(c).and_then(|place| u64::try_from(place).ok()));
    let (Some(Some(first)), Some(Some(second))) = (places.next(), places.next()) else {
        return Err(TaxIdError::Format);
    };
    let key = if first < 10 { first * 24 + second - 10 } else { first * 34 + second - 100 };
    expect((siren + 1 + key / 11) % 11 == key % 11)
}

/// Seven digits, a check letter and, since 2013, a second letter; before 1988 the second place held a letter or sign.
fn ireland(number: &str) -> Checked {
    let (head, letters) = number.split_at_checked(7).ok_or(TaxIdError::Length)?;
    shaped((1..=2).contains(&letters.len()))?;
    let mut letters = letters.chars();
    let place = |c: char| IRISH.find(c).and_then(|place| u32::try_from(place).ok()).ok_or(TaxIdError::Format);
    let check = place(letters.next().ok_or(TaxIdError::Length)?)?;
    let second = letters.next().map(place).transpose()?.unwrap_or_default();
    let middle = head.chars().nth(1).unwrap_or_default();
    let modern = match middle {
        'A'..='Z' | '+' | '*' if number.len() == 8 => format!("0{}{}", &head[2..], &head[..1]),
        _ => head.to_owned(),
    };
    let modern = digits(&modern, 7)?;
    expect((weighted(&modern, &[8, 7, 6, 5, 4, 3, 2]) + second * 9) % 23 == check)
}

fn italy(number: &str) -> Checked {
    let number = digits(number, 11)?;
    let office = value(&number[7..10]);
    shaped(value(&number[..7]) > 0 && matches!(office, 1..=100 | 120 | 121 | 888 | 999))?;
    expect(luhn(&number) == 0)
}

fn lithuania(number: &str) -> Checked {
    let number = digits(number, if number.len() == 12 { 12 } else { 9 })?;
    let (body, check) = number.split_at(number.len() - 1);
    shaped(body.last() == Some(&1))?;
    let first = weighted(body, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]) % 11;
    let second = weighted(body, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4]) % 11 % 10;
    expect(check == [if first == 10 { second } else { first }])
}

fn luxembourg(number: &str) -> Checked {
    let number = digits(number, 8)?;
    expect(value(&number[..6]) % 89 == value(&number[6..]))
}

/// Nine digits with the eleven test, or since 2020 any nine that make the whole number check by mod 97.
fn netherlands(number: &str) -> Checked {
    let (body, suffix) = number.split_at_checked(9).ok_or(TaxIdError::Length)?;
    let body = digits(body, 9)?;
    let branch = digits(suffix.strip_prefix('B').ok_or(TaxIdError::Format)?, 2)?;
    shaped(value(&body) > 0 && value(&branch) > 0)?;
    let sum = weighted(&body[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    expect(sum % 11 == body[8] || mod_97(&format!("NL{number}")) == Some(1))
}

fn poland(number: &str) -> Checked {
    let number = digits(number, 10)?;
    expect(weighted(&number[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == number[9])
}

fn portugal(number: &str) -> Checked {
    let number = digits(number, 9)?;
    shaped(number[0] != 0)?;
    expect((11 - weighted(&number[..8], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11) % 11 % 10 == number[8])
}

fn sweden(number: &str) -> Checked {
    let number = digits(number, 12)?;
    shaped(value(&number[10..]) == 1)?;
    expect(luhn(&number[..10]) == 0)
}

fn slovenia(number: &str) -> Checked {
    let number = digits(number, 8)?;
    shaped(number[0] != 0)?;
    let rest = 11 - weighted(&number[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11;
    expect(rest != 11 && rest % 10 == number[7])
}

fn slovakia(number: &str) -> Checked {
    let number = digits(number, 10)?;
    shaped(number[0] != 0 && matches!(number[2], 2 | 3 | 4 | 7 | 8 | 9))?;
    expect(value(&number).is_multiple_of(11))
}

fn british_body(kind: &str, number: &str) -> Checked {
    let number = value(&digits(number, 3)?);
    shaped((kind == "GD" && number < 500) || (kind == "HA" && number >= 500))
}
