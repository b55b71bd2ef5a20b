//! Verification of access tokens.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};

use super::{AUDIENCE, Claims, ISSUER, LIFE, MAX_LENGTH, SKEW, provider};

/// The public half of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Id of the key.
    pub kid: String,
    /// The key itself.
    pub bytes: [u8; 32],
}

impl PublicKey {
    /// The key as a JSON Web Key writes it.
    pub fn x(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes)
    }

    /// Reads a key of a JSON Web Key Set; `None` when `x` is no key.
    pub fn from_x(kid: &str, x: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(x).ok()?.try_into().ok()?;
        Some(Self { kid: kid.to_owned(), bytes })
    }
}

/// Why a token is refused. Callers tell users no more than that it is invalid; the difference is for the verifier's own decisions and for
/// counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No token at all, or one with another header, other claims, or too many bytes.
    Malformed,
    /// Signed with a key that is not known (yet): newer keys may help.
    UnknownKey,
    /// The signature does not hold.
    Signature,
    /// Past its end, or from the future.
    Time,
}

/// The keys that tokens are verified with.
#[derive(Clone, Default)]
pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Verifier").field("keys", &self.keys.keys()).finish()
    }
}

impl Verifier {
    /// A verifier for tokens of these keys.
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k PublicKey>) -> Self {
        provider::install();
        let entry = |key: &PublicKey| (key.kid.clone(), DecodingKey::from_ed_der(&key.bytes));
        Self { keys: keys.into_iter().map(entry).collect() }
    }

    /// The claims of a token that holds at `now`.
    pub fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Claims, Refusal> {
        if token.len() > MAX_LENGTH {
            return Err(Refusal::Malformed);
        }
        let header = decode_header(token).map_err(|_| Refusal::Malformed)?;
        let kid = header.kid.clone().unwrap_or_default();
        if header != (Header { kid: Some(kid.clone()), ..Header::new(Algorithm::EdDSA) }) {
            return Err(Refusal::Malformed);
        }
        let key = self.keys.get(&kid).ok_or(Refusal::UnknownKey)?;
        let claims = decode::<Claims>(token, key, &validation()).map_err(refusal)?.claims;
        if times_hold(&claims, now) { Ok(claims) } else { Err(Refusal::Time) }
    }
}

/// Everything but times, which the crate would compare with the machine's clock.
fn validation() -> Validation {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.validate_exp = false;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation
}

fn refusal(error: jsonwebtoken::errors::Error) -> Refusal {
    match error.kind() {
        jsonwebtoken::errors::ErrorKind::InvalidSignature => Refusal::Signature,
        _ => Refusal::Malformed,
    }
}

