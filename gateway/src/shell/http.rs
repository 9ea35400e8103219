//! HTTP on the one port: the upgrade to WebSocket, the API, probes, metrics, pages.

use std::convert::Infallible;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use vendue_protocol::domain::amount::CURRENCIES;
use vendue_protocol::wire::limits::FRAME_BYTES;
use vendue_protocol::wire::{Code, Encoding, WireError};

use crate::core::{HttpAnswer, HttpReply, HttpRequest};
use crate::metrics::Metrics;
use crate::origin::Judged;
use crate::shell::worker::Worker;
use crate::shell::{documents, pages, socket, tls};

/// How long a client may take to send a request's head, also between requests.
const HEAD_WITHIN: Duration = Duration::from_secs(30);
/// How long a client may take for the handshake of TLS.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// How long a client may take to send a request's body.
const BODY_WITHIN: Duration = Duration::from_secs(30);
/// The largest head of a request, in bytes.
const HEAD_BYTES: usize = 32 * 1024;
/// HTTP connections of one thread that are no WebSockets (yet).
const HTTP_CONNECTIONS: usize = 4_096;
/// How long to wait when the system has no socket for us (too many open files).
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What the pages may do: their own scripts and styles, images of lots from anywhere safe, talking to this server.
const CONTENT_SECURITY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
    font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Browsers come back by TLS for so long: 180 days.
const TRANSPORT_SECURITY: &str = "max-age=15552000";

type Reply = Response<Full<Bytes>>;

/// Accepts clients for ever.
pub(super) async fn accept(worker: &Rc<Worker>, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) if worker.http_open.get() < HTTP_CONNECTIONS => {
                // Small frames go at once; we gather them ourselves.
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(serve(Rc::clone(worker), stream, peer.ip()));
            }
            Ok((stream, peer)) => {
                tracing::warn!(%peer, "too many HTTP connections");
                drop(stream);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

async fn serve(worker: Rc<Worker>, mut stream: TcpStream, peer: IpAddr) {
    worker.http_open.set(worker.http_open.get() + 1);
    let tls = worker.live.borrow().tls.clone();
    match tls {
        None => converse(&worker, stream, peer).await,
        Some(config) => {
            let handshake = async {
                if !tls::is_handshake(&mut stream).await {
                    return None;
                }
                // A client that does not trust us, or speaks something old, says so to its own user.
                TlsAcceptor::from(config).accept(stream).await.ok()
            };
            if let Ok(Some(stream)) = tokio::time::timeout(HANDSHAKE_WITHIN, handshake).await {
                converse(&worker, stream, peer).await;
            }
        }
    }
    worker.http_open.set(worker.http_open.get() - 1);
}

async fn converse(
    worker: &Rc<Worker>,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
) {
    let service = service_fn(|request| answer(Rc::clone(worker), request, peer));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A client that breaks off has gone: nobody is left to be told.
    let _ = connection.await;
}

/// Where a request comes from: what the nearest proxy that is not ours says, else the connection's other end.
fn address(worker: &Worker, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let trusted = &worker.options.trusted_proxies;
    if !trusted.contains(&peer) {
        return peer;
    }
    let told = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<IpAddr> =
        told.flat_map(|line| line.split(',')).filter_map(|hop| hop.trim().parse().ok()).collect();
    hops.into_iter().rev().find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

async fn answer(worker: Rc<Worker>, request: Request<Incoming>, peer: IpAddr) -> Result<Reply, Infallible> {
    worker.all_metrics[worker.index].http_requests.add(1);
    let address = address(&worker, request.headers(), peer);
    // Whoever names an account is counted there.
    if bearer(request.headers()).is_none()
        && let Err(error) = worker.core.borrow_mut().admit(worker.now(), Some(address))
    {
        return Ok(problem(&error));
    }
    let path = request.uri().path().to_owned();
    let origin = header_text(request.headers(), header::ORIGIN).map(str::to_owned);
    let judged = judge(&worker, request.headers(), request.uri());
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let mut reply = match path.as_str() {
        "/ws" if judged == Judged::Foreign => foreign(),
        "/ws" => upgrade(&worker, request, address),
        _ if *request.method() == Method::OPTIONS && judged == Judged::Named => preflight(),
        "/v1/currencies" if is_get => json(StatusCode::OK, currencies()),
        "/livez" if is_get => text(StatusCode::OK, "ok\n"),
        "/readyz" if is_get => ready(&worker),
        "/metrics" if is_get => text(StatusCode::OK, Metrics::render(&worker.all_metrics)),
        "/version" if is_get => {
            json(StatusCode::OK, format!("{{\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION")))
        }
        // The public keys by the name under which people look for them.
        _ => match path
            .strip_prefix("/v1/")
            .map(|method| if method == "keys" { "notary.keys" } else { method })
        {
            Some(method) => call(&worker, method, request).await,
            None if is_get => page(&path),
            None => problem(&WireError::new(Code::NotFound).saying("there is nothing at this path")),
        },
    };
    let headers = reply.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if worker.options.tls_certificate.is_some() {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TRANSPORT_SECURITY));
    }
    if judged == Judged::Named
        && let Some(origin) = origin.and_then(|origin| HeaderValue::from_str(&origin).ok())
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }
    Ok(reply)
}

