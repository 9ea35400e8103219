//! What can be asked of an account.

use crate::account::Role;
use crate::amount::{Amount, Currency};
use crate::command;
use crate::id::{AccountId, EntryId, MarketId};
use crate::money::{CaptureHold, PlaceHold, PostEntry, ReleaseHold, SubAccount};
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

command! {
    /// `account.sign_out`: every token of the account that was issued until now is void. By the account itself, or by an operator of
    /// the platform, who gives a reason.
    pub struct SignOut / SignOutParams {
        /// The caller's own where it is absent.
        1 => account: Option<AccountId>,
        2 => reason: Option<String>,
    }
}

command! {
    /// `account.deposit`: money or goods come in from outside; by an operator. Either `amount` and `currency`, or `goods`
    /// and `quantity`.
    pub struct Deposit / DepositParams {
        1 => account: AccountId,
        2 => amount: Option<Amount>,
        3 => currency: Option<Currency>,
        /// The id of a stock item or book.
        4 => goods: Option<String>,
        5 => quantity: Option<u64>,
        6 => reason: String,
    }
}

command! {
    /// `account.withdraw`: money or goods go out; by an operator. Never more than is available: what is held stays.
    pub struct Withdraw / WithdrawParams {
        1 => account: AccountId,
        2 => amount: Option<Amount>,
        3 => currency: Option<Currency>,
        /// As in `account.deposit`.
        4 => goods: Option<String>,
        5 => quantity: Option<u64>,
        6 => reason: String,
    }
}

command! {
    /// `account.correct`: a new entry that names the one it corrects, which stays as it is (I35); by an operator.
    pub struct Correct / CorrectParams {
        1 => account: AccountId,
        /// The entry that was wrong: one of the account's latest, of the same currency or goods.
        2 => entry: EntryId,
        /// What the balance changes by, signed: minor units of `currency` or units of `goods`; not 0.
        3 => amount: i64,
        4 => currency: Option<Currency>,
        /// As in `account.deposit`.
        5 => goods: Option<String>,
        /// Where it comes from and goes to: `outside` (the default) or `fees`. Never `clearing`: a transfer has another side,
        /// which only its order can put right.
        6 => against: Option<SubAccount>,
        7 => reason: String,
    }
}

command! {
    /// `account.collect_fees`: fees earned become balance, which can then be withdrawn; by an operator.
    pub struct CollectFees / CollectFeesParams {
        1 => account: AccountId,
        /// At most the fees earned.
        2 => amount: Amount,
        3 => currency: Currency,
        4 => reason: String,
    }
}

crate::record! {
    /// The engine's own: a lot's bidder took bids back. Counted on the account (RULES, "Retraction").
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CountRetraction {
        1 => pub account: AccountId,
        2 => pub lot: crate::id::LotId,
        3 => pub bids: u32,
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
        7 => Deposit(Deposit),
        8 => Withdraw(Withdraw),
        /// Internal, as all that follow: from lots and orders.
        9 => PlaceHold(PlaceHold),
        10 => ReleaseHold(ReleaseHold),
        11 => CaptureHold(CaptureHold),
        12 => PostEntry(Box<PostEntry>),
        13 => CountRetraction(CountRetraction),
        20 => SettleTrade(Box<super::SettleTrade>),
        /// By an operator.
        14 => Correct(Box<Correct>),
        15 => CollectFees(CollectFees),
        16 => SignOut(SignOut),
    }
}
