//! The thread that talks to the provider: its description and keys, kept fresh, and codes that become tokens.

use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::LocalSet;

use super::fetch::Fetch;
use crate::error::GatewayError;
use crate::oidc::discovery::{self, Metadata};
use crate::oidc::provider::Provider;
use crate::oidc::{form, form_encoded};
use crate::options::GatewayOptions;
use crate::shell::worker;

/// How often description and keys are asked for anew though nothing asks for it.
const REFRESH_EVERY: Duration = Duration::from_secs(3_600);
/// A token of a key that is not known has them asked for sooner, but never sooner than this: nobody's nonsense makes us knock
/// at the provider's door more often.
const REFRESH_AGAIN: Duration = Duration::from_secs(5);
/// How long we wait after the first failure; doubled with each further one.
const RETRY_FIRST: Duration = Duration::from_millis(250);
/// The longest wait after a failure.
const RETRY_MOST: Duration = Duration::from_secs(30);
/// People who come back from the provider at one moment, each with a code to be exchanged; further ones are asked to try again.
const EXCHANGES_MAX: usize = 64;
/// The longest secret of a client, in bytes.
const SECRET_BYTES_MAX: usize = 1_024;

/// A code to be made a token.
struct Exchange {
    code: String,
    verifier: String,
    token: oneshot::Sender<Result<String, NoToken>>,
}

/// Why a code has become no token, for the log: neither code nor token stands in it.
pub(super) enum NoToken {
    /// The provider has been asked and says no.
    Refused(String),
    /// It could not be asked.
    Unavailable(String),
}

impl From<String> for NoToken {
    fn from(why: String) -> Self {
        Self::Unavailable(why)
    }
}

/// What the gateway's threads know of the provider, and how they ask it.
#[derive(Clone)]
pub(crate) struct SignIn {
    pub(crate) provider: Arc<Provider>,
    /// Absent until the provider has been reached.
    pub(crate) metadata: watch::Receiver<Option<Arc<Metadata>>>,
    /// Where people come back to; absent: tokens of the provider are taken, and no page signs in.
    pub(crate) redirect: Option<Arc<str>>,
    exchanges: mpsc::Sender<Exchange>,
}

/// What the thread has.
struct Service {
    fetch: Fetch,
    provider: Arc<Provider>,
    redirect: String,
    secret: Option<String>,
    metadata: watch::Sender<Option<Arc<Metadata>>>,
}

/// Starts the thread, where a provider is configured. It need not be reachable yet.
///
/// # Errors
/// A secret that cannot be read, or a thread that cannot be started.
pub(crate) fn start(
    options: &GatewayOptions,
    stopped: watch::Receiver<bool>,
) -> Result<Option<(SignIn, JoinHandle<()>)>, GatewayError> {
    let (Some(issuer), Some(client_id)) = (&options.oidc_issuer, &options.oidc_client_id) else {
        return Ok(None);
    };
    let provider = Arc::new(Provider::new(issuer, client_id));
    let (metadata, known) = watch::channel(None);
    let (exchanges, asked) = mpsc::channel(EXCHANGES_MAX);
    let service = Service {
        fetch: Fetch::new().map_err(|why| GatewayError::Thread(std::io::Error::other(why)))?,
        provider: Arc::clone(&provider),
        redirect: options.oidc_redirect.clone().unwrap_or_default(),
        secret: options.oidc_client_secret.as_deref().map(read_secret).transpose()?,
        metadata,
    };
    let runtime = worker::runtime().map_err(GatewayError::Thread)?;
    let thread = std::thread::Builder::new()
        .name("gateway-oidc".into())
        .spawn(move || LocalSet::new().block_on(&runtime, service.run(asked, stopped)))
        .map_err(GatewayError::Thread)?;
    let redirect = options.oidc_redirect.as_deref().map(Arc::from);
    Ok(Some((SignIn { provider, metadata: known, redirect, exchanges }, thread)))
}

fn read_secret(path: &std::path::Path) -> Result<String, GatewayError> {
    let failed = |problem: String| GatewayError::Key {
        option: "gateway.oidc_client_secret",
        path: path.to_owned(),
        problem,
        remedy: "write the secret that the provider has given this client into it, readable by this process alone",
    };
    let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
    let secret = text.trim();
    if secret.is_empty() || secret.len() > SECRET_BYTES_MAX {
        return Err(failed(format!("it holds {} bytes, not 1 to {SECRET_BYTES_MAX}", secret.len())));
    }
    Ok(secret.to_owned())
}

