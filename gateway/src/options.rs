//! What an operator may set.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vendue_protocol::wire::limits;

use crate::error::GatewayError;
use crate::oidc::is_safe_url;
use crate::origin::is_origin;

/// Where people come back to from an identity provider.
const CALLBACK: &str = "/auth/callback";

/// Settings of one gateway process. Durations end in `_ms`, sizes in `_bytes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GatewayOptions {
    /// Where clients connect: HTTP, WebSocket and pages on one port. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Allows `listen` beyond loopback although this port speaks no TLS: for a trusted network or behind a proxy that does.
    pub allow_insecure_lan: bool,
    /// The PEM file of this server's certificate with its chain: with it the port speaks TLS, and nothing else.
    pub tls_certificate: Option<PathBuf>,
    /// The PEM file of the private key that belongs to the certificate.
    pub tls_key: Option<PathBuf>,
    /// Web pages of other servers that may talk to this one, `https://shop.example`; its own always may.
    pub allowed_origins: Vec<String>,
    /// Threads, each with a listener and a link of its own. One suffices on two cores; a second made it slower there.
    pub threads: usize,
    /// The engine's Unix socket.
    pub engine_socket: PathBuf,
    /// The file with the secret that signs tokens (HS256); made at the first start where it is missing.
    pub token_secret: PathBuf,
    /// PEM files of further keys that may have signed a token: RSA (RS256), P-256 (ES256), Ed25519 (EdDSA).
    pub token_public_keys: Vec<PathBuf>,
    /// The `iss` that tokens must bear, where given.
    pub token_issuer: Option<String>,
    /// The `aud` that tokens must bear, where given.
    pub token_audience: Option<String>,
    /// An identity provider whose people may sign in and whose tokens are taken: its issuer, `https://login.example`.
    pub oidc_issuer: Option<String>,
    /// This market's name at the provider: the `aud` of its tokens.
    pub oidc_client_id: Option<String>,
    /// The file with the secret that the provider has given this client; a public client has none.
    pub oidc_client_secret: Option<PathBuf>,
    /// Where people come back to after they have signed in, as registered at the provider: the public address of this server
    /// with the path `/auth/callback`. Without it the pages do not sign in.
    pub oidc_redirect: Option<String>,
    /// How long a token for a page is good: 1 s to a day. A page fetches the next one by itself.
    pub oidc_token_ms: u64,
    /// How long somebody stays signed in: 1 s to 30 days.
    pub oidc_session_ms: u64,
    /// Requests a second that one account may send, on each thread; `rate_limited` beyond. 0: any number.
    pub account_rate: u32,
    /// ... and how many it may send at once beyond that.
    pub account_burst: u32,
    /// Requests and connections a second from one address (of IPv6: one network of 64 bits) that name no account; 0: any number.
    pub address_rate: u32,
    /// ... and how many at once beyond that.
    pub address_burst: u32,
    /// Proxies whose word of where a request comes from (`X-Forwarded-For`) is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// WebSockets at a time on each thread; further ones are refused with 503.
    pub connections_max: usize,
    /// Requests under way to the engine on each thread; `overloaded` beyond.
    pub pending_max: usize,
    /// Requests under way of one connection; `rate_limited` beyond.
    pub in_flight_max: usize,
    /// Channels that one connection may watch.
    pub subscriptions_max: usize,
    /// Event bytes that may wait for a slow watcher.
    pub watcher_bytes: usize,
    /// How often each connection hears a heartbeat.
    pub heartbeat_ms: u64,
    /// How long a client may take to send the head of a request, also between two requests, and again its body.
    pub request_within_ms: u64,
    /// How long a new connection may take to say `connect`.
    pub connect_within_ms: u64,
    /// How long a channel is followed after its last watcher has gone: people come back.
    pub linger_ms: u64,
    /// How long a shutdown waits for replies that are under way, and over which clients are asked to come back.
    pub drain_ms: u64,
    /// For benches: answers each `lot.bid` at once with a reply of the usual size, without an engine.
    pub echo: bool,
    /// For conformance suites: every WebSocket message is sent back as it came. Set by programs only, never by configuration.
    #[serde(skip)]
    pub echo_frames: bool,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7400)),
            allow_insecure_lan: false,
            tls_certificate: None,
            tls_key: None,
            allowed_origins: Vec::new(),
            threads: 1,
            engine_socket: PathBuf::from("data/engine.sock"),
            token_secret: PathBuf::from("data/token.secret"),
            token_public_keys: Vec::new(),
            token_issuer: None,
            token_audience: None,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret: None,
            oidc_redirect: None,
            oidc_token_ms: 900_000,
            oidc_session_ms: 43_200_000,
            account_rate: 10_000,
            account_burst: 20_000,
            address_rate: 20_000,
            address_burst: 100_000,
            trusted_proxies: Vec::new(),
            connections_max: 100_000,
            pending_max: 131_072,
            in_flight_max: limits::IN_FLIGHT,
            subscriptions_max: limits::SUBSCRIPTIONS,
            watcher_bytes: limits::WATCHER_BYTES,
            heartbeat_ms: limits::HEARTBEAT_MS,
            request_within_ms: 30_000,
            connect_within_ms: limits::CONNECT_WITHIN_MS,
            linger_ms: 30_000,
            drain_ms: 5_000,
            echo: false,
            echo_frames: false,
        }
    }
}

