//! Tokens of accounts: HS256 by the server's own secret.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode};
use serde::Serialize;
use vendue_domain::id::AccountId;

use crate::failure::Failure;

/// How long a token lasts: longer than any run.
const TOKEN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3_600);

#[derive(Serialize)]
struct Claims {
    sub: String,
    exp: u64,
}

/// The secret in this file, as the gateway reads it: the bytes without surrounding white space.
///
/// # Errors
/// Where it cannot be read.
pub fn read_secret(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::File { path: path.to_owned(), why: error.to_string() })?;
    Ok(bytes.trim_ascii().to_vec())
}

/// Makes tokens. Never shows the secret.
pub struct Tokens {
    key: EncodingKey,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tokens")
    }
}

impl Tokens {
    /// From the server's secret.
    #[must_use]
    pub fn new(secret: Vec<u8>) -> Self {
        Self { key: EncodingKey::from_secret(&secret) }
    }

    /// A token for this account.
    ///
    /// # Errors
    /// Where the secret cannot sign.
    pub fn mint(&self, account: AccountId) -> Result<String, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let claims = Claims { sub: account.to_string(), exp: (now + TOKEN_LIFETIME).as_secs() };
        encode(&Header::default(), &claims, &self.key)
            .map_err(|error| Failure::Market(format!("a token cannot be made: {error}")))
    }
}
