//! What carries the core: threads with a listener, a link and a clock each. Nothing is decided here.

mod clock;
mod documents;
mod http;
mod limits;
mod link;
mod listener;
mod pages;
mod sign_in;
mod socket;
mod tls;
mod worker;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::auth::Keys;
use crate::error::GatewayError;
use crate::metrics::Metrics;
use crate::oidc::provider::Provider;
use crate::options::GatewayOptions;
use crate::origin::Origins;

/// What a running gateway takes anew when it is told to ([`GatewayHandle::reload`]).
#[derive(Debug, Clone)]
struct Live {
    keys: Arc<Keys>,
    tls: Option<Arc<rustls::ServerConfig>>,
    origins: Arc<Origins>,
}

impl Live {
    fn open(options: &GatewayOptions, provider: Option<Arc<Provider>>) -> Result<Self, GatewayError> {
        let keys = Arc::new(Keys::open(options)?.with_provider(provider));
        let origins = Arc::new(Origins::new(&options.allowed_origins));
        Ok(Self { keys, tls: tls::open(options)?, origins })
    }
}

/// A gateway.
#[derive(Debug)]
pub struct Gateway;

/// A running gateway. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct GatewayHandle {
    local_addr: SocketAddr,
    options: GatewayOptions,
    live: watch::Sender<Live>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
    metrics: Arc<[Arc<Metrics>]>,
    provider: Option<Arc<Provider>>,
}

impl Gateway {
    /// Starts a gateway: when this returns, clients can connect. The engine need not be there yet; requests wait for it
    /// until their deadlines.
    ///
    /// # Errors
    /// An option, key, address or thread that cannot be used: what, why and what to do.
    pub fn start(options: GatewayOptions) -> Result<GatewayHandle, GatewayError> {
        options.validate()?;
        limits::prepare(&options);
        let (listeners, local_addr) = listener::bind(&options)?;
        let metrics: Arc<[Arc<Metrics>]> = listeners.iter().map(|_| Arc::default()).collect();
        let (stop, stopped) = watch::channel(false);
        let mut threads = Vec::with_capacity(listeners.len() + 1);
        let sign_in = sign_in::start(&options, stopped.clone())?.map(|(sign_in, thread)| {
            threads.push(thread);
            sign_in
        });
        let provider = sign_in.as_ref().map(|sign_in| Arc::clone(&sign_in.provider));
        let (live, lives) = watch::channel(Live::open(&options, provider.clone())?);
        for (index, listener) in listeners.into_iter().enumerate() {
            let setup = worker::Setup {
                options: options.clone(),
                live: lives.clone(),
                all_metrics: Arc::clone(&metrics),
                index,
                listener,
                stopped: stopped.clone(),
                sign_in: sign_in.clone(),
            };
            let runtime = worker::runtime().map_err(GatewayError::Thread)?;
            let thread = std::thread::Builder::new()
                .name(format!("gateway-{index}"))
                .spawn(move || worker::run(&runtime, setup))
                .map_err(GatewayError::Thread)?;
            threads.push(thread);
        }
        tracing::info!(address = %local_addr, tls = options.tls_certificate.is_some(), "the gateway listens");
        Ok(GatewayHandle { local_addr, options, live, stop, threads, metrics, provider })
    }
}

impl GatewayHandle {
    /// Where it listens: the real port where port 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// All counters in Prometheus' text format, as `/metrics` says them.
    #[must_use]
    pub fn metrics(&self) -> String {
        Metrics::render(&self.metrics)
    }

    /// Takes keys, certificate and allowed origins anew, from the files that `options` name. Connections stay; new ones meet
    /// the new certificate, new tokens the new keys. Tells which other options differ: they need a restart.
    ///
    /// # Errors
    /// What cannot be used; then everything stays as it was.
    pub fn reload(&self, options: &GatewayOptions) -> Result<Vec<&'static str>, GatewayError> {
        options.validate()?;
        let mut waiting = Vec::new();
        if options.tls_certificate.is_some() != self.options.tls_certificate.is_some() {
            return Err(GatewayError::Option {
                option: "gateway.tls_certificate",
                problem: "whether the port speaks TLS cannot change while it is open".into(),
                remedy: "restart the gateway",
            });
        }
        self.live.send_replace(Live::open(options, self.provider.clone())?);
        for (option, differs) in [
            ("gateway.listen", options.listen != self.options.listen),
            ("gateway.threads", options.threads != self.options.threads),
            ("gateway.engine_socket", options.engine_socket != self.options.engine_socket),
            ("gateway.oidc_*", options.oidc() != self.options.oidc()),
            ("the limits of gateway", options.limits() != self.options.limits()),
        ] {
            if differs {
                waiting.push(option);
            }
        }
        Ok(waiting)
    }

    /// Ends it: clients are told when to come back, what is under way is answered (for `drain_ms` at most), sockets are
    /// closed. Blocks until all threads have ended.
    pub fn shutdown(mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the gateway had panicked");
            }
        }
    }
}

impl Drop for GatewayHandle {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}
