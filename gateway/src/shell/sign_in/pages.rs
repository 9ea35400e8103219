//! The paths below `/auth/`. A browser keeps two cookies for us, sealed: the attempt, until it comes back from the provider, and
//! the session, for which it is given short-lived tokens. Scripts see neither cookie.

use std::rc::Rc;

use hyper::body::Incoming;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::time::write_rfc3339;
use vendue_protocol::wire::{Code, WireError};

use super::{NoToken, SignIn};
use crate::core::{HttpReply, HttpRequest, query_params};
use crate::oidc::account_of;
use crate::oidc::attempt::{Attempt, Session};
use crate::oidc::provider::ProviderClaims;
use crate::oidc::seal::Seal;
use crate::origin::Judged;
use crate::shell::http::{Reply, ask, bearer, from_core, json as json_reply, problem};
use crate::shell::worker::Worker;

/// How long the house's own token lives, with which an account is made, in seconds.
const HOUSE_TOKEN_S: i64 = 60;

/// Why somebody who comes back is not signed in: what the page is told in `?sign_in=`.
#[derive(Debug, Clone, Copy)]
enum Failure {
    /// The person, or the provider, said no.
    Denied,
    /// The attempt is over, of another browser, or was answered before.
    Expired,
    /// The provider or the engine is away: trying again helps.
    Unavailable,
    /// What the provider said does not hold.
    Failed,
}

impl Failure {
    const fn word(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
            Self::Failed => "failed",
        }
    }
}

/// Who has signed in, by the provider's token or by a session's.
struct Person {
    account: AccountId,
    since: i64,
}

/// Answers a request below `/auth/`.
pub(crate) async fn answer(worker: &Rc<Worker>, judged: Judged, request: Request<Incoming>) -> Reply {
    let path = request.uri().path().to_owned();
    let (is_get, is_post) = (*request.method() == Method::GET, *request.method() == Method::POST);
    if path == "/auth/session" && is_get && worker.sign_in.is_none() {
        return json_reply(StatusCode::OK, json!({"sign_in": null, "account": null}).to_string());
    }
    let Some(sign_in) = worker.sign_in.clone() else {
        return problem(&WireError::new(Code::NotFound).saying("this market has no identity provider"));
    };
    let desk = Desk { worker, sign_in };
    // What a page asks for is for this server's own pages; a browser's visit has no origin, and changes nothing but cookies.
    match path.as_str() {
        "/auth/login" if is_get => desk.login(request.uri().query().unwrap_or_default()),
        "/auth/callback" if is_get => {
            desk.callback(request.headers(), request.uri().query().unwrap_or_default()).await
        }
        "/auth/session" | "/auth/logout" if judged != Judged::Own => {
            problem(&WireError::new(Code::Forbidden).saying("for this server's own pages"))
        }
        "/auth/session" if is_get => desk.session(request.headers()),
        "/auth/session" if is_post => desk.take_token(request.headers()).await,
        "/auth/logout" if is_post => desk.logout(),
        _ => problem(&WireError::new(Code::NotFound).saying("there is nothing at this path")),
    }
}

/// What answers one request.
struct Desk<'a> {
    worker: &'a Rc<Worker>,
    sign_in: SignIn,
}

