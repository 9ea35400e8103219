//! A provider's keys, and the tokens that they have signed.

use std::sync::{PoisonError, RwLock};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Notify;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::{Code, WireError};

/// Keys of one provider that are looked at: rotation needs two, big providers have about ten.
const KEYS_MAX: usize = 64;
/// How far a provider's clock may be ahead of ours, in seconds.
const AHEAD_S: i64 = 60;
/// The shortest modulus of an RSA key, in characters of base64: 2,048 bits.
const RSA_CHARS_MIN: usize = 342;
/// The longest token, in bytes.
const TOKEN_BYTES_MAX: usize = 8_192;
/// The longest name that is taken from a token, in characters: as long as an account's name may be.
const NAME_CHARS_MAX: usize = 200;
/// An account's name where the token has none.
const NAMELESS: &str = "Bidder";

/// A provider that this gateway believes.
pub(crate) struct Provider {
    /// Its name: the `iss` of its tokens.
    pub(crate) issuer: String,
    /// Our name at the provider: the `aud` of its tokens for us.
    pub(crate) client_id: String,
    keys: RwLock<Vec<ProviderKey>>,
    /// Rung when a token names a key that is not here.
    pub(crate) wanted: Notify,
}

struct ProviderKey {
    id: Option<String>,
    /// What it may have signed with. A key serves its own kind of signature alone, never as a shared secret.
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

/// What stands in a provider's token.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ProviderClaims {
    iss: String,
    /// Who it is about, by the provider's own numbering.
    pub(crate) sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
    /// What the attempt was tied to.
    pub(crate) nonce: Option<String>,
    name: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Debug, Clone, Deserialize)]
struct Issuer {
    iss: Option<String>,
}

impl ProviderClaims {
    /// Its end.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp((self.exp as i64).saturating_mul(1_000_000).min(Timestamp::MAX.0))
    }

    /// When it was made, in seconds; 0 where it does not say.
    pub(crate) fn issued_s(&self) -> i64 {
        self.iat.unwrap_or_default() as i64
    }

    /// A name to show, without what no name has.
    pub(crate) fn name(&self) -> String {
        let given = [&self.name, &self.preferred_username];
        let clean = |name: &String| {
            let name: String = name.chars().filter(|char| !char.is_control()).take(NAME_CHARS_MAX).collect();
            Some(name.trim().to_owned()).filter(|name| !name.is_empty())
        };
        given.into_iter().flatten().find_map(clean).unwrap_or_else(|| NAMELESS.into())
    }
}

impl Provider {
    /// A provider whose keys are not known yet.
    pub(crate) fn new(issuer: &str, client_id: &str) -> Self {
        let keys = RwLock::default();
        Self { issuer: issuer.into(), client_id: client_id.into(), keys, wanted: Notify::new() }
    }

    /// Takes a set of keys (RFC 7517) in place of the former one. Keys of a kind that is not used here are left out.
    ///
    /// # Errors
    /// Where no key is left; then the former ones stay.
    pub(crate) fn set_keys(&self, set: &[u8]) -> Result<usize, String> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set =
            serde_json::from_slice(set).map_err(|error| format!("its keys cannot be read: {error}"))?;
        let keys: Vec<_> = set.keys.into_iter().take(KEYS_MAX).filter_map(ProviderKey::read).collect();
        let count = keys.len();
        if count == 0 {
            return Err("none of its keys can be used: RSA of 2,048 bits, P-256, P-384 or Ed25519".into());
        }
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(count)
    }

    /// Whether a token says that it is this provider's. It may lie: [`Self::check`] finds out.
    pub(crate) fn is_named_by(&self, token: &str) -> bool {
        token.len() <= TOKEN_BYTES_MAX
            && jsonwebtoken::dangerous::insecure_decode_claims::<Issuer>(token)
                .is_ok_and(|claims| claims.iss.as_deref() == Some(&self.issuer))
    }

    /// The claims of a token for us that is valid at `now` (OpenID Connect Core 1.0 section 3.1.3.7).
    ///
    /// # Errors
    /// `unauthenticated`, `token_expired` where only its time is over, `unavailable` before the provider's keys are known.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<ProviderClaims, WireError> {
        let claims = self.signed(token)?;
        let has_audience = |wanted: &str| match &claims.aud {
            Audience::One(one) => one == wanted,
            Audience::Many(many) => many.iter().any(|one| one == wanted),
        };
        let has_others = matches!(&claims.aud, Audience::Many(many) if many.len() > 1);
        if claims.iss != self.issuer || claims.sub.is_empty() {
            return Err(refused("the token's iss or sub is wrong"));
        }
        if !has_audience(&self.client_id) {
            return Err(refused("the token is for somebody else (aud)"));
        }
        if claims.azp.as_ref().map_or(has_others, |party| *party != self.client_id) {
            return Err(refused("the token was made for somebody else (azp)"));
        }
        let seconds = now.0.div_euclid(1_000_000);
        let is_ahead = |at: Option<f64>| at.is_some_and(|at| at as i64 > seconds + AHEAD_S);
        if is_ahead(claims.nbf) || is_ahead(claims.iat) {
            return Err(refused("the token does not count yet (nbf, iat)"));
        }
        if claims.expires_at() <= now {
            return Err(WireError::new(Code::TokenExpired));
        }
        Ok(claims)
    }

    /// The claims of a token that one of the keys has signed.
    fn signed(&self, token: &str) -> Result<ProviderClaims, WireError> {
        let wrong = || refused("the token's form or signature is wrong");
        if token.len() > TOKEN_BYTES_MAX {
            return Err(wrong());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| wrong())?;
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        if keys.is_empty() {
            self.wanted.notify_one();
            let error = WireError::new(Code::Unavailable).retry_after(1_000);
            return Err(error.saying("the identity provider's keys are not known yet"));
        }
        let fits = |key: &&ProviderKey| {
            key.algorithms.contains(&header.alg) && (header.kid.is_none() || key.id == header.kid)
        };
        let mut fitting = keys.iter().filter(fits);
        let Some(key) = fitting.next() else {
            if header.kid.is_some() && keys.iter().all(|key| key.id != header.kid) {
                // It may have been made since we last asked.
                self.wanted.notify_one();
            }
            return Err(wrong());
        };
        if fitting.next().is_some() {
            return Err(refused("the token does not say which key has signed it (kid)"));
        }
        let mut validation = Validation::new(header.alg);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let read = jsonwebtoken::decode::<ProviderClaims>(token, &key.key, &validation);
        read.map(|token| token.claims).map_err(|_| wrong())
    }
}

