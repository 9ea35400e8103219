//! One thread: its runtime, its core, and the tasks that carry bytes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::LocalSet;
use vendue_protocol::domain::time::Timestamp;

use crate::core::{Core, HttpReply, Key};
use crate::metrics::Metrics;
use crate::options::GatewayOptions;
use crate::shell::Live;
use crate::shell::clock::OwnClock;
use crate::shell::sign_in::SignIn;
use crate::shell::socket::Socket;
use crate::shell::{http, link};

/// How often the core hears that time passes.
const TICK: Duration = Duration::from_millis(50);
/// How long clients may take to answer the close frames of a shutdown.
const CLOSE_WITHIN: Duration = Duration::from_millis(500);
/// What is read from one socket at once, in bytes: a deep pipeline's worth, from one buffer for all sockets.
const READ_BYTES: usize = 128 * 1024;

/// What a thread begins with.
pub(super) struct Setup {
    pub(super) options: GatewayOptions,
    pub(super) live: watch::Receiver<Live>,
    pub(super) all_metrics: Arc<[Arc<Metrics>]>,
    pub(super) index: usize,
    pub(super) listener: std::net::TcpListener,
    pub(super) stopped: watch::Receiver<bool>,
    pub(super) sign_in: Option<SignIn>,
}

/// What the tasks of one thread share.
pub(super) struct Worker {
    pub(super) options: GatewayOptions,
    pub(super) core: RefCell<Core>,
    pub(super) sockets: RefCell<HashMap<Key, Rc<Socket>>>,
    pub(super) http_waiters: RefCell<HashMap<Key, oneshot::Sender<HttpReply>>>,
    pub(super) all_metrics: Arc<[Arc<Metrics>]>,
    pub(super) index: usize,
    pub(super) read_buffer: RefCell<Box<[u8]>>,
    /// What TLS has decrypted of one read; empty where the port speaks none.
    pub(super) plain_buffer: RefCell<Box<[u8]>>,
    /// Where people sign in, where there is such a place.
    pub(super) sign_in: Option<SignIn>,
    /// What can be replaced while it runs.
    pub(super) live: watch::Receiver<Live>,
    /// The link's task, where it waits for something to write.
    pub(super) link_waker: RefCell<Option<Waker>>,
    /// HTTP connections that have not become WebSockets.
    pub(super) http_open: Cell<usize>,
    clock: OwnClock,
    dirty: RefCell<Vec<Key>>,
    http_done: RefCell<Vec<(Key, HttpReply)>>,
}

impl Worker {
    #[inline]
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Carries what the core has put out: to sockets (one write each), to waiting HTTP requests, to the link.
    pub(super) fn carry(&self) {
        // Taken out, since a write that fails may put out more.
        let mut dirty = self.dirty.take();
        let mut done = self.http_done.take();
        {
            let mut core = self.core.borrow_mut();
            core.take_dirty(&mut dirty);
            core.take_http(&mut done);
        }
        for key in dirty.drain(..) {
            let socket = self.sockets.borrow().get(&key).cloned();
            if let Some(socket) = socket {
                socket.write(self, key);
            }
        }
        for (key, reply) in done.drain(..) {
            if let Some(waiter) = self.http_waiters.borrow_mut().remove(&key) {
                // Whoever asked may have gone.
                let _ = waiter.send(reply);
            }
        }
        self.dirty.replace(dirty);
        self.http_done.replace(done);
        if self.core.borrow().has_link_output()
            && let Some(waker) = self.link_waker.borrow_mut().take()
        {
            // The link's task comes after all tasks that are ready now: what they read goes in the same write.
            waker.wake();
        }
    }
}

/// A runtime for one thread.
pub(super) fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_io().enable_time().build()
}

/// Runs until it is told to stop, and drains.
pub(super) fn run(runtime: &Runtime, setup: Setup) {
    let local = LocalSet::new();
    local.block_on(runtime, serve(setup));
}

async fn serve(setup: Setup) {
    let listener = match TcpListener::from_std(setup.listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the listener cannot be used"),
    };
    let metrics = Arc::clone(&setup.all_metrics[setup.index]);
    let keys = Arc::clone(&setup.live.borrow().keys);
    let plain_bytes = if setup.live.borrow().tls.is_some() { READ_BYTES } else { 0 };
    let core = Core::new(setup.options.clone(), keys, metrics, rand::random());
    let worker = Rc::new(Worker {
        options: setup.options,
        core: RefCell::new(core),
        sockets: RefCell::default(),
        http_waiters: RefCell::default(),
        all_metrics: setup.all_metrics,
        index: setup.index,
        read_buffer: RefCell::new(vec![0; READ_BYTES].into_boxed_slice()),
        plain_buffer: RefCell::new(vec![0; plain_bytes].into_boxed_slice()),
        sign_in: setup.sign_in,
        live: setup.live,
        link_waker: RefCell::default(),
        http_open: Cell::new(0),
        clock: OwnClock::new(),
        dirty: RefCell::default(),
        http_done: RefCell::default(),
    });
    if !worker.options.echo {
        tokio::task::spawn_local(link::run(Rc::clone(&worker)));
    }
    tokio::task::spawn_local(tick(Rc::clone(&worker)));
    tokio::task::spawn_local(take_new_keys(Rc::clone(&worker)));
    let mut stopped = setup.stopped;
    tokio::select! {
        () = http::accept(&worker, listener) => {}
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    drain(&worker).await;
}

/// Gives the core the keys of each reload.
async fn take_new_keys(worker: Rc<Worker>) {
    let mut live = worker.live.clone();
    while live.changed().await.is_ok() {
        let keys = Arc::clone(&live.borrow_and_update().keys);
        worker.core.borrow_mut().set_keys(keys);
    }
}

async fn tick(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        worker.core.borrow_mut().tick(worker.now());
        worker.carry();
    }
}

/// The listener is closed; what is under way is answered, then every client is told goodbye.
async fn drain(worker: &Rc<Worker>) {
    worker.core.borrow_mut().drain(worker.now());
    worker.carry();
    let until = worker.now().plus_ms(worker.options.drain_ms);
    while worker.now() < until && !worker.core.borrow().is_drained() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    worker.core.borrow_mut().close_all(worker.now());
    worker.carry();
    let closing = async {
        while worker.core.borrow().connections() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(CLOSE_WITHIN, closing).await;
}