impl SignIn {
    /// The provider's token for a code. Not judged yet.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) async fn exchange(&self, code: String, verifier: String) -> Result<String, NoToken> {
        let (token, answer) = oneshot::channel();
        let exchange = Exchange { code, verifier, token };
        self.exchanges.try_send(exchange).map_err(|_| "too many people sign in at this moment".to_owned())?;
        answer.await.unwrap_or_else(|_| Err("the gateway is about to end".to_owned().into()))
    }
}

impl Service {
    async fn run(self, mut asked: mpsc::Receiver<Exchange>, mut stopped: watch::Receiver<bool>) {
        let service = Rc::new(self);
        let refreshing = tokio::task::spawn_local(Rc::clone(&service).keep_fresh());
        let answering = async {
            while let Some(exchange) = asked.recv().await {
                tokio::task::spawn_local(Rc::clone(&service).answer(exchange));
            }
        };
        tokio::select! {
            () = answering => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        refreshing.abort();
    }

    async fn keep_fresh(self: Rc<Self>) {
        let mut retry = RETRY_FIRST;
        loop {
            let pause = match self.refresh().await {
                Ok(count) => {
                    tracing::info!(
                        issuer = self.provider.issuer,
                        keys = count,
                        "the identity provider's keys are read"
                    );
                    retry = RETRY_FIRST;
                    REFRESH_EVERY
                }
                Err(why) => {
                    tracing::warn!(
                        issuer = self.provider.issuer,
                        why,
                        "the identity provider cannot be asked; what is known of it stays"
                    );
                    let pause = retry;
                    retry = (retry * 2).min(RETRY_MOST);
                    pause
                }
            };
            let wanted = async {
                tokio::time::sleep(REFRESH_AGAIN).await;
                self.provider.wanted.notified().await;
            };
            let _ = tokio::time::timeout(pause, wanted).await;
        }
    }

    async fn refresh(&self) -> Result<usize, String> {
        let issuer = &self.provider.issuer;
        let metadata = discovery::read(&self.fetch.get(&discovery::url(issuer)).await?, issuer)?;
        let count = self.provider.set_keys(&self.fetch.get(&metadata.jwks_uri).await?)?;
        self.metadata.send_replace(Some(Arc::new(metadata)));
        Ok(count)
    }

    async fn answer(self: Rc<Self>, exchange: Exchange) {
        let token = self.exchange(&exchange.code, &exchange.verifier).await;
        // Whoever asked may have gone.
        let _ = exchange.token.send(token);
    }

    /// The token request (RFC 6749 section 4.1.3, RFC 7636 section 4.5).
    async fn exchange(&self, code: &str, verifier: &str) -> Result<String, NoToken> {
        #[derive(Deserialize)]
        struct Tokens {
            id_token: Option<String>,
            error: Option<String>,
        }
        let metadata = self
            .metadata
            .borrow()
            .clone()
            .ok_or_else(|| "the identity provider has not been reached yet".to_owned())?;
        let client_id = self.provider.client_id.as_str();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.redirect),
            ("code_verifier", verifier),
        ];
        let in_form = metadata.wants_secret_in_form();
        if in_form || self.secret.is_none() {
            fields.push(("client_id", client_id));
        }
        if let Some(secret) = self.secret.as_deref().filter(|_| in_form) {
            fields.push(("client_secret", secret));
        }
        let mut request = Request::post(&metadata.token_endpoint)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(form(&fields)))
            .map_err(|error| error.to_string())?;
        if let Some(secret) = self.secret.as_deref().filter(|_| !in_form) {
            request.headers_mut().insert(header::AUTHORIZATION, basic(client_id, secret)?);
        }
        let answer = self.fetch.ask(request).await?;
        let tokens: Tokens = serde_json::from_slice(&answer.body)
            .map_err(|_| format!("its token endpoint answers {} and no JSON", answer.status))?;
        match tokens.id_token {
            Some(token) if answer.status == StatusCode::OK => Ok(token),
            _ => {
                let error = tokens.error.unwrap_or_default();
                Err(NoToken::Refused(format!("its token endpoint answers {} {error:?}", answer.status)))
            }
        }
    }
}

/// Who we are, in a header (RFC 6749 section 2.3.1).
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, String> {
    let mut pair = String::new();
    form_encoded(&mut pair, client_id);
    pair.push(':');
    form_encoded(&mut pair, secret);
    let text = format!("Basic {}", BASE64_STANDARD.encode(pair));
    let mut value = HeaderValue::from_str(&text).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(value)
}
