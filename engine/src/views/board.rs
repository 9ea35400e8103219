//! A market's channel: what is listed, what has closed, the market's state, and (conflated) what moves.
//!
//! `lots_changed` tells many changes at once. What it holds is everything since the last *mark*: an event of the market
//! itself, asked for by the shell every `market_conflation_ms` while somebody follows and something has changed. Since
//! the mark stands in the journal, the channel's numbers are the same after a restart.

use vendue_domain::actor::{ActorAddress, ActorKind, Publication, Snapshot};
use vendue_domain::id::{LotId, MarketId, StockId};
use vendue_domain::publication::{Data, LotListed, LotSummary, LotsChanged, MarketLotClosed, StockSummary};
use vendue_domain::time::Timestamp;
use vendue_protocol::channel::Channel;

use super::Views;
use super::stored::{Cursor, ViewSpace};
use crate::unit::Published;

/// Where a market's channel stands.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Board {
    pub(super) cursor: Cursor,
    /// Lots that have changed since the last mark.
    pub(super) lots: Vec<LotId>,
    /// Stock that has changed since the last mark.
    pub(super) stock: Vec<StockId>,
}

impl Views {
    /// The markets that have something to mark: followed, and changed.
    pub fn markets_to_mark(&self) -> Vec<MarketId> {
        let changed = self.boards.iter().filter(|(market, board)| {
            (!board.lots.is_empty() || !board.stock.is_empty())
                && self.followers.contains_key(&Channel::Market(**market))
        });
        changed.map(|(market, _)| *market).collect()
    }

    /// Takes note of what a public event means for the market's channel.
    pub(super) fn note_on_board(
        &mut self,
        address: &ActorAddress,
        market: MarketId,
        publication: &Publication,
        time: Timestamp,
        position: u64,
    ) {
        match (&publication.data, address.kind) {
            (Data::LotClosed(closed), ActorKind::Lot) => {
                let lot = LotId(address.id);
                let told = MarketLotClosed {
                    lot,
                    result: closed.result,
                    price: closed.price,
                    winners: closed.winners.clone(),
                };
                if let Some(shown) = self.shown.get_mut(address) {
                    // It was told: it need not be told again with what else has changed.
                    shown.on_board = false;
                }
                self.tell_market(market, "lot_closed", told.into(), time, position);
            }
            (_, ActorKind::Lot | ActorKind::Stock) => self.put_on_board(address, market),
            // The market's mark: what has changed is filled in here.
            (Data::LotsChanged(_), ActorKind::Market) => self.tell_changes(market, time, position),
            (data, ActorKind::Market) => {
                self.tell_market(market, publication.name, data.clone(), time, position);
            }
            _ => {}
        }
    }

    /// Notes that a lot or stock item has changed since its market's last mark.
    pub(super) fn put_on_board(&mut self, address: &ActorAddress, market: MarketId) {
        let Some(shown) = self.shown.get_mut(address) else { return };
        if std::mem::replace(&mut shown.on_board, true) {
            return;
        }
        let board = self.boards.entry(market).or_default();
        match address.kind {
            ActorKind::Stock => board.stock.push(StockId(address.id)),
            _ => board.lots.push(LotId(address.id)),
        }
        if board.cursor.note() {
            self.changed.push(ViewSpace::Board, market.0);
        }
    }

    /// Takes a mark off; whether there was one.
    fn take_off_board(&mut self, address: ActorAddress) -> bool {
        self.shown.get_mut(&address).is_some_and(|shown| std::mem::replace(&mut shown.on_board, false))
    }

    /// Tells what was listed.
    pub(super) fn note_born(&mut self, published: &Published, market: MarketId, position: u64) {
        let time = published.stamp.time;
        let created = published.seq == published.events.len() as u64;
        if created && published.address.kind == ActorKind::Lot {
            if self.may_be_ahead() {
                return self.pass_over(market, position);
            }
            let lot = LotId(published.address.id);
            let title = match self.shown.get(&published.address).and_then(|shown| shown.body.hot()) {
                Some(Snapshot::Lot(snapshot)) => snapshot.title.clone(),
                _ => String::new(),
            };
            self.tell_market(market, "lot_listed", LotListed { lot, title }.into(), time, position);
        }
    }

    fn tell_changes(&mut self, market: MarketId, time: Timestamp, position: u64) {
        let Some(board) = self.boards.get_mut(&market) else { return };
        let lots = std::mem::take(&mut board.lots);
        let stock = std::mem::take(&mut board.stock);
        let lots: Vec<LotSummary> = lots
            .into_iter()
            .filter(|lot| self.take_off_board((*lot).into()))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|lot| match &*self.snapshot_of(&lot.into(), self.of(lot)?).ok()? {
                Snapshot::Lot(shown) => Some(LotSummary {
                    lot,
                    state: shown.state,
                    price: shown.price,
                    leader: shown.leader,
                    bids: shown.bids,
                    min_next_amount: shown.min_next_amount,
                    reserve_met: shown.reserve_met,
                    ends_at: shown.ends_at,
                    bidders: shown.bidders,
                    remaining: shown.remaining,
                    next_price: shown.clock.map(|_| shown.next_price),
                    next_at: shown.clock.map(|_| shown.next_at),
                }),
                _ => None,
            })
            .collect();
        let stock: Vec<StockSummary> = stock
            .into_iter()
            .filter(|stock| self.take_off_board((*stock).into()))
            .collect::<Vec<_>>()
            .into_iter()
            .filter_map(|stock| match &*self.snapshot_of(&stock.into(), self.of(stock)?).ok()? {
                Snapshot::Stock(shown) => Some(StockSummary { stock, available: shown.available }),
                _ => None,
            })
            .collect();
        if self.may_be_ahead() {
            return self.pass_over(market, position);
        }
        self.tell_market(market, "lots_changed", LotsChanged { lots, stock }.into(), time, position);
    }

    /// Counts an event of a market's channel that cannot be told as it was: a checkpoint may hold lots as they were after
    /// it. Nobody is told something else under its number (I40); who missed it is given a snapshot.
    fn pass_over(&mut self, market: MarketId, position: u64) {
        let cursor = &mut self.boards.entry(market).or_default().cursor;
        if cursor.advance(position).is_some() && cursor.note() {
            self.changed.push(ViewSpace::Board, market.0);
        }
    }

    fn tell_market(
        &mut self,
        market: MarketId,
        name: &'static str,
        data: Data,
        time: Timestamp,
        position: u64,
    ) {
        let cursor = &mut self.boards.entry(market).or_default().cursor;
        let Some(seq) = cursor.advance(position) else { return };
        if cursor.note() {
            self.changed.push(ViewSpace::Board, market.0);
        }
        self.tell(Channel::Market(market), seq, time, Publication { name, data });
    }
}
