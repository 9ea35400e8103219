//! Channels: what a client subscribes to. One dense sequence of events each.

use std::fmt;
use std::str::FromStr;

use vendue_domain::id::{AccountId, BookId, Id, LotId, MarketId, StockId};

/// A channel. On the link: its kind's number and 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// `market:<id>`: summaries; public.
    Market(MarketId),
    /// `account`: the caller's own; private. On the wire it is named without the id.
    Account(AccountId),
    /// `lot:<id>`, public.
    Lot(LotId),
    /// `stock:<id>`, public.
    Stock(StockId),
    /// `book:<id>`, public.
    Book(BookId),
    /// `ops:<market>`: for its operators and auditors.
    Ops(MarketId),
}

impl Channel {
    /// Its number and id on the link.
    #[must_use]
    pub const fn to_link(self) -> (u8, Id) {
        match self {
            Self::Market(id) => (1, id.0),
            Self::Account(id) => (2, id.0),
            Self::Lot(id) => (4, id.0),
            Self::Stock(id) => (5, id.0),
            Self::Book(id) => (7, id.0),
            Self::Ops(id) => (16, id.0),
        }
    }

    /// The channel with this number and id.
    #[must_use]
    pub const fn from_link(kind: u8, id: Id) -> Option<Self> {
        Some(match kind {
            1 => Self::Market(MarketId(id)),
            2 => Self::Account(AccountId(id)),
            4 => Self::Lot(LotId(id)),
            5 => Self::Stock(StockId(id)),
            7 => Self::Book(BookId(id)),
            16 => Self::Ops(MarketId(id)),
            _ => return None,
        })
    }

    /// Reads a channel's name; `account` is the caller's own.
    #[must_use]
    pub fn parse(name: &str, caller: Option<AccountId>) -> Option<Self> {
        if name == "account" {
            return caller.map(Self::Account);
        }
        let (kind, id) = name.split_once(':')?;
        Some(match kind {
            "market" => Self::Market(MarketId::from_str(id).ok()?),
            "lot" => Self::Lot(LotId::from_str(id).ok()?),
            "stock" => Self::Stock(StockId::from_str(id).ok()?),
            "book" => Self::Book(BookId::from_str(id).ok()?),
            "ops" => Self::Ops(MarketId::from_str(id).ok()?),
            _ => return None,
        })
    }

    /// Whether guests may follow it.
    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Market(_) | Self::Lot(_) | Self::Stock(_) | Self::Book(_))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Market(id) => write!(f, "market:{id}"),
            Self::Account(_) => f.write_str("account"),
            Self::Lot(id) => write!(f, "lot:{id}"),
            Self::Stock(id) => write!(f, "stock:{id}"),
            Self::Book(id) => write!(f, "book:{id}"),
            Self::Ops(id) => write!(f, "ops:{id}"),
        }
    }
}
