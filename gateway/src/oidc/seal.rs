//! What a browser keeps for us and must not change: signed (HS256) with a key of its own for each purpose, derived from the
//! secret that signs tokens. So a cookie never serves as a token, nor a token as a cookie, and any gateway of the same secret
//! reads what another one wrote.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// The longest sealed text that is looked at, in bytes.
const SEALED_BYTES_MAX: usize = 4_096;

/// Signs and checks for one purpose.
pub(crate) struct Seal([u8; 32]);

impl Seal {
    /// The seal for a purpose, from the secret of the tokens.
    pub(crate) fn new(secret: &[u8], purpose: &str) -> Self {
        let mut hash = Sha256::new_with_prefix(b"vendue seal\0");
        hash.update((purpose.len() as u64).to_be_bytes());
        hash.update(purpose.as_bytes());
        hash.update(secret);
        Self(hash.finalize().into())
    }

    /// The sealed text of a value; nothing where it is no JSON object.
    pub(crate) fn close(&self, value: &impl Serialize) -> Option<String> {
        jsonwebtoken::encode(&Header::default(), value, &EncodingKey::from_secret(&self.0)).ok()
    }

    /// What was sealed, unless anybody else has touched it. Its age is for the caller to judge.
    pub(crate) fn open<T: DeserializeOwned + Clone>(&self, text: &str) -> Option<T> {
        if text.len() > SEALED_BYTES_MAX {
            return None;
        }
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let key = DecodingKey::from_secret(&self.0);
        jsonwebtoken::decode::<T>(text, &key, &validation).ok().map(|opened| opened.claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Keys, mint};
    use crate::oidc::attempt::Session;
    use vendue_protocol::domain::time::Timestamp;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    #[test]
    fn only_what_was_sealed_is_opened() {
        let (seal, other) = (Seal::new(SECRET, "session"), Seal::new(SECRET, "attempt"));
        let session = Session { account: "acc_1".into(), since: 5, until: 9 };
        let text = seal.close(&session).unwrap();
        assert_eq!(seal.open::<Session>(&text), Some(session));
        assert_eq!(other.open::<Session>(&text), None, "another purpose");
        assert_eq!(Seal::new(b"another secret", "session").open::<Session>(&text), None);
        for at in [3, text.len() / 2, text.len() - 2] {
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(seal.open::<Session>(&String::from_utf8(changed).unwrap()), None, "byte {at}");
        }
        assert_eq!(seal.open::<Session>(""), None);
        assert_eq!(seal.open::<Session>(&"x".repeat(10_000)), None);
    }

    #[test]
    fn a_cookie_is_no_token_and_a_token_no_cookie() {
        let claims = serde_json::json!({"sub": "acc_00000000000000000000000007", "exp": 2_000, "account": "acc_00000000000000000000000007", "since": 0, "until": 2_000});
        let seal = Seal::new(SECRET, "session");
        let cookie = seal.close(&claims).unwrap();
        assert!(Keys::of_secret(SECRET).verify(&cookie, Timestamp(0)).is_err());
        let token = mint(SECRET, &serde_json::from_value(claims).unwrap()).unwrap();
        assert!(Keys::of_secret(SECRET).verify(&token, Timestamp(0)).is_ok());
        assert_eq!(seal.open::<Session>(&token), None);
    }
}
