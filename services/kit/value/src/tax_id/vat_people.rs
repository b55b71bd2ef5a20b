//! VAT numbers of the states that also use the personal numbers of their citizens.

use super::TaxIdError;
use super::checksum::{digits, expect, luhn, shaped, value, weighted};

type Checked = Result<(), TaxIdError>;

/// Check letters of Spanish persons, by the number modulo 23, and of companies, by the check digit.
const SPANISH: &[u8] = b"TRWAGMYFPDXBNJZSQVHLCKE";
const SPANISH_COMPANY: &[u8] = b"JABCDEFGHI";

/// A citizen, a foreigner, or anybody else with ten digits.
pub fn bulgaria(number: &str) -> Checked {
    let number = digits(number, 10)?;
    let body = &number[..9];
    let citizen = weighted(body, &[2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11 % 10;
    let foreigner = weighted(body, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10;
    let other = (11 - weighted(body, &[4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11) % 11;
    let born = match value(&number[2..4]) {
        month @ 1..=12 => is_day(month, value(&number[4..6])),
        month @ 21..=32 => is_day(month - 20, value(&number[4..6])),
        month @ 41..=52 => is_day(month - 40, value(&number[4..6])),
        _ => false,
    };
    expect((citizen == number[9] && born) || foreigner == number[9] || other == number[9])
}

/// Eight digits of a company, nine with a leading six, or a birth number.
pub fn czechia(number: &str) -> Checked {
    match number.len() {
        8 => {
            let number = digits(number, 8)?;
            shaped(number[0] != 9)?;
            let check = (11 - weighted(&number[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11) % 10;
            expect(check == number[7])
        }
        9 if number.starts_with('6') => {
            let number = digits(number, 9)?;
            let check = weighted(&number[1..8], &[8, 7, 6, 5, 4, 3, 2]) % 11;
            expect((8 + check) % 10 == number[8])
        }
        length @ (9 | 10) => czech_birth_number(&digits(number, length)?),
        _ => Err(TaxIdError::Length),
    }
}

fn czech_birth_number(number: &[u32]) -> Checked {
    let month = value(&number[2..4]);
    let month =
        [0, 20, 50, 70].iter().find_map(|shift| month.checked_sub(*shift).filter(|m| (1..=12).contains(m)));
    shaped(month.is_some_and(|month| is_day(month, value(&number[4..6]))))?;
    let Some(check) = number.get(9) else {
        return shaped(value(&number[..2]) < 54); // no check digit before 1954
    };
    let rest = value(&number[..9]) % 11;
    expect(rest % 10 == u64::from(*check))
}

/// Eleven digits of a company (above 3) or of a person.
pub fn latvia(number: &str) -> Checked {
    let number = digits(number, 11)?;
    if number[0] > 3 {
        return expect(weighted(&number, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3);
    }
    let dated = is_day(value(&number[2..4]), value(&number[..2]));
    shaped(value(&number[..2]) == 32 || dated)?;
    expect((1 + weighted(&number[..10], &[10, 5, 8, 4, 2, 1, 6, 3, 7, 9])) % 11 % 10 == number[10])
}

/// Two to ten digits of a company, or the thirteen of a person.
pub fn romania(number: &str) -> Checked {
    if number.len() == 13 {
        let number = digits(number, 13)?;
        shaped(number[0] != 0 && is_day(value(&number[3..5]), value(&number[5..7])))?;
        let rest = weighted(&number[..12], &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
        return expect(number[12] == if rest == 10 { 1 } else { rest });
    }
    if !(2..=10).contains(&number.len()) {
        return Err(TaxIdError::Length);
    }
    shaped(!number.starts_with('0'))?;
    let number = digits(&format!("{number:0>10}"), 10)?;
    expect(weighted(&number[..9], &[7, 5, 3, 2, 1, 7, 5, 3, 2]) * 10 % 11 % 10 == number[9])
}

/// A citizen, a foreigner (X, Y, Z), a special person (K, L, M) or a company.
pub fn spain(number: &str) -> Checked {
    let (body, last) = number.split_at_checked(8).ok_or(TaxIdError::Length)?;
    let &[last] = last.as_bytes() else { return Err(TaxIdError::Length) };
    let (first, rest) = body.split_at(1);
    let person =
        |text: &str| digits(text, text.len()).map(|digits| spanish_letter(value(&digits)) == Some(last));
    match first {
        "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" => expect(person(body)?),
        "K" | "L" | "M" => expect(person(rest)?),
        "X" => expect(person(&format!("0{rest}"))?),
        "Y" => expect(person(&format!("1{rest}"))?),
        "Z" => expect(person(&format!("2{rest}"))?),
        _ => spanish_company(first, rest, last),
    }
}

fn spanish_company(kind: &str, rest: &str, last: u8) -> Checked {
    shaped("ABCDEFGHJNPQRSUVW".contains(kind))?;
    let mut padded = digits(rest, 7)?;
    padded.push(0);
    let check = (10 - luhn(&padded)) % 10;
    let digit = u8::try_from(check).map(|check| b'0' + check).unwrap_or_default();
    let letter = SPANISH_COMPANY.get(check as usize).copied().unwrap_or_default();
    // Which kinds of company end in a digit and which in a letter has changed over time: either is taken.
    expect(last == digit || last == letter)
}

fn spanish_letter(value: u64) -> Option<u8> {
    usize::try_from(value % 23).ok().and_then(|place| SPANISH.get(place)).copied()
}

fn is_day(month: u64, day: u64) -> bool {
    let days = match month {
        2 => 29,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}
