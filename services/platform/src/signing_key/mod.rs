//! Signing keys: what access tokens are signed and verified with.
//!
//! They belong to the installation, which is the nil tenant. A new key signs from the moment it is made, and a verifier that meets a key it does not
//! know reads the keys again. A key is replaced after 30 days and dropped a day later, when the last token it signed is long dead. Its private half
//! is a seed of 32 bytes, stored sealed under the setting `secret_key`.

mod ring;
pub mod rpc;
mod seal;
mod store;

pub use ring::Keys;
pub use seal::Sealer;