fn header_text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).map(|value| value.to_str().unwrap_or_default())
}

/// What the page that asks is to this server.
fn judge(worker: &Worker, headers: &HeaderMap, uri: &hyper::Uri) -> Judged {
    let origin = header_text(headers, header::ORIGIN);
    // An absolute request target overrides the header (RFC 9112 section 3.2.2).
    let host = uri.authority().map(hyper::http::uri::Authority::as_str);
    let host = host.or_else(|| header_text(headers, header::HOST));
    worker.live.borrow().origins.judge(origin, host)
}

fn foreign() -> Reply {
    let error = WireError::new(Code::Forbidden)
        .saying("this web page may not connect here; the operator can name it in gateway.allowed_origins");
    problem(&error)
}

/// What a page of another server may send (the Fetch standard, "CORS-preflight fetch").
fn preflight() -> Reply {
    let mut reply = with_status(Response::new(Full::default()), StatusCode::NO_CONTENT);
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, idempotency-key"),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
    ] {
        reply.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    reply
}

fn with_type(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    with_type(status, "application/json", body)
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    with_type(status, "text/plain; charset=utf-8", body)
}

fn ready(worker: &Worker) -> Reply {
    if worker.core.borrow().is_ready() {
        text(StatusCode::OK, "ready\n")
    } else {
        let said = starting(&worker.options.engine_socket);
        let why = "the engine cannot be reached, or the gateway is about to end\n";
        text(StatusCode::SERVICE_UNAVAILABLE, said.unwrap_or_else(|| why.to_owned()))
    }
}

/// The most that is taken of what an engine says of its start, in bytes: a line.
const STARTING_BYTES: u64 = 512;
/// What was said longer ago is of an engine that is gone: one that starts says something twice a second.
const STARTING_FRESH: Duration = Duration::from_secs(5);

/// What an engine that is still starting says of itself in the file `<its socket>.starting`.
fn starting(engine_socket: &std::path::Path) -> Option<String> {
    use std::io::Read;
    let mut path = engine_socket.as_os_str().to_owned();
    path.push(".starting");
    let file = std::fs::File::open(path).ok()?;
    let age = file.metadata().ok()?.modified().ok()?.elapsed().unwrap_or_default();
    let mut line = String::new();
    file.take(STARTING_BYTES).read_to_string(&mut line).ok()?;
    (age < STARTING_FRESH).then(|| format!("the engine starts: {}\n", line.trim_end()))
}

fn currencies() -> String {
    let list: Vec<_> = CURRENCIES
        .iter()
        .map(|(code, exponent, name)| serde_json::json!({"code": code, "exponent": exponent, "name": name}))
        .collect();
    serde_json::json!({ "currencies": list }).to_string()
}

fn page(path: &str) -> Reply {
    if let Some((content_type, body)) = documents::find(path) {
        return of_page(with_type(StatusCode::OK, content_type, body), "no-cache");
    }
    let Some(page) = pages::find(path) else {
        return problem(&WireError::new(Code::NotFound).saying("there is nothing at this path"));
    };
    let cache = if page.is_immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    of_page(with_type(StatusCode::OK, page.content_type, page.body), cache)
}

/// What a browser may do with a page, and for how long it may keep it.
fn of_page(mut reply: Reply, cache: &'static str) -> Reply {
    let headers = reply.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    reply
}

