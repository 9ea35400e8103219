//! A provider of the tests' own: keys that sign, sets that name them.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::KeyPair;
use serde_json::{Value, json};

use crate::oidc::discovery::Metadata;

/// A description whose places all lie at the issuer.
pub(crate) fn metadata(issuer: &str) -> Metadata {
    Metadata {
        issuer: issuer.into(),
        authorization_endpoint: format!("{issuer}/authorize"),
        token_endpoint: format!("{issuer}/token"),
        jwks_uri: format!("{issuer}/jwks"),
        end_session_endpoint: None,
        token_endpoint_auth_methods_supported: None,
        authorization_response_iss_parameter_supported: false,
    }
}

/// A key of P-256 with a name.
pub(crate) struct Signer {
    id: &'static str,
    pair: KeyPair,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        Self { id, pair: KeyPair::generate().unwrap() }
    }

    /// The public half, as a provider shows it.
    pub(crate) fn public(&self) -> Value {
        let raw = self.pair.public_key_raw();
        let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        // An uncompressed point: 4, x, y.
        json!({"kty": "EC", "crv": "P-256", "kid": self.id, "x": part(&raw[1..33]), "y": part(&raw[33..65])})
    }

    pub(crate) fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let key = EncodingKey::from_ec_pem(self.pair.serialize_pem().as_bytes()).unwrap();
        let header = Header { kid: Some(self.id.into()), ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

/// The set of some signers' keys.
pub(crate) fn set(signers: &[&Signer]) -> Vec<u8> {
    let keys: Vec<_> = signers.iter().map(|signer| signer.public()).collect();
    json!({ "keys": keys }).to_string().into_bytes()
}
