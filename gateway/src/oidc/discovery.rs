//! What a provider says of itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;

use crate::oidc::is_safe_url;

/// Where the description lies, behind the issuer (section 4).
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The part of a provider's description that is used here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Metadata {
    /// Its name, letter by letter the configured one.
    pub(crate) issuer: String,
    /// Where people sign in.
    pub(crate) authorization_endpoint: String,
    /// Where a code becomes a token.
    pub(crate) token_endpoint: String,
    /// Where its public keys lie.
    pub(crate) jwks_uri: String,
    /// Where people sign out, where it has such a place.
    #[serde(default)]
    pub(crate) end_session_endpoint: Option<String>,
    /// How a client says who it is at `token_endpoint`; absent: `client_secret_basic`.
    #[serde(default)]
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether its answers name it (RFC 9207), so that no other provider's answer passes for its.
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

/// Where an issuer's description lies.
pub(crate) fn url(issuer: &str) -> String {
    format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/'))
}

/// Reads the description of `issuer`.
///
/// # Errors
/// What is wrong with it, for the log.
pub(crate) fn read(bytes: &[u8], issuer: &str) -> Result<Metadata, String> {
    let metadata: Metadata =
        serde_json::from_slice(bytes).map_err(|error| format!("its description cannot be read: {error}"))?;
    if metadata.issuer != issuer {
        return Err(format!("it calls itself {:?}, not {issuer:?}", metadata.issuer));
    }
    let places = [
        Some(&metadata.authorization_endpoint),
        Some(&metadata.token_endpoint),
        Some(&metadata.jwks_uri),
        metadata.end_session_endpoint.as_ref(),
    ];
    if let Some(place) = places.into_iter().flatten().find(|place| !is_safe_url(place)) {
        return Err(format!("{place:?} of its description is neither by TLS nor on this machine"));
    }
    Ok(metadata)
}

impl Metadata {
    /// Whether the client's secret goes in the form instead of the `Authorization` header.
    pub(crate) fn wants_secret_in_form(&self) -> bool {
        self.token_endpoint_auth_methods_supported.as_ref().is_some_and(|methods| {
            let has = |name: &str| methods.iter().any(|method| method == name);
            !has("client_secret_basic") && has("client_secret_post")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn descriptions_are_judged() {
        let good = json!({
            "issuer": "https://login.example/one",
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": "https://keys.example/jwks",
            "something_else": [1],
        });
        let check = |change: fn(&mut Value), expected: Result<(), &str>| {
            let mut description = good.clone();
            change(&mut description);
            let read = read(description.to_string().as_bytes(), "https://login.example/one");
            match expected {
                Ok(()) => assert!(read.is_ok(), "{read:?}"),
                Err(part) => assert!(read.as_ref().is_err_and(|why| why.contains(part)), "{read:?}"),
            }
        };
        check(|_| {}, Ok(()));
        check(|one| one["issuer"] = "https://login.example/two".into(), Err("calls itself"));
        check(|one| one["issuer"] = "https://login.example/one/".into(), Err("calls itself"));
        check(|one| one["jwks_uri"] = "http://keys.example/jwks".into(), Err("TLS"));
        check(|one| one["token_endpoint"] = "file:///etc/passwd".into(), Err("TLS"));
        check(|one| one["end_session_endpoint"] = "javascript:x".into(), Err("TLS"));
        check(|one| one["token_endpoint"] = Value::Null, Err("cannot be read"));
        assert!(read(b"<html>", "x").is_err());
        assert_eq!(url("https://a.example/"), "https://a.example/.well-known/openid-configuration");
    }

    #[test]
    fn where_the_secret_goes() {
        let check = |methods: Option<&[&str]>, expected: bool| {
            let mut metadata = crate::oidc::testing::metadata("https://login.example");
            metadata.token_endpoint_auth_methods_supported =
                methods.map(|methods| methods.iter().map(|&method| method.to_owned()).collect());
            assert_eq!(metadata.wants_secret_in_form(), expected, "{methods:?}");
        };
        check(None, false);
        check(Some(&["client_secret_basic", "client_secret_post"]), false);
        check(Some(&["client_secret_post"]), true);
        check(Some(&["none"]), false);
    }
}
