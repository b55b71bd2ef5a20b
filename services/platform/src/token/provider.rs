//! The cryptography behind the `jsonwebtoken` crate: Ed25519 from ring. Every other algorithm is refused here, whatever a header says.

use std::sync::Once;

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    signature::{Error, Signer, Verifier},
};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the back end of this process. Cheap after the first time.
pub fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Fails only when this very provider is installed already by another copy of this module.
        let _ = PROVIDER.install_default();
    });
}

struct Ed25519Signer(Ed25519KeyPair);

struct Ed25519Verifier(UnparsedPublicKey<Vec<u8>>);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape the crate asks for")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    let pair = Ed25519KeyPair::from_seed_unchecked(key.as_bytes()).map_err(|_| ErrorKind::InvalidEddsaKey)?;
    Ok(Box::new(Ed25519Signer(pair)))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape the crate asks for")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if *algorithm != Algorithm::EdDSA {
        return Err(ErrorKind::InvalidAlgorithm.into());
    }
    Ok(Box::new(Ed25519Verifier(UnparsedPublicKey::new(&ED25519, key.try_get_as_bytes()?.to_vec()))))
}

impl Signer<Vec<u8>> for Ed25519Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

impl Verifier<Vec<u8>> for Ed25519Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.0.verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Ed25519Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::Value;

    use super::*;

    #[test]
    fn signatures_are_judged_as_wycheproof_does() {
        install();
        // Vectors of Project Wycheproof.
        let Some(folder) = crm_testkit::shared::data("jwt-wycheproof") else { return };
        let text = std::fs::read_to_string(folder.join("ed25519_test.json")).unwrap();
        let vectors: Value = serde_json::from_str(&text).unwrap();
        let bytes = |value: &Value| -> Vec<u8> {
            let digits = value.as_str().unwrap();
            (0..digits.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
                .collect()
        };
        let mut judged = 0;
        for group in vectors["testGroups"].as_array().unwrap() {
            let key = DecodingKey::from_ed_der(&bytes(&group["publicKey"]["pk"]));
            for test in group["tests"].as_array().unwrap() {
                let signature = URL_SAFE_NO_PAD.encode(bytes(&test["sig"]));
                let holds =
                    jsonwebtoken::crypto::verify(&signature, &bytes(&test["msg"]), &key, Algorithm::EdDSA)
                        .unwrap_or(false);
                assert_eq!(holds, test["result"] == "valid", "test {}", test["tcId"]);
                judged += 1;
            }
        }
        assert!(judged > 100);
    }

    #[test]
    fn no_other_algorithm_is_known() {
        install();
        let key = DecodingKey::from_secret(&[7; 32]);
        assert!(jsonwebtoken::crypto::verify("AA", b"", &key, Algorithm::HS256).is_err());
        assert!(
            jsonwebtoken::crypto::sign(b"", &EncodingKey::from_secret(&[7; 32]), Algorithm::HS256).is_err()
        );
    }
}