impl GatewayOptions {
    /// All limits and durations: what a reload cannot change.
    pub(crate) fn limits(&self) -> [u64; 14] {
        [
            u64::from(self.account_rate),
            u64::from(self.account_burst),
            u64::from(self.address_rate),
            u64::from(self.address_burst),
            self.connections_max as u64,
            self.pending_max as u64,
            self.in_flight_max as u64,
            self.subscriptions_max as u64,
            self.watcher_bytes as u64,
            self.heartbeat_ms,
            self.request_within_ms,
            self.connect_within_ms,
            self.linger_ms,
            self.drain_ms,
        ]
    }

    /// What concerns the identity provider, which a reload does not take up.
    pub(crate) fn oidc(&self) -> (Vec<Option<&str>>, Option<&PathBuf>, [u64; 2]) {
        let texts = [&self.oidc_issuer, &self.oidc_client_id, &self.oidc_redirect];
        let texts = texts.into_iter().map(Option::as_deref).collect();
        (texts, self.oidc_client_secret.as_ref(), [self.oidc_token_ms, self.oidc_session_ms])
    }

    fn validate_oidc(&self) -> Result<(), GatewayError> {
        let refused = |option, problem: String, remedy| Err(GatewayError::Option { option, problem, remedy });
        let Some(issuer) = &self.oidc_issuer else {
            let lonely = [
                ("gateway.oidc_client_id", self.oidc_client_id.is_some()),
                ("gateway.oidc_client_secret", self.oidc_client_secret.is_some()),
                ("gateway.oidc_redirect", self.oidc_redirect.is_some()),
            ];
            return match lonely.into_iter().find(|(_, is_set)| *is_set) {
                Some((option, _)) => refused(
                    option,
                    "there is no provider that it could be for".into(),
                    "set gateway.oidc_issuer, too",
                ),
                None => Ok(()),
            };
        };
        if !is_safe_url(issuer) || issuer.contains('?') {
            return refused(
                "gateway.oidc_issuer",
                format!("{issuer:?} is no issuer that can be believed"),
                "write it as the provider's description does: https://..., without query and fragment; http:// only on this machine",
            );
        }
        if self.token_issuer.as_ref() == Some(issuer) {
            return refused(
                "gateway.token_issuer",
                "it is gateway.oidc_issuer: the same tokens cannot be judged by two rules".into(),
                "leave gateway.token_issuer out, or give our own tokens another name",
            );
        }
        if self.oidc_client_id.as_ref().is_none_or(String::is_empty) {
            return refused(
                "gateway.oidc_client_id",
                "it is missing: tokens that the provider made for others would pass".into(),
                "set it to this market's client id at the provider",
            );
        }
        if let Some(redirect) = &self.oidc_redirect
            && !(is_safe_url(redirect) && redirect.ends_with(CALLBACK))
        {
            return refused(
                "gateway.oidc_redirect",
                format!("{redirect:?} is not this server's {CALLBACK}"),
                "write https://HOST/auth/callback as registered at the provider; http:// only on this machine",
            );
        }
        Ok(())
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// [`GatewayError::Option`], which names the option, the rule and the remedy.
    pub fn validate(&self) -> Result<(), GatewayError> {
        if !self.listen.ip().is_loopback() && !self.allow_insecure_lan && self.tls_certificate.is_none() {
            return Err(GatewayError::Option {
                option: "gateway.listen",
                problem: format!(
                    "{} is reachable from other machines and this port speaks no TLS",
                    self.listen
                ),
                remedy: "set gateway.tls_certificate and gateway.tls_key, or listen on 127.0.0.1 behind a proxy that speaks \
                         TLS, or, in a network that you trust, set gateway.allow_insecure_lan = true",
            });
        }
        if let Some(origin) =
            self.allowed_origins.iter().find(|origin| !is_origin(origin.trim_end_matches('/')))
        {
            return Err(GatewayError::Option {
                option: "gateway.allowed_origins",
                problem: format!("{origin:?} is no origin of a web page"),
                remedy: "write scheme and host, with the port where it is not the usual one: https://shop.example",
            });
        }
        self.validate_oidc()?;
        for (option, value, low, high) in [
            ("gateway.oidc_token_ms", self.oidc_token_ms as usize, 1_000, 86_400_000),
            ("gateway.oidc_session_ms", self.oidc_session_ms as usize, 1_000, 2_592_000_000),
            ("gateway.threads", self.threads, 1, 256),
            ("gateway.account_rate", self.account_rate as usize, 0, 10_000_000),
            ("gateway.account_burst", self.account_burst as usize, 0, 10_000_000),
            ("gateway.address_rate", self.address_rate as usize, 0, 10_000_000),
            ("gateway.address_burst", self.address_burst as usize, 0, 10_000_000),
            ("gateway.connections_max", self.connections_max, 1, 10_000_000),
            ("gateway.pending_max", self.pending_max, 1, 16_777_216),
            ("gateway.in_flight_max", self.in_flight_max, 1, 1_048_576),
            ("gateway.subscriptions_max", self.subscriptions_max, 1, 1_000_000),
            ("gateway.watcher_bytes", self.watcher_bytes, 4_096, 64 * 1024 * 1024),
            ("gateway.heartbeat_ms", self.heartbeat_ms as usize, 100, 600_000),
            ("gateway.request_within_ms", self.request_within_ms as usize, 100, 600_000),
            ("gateway.connect_within_ms", self.connect_within_ms as usize, 10, 600_000),
            ("gateway.linger_ms", self.linger_ms as usize, 0, 3_600_000),
            ("gateway.drain_ms", self.drain_ms as usize, 0, 600_000),
        ] {
            if value < low || value > high {
                return Err(GatewayError::Option {
                    option,
                    problem: format!("{value} is not between {low} and {high}"),
                    remedy: "choose a value in that range",
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused() {
        let check = |change: fn(&mut GatewayOptions), option: Option<&str>| {
            let mut options = GatewayOptions::default();
            change(&mut options);
            let named = options.validate().err().map(|error| match error {
                GatewayError::Option { option, .. } => option,
                other => panic!("{other}"),
            });
            assert_eq!(named, option);
        };
        check(|_| {}, None);
        check(|options| options.listen = SocketAddr::from(([0, 0, 0, 0], 1)), Some("gateway.listen"));
        check(
            |options| {
                options.listen = SocketAddr::from(([0, 0, 0, 0], 1));
                options.allow_insecure_lan = true;
            },
            None,
        );
        check(
            |options| {
                options.listen = SocketAddr::from(([0, 0, 0, 0], 1));
                options.tls_certificate = Some("certificate.pem".into());
            },
            None,
        );
        check(|options| options.allowed_origins = vec!["https://a.example".into()], None);
        check(|options| options.allowed_origins = vec!["*".into()], Some("gateway.allowed_origins"));
        check(|options| options.threads = 0, Some("gateway.threads"));
        check(|options| options.heartbeat_ms = 1, Some("gateway.heartbeat_ms"));
    }

    #[test]
    fn what_is_refused_of_a_provider() {
        let check = |change: fn(&mut GatewayOptions), option: Option<&str>| {
            let mut options = GatewayOptions {
                oidc_issuer: Some("https://login.example".into()),
                oidc_client_id: Some("market".into()),
                oidc_redirect: Some("https://market.example/auth/callback".into()),
                ..GatewayOptions::default()
            };
            change(&mut options);
            let named = options.validate().err().map(|error| match error {
                GatewayError::Option { option, .. } => option,
                other => panic!("{other}"),
            });
            assert_eq!(named, option);
        };
        check(|_| {}, None);
        check(|options| options.oidc_redirect = None, None);
        check(|options| options.oidc_issuer = None, Some("gateway.oidc_client_id"));
        check(
            |options| options.oidc_issuer = Some("http://login.example".into()),
            Some("gateway.oidc_issuer"),
        );
        check(
            |options| options.oidc_issuer = Some("https://login.example?x".into()),
            Some("gateway.oidc_issuer"),
        );
        check(|options| options.token_issuer = options.oidc_issuer.clone(), Some("gateway.token_issuer"));
        check(|options| options.oidc_client_id = None, Some("gateway.oidc_client_id"));
        check(
            |options| options.oidc_redirect = Some("https://market.example/".into()),
            Some("gateway.oidc_redirect"),
        );
        check(
            |options| options.oidc_redirect = Some("http://market.example/auth/callback".into()),
            Some("gateway.oidc_redirect"),
        );
        check(|options| options.oidc_token_ms = 0, Some("gateway.oidc_token_ms"));
        check(|options| options.oidc_session_ms = u64::MAX, Some("gateway.oidc_session_ms"));
    }

    #[test]
    fn unknown_options_are_refused() {
        assert!(serde_json::from_str::<GatewayOptions>(r#"{"lisen":"127.0.0.1:1"}"#).is_err());
        let options: GatewayOptions = serde_json::from_str(r#"{"threads":2}"#).unwrap();
        assert_eq!(options, GatewayOptions { threads: 2, ..GatewayOptions::default() });
    }
}
