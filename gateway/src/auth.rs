//! Who somebody is: JSON Web Tokens. A token names an account and nothing more; its rights are grants that the engine
//! holds, so no token can widen them.

use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::{Code, WireError};

use crate::error::GatewayError;
use crate::oidc::account_of;
use crate::oidc::provider::Provider;
use crate::oidc::seal::Seal;
use crate::options::GatewayOptions;

/// Bytes of a secret that this process makes: as many as HS256's hash has.
const SECRET_BYTES: usize = 32;
/// The shortest secret that is accepted, in bytes.
const SECRET_BYTES_MIN: usize = 16;
/// The longest token, in bytes: far above any real one, far below what would be work to check.
const TOKEN_BYTES_MAX: usize = 8_192;

/// What stands in a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The account's id, `acc_...`.
    pub sub: String,
    /// When it ends, in seconds since the Unix epoch.
    pub exp: i64,
    /// From when on it counts, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<i64>,
    /// When it was made, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// Who made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// For whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
}

/// Who a valid token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// When the token was issued, by its own word (`iat`); the beginning of time where it does not say.
    pub issued_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// The keys that tokens are checked with.
pub struct Keys {
    keys: Vec<(Algorithm, DecodingKey)>,
    issuer: Option<String>,
    audience: Option<String>,
    /// What this gateway signs with itself.
    secret: Vec<u8>,
    /// An identity provider whose tokens are taken, too.
    provider: Option<Arc<Provider>>,
}

impl Keys {
    /// Keys of a single secret (HS256), as tests and the simulation use them.
    #[must_use]
    pub fn of_secret(secret: &[u8]) -> Self {
        Self {
            keys: vec![(Algorithm::HS256, DecodingKey::from_secret(secret))],
            issuer: None,
            audience: None,
            secret: secret.to_vec(),
            provider: None,
        }
    }

    /// The secret and public keys that the options name.
    ///
    /// # Errors
    /// [`GatewayError::Key`] for a file that cannot be read or is no key.
    pub fn open(options: &GatewayOptions) -> Result<Self, GatewayError> {
        let mut keys = Self::of_secret(&open_secret(&options.token_secret)?);
        for path in &options.token_public_keys {
            let pem = std::fs::read(path).map_err(|error| GatewayError::Key {
                option: "gateway.token_public_keys",
                path: path.clone(),
                problem: error.to_string(),
                remedy: "check the path and its permissions",
            })?;
            keys.keys.push(public_key(&pem).ok_or_else(|| GatewayError::Key {
                option: "gateway.token_public_keys",
                path: path.clone(),
                problem: "not a public key in PEM that can be used".into(),
                remedy: "give an RSA, P-256 or Ed25519 public key that begins with -----BEGIN PUBLIC KEY-----",
            })?);
        }
        keys.issuer.clone_from(&options.token_issuer);
        keys.audience.clone_from(&options.token_audience);
        Ok(keys)
    }

    /// With a provider's keys beside its own.
    #[must_use]
    pub(crate) fn with_provider(mut self, provider: Option<Arc<Provider>>) -> Self {
        self.provider = provider;
        self
    }

    /// A token of ours for an account, from and until an instant in seconds; it passes [`Self::verify`].
    ///
    /// # Errors
    /// As [`mint`].
    pub(crate) fn mint(&self, account: AccountId, since: i64, until: i64) -> Result<String, GatewayError> {
        let (iss, aud) = (self.issuer.clone(), self.audience.clone());
        mint(
            &self.secret,
            &Claims { sub: account.to_string(), exp: until, nbf: None, iat: Some(since), iss, aud },
        )
    }

    /// The seal of what browsers keep for us.
    pub(crate) fn seal(&self, purpose: &str) -> Seal {
        Seal::new(&self.secret, purpose)
    }