fn from_core(reply: HttpReply) -> Reply {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let content_type = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = with_type(status, content_type, reply.body);
    if let Some(ms) = reply.retry_after_ms {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

fn problem(error: &WireError) -> Reply {
    from_core(HttpReply::problem(error))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// A call of the API: waits for the engine where it has to.
async fn call(worker: &Rc<Worker>, method: &str, request: Request<Incoming>) -> Reply {
    let is_get = *request.method() == Method::GET;
    if !is_get && *request.method() != Method::POST {
        let error = WireError::invalid("method", "GET or POST", Some(request.method().to_string()));
        return with_status(problem(&error), StatusCode::METHOD_NOT_ALLOWED);
    }
    let (parts, body) = request.into_parts();
    let body = if is_get {
        parts.uri.query().unwrap_or_default().to_owned()
    } else {
        match read_body(body).await {
            Ok(body) => body,
            Err(error) => return problem(&error),
        }
    };
    let key = parts.headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
    let request = HttpRequest { method, is_get, params: &body, key, bearer: bearer(&parts.headers) };
    let answer = worker.core.borrow_mut().http(worker.now(), &request);
    let waiting = match answer {
        HttpAnswer::Now(reply) => return from_core(reply),
        HttpAnswer::Later(waiting) => waiting,
    };
    let (sender, receiver) = oneshot::channel();
    worker.http_waiters.borrow_mut().insert(waiting, sender);
    let _gone = Forget { worker, waiting };
    worker.carry();
    match receiver.await {
        Ok(reply) => from_core(reply),
        Err(_) => problem(&WireError::new(Code::Unavailable)),
    }
}

/// Forgets a request whose caller has gone before its answer came.
struct Forget<'a> {
    worker: &'a Rc<Worker>,
    waiting: crate::core::Key,
}

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        if self.worker.http_waiters.borrow_mut().remove(&self.waiting).is_some() {
            self.worker.core.borrow_mut().forget_http(self.waiting);
        }
    }
}

async fn read_body(body: Incoming) -> Result<String, WireError> {
    let whole = tokio::time::timeout(BODY_WITHIN, Limited::new(body, FRAME_BYTES).collect());
    let bytes = match whole.await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Err(WireError::new(Code::PayloadTooLarge));
        }
        _ => return Err(WireError::invalid("body", "sent whole within 30 s", None)),
    };
    String::from_utf8(bytes.into()).map_err(|_| WireError::invalid("body", "UTF-8", None))
}

fn with_status(mut reply: Reply, status: StatusCode) -> Reply {
    *reply.status_mut() = status;
    reply
}

/// What an upgraded connection runs on: its socket, its TLS, and the plain bytes that were read too early.
fn carrier(upgraded: Upgraded) -> Option<(TcpStream, Option<tls::Session>, Bytes)> {
    match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => Some((parts.io.into_inner(), None, parts.read_buf)),
        Err(upgraded) => {
            let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
            let (stream, connection) = parts.io.into_inner().into_inner();
            Some((stream, Some(tls::Session::new(connection)), parts.read_buf))
        }
    }
}

/// `GET /ws`: the handshake (RFC 6455 section 4.2); what follows is the core's.
fn upgrade(worker: &Rc<Worker>, mut request: Request<Incoming>, address: IpAddr) -> Reply {
    let headers = request.headers();
    let has = |name: header::HeaderName, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    let is_upgrade = *request.method() == Method::GET
        && has(header::CONNECTION, "upgrade")
        && has(header::UPGRADE, "websocket")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let Some(accept) = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_upgrade) else {
        let error = WireError::invalid("request", "a WebSocket upgrade (RFC 6455, version 13)", None);
        let mut reply = with_status(problem(&error), StatusCode::UPGRADE_REQUIRED);
        reply.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        reply.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return reply;
    };
    let accept = derive_accept_key(accept.as_bytes());
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL).map(|value| value.to_str().unwrap_or_default());
    let has_offer = offered.is_some();
    let Some(encoding) = Encoding::negotiate(offered) else {
        let error = WireError::invalid(
            "Sec-WebSocket-Protocol",
            "vendue.v1.json or vendue.v1.msgpack",
            offered.map(str::to_owned),
        );
        return problem(&error);
    };
    let key =
        match worker.core.borrow_mut().accept_from(worker.now(), encoding, bearer(headers), Some(address)) {
            Ok(key) => key,
            Err(error) => return problem(&error),
        };
    let upgraded = hyper::upgrade::on(&mut request);
    let worker = Rc::clone(worker);
    tokio::task::spawn_local(async move {
        let Some((stream, session, read_already)) = upgraded.await.ok().and_then(carrier) else {
            return worker.core.borrow_mut().disconnect(worker.now(), key);
        };
        // A task of its own, so that nothing of the handshake is kept.
        tokio::task::spawn_local(socket::run(worker, key, stream, session, read_already));
    });
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if has_offer {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(encoding.subprotocol()));
    }
    reply
}
