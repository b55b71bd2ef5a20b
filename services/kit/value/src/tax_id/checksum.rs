//! Check-digit arithmetic shared by the numbers of several countries.

use super::TaxIdError;

/// The values of exactly `count` decimal digits.
pub fn digits(number: &str, count: usize) -> Result<Vec<u32>, TaxIdError> {
    if number.len() != count {
        return Err(TaxIdError::Length);
    }
    number.chars().map(|c| c.to_digit(10).ok_or(TaxIdError::Format)).collect()
}

/// The sum of each digit times its weight; digits without a weight do not count.
pub fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| digit * weight).sum()
}

/// The number that the digits spell.
pub fn value(digits: &[u32]) -> u64 {
    digits.iter().fold(0, |value, digit| value * 10 + u64::from(*digit))
}

/// Luhn: every second digit from the right doubled; zero when the last digit checks.
pub fn luhn(digits: &[u32]) -> u32 {
    let doubled = digits.iter().rev().enumerate().map(|(place, digit)| match place % 2 {
        0 => *digit,
        _ => digit / 5 + digit * 2 % 10,
    });
    doubled.sum::<u32>() % 10
}

/// ISO 7064 mod 11,10 over all digits, the check digit last.
pub fn mod_11_10(digits: &[u32]) -> bool {
    let state = digits.iter().fold(5, |state, digit| {
        let doubled = if state == 0 { 10 } else { state } * 2 % 11;
        (doubled + digit) % 10
    });
    state == 1
}

/// ISO 7064 mod 97-10 with letters as 10 to 35; `None` at any other character.
pub fn mod_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, c| {
        let value = c.to_digit(36)?;
        Some((rest * if value > 9 { 100 } else { 10 } + value) % 97)
    })
}

/// `Ok` when a check holds.
pub fn expect(holds: bool) -> Result<(), TaxIdError> {
    if holds { Ok(()) } else { Err(TaxIdError::Checksum) }
}

/// `Ok` when a number has the shape its issuer gives.
pub fn shaped(holds: bool) -> Result<(), TaxIdError> {
    if holds { Ok(()) } else { Err(TaxIdError::Format) }
}
