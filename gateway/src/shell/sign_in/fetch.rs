//! Asks a provider something over HTTP: one connection a question, no redirects, bounded in time and size.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an answer may take, from the name's look-up to the last byte.
const WITHIN: Duration = Duration::from_secs(10);
/// The longest answer, in bytes: descriptions and key sets have about ten thousand.
const ANSWER_BYTES: usize = 256 * 1024;

/// What a provider answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Asks over HTTP.
pub(super) struct Fetch {
    tls: TlsConnector,
}

impl Fetch {
    /// Trusts the system's authorities (`SSL_CERT_FILE` names others).
    ///
    /// # Errors
    /// What TLS says, for the log.
    pub(super) fn new() -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        // An authority of the system's that cannot be read is one less; the rest is trusted as before.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// `GET`, for what has to be there.
    ///
    /// # Errors
    /// Why there is no answer, or that its status is not 200.
    pub(super) async fn get(&self, url: &str) -> Result<Bytes, String> {
        let request = Request::get(url).body(Full::default()).map_err(|error| error.to_string())?;
        let answer = self.ask(request).await?;
        if answer.status != StatusCode::OK {
            return Err(format!("{url} answers {}", answer.status));
        }
        Ok(answer.body)
    }

    /// Sends a request whose target is a whole address.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(super) async fn ask(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let uri = request.uri().clone();
        let place = uri.authority().map(ToString::to_string).unwrap_or_default();
        match tokio::time::timeout(WITHIN, self.converse(&uri, request)).await {
            Ok(answer) => answer.map_err(|why| format!("{place}: {why}")),
            Err(_) => Err(format!("{place}: no answer within {} s", WITHIN.as_secs())),
        }
    }

    async fn converse(&self, uri: &Uri, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(|error| error.to_string())?;
        if !is_tls {
            return exchange(stream, uri, request).await;
        }
        let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
        let stream = self.tls.connect(name, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, uri, request).await
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
    uri: &Uri,
    mut request: Request<Full<Bytes>>,
) -> Result<Answer, String> {
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let carried = tokio::task::spawn_local(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    *request.uri_mut() = path.parse().map_err(|_| "an address that cannot be asked for".to_owned())?;
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
    request.headers_mut().insert(header::HOST, host);
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let answer = sender.send_request(request).await.map_err(text)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
    carried.abort();
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    Ok(Answer { status, body })
}
