//! One person's way through signing in: the attempt that the browser carries to the provider and back (authorization code flow
//! with PKCE, RFC 7636), and the session that it becomes.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::oidc::discovery::Metadata;
use crate::oidc::form;

/// Bytes of `state`, `nonce` and the PKCE verifier: beyond guessing.
const RANDOM_BYTES: usize = 32;
/// How long a person may take at the provider, in seconds: a forgotten password's time.
const ATTEMPT_S: i64 = 900;
/// The longest path that is come back to, in bytes.
const BACK_BYTES_MAX: usize = 1_024;
/// What is asked of the provider: who it is, and a name to show.
const SCOPE: &str = "openid profile";

/// What must come back as it went: sealed in a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// Ties the answer to this browser.
    pub(crate) state: String,
    /// Ties the token to this attempt.
    pub(crate) nonce: String,
    /// Proves at the provider that whoever brings the code is who asked for it.
    pub(crate) verifier: String,
    /// The path on this server to come back to.
    pub(crate) back: String,
    /// Its end, in seconds since the Unix epoch.
    pub(crate) until: i64,
}

/// Who has signed in: sealed in a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// The account's id.
    pub(crate) account: String,
    /// When the person signed in, in seconds. Every token of the session bears it as `iat`: what makes tokens issued before
    /// an instant void ends the session with them.
    pub(crate) since: i64,
    /// Its end, in seconds.
    pub(crate) until: i64,
}

impl Attempt {
    /// A new attempt at `now` (seconds), which comes back to `back`.
    pub(crate) fn new(now: i64, back: &str) -> Self {
        let random = || BASE64_URL_SAFE_NO_PAD.encode(rand::random::<[u8; RANDOM_BYTES]>());
        Self {
            state: random(),
            nonce: random(),
            verifier: random(),
            back: own_path(back).to_owned(),
            until: now + ATTEMPT_S,
        }
    }

    /// Where the browser goes to sign in.
    pub(crate) fn url(&self, metadata: &Metadata, client_id: &str, redirect: &str) -> String {
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", redirect),
            ("scope", SCOPE),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let endpoint = &metadata.authorization_endpoint;
        format!("{endpoint}{}{query}", if endpoint.contains('?') { '&' } else { '?' })
    }

    /// Whether an answer belongs to this attempt, at `now` (seconds).
    pub(crate) fn is_answered_by(&self, state: &str, now: i64) -> bool {
        now < self.until && is_same(&self.state, state)
    }
}

/// Compares without telling by its time where two texts differ.
fn is_same(one: &str, other: &str) -> bool {
    Sha256::digest(one.as_bytes()) == Sha256::digest(other.as_bytes())
}

/// A path of this server; anything else, above all another server's address, is the first page.
fn own_path(path: &str) -> &str {
    let is_own = path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= BACK_BYTES_MAX
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_only_to_this_server() {
        for (path, expected) in [
            ("/lots/lot_1?x=1", "/lots/lot_1?x=1"),
            ("/", "/"),
            ("", "/"),
            ("//evil.example/", "/"),
            ("/\\evil.example/", "/"),
            ("https://evil.example/", "/"),
            ("javascript:alert(1)", "/"),
            ("/x\r\nset-cookie: y", "/"),
            ("/ä", "/"),
        ] {
            assert_eq!(Attempt::new(0, path).back, expected, "{path}");
        }
        assert_eq!(Attempt::new(0, &format!("/{}", "x".repeat(2_000))).back, "/");
    }

    #[test]
    fn an_answer_belongs_to_its_attempt() {
        let (one, other) = (Attempt::new(100, "/"), Attempt::new(100, "/"));
        assert!(one.is_answered_by(&one.state, 100));
        assert!(!one.is_answered_by(&other.state, 100), "another attempt's state");
        assert!(!one.is_answered_by("", 100));
        assert!(!one.is_answered_by(&one.state, 100 + ATTEMPT_S), "too late");
        assert!(one.verifier != other.verifier && one.nonce != other.nonce);
        // RFC 7636 section 4.1.
        assert!((43..=128).contains(&one.verifier.len()));
    }

    #[test]
    fn the_address_of_the_provider() {
        let mut metadata = crate::oidc::testing::metadata("https://login.example");
        let attempt = Attempt {
            state: "s".into(),
            nonce: "n".into(),
            // RFC 7636 appendix B.
            verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".into(),
            back: "/".into(),
            until: 0,
        };
        let url = attempt.url(&metadata, "market one", "https://market.example/auth/callback");
        assert_eq!(
            url,
            "https://login.example/authorize?response_type=code&client_id=market%20one\
             &redirect_uri=https%3A%2F%2Fmarket.example%2Fauth%2Fcallback&scope=openid%20profile&state=s&nonce=n\
             &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        );
        metadata.authorization_endpoint.push_str("?tenant=1");
        assert!(
            attempt.url(&metadata, "x", "y").starts_with("https://login.example/authorize?tenant=1&response")
        );
    }
}
