//! The links' incoming side: gateways connect on a Unix socket; their frames are read on shard 0's Arbiter.

use std::path::Path;
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use vendue_domain::actor::{ActorAddress, Command};
use vendue_domain::command::Targeted;
use vendue_domain::record::Field;
use vendue_protocol::link::{
    CommandItem, FollowItem, FrameKind, Hello, Items, LINK_VERSION, LinkError, QueryItem, Refused, Welcome,
    split_frame, write_record_frame,
};
use vendue_protocol::query::Query;

use super::Shared;
use super::host::{ShardMessage, with_local};
use super::views_thread::ViewsMessage;
use crate::error::EngineError;
use crate::shard::Shard;
use crate::unit::LinkId;

/// How much is read from a link at once: several hundred commands.
const READ_BYTES: usize = 256 * 1024;

/// Binds the socket; one that a dead process left behind is replaced (the data directory's lock says that it is dead).
pub(super) fn bind(path: &Path) -> Result<std::os::unix::net::UnixListener, EngineError> {
    let socket = |error| EngineError::Socket { path: path.to_owned(), error };
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(socket(error)),
    }
    let listener = std::os::unix::net::UnixListener::bind(path).map_err(socket)?;
    listener.set_nonblocking(true).map_err(socket)?;
    Ok(listener)
}