fn times_hold(claims: &Claims, now: DateTime<Utc>) -> bool {
    let latest_start = (now + SKEW).timestamp();
    let within_life =
        claims.exp.checked_sub(claims.iat).is_some_and(|life| (0..=LIFE.num_seconds()).contains(&life));
    claims.exp > now.timestamp() && claims.nbf <= latest_start && claims.iat <= latest_start && within_life
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::{super::Signer, *};

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    }

    fn signer() -> Signer {
        Signer::new("k1", &[42; 32]).unwrap()
    }

    fn verifier() -> Verifier {
        Verifier::new([signer().public()])
    }

    fn claims() -> Claims {
        Claims::new(Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4(), now())
    }

    /// A token with any header and claims, signed with the right key.
    fn forged(header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let pair = ring::signature::Ed25519KeyPair::from_seed_unchecked(&[42; 32]).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(pair.sign(message.as_bytes())))
    }

    fn good_header() -> Value {
        json!({"typ": "JWT", "alg": "EdDSA", "kid": "k1"})
    }

    #[test]
    fn a_signed_token_gives_its_claims_back() {
        let claims = claims();
        let token = signer().sign(&claims).unwrap();
        assert_eq!(verifier().verify(&token, now()), Ok(claims.clone()));
        assert_eq!(verifier().verify(&forged(&good_header(), &json!(claims)), now()), Ok(claims));
    }

    #[test]
    fn a_token_holds_for_ten_minutes_and_not_before_its_time() {
        let token = signer().sign(&claims()).unwrap();
        let at = |seconds| verifier().verify(&token, now() + TimeDelta::seconds(seconds)).map(drop);
        assert_eq!(at(599), Ok(()));
        assert_eq!(at(600), Err(Refusal::Time));
        assert_eq!(at(-30), Ok(()));
        assert_eq!(at(-31), Err(Refusal::Time));
    }

    #[test]
    fn every_other_header_is_refused() {
        let claims = json!(claims());
        for header in [
            json!({"typ": "JWT", "alg": "none", "kid": "k1"}),
            json!({"typ": "JWT", "alg": "HS256", "kid": "k1"}),
            json!({"typ": "JWT", "alg": "eddsa", "kid": "k1"}),
            json!({"typ": "JWT", "alg": "EdDSA"}),
            json!({"typ": "JWT", "alg": "EdDSA", "kid": "k2"}),
            json!({"typ": "at+jwt", "alg": "EdDSA", "kid": "k1"}),
            json!({"alg": "EdDSA", "kid": "k1"}),
            json!({"typ": "JWT", "alg": "EdDSA", "kid": "k1", "crit": ["exp"]}),
            json!({"typ": "JWT", "alg": "EdDSA", "kid": "k1", "b64": false}),
            json!({"typ": "JWT", "alg": "EdDSA", "kid": "k1", "jku": "https://evil.example/jwks"}),
            json!([]),
        ] {
            assert!(verifier().verify(&forged(&header, &claims), now()).is_err(), "{header}");
        }
    }

    #[test]
    fn every_missing_foreign_or_unknown_claim_is_refused() {
        let good = json!(claims());
        let changed = |name: &str, value: Option<Value>| {
            let mut claims = good.clone();
            let map = claims.as_object_mut().unwrap();
            match value {
                Some(value) => map.insert(name.to_owned(), value),
                None => map.remove(name),
            };
            forged(&good_header(), &claims)
        };
        for name in ["iss", "aud", "sub", "tid", "sid", "jti", "iat", "nbf", "exp"] {
            assert_eq!(verifier().verify(&changed(name, None), now()), Err(Refusal::Malformed), "{name}");
        }
        for (name, value) in [
            ("iss", json!("somebody")),
            ("aud", json!("others")),
            ("sub", json!("root")),
            ("admin", json!(true)),
            ("exp", json!("1800000600")),
            ("exp", json!(i64::MAX)),
            ("iat", json!(i64::MIN)),
            ("nbf", json!(1_800_000_031)),
        ] {
            assert!(verifier().verify(&changed(name, Some(value)), now()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_token_that_is_too_long_is_not_looked_at() {
        let token = format!("{}{}", signer().sign(&claims()).unwrap(), "A".repeat(MAX_LENGTH));
        assert_eq!(verifier().verify(&token, now()), Err(Refusal::Malformed));
    }

    #[test]
    fn no_token_of_wycheproof_passes() {
        let Some(folder) = crm_testkit::shared::data("jwt-wycheproof") else { return };
        let mut seen = 0;
        for file in ["json_web_signature_test.json", "json_web_key_test.json", "hmac_sha256_test.json"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            let vectors: Value = serde_json::from_str(&text).unwrap();
            for test in vectors["testGroups"]
                .as_array()
                .unwrap()
                .iter()
                .flat_map(|group| group["tests"].as_array().unwrap())
            {
                let Some(jws) = test["jws"].as_str() else { continue };
                let kids: Vec<PublicKey> = ["k1", "kid-aes-sign", "kid-ec-sign", "kid-rsa-sign", "none", ""]
                    .map(|kid| PublicKey { kid: kid.to_owned(), bytes: signer().public().bytes })
                    .to_vec();
                assert!(Verifier::new(&kids).verify(jws, now()).is_err(), "{file} {}", test["tcId"]);
                seen += 1;
            }
        }
        assert!(seen >= 401);
    }

    proptest! {
        #[test]
        fn a_token_with_one_changed_byte_is_refused(at in 0_usize..600, byte in 0_u8..128) {
            let token = signer().sign(&claims()).unwrap();
            let mut bytes = token.clone().into_bytes();
            let at = at % bytes.len();
            prop_assume!(bytes[at] != byte);
            bytes[at] = byte;
            prop_assert!(verifier().verify(&String::from_utf8(bytes).unwrap(), now()).is_err());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".*") {
            prop_assert!(verifier().verify(&text, now()).is_err());
        }
    }
}