    /// Who the token names, if it is valid at `now`.
    ///
    /// # Errors
    /// `unauthenticated`, or `token_expired` where only its time is over.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, WireError> {
        if let Some(provider) = self.provider.as_ref().filter(|provider| provider.is_named_by(token)) {
            let claims = provider.check(token, now)?;
            let account = account_of(&provider.issuer, &claims.sub);
            let issued_at = Timestamp(claims.issued_s().saturating_mul(1_000_000));
            return Ok(Identity { account, issued_at, expires_at: claims.expires_at() });
        }
        let claims = self.check(token).ok_or_else(|| {
            refused("the token is not valid here: its form, signature, issuer or audience is wrong")
        })?;
        let seconds = now.0.div_euclid(1_000_000);
        if claims.nbf.is_some_and(|from| from > seconds) {
            return Err(refused("the token does not count yet (nbf)"));
        }
        if claims.exp <= seconds {
            return Err(WireError::new(Code::TokenExpired));
        }
        let account = claims.sub.parse().map_err(|_| refused("the token's sub is no account (acc_...)"))?;
        let expires_at = Timestamp(claims.exp.saturating_mul(1_000_000).min(Timestamp::MAX.0));
        let issued_at = Timestamp(claims.iat.unwrap_or(0).saturating_mul(1_000_000));
        Ok(Identity { account, issued_at, expires_at })
    }

    /// The claims of a token whose signature, issuer and audience are right. Times are judged by the caller's clock.
    fn check(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let algorithm = jsonwebtoken::decode_header(token).ok()?.alg;
        let mut validation = Validation::new(algorithm);
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.required_spec_claims.clear();
        match &self.issuer {
            Some(issuer) => {
                validation.set_issuer(&[issuer]);
                validation.required_spec_claims.insert("iss".into());
            }
            None => validation.iss = None,
        }
        match &self.audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                validation.required_spec_claims.insert("aud".into());
            }
            None => validation.validate_aud = false,
        }
        // A key is used only for its own algorithm: a public key never serves as a shared secret.
        self.keys
            .iter()
            .filter(|(known, _)| *known == algorithm)
            .find_map(|(_, key)| jsonwebtoken::decode::<Claims>(token, key, &validation).ok())
            .map(|token| token.claims)
    }
}

impl std::fmt::Debug for Keys {
    /// Never shows key material.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.keys.len())
    }
}

fn refused(message: &'static str) -> WireError {
    WireError::new(Code::Unauthenticated).saying(message)
}

fn public_key(pem: &[u8]) -> Option<(Algorithm, DecodingKey)> {
    let rsa = DecodingKey::from_rsa_pem(pem).map(|key| (Algorithm::RS256, key));
    let elliptic = || DecodingKey::from_ec_pem(pem).map(|key| (Algorithm::ES256, key));
    let edwards = || DecodingKey::from_ed_pem(pem).map(|key| (Algorithm::EdDSA, key));
    rsa.or_else(|_| elliptic()).or_else(|_| edwards()).ok()
}

/// Makes a token (HS256): `vendue token`, tests, and whoever shares the secret.
///
/// # Errors
/// [`GatewayError::Key`] where the secret cannot sign, which no secret of [`open_secret`] does.
pub fn mint(secret: &[u8], claims: &Claims) -> Result<String, GatewayError> {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(secret)).map_err(|error| {
        GatewayError::Key {
            option: "gateway.token_secret",
            path: Path::new("").to_owned(),
            problem: error.to_string(),
            remedy: "remove the file: the next start makes a new secret, and tokens must be made anew",
        }
    })
}

