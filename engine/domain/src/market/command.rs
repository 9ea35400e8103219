//! What can be asked of a market.

use crate::amount::Currency;
use crate::command;
use crate::fees::FeeSchedule;
use crate::id::MarketId;
use crate::increments::IncrementTable;
use crate::market::Policy;

command! {
    /// `market.create`: by an operator of the platform, who becomes the market's owner.
    pub struct CreateMarket / CreateMarketParams {
        /// Chosen by the client, or derived from (account, method, key).
        1 => market: Option<MarketId>,
        /// 1 to 200 characters.
        2 => name: String,
        3 => currency: Currency,
        /// The increments of its lots unless a lot brings its own; the default table (eBay's) where absent.
        4 => increments: Option<IncrementTable>,
        5 => policy: Option<Policy>,
        /// The caller's own key of this market.
        6 => r#ref: Option<String>,
        /// Buyer's premium and seller's commission; none where absent.
        7 => fees: Option<FeeSchedule>,
    }
}

command! {
    /// `market.halt`: nothing is sold until `market.resume`; every open lot is paused with its remaining time kept.
    pub struct HaltMarket / HaltMarketParams {
        1 => market: MarketId,
        2 => reason: String,
    }
}

command! {
    /// `market.resume`: undoes `market.halt`.
    pub struct ResumeMarket / ResumeMarketParams {
        1 => market: MarketId,
        2 => reason: String,
    }
}

command! {
    /// `market.set_fees`: a new schedule for lots and stock created from now on; those that exist keep theirs.
    pub struct SetFees / SetFeesParams {
        1 => market: MarketId,
        2 => fees: FeeSchedule,
        3 => reason: String,
    }
}

crate::record! {
    /// The engine's own: everything that changed in this market's lots since the last mark is one `lots_changed`.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct MarkMarket { 1 => pub market: MarketId }
}

crate::variants! {
    /// The commands of a market.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum MarketCommand {
        1 => Create(Box<CreateMarket>),
        2 => Halt(HaltMarket),
        3 => Resume(ResumeMarket),
        /// Internal: never from a client.
        4 => Mark(MarkMarket),
        5 => SetFees(Box<SetFees>),
    }
}
