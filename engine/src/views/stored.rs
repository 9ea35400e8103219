//! What the views keep in the state store, so that a start need not read the whole journal.

use vendue_domain::actor::ActorAddress;
use vendue_domain::id::{AccountId, BookId, Id, LotId, MarketId, StockId};
use vendue_domain::record::{Field, RecordError};

use super::book_orders::{OwnOrder, OwnOrders};
use super::draws::DrawLine;
use super::feed::{Feed, OwnBid, OwnReservation};
use super::statement::Booked;
use super::trades::PublicTrade;
use super::{Views, audit::AuditRecord, history::HistoryBid};

/// What kind of thing a view keeps; the numbers are on disk and continue those of the actors' kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ViewSpace {
    /// A lot's public bids.
    History = 65,
    /// An account's feed.
    Feed = 66,
    /// A market's channel.
    Board = 67,
    /// A market's audit log.
    Audit = 68,
    /// A fact, by a hash of whose it is.
    Fact = 69,
    /// From a live reservation to its stock.
    Reservation = 70,
    /// Up to where the effects to a slot have been done.
    Lane = 71,
    /// What was booked in an account.
    Statement = 72,
    /// A book's trades.
    Trades = 73,
    /// What a candle's end is drawn from.
    Draws = 74,
}

/// A value for the state store; `bytes` is `None` where it is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViewValue {
    /// What kind.
    pub space: ViewSpace,
    /// Whose.
    pub owner: Id,
    /// Its own name: the owner's, or where the owner has several values (a history's chunks) one beside the others.
    pub id: Id,
    /// The value.
    pub bytes: Option<Vec<u8>>,
}

/// Where a numbered sequence stands. In recovery the journal is read from before the checkpoint; what the stored
/// sequence holds already is not counted again.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) seq: u64,
    /// The journal position of the last event.
    position: u64,
    /// Read from the state store, and nothing counted since: it holds everything up to its position.
    stored: bool,
    /// Whether it waits in the list of what has changed.
    noted: bool,
}

impl Cursor {
    /// Says whether it has to be put into the list of what has changed, and counts as in it from now on.
    pub(super) fn note(&mut self) -> bool {
        !std::mem::replace(&mut self.noted, true)
    }

    /// The number of the next event, or `None` where the sequence holds it already.
    pub(super) fn advance(&mut self, position: u64) -> Option<u64> {
        if self.stored && position <= self.position {
            return None;
        }
        self.stored = false;
        self.position = position;
        self.seq += 1;
        Some(self.seq)
    }

    fn restored(seq: u64, position: u64) -> Self {
        Self { seq, position, stored: true, noted: false }
    }
}

vendue_domain::record! {
    struct StoredFeed {
        1 => seq: u64,
        2 => position: u64,
        3 => bids: Vec<OwnBid>,
        4 => reservations: Vec<OwnReservation>,
        5 => orders: Vec<OwnOrder>,
    }
}
vendue_domain::record! {
    struct StoredBoard { 1 => seq: u64, 2 => position: u64, 3 => lots: Vec<LotId>, 4 => stock: Vec<StockId> }
}
vendue_domain::record! {
    struct StoredChunk { 1 => lot: LotId, 2 => first: u64, 3 => bids: Vec<HistoryBid> }
}
vendue_domain::record! {
    struct StoredTrades { 1 => book: BookId, 2 => first: u64, 3 => trades: Vec<PublicTrade> }
}

vendue_domain::record! {
    struct StoredDraw { 1 => lot: LotId, 2 => first: u64, 3 => lines: Vec<DrawLine> }
}
vendue_domain::record! {
    struct StoredStatement { 1 => account: AccountId, 2 => first: u64, 3 => lines: Vec<Booked> }
}
vendue_domain::record! {
    struct StoredAudit { 1 => seq: u64, 2 => position: u64, 3 => records: Vec<AuditRecord> }
}

/// The name of a log's chunk: beside its owner's other chunks, so that they share blocks.
fn chunk_id(owner: Id, chunk: u32) -> Id {
    let owner = xxhash_rust::xxh3::xxh3_128(&owner.0);
    Id::from_u128((owner & !u128::from(u32::MAX)) | u128::from(chunk))
}

/// What has changed since the last capture, each once: whatever is in it carries a mark of its own.
#[derive(Debug, Default)]
pub(super) struct Changed {
    keys: Vec<(ViewSpace, Id)>,
}