/// Accepts gateways.
pub(super) async fn serve(shared: Arc<Shared>, listener: std::os::unix::net::UnixListener) {
    let listener = match UnixListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the link's socket cannot be used"),
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let shared = shared.clone();
                actix::spawn(async move {
                    if let Err(error) = run_link(&shared, stream).await {
                        tracing::warn!(error, "a link ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a gateway could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// One gateway, from its hello to its end.
async fn run_link(shared: &Arc<Shared>, stream: UnixStream) -> Result<(), String> {
    let stream = Arc::new(stream);
    let mut buffer = Buffer::default();
    let hello = loop {
        if let Some(hello) = take_hello(&mut buffer)? {
            break hello;
        }
        if !buffer.fill(&stream).await.map_err(|error| error.to_string())? {
            return Ok(());
        }
    };
    let (id, link) = shared.links.add(stream.clone());
    if hello.link_version != LINK_VERSION {
        let reason = format!(
            "the gateway speaks link version {}, this engine {LINK_VERSION}: run both from the same build",
            hello.link_version
        );
        let mut bytes = Vec::new();
        write_record_frame(&mut bytes, FrameKind::Refused, &Refused { reason: reason.clone() });
        shared.links.write(id, &bytes);
        shared.links.remove(id);
        return Err(reason);
    }
    let mut bytes = Vec::new();
    write_record_frame(&mut bytes, FrameKind::Welcome, &welcome(shared));
    shared.links.write(id, &bytes);
    let _ = shared.views.send(ViewsMessage::LinkUp(id));
    tracing::info!(link = id, version = hello.version, "a gateway is connected");
    let flusher = actix::spawn({
        let link = link.clone();
        async move { link.flush().await }
    });
    let outcome = read_link(shared, id, &stream, &link, &mut buffer).await;
    link.close();
    flusher.abort();
    shared.links.remove(id);
    let _ = shared.views.send(ViewsMessage::LinkDown(id));
    outcome
}

fn welcome(shared: &Shared) -> Welcome {
    Welcome {
        link_version: LINK_VERSION,
        cell: shared.genesis.cell,
        epoch: shared.epoch,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        time: shared.clock.now(),
        key_window_ms: shared.options.key_window_ms,
        deadline_max_ms: shared.options.deadline_max_ms,
    }
}

fn take_hello(buffer: &mut Buffer) -> Result<Option<Hello>, String> {
    let Some((kind, payload, taken)) = split_frame(buffer.unread()).map_err(|error| error.to_string())?
    else {
        return Ok(None);
    };
    if kind != FrameKind::Hello {
        return Err("the first frame is not a hello".to_owned());
    }
    let hello = Hello::from_bytes(payload).map_err(|error| error.to_string())?;
    buffer.consume(taken);
    Ok(Some(hello))
}

async fn read_link(
    shared: &Arc<Shared>,
    id: LinkId,
    stream: &Arc<UnixStream>,
    link: &super::links::Link,
    buffer: &mut Buffer,
) -> Result<(), String> {
    loop {
        while let Some((kind, payload, taken)) =
            split_frame(buffer.unread()).map_err(|error| error.to_string())?
        {
            frame(shared, id, kind, payload).map_err(|error| error.to_string())?;
            buffer.consume(taken);
        }
        if link.is_closed() {
            return Err("it did not read".to_owned());
        }
        if !buffer.fill(stream).await.map_err(|error| error.to_string())? {
            return Ok(());
        }
        // A gateway that never falls silent would keep this thread for itself: the shard's own messages (`command.result`,
        // loaded actors, captures) have their turn after each read.
        tokio::task::yield_now().await;
    }
}

fn frame(shared: &Arc<Shared>, id: LinkId, kind: FrameKind, payload: &[u8]) -> Result<(), LinkError> {
    match kind {
        FrameKind::Commands => commands(shared, id, payload),
        FrameKind::Queries => {
            for item in Items::new(payload) {
                query(shared, id, QueryItem::decode(item?)?);
            }
            Ok(())
        }
        FrameKind::Follows => {
            for item in Items::new(payload) {
                let _ = shared.views.send(ViewsMessage::Follow(id, FollowItem::decode(item?)?));
            }
            Ok(())
        }
        FrameKind::Hello
        | FrameKind::Welcome
        | FrameKind::Replies
        | FrameKind::Events
        | FrameKind::Pulse
        | FrameKind::Vitals
        | FrameKind::Refused => Err(LinkError::UnknownKind(kind as u8)),
    }
}

/// The commands of shard 0 are plain calls on the whole frame; the others get one message each.
fn commands(shared: &Arc<Shared>, id: LinkId, payload: &[u8]) -> Result<(), LinkError> {
    let shards = shared.options.shard_count();
    if shards == 1 {
        with_local(|host| host.commands(id, payload));
        return Ok(());
    }
    let mut runs: Vec<Vec<u8>> = vec![Vec::new(); usize::from(shards)];
    for item in Items::new(payload) {
        let item = item?;
        let command = CommandItem::decode(item)?;
        let target = Command::from_bytes(command.command)
            .ok()
            .and_then(|mut command| command.target().or_else(|| shared.directory.resolve(&mut command)));
        // One without a target is refused by whichever shard gets it.
        let owner = target.map_or(0, |target: ActorAddress| Shard::owner(&target, shards));
        let run = &mut runs[usize::from(owner)];
        run.extend_from_slice(&(item.len() as u32).to_le_bytes());
        run.extend_from_slice(item);
    }
    for (number, run) in runs.into_iter().enumerate().filter(|(_, run)| !run.is_empty()) {
        if number == 0 {
            with_local(|host| host.commands(id, &run));
        } else if let Some(shard) = shared.shard(number as u16) {
            shard.do_send(ShardMessage::Commands(id, run));
        }
    }
    Ok(())
}

fn query(shared: &Arc<Shared>, id: LinkId, item: QueryItem) {
    let target = match &item.query {
        Query::CommandResult((result, _)) => &result.target,
        Query::CommandReceipt((receipt, _)) => &receipt.target,
        _ => {
            let _ = shared.views.send(ViewsMessage::Query(id, item));
            return;
        }
    };
    let owner =
        ActorAddress::parse(target).map_or(0, |target| Shard::owner(&target, shared.options.shard_count()));
    if let Some(shard) = shared.shard(owner) {
        shard.do_send(ShardMessage::Result(id, item));
    }
}

/// What has been read and not yet been taken.
#[derive(Default)]
struct Buffer {
    bytes: Vec<u8>,
    from: usize,
}

impl Buffer {
    fn unread(&self) -> &[u8] {
        &self.bytes[self.from..]
    }

    fn consume(&mut self, taken: usize) {
        self.from += taken;
    }

    /// Reads what is there, waiting if there is nothing; `false` at the end of the stream.
    async fn fill(&mut self, stream: &UnixStream) -> std::io::Result<bool> {
        self.bytes.drain(..self.from);
        self.from = 0;
        loop {
            stream.readable().await?;
            self.bytes.reserve(READ_BYTES);
            match stream.try_read_buf(&mut self.bytes) {
                Ok(0) => return Ok(false),
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}
