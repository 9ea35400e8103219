//! The shell of a cell: threads, sockets, clocks and files around the synchronous cores. No rule of any market is here.
//!
//! | thread | what it does |
//! |---|---|
//! | shard 0 .. n (actix Arbiters) | host a [`Shard`](crate::shard::Shard) each; shard 0 reads the links too |
//! | journal | commits what waits, writes the replies |
//! | views | takes durable decisions in, answers queries, tells events |
//! | loader | reads actors from the state store, and outcomes of repeated keys from the journal |
//! | connector | asks the world outside for payments, when what asks is durable |
//! | archive | copies durable segments to the archive directory, where there is one |
//! | keeper | checkpoints, sealed key lists, passivation |

mod archiver;
mod files;
mod host;
mod keeper;
mod links;
mod loader;
mod release;
mod server;
mod views_thread;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::SystemClock;
use crate::commit::Committer;
use crate::connector::{ManualConnector, PaymentConnector};
use crate::error::EngineError;
use crate::options::EngineOptions;
use crate::recovery::{Recovered, Sources, recover};
use files::Files;
use host::{ShardActor, ShardAddr, ShardMessage};
use links::Links;
use loader::LoaderHandle;

/// The engine of one cell.
pub struct Engine;

/// What every thread of a running cell shares.
struct Shared {
    options: Arc<EngineOptions>,
    clock: SystemClock,
    committer: Arc<Committer>,
    links: Arc<Links>,
    shards: Arc<std::sync::OnceLock<Vec<ShardAddr>>>,
    views: crossbeam::channel::Sender<views_thread::ViewsMessage>,
    loader: LoaderHandle,
    failed: Arc<AtomicBool>,
    cell: u128,
    directory: Arc<crate::directory::Directory>,
    epoch: u64,
}

impl Shared {
    fn shard(&self, number: u16) -> Option<&ShardAddr> {
        self.shards.get().and_then(|shards| shards.get(usize::from(number)))
    }
}

impl Engine {
    /// Runs a cell on the calling thread until `shutdown` resolves or the cell fails. `ready` is called when gateways can
    /// connect.
    ///
    /// # Errors
    /// Why it could not start (nothing was changed), or why it stopped (everything acknowledged is durable).
    pub fn run(
        options: EngineOptions,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()> + 'static,
    ) -> Result<(), EngineError> {
        Self::run_with(options, Arc::new(ManualConnector), ready, shutdown)
    }

    /// The same, with payments collected by `connector`.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn run_with(
        mut options: EngineOptions,
        connector: Arc<dyn PaymentConnector>,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()> + 'static,
    ) -> Result<(), EngineError> {
        options.validate()?;
        // Asked of the system once: it reads files to answer, and every frame wants to know.
        options.shards = options.shard_count();
        let options = Arc::new(options);
        let files = Files::open(&options)?;
        let recovered = recover(
            &options,
            &Sources {
                journal: &*files.reader,
                store: &*files.store,
                older_keys: files.key_lists.clone(),
                keys_listed: files.keys_listed,
                seal: files.vault.clone(),
                open: files.vault.clone(),
            },
        )?;
        let clock = SystemClock::start(recovered.last_time, options.allow_clock_behind)?;
        let report = recovered.report;
        tracing::info!(
            stored = report.stored_actors,
            from = report.replayed_from,
            records = report.replayed_records,
            last = report.last_position,
            effects = report.effects,
            payments = connector.name(),
            "recovered"
        );
        let system = actix::System::new();
        system.block_on(run_cell(options, files, recovered, clock, connector, ready, shutdown))
    }
}

