//! Unified social credit codes (GB 32100-2015) with both check characters right.

use super::random::Random;

/// Characters in the order of their values: no I O S V Z.
const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
/// Weights of the organisation code's eight characters (GB 11714).
const ORGANISATION: [usize; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// The code of a company (9) registered with the market authority (1) of a division of six digits.
pub fn random(random: &mut Random, division: &str) -> String {
    let organisation = format!("MA{}", random.digits(6));
    let check = organisation_check(&organisation);
    let body = format!("91{division}{organisation}{check}");
    let last = check_character(&body);
    format!("{body}{last}")
}

/// Check character of an organisation code: letters count from 10, as in base 36.
fn organisation_check(code: &str) -> char {
    let values = code.chars().map(|c| c.to_digit(36).unwrap_or(0) as usize);
    let sum: usize = values.zip(ORGANISATION).map(|(value, weight)| value * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => 'X',
        digit => char::from(ALPHABET[digit]),
    }
}

/// Check character of the whole code: weights are the powers of 3 modulo 31.
fn check_character(body: &str) -> char {
    let values = body.bytes().map(|byte| ALPHABET.iter().position(|known| *known == byte).unwrap_or(0));
    let (sum, _) = values.fold((0, 1), |(sum, weight), value| (sum + value * weight, weight * 3 % 31));
    char::from(ALPHABET[(31 - sum % 31) % 31])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_characters_are_those_of_published_codes() {
        for code in ["91350100M000100Y43", "91110000600037341L"] {
            assert_eq!(check_character(&code[..17]), code.chars().last().unwrap(), "{code}");
        }
        assert_eq!(organisation_check("60003734"), '1');
    }

    #[test]
    fn every_code_is_one_the_service_takes() {
        use crm_kit_value::tax_id::{Kind, TaxId};
        let mut source = Random::new(3);
        for _ in 0..500 {
            let code = random(&mut source, "310115");
            assert_eq!(TaxId::parse(Kind::CnUscc, &code).map(|id| id.as_str().to_owned()), Ok(code));
        }
    }
}
