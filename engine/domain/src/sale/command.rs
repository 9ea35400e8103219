//! What can be asked of a sale.

use crate::command;
use crate::id::{MarketId, SaleId};
use crate::time::Timestamp;

command! {
    /// `sale.create`: a catalogue with terms and staggered ends.
    pub struct CreateSale / CreateSaleParams {
        1 => sale: Option<SaleId>,
        2 => market: MarketId,
        /// 1 to 200 characters.
        3 => title: String,
        /// What a bidder accepts by registering; at most 20,000 characters; version 1.
        4 => terms: Option<String>,
        5 => opens_at: Timestamp,
        /// When lot 1 ends; lot n ends `stagger_ms` times (n - 1) later.
        6 => closes_at: Option<Timestamp>,
        7 => stagger_ms: Option<u64>,
        8 => r#ref: Option<String>,
    }
}

command! {
    /// `sale.register`: the caller accepts the terms (by version; the newest where absent) and gets its paddle number.
    pub struct RegisterForSale / RegisterForSaleParams {
        1 => sale: SaleId,
        2 => terms_version: Option<u32>,
    }
}

command! {
    /// `sale.revise`: new terms are a new version; who registered for an older one registers again before its next first bid.
    pub struct ReviseSale / ReviseSaleParams {
        1 => sale: SaleId,
        2 => title: Option<String>,
        3 => terms: Option<String>,
    }
}

crate::variants! {
    /// The commands of a sale.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum SaleCommand {
        1 => Create(Box<CreateSale>),
        2 => Register(RegisterForSale),
        3 => Revise(ReviseSale),
    }
}