impl ProviderKey {
    /// A key, where it is one that may have signed.
    fn read(value: Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let common = &jwk.common;
        let is_for_signing =
            common.public_key_use.as_ref().is_none_or(|what| *what == PublicKeyUse::Signature)
                && common.key_operations.as_ref().is_none_or(|what| what.contains(&KeyOperations::Verify));
        if !is_for_signing {
            return None;
        }
        let algorithms: &[Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) if key.n.len() >= RSA_CHARS_MIN => &[
                Algorithm::RS256,
                Algorithm::RS384,
                Algorithm::RS512,
                Algorithm::PS256,
                Algorithm::PS384,
                Algorithm::PS512,
            ],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                &[Algorithm::ES256]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => {
                &[Algorithm::ES384]
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                &[Algorithm::EdDSA]
            }
            // A symmetric key among public ones is a mistake or a trap.
            _ => return None,
        };
        // A key that is meant for one algorithm serves no other.
        let algorithms = match common.key_algorithm {
            Some(meant) => {
                let meant: Algorithm = meant.to_string().parse().ok()?;
                let at = algorithms.iter().position(|algorithm| *algorithm == meant)?;
                &algorithms[at..=at]
            }
            None => algorithms,
        };
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        Some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.issuer)
    }
}

fn refused(message: &'static str) -> WireError {
    WireError::new(Code::Unauthenticated).saying(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oidc::testing::{Signer, set};
    use base64::Engine;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_000_000_000);

    fn claims() -> Value {
        json!({"iss": "https://login.example", "sub": "7", "aud": "market", "exp": 2_000, "iat": 900})
    }

    fn provider(signers: &[&Signer]) -> Provider {
        let provider = Provider::new("https://login.example", "market");
        provider.set_keys(&set(signers)).unwrap();
        provider
    }

    fn code(provider: &Provider, token: &str) -> Option<Code> {
        provider.check(token, NOW).err().map(|error| error.code)
    }

    #[test]
    fn claims_are_judged() {
        let signer = Signer::new("a");
        let provider = provider(&[&signer]);
        let check = |change: Value, expected: Option<Code>| {
            let mut claims = claims();
            for (name, value) in change.as_object().unwrap() {
                claims[name] = value.clone();
            }
            assert_eq!(code(&provider, &signer.sign(&claims)), expected, "{change}");
        };
        let wrong = Some(Code::Unauthenticated);
        check(json!({}), None);
        check(json!({"iss": "https://other.example"}), wrong);
        check(json!({"iss": "https://login.example/"}), wrong);
        check(json!({"sub": ""}), wrong);
        check(json!({"aud": "another"}), wrong);
        check(json!({"aud": []}), wrong);
        check(json!({"aud": ["market"]}), None);
        check(json!({"aud": ["market", "another"]}), wrong);
        check(json!({"aud": ["market", "another"], "azp": "market"}), None);
        check(json!({"aud": ["market", "another"], "azp": "another"}), wrong);
        check(json!({"azp": "another"}), wrong);
        check(json!({"exp": 1_000}), Some(Code::TokenExpired));
        check(json!({"exp": 1_000.5}), Some(Code::TokenExpired));
        check(json!({"exp": Value::Null}), wrong);
        check(json!({"nbf": 1_060, "iat": 1_060}), None);
        check(json!({"nbf": 1_061}), wrong);
        check(json!({"iat": 1_061}), wrong);
    }

    #[test]
    fn signatures_are_judged() {
        let (one, two, stranger) = (Signer::new("a"), Signer::new("b"), Signer::new("a"));
        let provider = provider(&[&one, &two]);
        assert_eq!(code(&provider, &one.sign(&claims())), None);
        assert_eq!(code(&provider, &two.sign(&claims())), None);
        let wrong = Some(Code::Unauthenticated);
        assert_eq!(code(&provider, &stranger.sign(&claims())), wrong, "a key of the same name");
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        for algorithm in ["none", "None", "HS256", "RS256"] {
            let header = part(json!({"alg": algorithm, "kid": "a"}));
            assert_eq!(code(&provider, &format!("{header}.{}.", part(claims()))), wrong, "{algorithm}");
        }
        // The public key as a shared secret: in each form that an attacker can know.
        let shown = one.public();
        for secret in [one.public_pem(), shown.to_string(), shown["x"].as_str().unwrap().into()] {
            let header = Header { kid: Some("a".into()), ..Header::default() };
            let key = EncodingKey::from_secret(secret.as_bytes());
            let forged = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
            assert_eq!(code(&provider, &forged), wrong);
        }
        for nonsense in ["", "a.b.c", &"x".repeat(20_000)] {
            assert_eq!(code(&provider, nonsense), wrong);
        }
    }

    #[tokio::test]
    async fn an_unknown_key_is_asked_for_and_the_next_set_has_it() {
        let (old, new) = (Signer::new("old"), Signer::new("new"));
        let provider = provider(&[&old]);
        assert_eq!(code(&provider, &new.sign(&claims())), Some(Code::Unauthenticated));
        // It has been rung, or this would wait for ever.
        provider.wanted.notified().await;
        provider.set_keys(&set(&[&old, &new])).unwrap();
        assert_eq!(code(&provider, &new.sign(&claims())), None);
        provider.set_keys(&set(&[&new])).unwrap();
        assert_eq!(code(&provider, &old.sign(&claims())), Some(Code::Unauthenticated), "withdrawn");
    }

    #[test]
    fn sets_of_keys_are_judged() {
        let signer = Signer::new("a");
        let provider = Provider::new("https://login.example", "market");
        assert_eq!(code(&provider, &signer.sign(&claims())), Some(Code::Unavailable));
        let check = |change: Value, expected: bool| {
            let mut key = signer.public();
            for (name, value) in change.as_object().unwrap() {
                key[name] = value.clone();
            }
            let taken = provider.set_keys(json!({"keys": [key]}).to_string().as_bytes());
            assert_eq!(taken.is_ok(), expected, "{change}: {taken:?}");
        };
        check(json!({"use": "sig", "alg": "ES256", "key_ops": ["verify"]}), true);
        check(json!({"use": "enc"}), false);
        check(json!({"key_ops": ["sign"]}), false);
        check(json!({"alg": "RS256"}), false);
        check(json!({"alg": "HS256"}), false);
        check(json!({"kty": "oct", "k": "c2VjcmV0"}), false);
        check(json!({"kty": "RSA", "n": "AQAB", "e": "AQAB"}), false);
        for nonsense in ["", "{}", "[]", r#"{"keys":[]}"#, r#"{"keys":[1,{"kty":"new"}]}"#] {
            assert!(provider.set_keys(nonsense.as_bytes()).is_err(), "{nonsense}");
        }
        // What was refused has taken nothing away.
        assert_eq!(code(&provider, &signer.sign(&claims())), None);
    }

    #[test]
    fn names() {
        let check = |given: Value, expected: &str| {
            let mut all = claims();
            all.as_object_mut().unwrap().extend(given.as_object().unwrap().clone());
            let read: ProviderClaims = serde_json::from_value(all).unwrap();
            assert_eq!(read.name(), expected);
        };
        check(json!({"name": " Ada\u{7} Lovelace\n", "preferred_username": "ada"}), "Ada Lovelace");
        check(json!({"name": " ", "preferred_username": "ada"}), "ada");
        check(json!({}), NAMELESS);
        check(json!({"name": "x".repeat(300)}), &"x".repeat(NAME_CHARS_MAX));
    }
}
