//! Bank account numbers: the shape of each country from the crate `iban_validate`, and what it lacks.

use super::TaxIdError;
use super::checksum::{digits, expect, mod_97, shaped, weighted};
use ::iban::{Iban, ParseBaseIbanError, ParseIbanError};

/// Weights of the two Spanish check digits, for bank with branch and for the account.
const SPANISH_BANK: [u32; 8] = [4, 8, 5, 10, 9, 7, 3, 6];
const SPANISH_ACCOUNT: [u32; 10] = [1, 2, 4, 8, 5, 10, 9, 7, 3, 6];

/// Checks a compact number: country, length, shape, mod 97-10, and in Spain the account's own check digits.
pub fn check(number: String) -> Result<String, TaxIdError> {
    match number.parse::<Iban>() {
        Ok(_) if number.starts_with("ES") => spain(&number).map(|()| number),
        Ok(_) => Ok(number),
        Err(ParseIbanError::UnknownCountry(_)) if number.starts_with("PK") => {
            pakistan(&number).map(|()| number)
        }
        Err(ParseIbanError::UnknownCountry(_)) => Err(TaxIdError::Country),
        Err(ParseIbanError::InvalidBaseIban { source: ParseBaseIbanError::InvalidChecksum }) => {
            Err(TaxIdError::Checksum)
        }
        Err(ParseIbanError::InvalidBban(_) | ParseIbanError::InvalidBaseIban { .. }) => {
            Err(TaxIdError::Format)
        }
    }
}

fn spain(number: &str) -> Result<(), TaxIdError> {
    let body = digits(&number[4..], 20)?;
    let control = |digits: &[u32], weights: &[u32]| match 11 - weighted(digits, weights) % 11 {
        10 => 1,
        11 => 0,
        check => check,
    };
    expect(control(&body[..8], &SPANISH_BANK) == body[8] && control(&body[10..], &SPANISH_ACCOUNT) == body[9])
}

/// Four letters for the bank and sixteen characters for the account; the crate does not list the country.
fn pakistan(number: &str) -> Result<(), TaxIdError> {
    if number.len() != 24 {
        return Err(TaxIdError::Length);
    }
    shaped(number[4..8].bytes().all(|b| b.is_ascii_uppercase()))?;
    expect(mod_97(&format!("{}{}", &number[4..], &number[..4])) == Some(1))
}
