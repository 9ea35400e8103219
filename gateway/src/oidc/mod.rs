//! Signing in by the word of an OpenID provider (OpenID Connect Core 1.0): its keys, its tokens, and what the browser carries
//! meanwhile. Nothing here reads a socket or a clock: the shell fetches, and says when it is.

pub(crate) mod attempt;
pub(crate) mod discovery;
pub(crate) mod provider;
pub(crate) mod seal;
#[cfg(test)]
pub(crate) mod testing;

use sha2::{Digest, Sha256};
use vendue_protocol::domain::id::AccountId;

/// What the hash of an account's id begins with, so that it is no other hash of the same texts.
const ACCOUNT: &[u8] = b"vendue account of an OpenID subject\0";

/// The account of a provider's subject: always the same one, and no two subjects' is one. The first half of the SHA-256 of
/// issuer and subject, each behind its length.
pub(crate) fn account_of(issuer: &str, subject: &str) -> AccountId {
    let mut hash = Sha256::new_with_prefix(ACCOUNT);
    for text in [issuer, subject] {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    let hash = hash.finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    AccountId::from_u128(u128::from_be_bytes(id))
}

/// Whether something may be asked at this address: by TLS, or on this machine.
pub(crate) fn is_safe_url(text: &str) -> bool {
    let Ok(uri) = text.parse::<hyper::Uri>() else { return false };
    let Some(authority) = uri.authority() else { return false };
    let is_local = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let has_user = authority.as_str().contains('@');
    let is_safe = uri.scheme_str() == Some("https") || uri.scheme_str() == Some("http") && is_local;
    is_safe && !has_user && !text.contains('#')
}

/// A text for a form or a query (`application/x-www-form-urlencoded`).
pub(crate) fn form_encoded(out: &mut String, text: &str) {
    use std::fmt::Write;
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(byte as char),
            _ => {
                // Writing to a String cannot fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
}

/// `a=b&c=d` of names and values.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        form_encoded(&mut out, name);
        out.push('=');
        form_encoded(&mut out, value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_follow_from_issuer_and_subject() {
        let one = account_of("https://a.example", "7");
        assert_eq!(one, account_of("https://a.example", "7"));
        // Pinned: another way of counting would give everybody a new account.
        assert_eq!(one.to_string(), "acc_0R37M7M5Y11M4C7YKKWSN40JZ9");
        for (issuer, subject) in
            [("https://a.example", "8"), ("https://b.example", "7"), ("https://a.example7", "")]
        {
            assert_ne!(one, account_of(issuer, subject), "{issuer} {subject}");
        }
    }

    #[test]
    fn addresses_are_judged() {
        for (url, expected) in [
            ("https://login.example/x?y=1", true),
            ("http://127.0.0.1:3000/token", true),
            ("http://localhost/token", true),
            ("http://[::1]:8080/token", true),
            ("http://login.example/token", false),
            ("http://127.0.0.1.evil.example/", false),
            ("https://user@login.example/", false),
            ("https://login.example/#part", false),
            ("ftp://login.example/", false),
            ("/token", false),
            ("", false),
        ] {
            assert_eq!(is_safe_url(url), expected, "{url}");
        }
    }

    #[test]
    fn forms() {
        assert_eq!(form(&[("a b", "c&d=ä"), ("e", "")]), "a%20b=c%26d%3D%C3%A4&e=");
    }
}
