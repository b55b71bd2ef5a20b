//! The signing-key service on the wire.

use crm_proto::crm::platform::v1::{
    GetJwksRequest, Jwk, Jwks, signing_key_service_server::SigningKeyService,
};
use tonic::{Request, Response, Status};

use super::Keys;
use crate::token::PublicKey;

/// Publishes the public keys.
#[derive(Clone, Debug)]
pub struct SigningKeys {
    pub keys: Keys,
}

#[tonic::async_trait]
impl SigningKeyService for SigningKeys {
    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Result<Response<Jwks>, Status> {
        let keys = self.keys.public().iter().map(jwk).collect();
        Ok(Response::new(Jwks { keys }))
    }
}

fn jwk(key: &PublicKey) -> Jwk {
    Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        kid: key.kid.clone(),
        r#use: "sig".to_owned(),
        alg: "EdDSA".to_owned(),
        x: key.x(),
    }
}
