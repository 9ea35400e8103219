//! What each kind of channel tells: the names of its events and their data.

use schemars::{Schema, SchemaGenerator};
use vendue_domain::publication::*;

/// A kind of channel.
pub(super) struct Kind {
    /// What its name begins with, or is.
    pub(super) name: &'static str,
    pub(super) summary: &'static str,
    pub(super) events: &'static [(&'static str, Data)],
}

/// Gives the schema of an event's data.
type Data = fn(&mut SchemaGenerator) -> Schema;

macro_rules! channels {
    ($($kind:literal $summary:literal { $($event:literal => $data:ty),+ $(,)? })+) => {
        pub(super) const CHANNELS: &[Kind] = &[$(
            Kind {
                name: $kind,
                summary: $summary,
                events: &[$( ($event, |generator| generator.subschema_for::<$data>()), )+],
            },
        )+];
    };
}

channels! {
    "lot" "A lot's public events: `lot:<id>`." {
        "lot_scheduled" => LotState, "lot_opened" => LotState, "lot_paused" => LotState, "lot_resumed" => LotState,
        "lot_closing" => LotState, "price_changed" => PriceChanged, "bid_retracted" => PriceChanged,
        "bidders_changed" => BiddersChanged, "clock_ticked" => ClockTicked, "time_extended" => TimeExtended,
        "lot_closed" => LotClosed, "lot_reopened" => LotReopened, "lot_revised" => LotRevised,
    }
    "stock" "A stock item's public events: `stock:<id>`." { "stock_changed" => StockChanged }
    "book" "A book's public events: `book:<id>`." {
        "book_changed" => BookChanged, "trade" => Trade, "book_state" => BookStateChanged,
        "auction_indicative" => AuctionIndicative, "auction_uncrossed" => AuctionIndicative,
    }
    "market" "A market's summaries: `market:<id>`." {
        "lot_listed" => LotListed, "lot_closed" => MarketLotClosed, "market_state" => MarketState,
        "market_fees" => MarketFees, "lots_changed" => LotsChanged,
    }
    "account" "The caller's own news: `account`. Private." {
        "account_changed" => AccountChanged, "balance_changed" => BalanceChanged, "hold_placed" => HoldPlaced,
        "hold_released" => HoldReleased, "hold_captured" => HoldCaptured, "retraction_counted" => RetractionCounted,
        "bid_status" => BidStatusChanged, "outbid" => Outbid, "won" => Won, "order_changed" => OrderChanged,
        "stock_shortfall" => Shortfall, "book_order_changed" => BookOrderChanged,
        "reservation_created" => ReservationOpen, "reservation_extended" => ReservationOpen,
        "reservation_expired" => ReservationEnded, "reservation_released" => ReservationEnded,
        "reservation_committed" => ReservationEnded,
    }
    "ops" "What operators and auditors of a market are told: `ops:<market>`." { "audited" => Audited }
}