impl Changed {
    pub(super) fn push(&mut self, space: ViewSpace, id: Id) {
        self.keys.push((space, id));
    }
}

impl Views {
    /// How many things have changed since they were captured.
    #[must_use]
    pub fn changed(&self) -> usize {
        self.changed.keys.len()
    }

    /// Captures up to `limit` changed things as they are after [`Views::position`].
    pub fn capture(&mut self, limit: usize) -> Vec<ViewValue> {
        let mut values = Vec::new();
        while values.len() < limit {
            let Some((space, id)) = self.changed.keys.pop() else { break };
            self.mark_noted(space, id, false);
            match space {
                ViewSpace::History => self.capture_history(LotId(id), &mut values),
                ViewSpace::Statement => self.capture_statement(AccountId(id), &mut values),
                ViewSpace::Trades => self.capture_trades(BookId(id), &mut values),
                ViewSpace::Draws => self.capture_draw(LotId(id), &mut values),
                _ => values.push(ViewValue { space, owner: id, id, bytes: self.value(space, id) }),
            }
        }
        values
    }

    fn capture_history(&mut self, lot: LotId, values: &mut Vec<ViewValue>) {
        let Some(shown) = self.shown.get_mut(&ActorAddress::from(lot)) else { return };
        for (chunk, bids) in shown.history.take_changes() {
            let bytes = bids.map(|(first, bids)| StoredChunk { lot, first, bids }.to_bytes());
            values.push(ViewValue {
                space: ViewSpace::History,
                owner: lot.0,
                id: chunk_id(lot.0, chunk),
                bytes,
            });
        }
    }

    fn capture_trades(&mut self, book: BookId, values: &mut Vec<ViewValue>) {
        let Some(trades) = self.trades.get_mut(&book) else { return };
        for (chunk, trades) in trades.log.take_changes() {
            let bytes = trades.map(|(first, trades)| StoredTrades { book, first, trades }.to_bytes());
            let id = chunk_id(book.0, chunk);
            values.push(ViewValue { space: ViewSpace::Trades, owner: book.0, id, bytes });
        }
    }

    fn capture_draw(&mut self, lot: LotId, values: &mut Vec<ViewValue>) {
        let Some(lines) = self.draws.get_mut(&lot) else { return };
        for (chunk, lines) in lines.log.take_changes() {
            let bytes = lines.map(|(first, lines)| StoredDraw { lot, first, lines }.to_bytes());
            values.push(ViewValue {
                space: ViewSpace::Draws,
                owner: lot.0,
                id: chunk_id(lot.0, chunk),
                bytes,
            });
        }
    }

    fn capture_statement(&mut self, account: AccountId, values: &mut Vec<ViewValue>) {
        let Some(statement) = self.statements.get_mut(&account) else { return };
        for (chunk, lines) in statement.lines.take_changes() {
            let bytes = lines.map(|(first, lines)| StoredStatement { account, first, lines }.to_bytes());
            let id = chunk_id(account.0, chunk);
            values.push(ViewValue { space: ViewSpace::Statement, owner: account.0, id, bytes });
        }
    }

    /// The state store did not take these after all.
    pub fn not_stored(&mut self, values: impl Iterator<Item = (ViewSpace, Id)>) {
        for (space, id) in values {
            if space == ViewSpace::History
                && let Some(shown) = self.shown.get_mut(&ActorAddress::from(LotId(id)))
            {
                shown.history.not_stored();
            }
            if space == ViewSpace::Statement
                && let Some(statement) = self.statements.get_mut(&AccountId(id))
            {
                statement.lines.not_stored();
            }
            if space == ViewSpace::Draws
                && let Some(lines) = self.draws.get_mut(&LotId(id))
            {
                lines.log.not_stored();
            }
            if space == ViewSpace::Trades
                && let Some(trades) = self.trades.get_mut(&BookId(id))
            {
                trades.log.not_stored();
            }
            if self.mark_noted(space, id, true) == Some(false) {
                self.changed.push(space, id);
            }
        }
    }

