//! Digits after the point that currencies have, by ISO 4217 (list one of the maintenance agency, 2024).

/// Currencies without a minor unit.
const NONE: [&str; 17] = [
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
    "XOF", "XPF",
];
/// Currencies of a thousand minor units.
const THREE: [&str; 7] = ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
/// Units of account with four digits, and codes to which minor units do not apply (metals, funds, tests), which keep all that is stored.
const FOUR: [&str; 15] =
    ["CLF", "UYW", "XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"];

/// Digits after the point of a currency's minor unit. 2 for every code that is not listed, withdrawn ones included.
pub fn exponent(currency: &str) -> u32 {
    if NONE.contains(&currency) {
        0
    } else if THREE.contains(&currency) {
        3
    } else if FOUR.contains(&currency) {
        4
    } else {
        2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_their_own_digits() {
        for (currency, digits) in [
            ("JPY", 0),
            ("KRW", 0),
            ("VND", 0),
            ("CNY", 2),
            ("EUR", 2),
            ("HUF", 2),
            ("DEM", 2),
            ("KWD", 3),
            ("TND", 3),
            ("CLF", 4),
            ("XAU", 4),
        ] {
            assert_eq!(exponent(currency), digits, "{currency}");
        }
        for list in [&NONE[..], &THREE, &FOUR] {
            assert!(list.is_sorted());
        }
    }
}