impl Desk<'_> {
    /// `GET /auth/login?return=/path`: to the provider.
    fn login(&self, query: &str) -> Reply {
        let Some(redirect) = &self.sign_in.redirect else {
            return problem(
                &WireError::new(Code::NotFound).saying("the pages do not sign in (gateway.oidc_redirect)"),
            );
        };
        let metadata = self.sign_in.metadata.borrow().clone();
        let (Some(metadata), Ok(params)) = (metadata, query_params(query)) else {
            return self.back("/", Err(Failure::Unavailable));
        };
        let back = params.get("return").and_then(Value::as_str).unwrap_or("/");
        let attempt = Attempt::new(self.now_s(), back);
        let Some(sealed) = self.seal("attempt").close(&attempt) else {
            return problem(&WireError::new(Code::Internal));
        };
        let mut reply = see_other(&attempt.url(&metadata, &self.sign_in.provider.client_id, redirect));
        self.set_cookie(&mut reply, "attempt", &sealed, attempt.until - self.now_s());
        reply
    }

    /// `GET /auth/callback?code=...&state=...`: back from the provider.
    async fn callback(&self, headers: &HeaderMap, query: &str) -> Reply {
        let attempt: Option<Attempt> =
            self.cookie(headers, "attempt").and_then(|text| self.seal("attempt").open(text));
        let back = attempt.as_ref().map_or("/", |attempt| attempt.back.as_str()).to_owned();
        let signed_in = match attempt {
            Some(attempt) => self.signed_in(&attempt, query).await,
            None => Err(Failure::Expired),
        };
        let mut reply = self.back(&back, signed_in.as_ref().map(|_| ()).map_err(|why| *why));
        if let Ok(person) = signed_in {
            let session_s = (self.worker.options.oidc_session_ms / 1_000) as i64;
            let until = person.since + session_s;
            let session = Session { account: person.account.to_string(), since: person.since, until };
            if let Some(sealed) = self.seal("session").close(&session) {
                self.set_cookie(&mut reply, "session", &sealed, session_s);
            }
        }
        self.set_cookie(&mut reply, "attempt", "", 0);
        reply
    }

    async fn signed_in(&self, attempt: &Attempt, query: &str) -> Result<Person, Failure> {
        let params = query_params(query).map_err(|_| Failure::Failed)?;
        let param = |name: &str| params.get(name).and_then(Value::as_str);
        if !attempt.is_answered_by(param("state").unwrap_or_default(), self.now_s()) {
            return Err(Failure::Expired);
        }
        let metadata = self.sign_in.metadata.borrow().clone().ok_or(Failure::Unavailable)?;
        let issuer = param("iss");
        if issuer.is_some_and(|issuer| issuer != metadata.issuer)
            || issuer.is_none() && metadata.authorization_response_iss_parameter_supported
        {
            return Err(self.failed("the answer is another provider's (iss)"));
        }
        if let Some(error) = param("error") {
            tracing::info!(error = error.chars().take(64).collect::<String>(), "somebody did not sign in");
            return Err(Failure::Denied);
        }
        let code = param("code").ok_or_else(|| self.failed("the answer has no code"))?;
        let token = self.sign_in.exchange(code.to_owned(), attempt.verifier.clone()).await;
        let token = token.map_err(|no_token| {
            let (why, failure) = match no_token {
                NoToken::Refused(why) => (why, Failure::Failed),
                NoToken::Unavailable(why) => (why, Failure::Unavailable),
            };
            tracing::warn!(why, "a code could not be exchanged");
            failure
        })?;
        let claims = self.sign_in.provider.check(&token, self.worker.now()).map_err(|error| {
            tracing::warn!(code = error.code.as_str(), why = %error.message, "the identity provider's token does not hold");
            Failure::Failed
        })?;
        if claims.nonce.as_deref() != Some(&attempt.nonce) {
            return Err(self.failed("the token was made for another attempt (nonce)"));
        }
        let account = self.account(&claims).await.map_err(|reply| {
            tracing::warn!(status = reply.status, "an account could not be made");
            Failure::Unavailable
        })?;
        Ok(Person { account, since: self.now_s() })
    }

    fn failed(&self, why: &'static str) -> Failure {
        tracing::warn!(why, "somebody could not be signed in");
        Failure::Failed
    }

    /// The account of a subject; made where it is the first time. What it may do is for the markets: a market of
    /// `open_registration` takes everybody as a bidder, others wait for an operator's grant.
    async fn account(&self, claims: &ProviderClaims) -> Result<AccountId, HttpReply> {
        let account = account_of(&self.sign_in.provider.issuer, &claims.sub);
        let wrong = || HttpReply::problem(&WireError::new(Code::Internal));
        let now = self.time().0 / 1_000_000;
        let keys = self.worker.live.borrow().keys.clone();
        let house = keys.mint(AccountId::HOUSE, now, now + HOUSE_TOKEN_S).map_err(|_| wrong())?;
        let ask_as_house = async |method, is_get, params: String, key: Option<&str>| {
            let request = HttpRequest { method, is_get, params: &params, key, bearer: Some(&house) };
            ask(self.worker, &request).await
        };
        let found = ask_as_house("account.get", true, format!("account={account}"), None).await;
        match found.status {
            200 => return Ok(account),
            404 => {}
            _ => return Err(found),
        }
        let body = json!({"account": account.to_string(), "name": claims.name()}).to_string();
        let key = format!("sign-in {:032x}", rand::random::<u128>());
        let made = ask_as_house("account.create", false, body, Some(&key)).await;
        // 409: somebody who signs in twice at once has made it meanwhile.
        if matches!(made.status, 200 | 409) { Ok(account) } else { Err(made) }
    }

    /// `GET /auth/session`: who is signed in, with a token for the API.
    fn session(&self, headers: &HeaderMap) -> Reply {
        let session: Option<Session> =
            self.cookie(headers, "session").and_then(|text| self.seal("session").open(text));
        let session = session.filter(|session| self.now_s() < session.until);
        let person = session.as_ref().and_then(|session| {
            let account = session.account.parse().ok()?;
            Some((Person { account, since: session.since }, session.until))
        });
        match person {
            Some((person, until)) => self.welcome(&person, Some(until)),
            None => {
                let sign_in = self.sign_in.redirect.as_ref().map(|_| "/auth/login");
                json_reply(StatusCode::OK, json!({"sign_in": sign_in, "account": null}).to_string())
            }
        }
    }

    /// `POST /auth/session` with a token of the provider's: one of ours, without a cookie; for programs.
    async fn take_token(&self, headers: &HeaderMap) -> Reply {
        let Some(token) = bearer(headers) else { return problem(&WireError::new(Code::Unauthenticated)) };
        let claims = match self.sign_in.provider.check(token, self.worker.now()) {
            Ok(claims) => claims,
            Err(error) => return problem(&error),
        };
        match self.account(&claims).await {
            Ok(account) => {
                let until = claims.expires_at().0 / 1_000_000;
                self.welcome(&Person { account, since: claims.issued_s() }, Some(until))
            }
            Err(reply) => from_core(reply),
        }
    }

    /// A new token of ours, which ends with the session at the latest.
    fn welcome(&self, person: &Person, session_until: Option<i64>) -> Reply {
        let token_s = (self.worker.options.oidc_token_ms / 1_000) as i64;
        // The engine's clock judges the token, ours the session.
        let left = session_until.map_or(token_s, |until| (until - self.now_s()).clamp(0, token_s));
        let until = self.time().0 / 1_000_000 + left;
        let keys = self.worker.live.borrow().keys.clone();
        let Ok(token) = keys.mint(person.account, person.since, until) else {
            return problem(&WireError::new(Code::Internal));
        };
        let instant = |seconds: i64| {
            let mut text = Vec::new();
            write_rfc3339(&mut text, Timestamp(seconds.saturating_mul(1_000_000)));
            String::from_utf8(text).unwrap_or_default()
        };
        let body = json!({
            "sign_in": self.sign_in.redirect.as_ref().map(|_| "/auth/login"),
            "account": person.account.to_string(),
            "token": token,
            "expires_at": instant(until),
            "session_ends_at": session_until.map(instant),
        });
        json_reply(StatusCode::OK, body.to_string())
    }

    /// `POST /auth/logout`: this browser forgets the session; the page may go on to the provider's own place to sign out.
    fn logout(&self) -> Reply {
        let metadata = self.sign_in.metadata.borrow().clone();
        let place = metadata.and_then(|metadata| metadata.end_session_endpoint.clone());
        let mut reply = json_reply(StatusCode::OK, json!({ "end_session": place }).to_string());
        self.set_cookie(&mut reply, "session", "", 0);
        reply
    }

    /// Back to the pages; they are told what went wrong.
    fn back(&self, path: &str, outcome: Result<(), Failure>) -> Reply {
        match outcome {
            Ok(()) => see_other(path),
            Err(why) => {
                let (path, _fragment) = path.split_once('#').unwrap_or((path, ""));
                let join = if path.contains('?') { '&' } else { '?' };
                see_other(&format!("{path}{join}sign_in={}", why.word()))
            }
        }
    }

    /// Our own clock, in seconds.
    fn now_s(&self) -> i64 {
        self.worker.now().0 / 1_000_000
    }

    /// The engine's clock, by which tokens are judged.
    fn time(&self) -> Timestamp {
        self.worker.core.borrow_mut().time(self.worker.now())
    }

    fn seal(&self, purpose: &str) -> Seal {
        self.worker.live.borrow().keys.seal(purpose)
    }

    /// A cookie's whole name. By TLS the browser itself sees to it that no other server and no other way sets it (RFC 6265bis).
    fn cookie_name(&self, name: &str) -> String {
        let is_tls = self.sign_in.redirect.as_ref().is_some_and(|url| url.starts_with("https:"));
        if is_tls { format!("__Host-vendue_{name}") } else { format!("vendue_{name}") }
    }

    fn cookie<'h>(&self, headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
        let name = self.cookie_name(name);
        let all = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        all.flat_map(|value| value.split(';')).find_map(|pair| {
            let (one, value) = pair.trim().split_once('=')?;
            (one == name).then_some(value)
        })
    }

    /// Sets a cookie for so many seconds; 0 removes it. `Lax`, since the way back from the provider begins at the provider.
    fn set_cookie(&self, reply: &mut Reply, name: &str, value: &str, seconds: i64) {
        let name = self.cookie_name(name);
        let secure = if name.starts_with("__Host-") { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        if let Ok(mut value) = HeaderValue::from_str(&text) {
            value.set_sensitive(true);
            reply.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

fn see_other(place: &str) -> Reply {
    let mut reply = json_reply(StatusCode::SEE_OTHER, "");
    reply.headers_mut().remove(header::CONTENT_TYPE);
    if let Ok(place) = HeaderValue::from_str(place) {
        reply.headers_mut().insert(header::LOCATION, place);
    }
    reply
}
