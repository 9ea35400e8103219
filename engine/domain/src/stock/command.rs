//! What can be asked of a stock item.

use crate::amount::Amount;
use crate::command;
use crate::id::{AccountId, MarketId, ReservationId, StockId};

command! {
    /// `stock.create`: by a seller or operator.
    pub struct CreateStock / CreateStockParams in currency {
        1 => stock: Option<StockId>,
        2 => market: MarketId,
        /// 1 to 200 characters.
        3 => title: String,
        /// For one unit.
        4 => price: Amount,
        /// Units at hand, 0 to 2^53 - 1.
        5 => on_hand: u64,
        6 => r#ref: Option<String>,
        /// Kept back from sale; negative allows back-orders to that depth.
        7 => threshold: Option<i64>,
        /// The most units that one account may hold reserved and bought.
        8 => limit_per_account: Option<u64>,
        9 => description: Option<String>,
        10 => category: Option<String>,
        11 => images: Option<Vec<String>>,
        /// Who sells it: the caller where absent (an operator may name another).
        12 => seller: Option<AccountId>,
    }
}

command! {
    /// `stock.receive`: units arrived.
    pub struct ReceiveStock / ReceiveStockParams {
        1 => stock: StockId,
        2 => quantity: u64,
        3 => reason: Option<String>,
    }
}

command! {
    /// `stock.adjust`: a count corrected by `quantity` units, up or down; refused below what is committed.
    pub struct AdjustStock / AdjustStockParams {
        1 => stock: StockId,
        2 => quantity: i64,
        3 => reason: String,
    }
}

command! {
    /// `stock.reserve`: units set aside for the caller until it buys, releases or the reservation expires.
    pub struct ReserveStock / ReserveStockParams {
        1 => stock: StockId,
        2 => quantity: u64,
        /// Default 10 minutes.
        3 => ttl_ms: Option<u64>,
    }
}

command! {
    /// `stock.release`: gives a reservation back.
    pub struct ReleaseStock / ReleaseStockParams {
        1 => stock: Option<StockId>,
        2 => reservation: ReservationId,
    }
}

command! {
    /// `stock.extend`: a reservation ends later: `ttl_ms` from now (default 10 minutes).
    pub struct ExtendReservation / ExtendReservationParams {
        1 => stock: Option<StockId>,
        2 => reservation: ReservationId,
        3 => ttl_ms: Option<u64>,
    }
}

command! {
    /// `stock.commit`: a reservation becomes an allocation (an order's doing; an operator's until orders come).
    pub struct CommitReservation / CommitReservationParams {
        1 => stock: Option<StockId>,
        2 => reservation: ReservationId,
    }
}

crate::variants! {
    /// The commands of a stock item.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum StockCommand {
        1 => Create(Box<CreateStock>),
        2 => Receive(ReceiveStock),
        3 => Adjust(AdjustStock),
        4 => Reserve(ReserveStock),
        5 => Release(ReleaseStock),
        6 => Extend(ExtendReservation),
        7 => Commit(CommitReservation),
    }
}
