//! Events, heartbeats and the other messages that no request asked for.

use vendue_domain::record::RecordError;
use vendue_domain::time::Timestamp;

use crate::wire::Encoding;
use crate::wire::json;
use crate::wire::pack;
use crate::wire::transcode::{Instants, to_json};

/// An event of a channel.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The channel's name as clients say it.
    pub channel: &'a str,
    /// The history it belongs to.
    pub epoch: &'a str,
    /// Its number.
    pub seq: u64,
    /// The first number of a range that this event stands for, where a watcher in `latest` mode is spared steps.
    pub from: Option<u64>,
    /// When it was decided.
    pub ts: Timestamp,
    /// Its name, `price_changed`.
    pub name: &'a str,
    /// A MessagePack map with the protocol's names.
    pub data: &'a [u8],
}

/// Appends an event.
///
/// # Errors
/// What is wrong with its data; `out` is as before then.
pub fn write_event(out: &mut Vec<u8>, encoding: Encoding, event: &Event<'_>) -> Result<(), RecordError> {
    match encoding {
        Encoding::Json => write_json(out, event),
        Encoding::MessagePack => {
            write_pack(out, event);
            Ok(())
        }
    }
}

fn write_json(out: &mut Vec<u8>, event: &Event<'_>) -> Result<(), RecordError> {
    let start = out.len();
    out.extend_from_slice(b"{\"channel\":");
    json::write_str(out, event.channel);
    out.extend_from_slice(b",\"epoch\":");
    json::write_str(out, event.epoch);
    if let Some(from) = event.from {
        out.extend_from_slice(b",\"from\":");
        json::write_u64(out, from);
    }
    out.extend_from_slice(b",\"seq\":");
    json::write_u64(out, event.seq);
    out.extend_from_slice(b",\"ts\":");
    json::write_i64(out, event.ts.0);
    out.extend_from_slice(b",\"type\":");
    json::write_str(out, event.name);
    out.extend_from_slice(b",\"data\":");
    to_json(out, event.data, Instants::Micros).inspect_err(|_| out.truncate(start))?;
    out.push(b'}');
    Ok(())
}

fn write_pack(out: &mut Vec<u8>, event: &Event<'_>) {
    pack::write_map(out, 6 + u32::from(event.from.is_some()));
    pack::write_name(out, "channel");
    pack::write_str(out, event.channel);
    pack::write_name(out, "epoch");
    pack::write_str(out, event.epoch);
    if let Some(from) = event.from {
        pack::write_name(out, "from");
        pack::write_uint(out, from);
    }
    pack::write_name(out, "seq");
    pack::write_uint(out, event.seq);
    pack::write_name(out, "ts");
    pack::write_int(out, event.ts.0);
    pack::write_name(out, "type");
    pack::write_str(out, event.name);
    pack::write_name(out, "data");
    out.extend_from_slice(event.data);
}

/// What a connection is told without having asked, besides its channels' events.
#[derive(Debug, Clone, serde::Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice<'a> {
    /// The server's time and where each watched channel stands, so that a silent gap is seen.
    Heartbeat {
        /// The server's time.
        time: Timestamp,
        /// Channel names and their last numbers.
        #[serde(serialize_with = "as_map")]
        seqs: &'a [(&'a str, u64)],
    },
    /// The server is about to end; another moment for each client.
    ServerShutdown {
        /// When to come back.
        reconnect_after_ms: u64,
    },
    /// A channel is not delivered any more.
    SubscriptionEnded {
        /// Which.
        channel: &'a str,
        /// The code of the reason: `token_expired`, `forbidden`.
        code: &'a str,
    },
}

fn as_map<S: serde::Serializer>(seqs: &&[(&str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(seqs.iter().map(|(channel, seq)| (channel, seq)))
}

/// Appends a notice.
pub fn write_notice(out: &mut Vec<u8>, encoding: Encoding, notice: &Notice<'_>) {
    match encoding {
        Encoding::Json => json::write_value(out, notice),
        Encoding::MessagePack => pack::write_value(out, notice),
    }
}