async fn run_cell(
    options: Arc<EngineOptions>,
    files: Files,
    recovered: Recovered,
    clock: SystemClock,
    connector: Arc<dyn PaymentConnector>,
    ready: impl FnOnce(),
    shutdown: impl Future<Output = ()>,
) -> Result<(), EngineError> {
    let Recovered { shards, views, directory, genesis, last_time, outstanding, .. } = recovered;
    let Files { lock, journal, reader, store, key_lists, vault: _, keys_listed: _, listed } = files;
    let epoch = journal.epoch;
    let links = Arc::new(Links::default());
    let failed = Arc::new(AtomicBool::new(false));
    let (failure_sender, failure) = tokio::sync::oneshot::channel();
    let (views_sender, views_receiver) = crossbeam::channel::bounded(views_thread::QUEUE_MAX);
    let addresses: Arc<std::sync::OnceLock<Vec<ShardAddr>>> = Arc::default();
    let (requests, asking) = crate::connector::channel();
    let release = release::Told {
        requests,
        links: links.clone(),
        views: views_sender.clone(),
        shards: addresses.clone(),
        failed: failed.clone(),
        failure: std::sync::Mutex::new(Some(failure_sender)),
    };
    let committer = Arc::new(Committer::new(journal.journal, Box::new(release), true));
    let (loader, loader_receiver) = LoaderHandle::channel();
    let shared = Arc::new(Shared {
        options: options.clone(),
        clock,
        committer: committer.clone(),
        links: links.clone(),
        shards: addresses.clone(),
        views: views_sender,
        loader,
        failed: failed.clone(),
        cell: genesis.cell,
        directory,
        epoch,
    });

    let mut threads = Vec::new();
    let committing = committer.clone();
    threads.push(spawn("journal", move || committing.run())?);
    let viewing = shared.clone();
    threads.push(spawn("views", move || views_thread::run(&viewing, views, &views_receiver))?);
    let loading = shared.clone();
    let loader_store = store.clone();
    let loader_reader = reader.clone();
    threads.push(spawn("loader", move || {
        loader::run(&loading, &*loader_store, &*loader_reader, &loader_receiver)
    })?);

    let (over, payments) = (failed.clone(), reader.clone());
    threads.push(spawn("connector", move || {
        asking.run(&*connector, &outstanding, &*payments, || over.load(Ordering::Acquire))
    })?);

    let arbiters: Vec<_> = shards.iter().map(|_| actix::Arbiter::new()).collect();
    let hosts = shards
        .into_iter()
        .zip(&arbiters)
        .map(|(shard, arbiter)| ShardActor::start_in(arbiter, shared.clone(), shard, last_time));
    let hosts: Vec<ShardAddr> = hosts.collect();
    let _ = addresses.set(hosts);
    if let Some(first) = shared.shard(0) {
        first
            .send(ShardMessage::Begin(options.shard_count()))
            .await
            .map_err(|_| EngineError::Thread("shard 0"))?;
    }
    for number in 0..options.shard_count() {
        if let Some(shard) = shared.shard(number) {
            shard.send(ShardMessage::Recovered).await.map_err(|_| EngineError::Thread("shard"))?;
        }
    }
    if !options.archive.as_os_str().is_empty() {
        let (archive, journal) = (options.archive.clone(), options.data_dir.join("journal"));
        let (over, reader) = (failed.clone(), reader.clone());
        let _not_joined = spawn("archive", move || archiver::run(&archive, &journal, &reader, &over))?;
    }
    let keeping = shared.clone();
    threads.push(spawn("keeper", move || keeper::run(&keeping, &*store, &key_lists, &*reader, listed))?);

    let path = options.link_path();
    let serving = server::bind(&path)?;
    if let Some(arbiter) = arbiters.first() {
        let server = shared.clone();
        arbiter.spawn(server::serve(server, serving));
    }
    ready();
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        error = failure => Err(EngineError::JournalFailed(error.unwrap_or_else(|_| "unknown".to_owned()))),
    };
    stop(&shared, &committer, arbiters, threads);
    let _ = std::fs::remove_file(&path);
    drop(lock);
    outcome
}

/// Ends the threads: shards first, then what they feed.
fn stop(
    shared: &Shared,
    committer: &Committer,
    arbiters: Vec<actix::Arbiter>,
    threads: Vec<std::thread::JoinHandle<()>>,
) {
    for arbiter in &arbiters {
        arbiter.stop();
    }
    for arbiter in arbiters {
        let _ = arbiter.join();
    }
    shared.failed.store(true, Ordering::Release);
    committer.stop();
    shared.loader.stop();
    let _ = shared.views.send(views_thread::ViewsMessage::Stop);
    for thread in threads {
        let _ = thread.join();
    }
}

fn spawn(
    name: &'static str,
    run: impl FnOnce() + Send + 'static,
) -> Result<std::thread::JoinHandle<()>, EngineError> {
    std::thread::Builder::new()
        .name(format!("vendue-{name}"))
        .spawn(run)
        .map_err(|error| EngineError::Io { what: "a thread cannot be started", error })
}
