//! The shell of a cell: threads, sockets, clocks and files around the synchronous cores. No rule of any market is here.
//!
//! | thread | what it does |
//! |---|---|
//! | shard 0 .. n (actix Arbiters) | host a [`Shard`](crate::shard::Shard) each; shard 0 reads the links too |
//! | journal | commits what waits, writes the replies |
//! | views | takes durable decisions in, answers queries, tells events |
//! | loader | reads actors from the state store, and outcomes of repeated keys from the journal |
//! | connector | asks the world outside for payments, when what asks is durable |
//! | notary | signs what is durable, proves outcomes |
//! | archive | copies durable segments to the archive directory, where there is one |
//! | inspector | judges what is durable by the invariants, where that is wanted |
//! | keeper | checkpoints, sealed key lists, passivation |

mod archiver;
mod files;
mod host;
mod inspector_thread;
mod keeper;
mod links;
mod loader;
mod notary_thread;
mod release;
mod server;
mod starting;
mod views_thread;
mod vitals;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::clock::SystemClock;
use crate::commit::Committer;
use crate::connector::{ManualConnector, PaymentConnector};
use crate::entry::Genesis;
use crate::error::EngineError;
use crate::notary::NotaryKey;
use crate::options::EngineOptions;
use crate::recovery::{Progress, Recovered, Sources, recover_with};
use files::Files;
use host::{ShardActor, ShardAddr, ShardMessage};
use links::Links;
use loader::LoaderHandle;

pub use starting::{Starting, starting_path};

/// Of what a start says of itself, every so many is a line of the log: one each 5 s.
const LOG_EACH: u32 = 10;

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
    /// `None`: nothing is signed.
    notary: Option<crossbeam::channel::Sender<notary_thread::NotaryMessage>>,
    failed: Arc<AtomicBool>,
    /// Some shard has more in memory than it should, and can let go of it only after a checkpoint.
    pressed: AtomicBool,
    genesis: Genesis,
    directory: Arc<crate::directory::Directory>,
    epoch: u64,
    /// From which record on the notary and the archive need the journal: everything, until they have said so; nothing, where
    /// there is none.
    notary_needs: AtomicU64,
    archive_needs: Arc<AtomicU64>,
    signs: Arc<vitals::Signs>,
}

/// What nobody needs any more ends before this: there is no such record.
const NOTHING: u64 = u64::MAX;

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
        options: EngineOptions,
        connector: Arc<dyn PaymentConnector>,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()> + 'static,
    ) -> Result<(), EngineError> {
        let lines = std::sync::atomic::AtomicU32::new(0);
        let log = move |starting: Option<&Starting>| {
            if let Some(starting) = starting
                && lines.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOG_EACH)
            {
                tracing::info!("the engine starts: {starting}");
            }
        };
        Self::run_showing(options, connector, log, ready, shutdown)
    }

    /// The same; a start that takes longer than 2 s tells `show` twice a second how far it has come, from a thread of its
    /// own, and `None` when that is over.
    ///
    /// # Errors
    /// As [`Engine::run`].
    pub fn run_showing(
        mut options: EngineOptions,
        connector: Arc<dyn PaymentConnector>,
        show: impl Fn(Option<&Starting>) + Send + 'static,
        ready: impl FnOnce(),
        shutdown: impl Future<Output = ()> + 'static,
    ) -> Result<(), EngineError> {
        options.validate()?;
        // Asked of the system once: it reads files to answer, and every frame wants to know.
        options.shards = options.shard_count();
        let options = Arc::new(options);
        let progress = Arc::new(Progress::default());
        let announcer = starting::Announcer::start(progress.clone(), &options.link_path(), show);
        let files = Files::open(&options, &progress)?;
        let recovered = recover_with(
            &options,
            &Sources {
                journal: &*files.reader,
                genesis: files.genesis,
                store: &*files.store,
                older_keys: files.key_lists.clone(),
                keys_listed: files.keys_listed,
                seal: files.vault.clone(),
                open: files.vault.clone(),
            },
            Some(files.store.clone()),
            &progress,
        )?;
        drop(announcer);
        if recovered.report.stored_actors == 0 && recovered.report.last_position > 1 {
            tracing::warn!("the state store held nothing: everything was read from the journal");
        }
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
    let Recovered { shards, mut views, directory, genesis, last_time, outstanding, .. } = recovered;
    let Files {
        lock,
        journal,
        reader,
        genesis: _,
        store,
        bases,
        key_lists,
        vault: _,
        keys_listed: _,
        listed,
    } = files;
    let remover = journal.journal.remover();
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
    let notary_key = if options.notary {
        let key = NotaryKey::read_or_make(&options.data_dir);
        Some(key.map_err(|error| EngineError::Io { what: "the notary's key cannot be had", error })?)
    } else {
        None
    };
    if let Some(key) = &notary_key {
        views.show_notary(&[key.jwk()]);
    }
    let (notary, notary_receiver) = notary_thread::channel();
    let has_archive = !options.archive.as_os_str().is_empty();
    let shared = Arc::new(Shared {
        options: options.clone(),
        clock,
        committer: committer.clone(),
        links: links.clone(),
        shards: addresses.clone(),
        views: views_sender,
        loader,
        notary: notary_key.is_some().then_some(notary),
        failed: failed.clone(),
        pressed: AtomicBool::new(false),
        genesis,
        directory,
        epoch,
        notary_needs: AtomicU64::new(if options.notary { 0 } else { NOTHING }),
        archive_needs: Arc::new(AtomicU64::new(if has_archive { 0 } else { NOTHING })),
        signs: Arc::new(vitals::Signs::new(options.shards)),
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
    if has_archive {
        let (archive, data) = (options.archive.clone(), options.data_dir.clone());
        let (over, reader, archiving) = (failed.clone(), reader.clone(), shared.clone());
        let _not_joined = spawn("archive", move || {
            let counted = archiver::Counted {
                needs: &archiving.archive_needs,
                failures: &archiving.signs.archive_failures,
            };
            archiver::run(&archive, &data, &reader, &counted, &over);
        })?;
    }
    let keeping = shared.clone();
    let (notary_reader, inspector_reader) = (reader.clone(), reader.clone());
    threads.push(spawn("keeper", move || {
        let kept = keeper::Kept { store, bases, key_lists, reader, remover, listed };
        kept.run(&keeping);
    })?);

    if let Some(key) = notary_key {
        let (notary, history) = (shared.clone(), notary_reader);
        threads.push(spawn("notary", move || notary_thread::run(&notary, &*history, key, &notary_receiver))?);
    }

    if options.inspector {
        let (inspected, history) = (shared.clone(), inspector_reader);
        threads.push(spawn("inspector", move || inspector_thread::run(&inspected, &*history))?);
    }

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
    if let Some(notary) = &shared.notary {
        let _ = notary.send(notary_thread::NotaryMessage::Stop);
    }
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
