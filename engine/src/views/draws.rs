//! What the end of a candle lot is drawn from: the lines of its public events, kept whole, so that anybody can draw it
//! again long after (docs/protocol.md, "A candle can be checked by anybody").

use hashbrown::HashMap;
use serde::Serialize;
use vendue_domain::actor::{ActorAddress, ActorKind, Publication};
use vendue_domain::id::LotId;
use vendue_domain::lot::ChainFields;
use vendue_domain::time::Timestamp;
use vendue_protocol::query::ListLotEvents;

use super::answer::{BAD_CURSOR, NOT_FOUND, Refusal, bytes, page_limit};
use super::log::{Log, Numbered};
use super::{Views, stored::ViewSpace};

/// How many events of one candle lot are kept. One that has more, at some 60 bytes each, can be checked only by who has
/// followed it.
pub(super) const DRAW_EVENTS_MAX: usize = 1_000_000;

vendue_domain::record! {
    /// A public event as the line that is hashed says it.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
    pub struct DrawLine {
        /// Its number in the lot's channel.
        1 => pub seq: u64,
        #[serde(rename = "type")]
        2 => pub kind: String,
        3 => pub ts: Timestamp,
        4 => pub price: Option<u64>,
        5 => pub leader: Option<String>,
        6 => pub bidder: Option<String>,
        7 => pub bids: Option<u64>,
        8 => pub ends_at: Option<Timestamp>,
    }
}

impl Numbered for DrawLine {
    /// About 60 bytes each.
    const CHUNK: u64 = 64;

    fn seq(&self) -> u64 {
        self.seq
    }
}

/// The lines of one lot.
#[derive(Debug, Default)]
pub(super) struct DrawLines {
    pub(super) log: Log<DrawLine>,
    /// Whether they wait in the list of what has changed.
    pub(super) noted: bool,
}

/// Those of all candle lots.
pub(super) type Draws = HashMap<LotId, DrawLines>;

#[derive(Serialize)]
struct DrawPage {
    events: Vec<DrawLine>,
    /// Whether the first events are not kept any more.
    cut: bool,
    cursor: Option<String>,
}

impl Views {
    /// Takes an event of a candle lot's channel into its lines.
    pub(super) fn note_draw_line(
        &mut self,
        address: &ActorAddress,
        publication: &Publication,
        seq: u64,
        ts: Timestamp,
    ) {
        let is_candle =
            address.kind == ActorKind::Lot && self.shown.get(address).is_some_and(|shown| shown.is_candle);
        if !is_candle {
            return;
        }
        let ChainFields { price, leader, bidder, bids, ends_at } = ChainFields::of(&publication.data);
        let (kind, ends_at) = (publication.name.to_owned(), ends_at.map(Timestamp));
        let lines = self.draws.entry(LotId(address.id)).or_default();
        lines.log.push(DrawLine { seq, kind, ts, price, leader, bidder, bids, ends_at }, DRAW_EVENTS_MAX);
        if !std::mem::replace(&mut lines.noted, true) {
            self.changed.push(ViewSpace::Draws, address.id);
        }
    }

    /// A page of a candle lot's events, the oldest first; none of a lot of another format.
    pub(super) fn draw_page(&self, list: &ListLotEvents) -> Result<Vec<u8>, Refusal> {
        if self.of(list.lot).is_none() {
            return Err(NOT_FOUND);
        }
        let after = list.cursor.as_deref().map(str::parse).transpose().map_err(|_| BAD_CURSOR)?;
        let after: u64 = after.unwrap_or(0);
        let limit = page_limit(list.limit);
        let known = self.draws.get(&list.lot);
        let oldest = known.into_iter().flat_map(|lines| lines.log.items());
        let mut events: Vec<DrawLine> =
            oldest.filter(|line| line.seq > after).take(limit + 1).cloned().collect();
        let more = events.len() > limit;
        events.truncate(limit);
        let cursor = events.last().filter(|_| more).map(|line| line.seq.to_string());
        let cut = known.is_some_and(|lines| lines.log.is_cut());
        bytes(&DrawPage { events, cut, cursor })
    }
}
