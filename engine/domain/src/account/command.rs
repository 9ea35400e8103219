//! What can be asked of an account.

use crate::account::Role;
use crate::command;
use crate::id::{AccountId, MarketId};
use crate::record::Bytes;

command! {
    /// `account.create`: by an operator.
    pub struct CreateAccount / CreateAccountParams {
        1 => account: Option<AccountId>,
        /// Personal data: 1 to 200 characters; kept only sealed by the vault, never in the journal in clear.
        2 => name: String,
        3 => r#ref: Option<String>,
    } engine {
        /// The name as the shell has sealed it; it then empties `name`.
        4 => name_sealed: Bytes,
        /// A keyed hash of the name that dies with the person's key, so that "created again with the same content" can be
        /// told though sealing twice gives other bytes.
        5 => name_hash: Option<u64>,
    }
}

command! {
    /// `account.grant`: gives (or, with `revoke`, takes) a role in a market.
    pub struct Grant / GrantParams {
        1 => account: AccountId,
        2 => market: MarketId,
        3 => role: Role,
        4 => revoke: Option<bool>,
    }
}

command! {
    /// `account.update`: a new name.
    pub struct UpdateAccount / UpdateAccountParams {
        1 => account: AccountId,
        /// As in `account.create`.
        2 => name: String,
    } engine {
        /// As in `account.create`.
        3 => name_sealed: Bytes,
    }
}

command! {
    /// `account.suspend`: the account may not bid or buy in the market, and loses its standing in open lots. `lift` undoes it for the future.
    pub struct Suspend / SuspendParams {
        1 => account: AccountId,
        2 => market: MarketId,
        3 => reason: String,
        4 => lift: Option<bool>,
    }
}

command! {
    /// `account.verify`: the operator has checked who this is.
    pub struct Verify / VerifyParams {
        1 => account: AccountId,
        2 => market: MarketId,
        3 => reason: String,
        4 => revoke: Option<bool>,
    }
}

command! {
    /// `account.link`: the two accounts belong together; neither may bid on what the other sells.
    pub struct Link / LinkParams {
        1 => account: AccountId,
        2 => market: MarketId,
        3 => other: AccountId,
        4 => reason: String,
        5 => unlink: Option<bool>,
    }
}

crate::variants! {
    /// The commands of an account.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub enum AccountCommand {
        1 => Create(CreateAccount),
        2 => Grant(Grant),
        3 => Update(UpdateAccount),
        4 => Suspend(Suspend),
        5 => Verify(Verify),
        6 => Link(Link),
    }
}