    /// Sets the mark of what is (not) in the list; what it was.
    fn mark_noted(&mut self, space: ViewSpace, id: Id, noted: bool) -> Option<bool> {
        let mark = match space {
            ViewSpace::Feed => &mut self.feeds.get_mut(&AccountId(id))?.cursor.noted,
            ViewSpace::Board => &mut self.boards.get_mut(&MarketId(id))?.cursor.noted,
            ViewSpace::Audit => &mut self.audits.get_mut(&MarketId(id))?.cursor.noted,
            ViewSpace::History => &mut self.shown.get_mut(&ActorAddress::from(LotId(id)))?.history_noted,
            ViewSpace::Statement => &mut self.statements.get_mut(&AccountId(id))?.noted,
            ViewSpace::Trades => &mut self.trades.get_mut(&BookId(id))?.noted,
            ViewSpace::Draws => &mut self.draws.get_mut(&LotId(id))?.noted,
            ViewSpace::Fact | ViewSpace::Reservation | ViewSpace::Lane => return None,
        };
        Some(std::mem::replace(mark, noted))
    }

    fn value(&self, space: ViewSpace, id: Id) -> Option<Vec<u8>> {
        match space {
            ViewSpace::Feed => self.feeds.get(&AccountId(id)).map(|feed| {
                let (seq, position) = (feed.cursor.seq, feed.cursor.position);
                let (bids, reservations) = (feed.bids(), feed.reservations().to_vec());
                let orders = feed.orders().all();
                StoredFeed { seq, position, bids, reservations, orders }.to_bytes()
            }),
            ViewSpace::Board => self.boards.get(&MarketId(id)).map(|board| {
                let (seq, position) = (board.cursor.seq, board.cursor.position);
                let (lots, stock) = (board.lots.clone(), board.stock.clone());
                StoredBoard { seq, position, lots, stock }.to_bytes()
            }),
            ViewSpace::Audit => self.audits.get(&MarketId(id)).map(|audit| {
                let (seq, position) = (audit.cursor.seq, audit.cursor.position);
                StoredAudit { seq, position, records: audit.records.iter().cloned().collect() }.to_bytes()
            }),
            ViewSpace::History
            | ViewSpace::Statement
            | ViewSpace::Trades
            | ViewSpace::Draws
            | ViewSpace::Fact
            | ViewSpace::Reservation
            | ViewSpace::Lane => None,
        }
    }

    /// Recovery: takes back what a capture stored.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn restore_value(&mut self, space: ViewSpace, id: Id, bytes: &[u8]) -> Result<(), RecordError> {
        match space {
            ViewSpace::Feed => {
                let StoredFeed { seq, position, bids, reservations, orders } = StoredFeed::from_bytes(bytes)?;
                let orders = OwnOrders::restored(&orders);
                let feed = Feed::restored(Cursor::restored(seq, position), &bids, reservations, orders);
                self.feeds.insert(AccountId(id), feed);
            }
            ViewSpace::Board => {
                let stored = StoredBoard::from_bytes(bytes)?;
                let board = self.boards.entry(MarketId(id)).or_default();
                board.cursor = Cursor::restored(stored.seq, stored.position);
                let lots = stored.lots.iter().map(|lot| ActorAddress::from(*lot));
                let stock = stored.stock.iter().map(|stock| ActorAddress::from(*stock));
                for address in lots.chain(stock) {
                    if let Some(shown) = self.shown.get_mut(&address) {
                        shown.on_board = true;
                    }
                }
                board.lots = stored.lots;
                board.stock = stored.stock;
            }
            ViewSpace::History => {
                let stored = StoredChunk::from_bytes(bytes)?;
                if let Some(shown) = self.shown.get_mut(&ActorAddress::from(stored.lot)) {
                    shown.history.absorb(stored.first, stored.bids);
                }
            }
            ViewSpace::Statement => {
                let StoredStatement { account, first, lines } = StoredStatement::from_bytes(bytes)?;
                self.statements.entry(account).or_default().lines.absorb(first, lines);
            }
            ViewSpace::Draws => {
                let StoredDraw { lot, first, lines } = StoredDraw::from_bytes(bytes)?;
                self.draws.entry(lot).or_default().log.absorb(first, lines);
            }
            ViewSpace::Trades => {
                let StoredTrades { book, first, trades } = StoredTrades::from_bytes(bytes)?;
                self.trades.entry(book).or_default().log.absorb(first, trades);
            }
            ViewSpace::Audit => {
                let stored = StoredAudit::from_bytes(bytes)?;
                let audit = self.audits.entry(MarketId(id)).or_default();
                audit.cursor = Cursor::restored(stored.seq, stored.position);
                audit.records = stored.records.into();
            }
            ViewSpace::Fact | ViewSpace::Reservation | ViewSpace::Lane => {}
        }
        Ok(())
    }
}
