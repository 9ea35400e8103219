//! Which web pages may talk to this server (RFC 6454): its own, and those that the operator names. Tokens are never sent by
//! a browser of its own accord, so a foreign page could act for nobody; it still has no business here.

/// The pages that may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Origins(Vec<String>);

/// What is made of a request's `Origin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judged {
    /// No browser, or this server's own page.
    Own,
    /// A page of another server that the operator has named.
    Named,
    /// A page that has no business here.
    Foreign,
}

impl Origins {
    /// Of what stands in `gateway.allowed_origins`.
    pub(crate) fn new(allowed: &[String]) -> Self {
        Self(allowed.iter().map(|origin| origin.trim_end_matches('/').to_ascii_lowercase()).collect())
    }

    /// `origin` and `host` are the headers of that name. A page is this server's own where its origin's authority is the one
    /// that the client asked for. A `null` origin (sandboxed frames, files) is foreign.
    pub(crate) fn judge(&self, origin: Option<&str>, host: Option<&str>) -> Judged {
        let Some(origin) = origin else { return Judged::Own };
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        match (authority, host) {
            (Some(authority), Some(host)) if authority.eq_ignore_ascii_case(host) => Judged::Own,
            _ if self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) => Judged::Named,
            _ => Judged::Foreign,
        }
    }
}

/// Whether a text is an origin as browsers write it: scheme, host, perhaps a port; nothing behind.
pub(crate) fn is_origin(text: &str) -> bool {
    let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    authority.is_some_and(|authority| {
        !authority.is_empty()
            && authority.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]_".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_judged() {
        let origins = Origins::new(&["https://Shop.example".into(), "http://localhost:5173/".into()]);
        let check = |origin: Option<&str>, host: Option<&str>, expected: Judged| {
            assert_eq!(origins.judge(origin, host), expected, "{origin:?} {host:?}");
        };
        check(None, Some("market.example"), Judged::Own);
        check(None, None, Judged::Own);
        check(Some("https://market.example"), Some("market.example"), Judged::Own);
        check(Some("https://MARKET.example"), Some("market.EXAMPLE"), Judged::Own);
        check(Some("http://127.0.0.1:7400"), Some("127.0.0.1:7400"), Judged::Own);
        check(Some("http://[::1]:7400"), Some("[::1]:7400"), Judged::Own);
        check(Some("http://127.0.0.1:7401"), Some("127.0.0.1:7400"), Judged::Foreign);
        check(Some("https://market.example.evil.example"), Some("market.example"), Judged::Foreign);
        check(Some("https://market.example"), None, Judged::Foreign);
        check(Some("null"), Some("market.example"), Judged::Foreign);
        check(Some("null"), Some("null"), Judged::Foreign);
        check(Some(""), Some(""), Judged::Foreign);
        check(Some("https://shop.example"), Some("market.example"), Judged::Named);
        check(Some("http://shop.example"), Some("market.example"), Judged::Foreign);
        check(Some("http://localhost:5173"), Some("127.0.0.1:7400"), Judged::Named);
    }

    #[test]
    fn what_is_an_origin() {
        for (text, expected) in [
            ("https://shop.example", true),
            ("http://localhost:5173", true),
            ("http://[::1]:5173", true),
            ("https://shop.example/path", false),
            ("https://", false),
            ("*", false),
            ("shop.example", false),
            ("ws://shop.example", false),
            ("https://user@shop.example", false),
        ] {
            assert_eq!(is_origin(text), expected, "{text}");
        }
    }
}