/// The secret of a data directory; made where it is missing, readable by its owner alone.
///
/// # Errors
/// [`GatewayError::Key`] for a file that cannot be read or made, or whose secret is too short.
pub fn open_secret(path: &Path) -> Result<Vec<u8>, GatewayError> {
    let failed = |problem: String, remedy| GatewayError::Key {
        option: "gateway.token_secret",
        path: path.to_owned(),
        problem,
        remedy,
    };
    match make_secret(path) {
        Ok(secret) => return Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => {
            return Err(failed(error.to_string(), "check that the directory exists and can be written"));
        }
    }
    let mut secret = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(TOKEN_BYTES_MAX as u64).read_to_end(&mut secret))
        .map_err(|error| failed(error.to_string(), "check its permissions"))?;
    let secret = secret.trim_ascii().to_vec();
    if secret.len() < SECRET_BYTES_MIN {
        let problem = format!("it holds {} bytes, fewer than {SECRET_BYTES_MIN}", secret.len());
        return Err(failed(
            problem,
            "remove the file: the next start makes a new secret, and tokens must be made anew",
        ));
    }
    Ok(secret)
}

/// Makes a new secret in a file that does not exist yet. It appears whole or not at all: two processes that start
/// together end with the same one.
fn make_secret(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::os::unix::fs::OpenOptionsExt;

    if path.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    let random: [u8; SECRET_BYTES] = rand::random();
    let secret: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{:08x}", rand::random::<u32>()));
    let draft = Path::new(&draft);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    let linked = file
        .write_all(secret.as_bytes())
        .and_then(|()| file.sync_all())
        // Unlike a rename, a link never replaces what another process has made meanwhile.
        .and_then(|()| std::fs::hard_link(draft, path));
    std::fs::remove_file(draft)?;
    linked.map(|()| secret.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn claims() -> Claims {
        let sub = AccountId::from_u128(7).to_string();
        Claims { sub, exp: 2_000, nbf: None, iat: None, iss: None, aud: None }
    }

    fn check(keys: &Keys, secret: &[u8], claims: &Claims, now_seconds: i64, expected: Result<u128, Code>) {
        let token = mint(secret, claims).unwrap();
        let read = keys.verify(&token, Timestamp(now_seconds * 1_000_000));
        let read = read.map(|identity| identity.account.0.as_u128()).map_err(|error| error.code);
        assert_eq!(read, expected, "{claims:?}");
    }

    #[test]
    fn tokens_are_judged() {
        let keys = Keys::of_secret(SECRET);
        check(&keys, SECRET, &claims(), 1_000, Ok(7));
        check(&keys, SECRET, &claims(), 2_000, Err(Code::TokenExpired));
        check(&keys, b"another secret of some length", &claims(), 1_000, Err(Code::Unauthenticated));
        check(&keys, SECRET, &Claims { nbf: Some(1_500), ..claims() }, 1_000, Err(Code::Unauthenticated));
        check(
            &keys,
            SECRET,
            &Claims { sub: "somebody".into(), ..claims() },
            1_000,
            Err(Code::Unauthenticated),
        );
        check(&keys, SECRET, &Claims { aud: Some("other".into()), ..claims() }, 1_000, Ok(7));
        let strict =
            Keys { issuer: Some("us".into()), audience: Some("here".into()), ..Keys::of_secret(SECRET) };
        check(&strict, SECRET, &claims(), 1_000, Err(Code::Unauthenticated));
        let good = Claims { iss: Some("us".into()), aud: Some("here".into()), ..claims() };
        check(&strict, SECRET, &good, 1_000, Ok(7));
        check(
            &strict,
            SECRET,
            &Claims { iss: Some("them".into()), ..good },
            1_000,
            Err(Code::Unauthenticated),
        );
        for nonsense in ["", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.", &"x".repeat(20_000)] {
            let error = keys.verify(nonsense, Timestamp(0)).unwrap_err();
            assert_eq!(error.code, Code::Unauthenticated, "{nonsense}");
        }
    }

    #[test]
    fn secrets_are_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("token.secret");
        let secret = open_secret(&path).unwrap();
        assert_eq!(secret.len(), SECRET_BYTES * 2);
        assert_eq!(open_secret(&path).unwrap(), secret);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
        std::fs::write(&path, "short").unwrap();
        assert!(open_secret(&path).unwrap_err().to_string().contains("gateway.token_secret"));
        assert!(open_secret(&directory.path().join("missing/secret")).is_err());
    }
}
