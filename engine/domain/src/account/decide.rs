//! The rules of accounts: who may make one, and who may give it rights.

use super::{
    Account, AccountCommand, AccountCreated, AccountEvent, AccountMarked, AccountUpdated, CreateAccount,
    Grant, Link, Mark, SignOut, Suspend, UpdateAccount, Verify, by_operator, funds, trades,
};
use crate::actor::{Answer, Decision, Events, StateAnswer};
use crate::command::{Targeted as _, content_hash};
use crate::context::Context;
use crate::facts::{AccountFacts, Standing};
use crate::id::{AccountId, MarketId};
use crate::limits;
use crate::record::Bytes;
use crate::rejection::Rejection;

pub(super) fn create(
    command: &AccountCommand,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    let AccountCommand::Create(command) = command else { return house(command, context) };
    // An account belongs to no market: whoever operates some market may make one (the shell passes the roles anywhere).
    if !context.standing.any(Standing::OPERATOR) {
        return Err(Rejection::Forbidden);
    }
    let account =
        command.account.ok_or_else(|| Rejection::invalid("account", "the id of the new account"))?;
    if account == AccountId::default() || account == AccountId::HOUSE {
        return Err(Rejection::AlreadyExists);
    }
    check_name(&command.name, &command.name_sealed)?;
    limits::optional_text("ref", command.r#ref.as_deref(), limits::REF_CHARS_MAX)?;
    Ok(Decision::event(AccountEvent::Created(Box::new(AccountCreated {
        account,
        name_sealed: command.name_sealed.clone(),
        reference: command.r#ref.clone(),
        content: creation_hash(command),
    }))))
}

/// The platform's own account is never created by anybody: the first that happens to its money makes it.
fn house(command: &AccountCommand, context: &Context<'_>) -> Result<Decision<AccountEvent>, Rejection> {
    let is_about_money = matches!(
        command,
        AccountCommand::Deposit(_)
            | AccountCommand::Withdraw(_)
            | AccountCommand::PlaceHold(_)
            | AccountCommand::ReleaseHold(_)
            | AccountCommand::CaptureHold(_)
            | AccountCommand::PostEntry(_)
            | AccountCommand::CountRetraction(_)
            | AccountCommand::SettleTrade(_)
            | AccountCommand::Correct(_)
            | AccountCommand::CollectFees(_)
    );
    if !is_about_money || command.target() != Some(AccountId::HOUSE.into()) {
        return Err(Rejection::NotFound);
    }
    let created = AccountCreated {
        account: AccountId::HOUSE,
        name_sealed: Bytes::default(),
        reference: None,
        content: 0,
    };
    let first = decide(&Account::new(&created, AccountId::HOUSE), command, context)?;
    let mut events = Events::new();
    events.push(AccountEvent::Created(Box::new(created)));
    events.extend(first.events);
    Ok(Decision { events, answer: first.answer })
}

pub(super) fn decide(
    account: &Account,
    command: &AccountCommand,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    match command {
        AccountCommand::Create(command) => {
            if account.owner == context.by && account.content == creation_hash(command) {
                return Ok(Decision::unchanged(Answer::Account(account.id)));
            }
            Err(Rejection::AlreadyExists)
        }
        AccountCommand::Update(command) => update(account, command, context),
        AccountCommand::Grant(command) => grant(account, command, context),
        AccountCommand::Suspend(command) => suspend(account, command, context),
        AccountCommand::Verify(command) => verify(account, command, context),
        AccountCommand::Link(command) => link(account, command, context),
        AccountCommand::SignOut(command) => sign_out(account, command, context),
        AccountCommand::Deposit(command) => by_operator::deposit(account, command, context),
        AccountCommand::Withdraw(command) => by_operator::withdraw(account, command, context),
        AccountCommand::PlaceHold(command) => funds::place_hold(account, command, context),
        AccountCommand::ReleaseHold(command) => funds::release_hold(account, command, context),
        AccountCommand::CaptureHold(command) => funds::capture_hold(account, command, context),
        AccountCommand::PostEntry(command) => funds::post_entry(account, command, context),
        AccountCommand::CountRetraction(command) => funds::count_retraction(account, command, context),
        AccountCommand::SettleTrade(command) => trades::settle_trade(account, command, context),
        AccountCommand::Correct(command) => by_operator::correct(account, command, context),
        AccountCommand::CollectFees(command) => by_operator::collect_fees(account, command, context),
    }
}

/// Sealing the same name twice gives other bytes: the sealed name does not count as content (its keyed hash does).
fn creation_hash(command: &CreateAccount) -> u64 {
    content_hash(&CreateAccount { name_sealed: Bytes::default(), ..command.clone() })
}

fn check_name(name: &str, sealed: &Bytes) -> Result<(), Rejection> {
    if !sealed.0.is_empty() {
        return Ok(());
    }
    limits::text("name", name, limits::NAME_CHARS_MAX)
}

/// Rights in a market are given by those who operate it; on the platform only by its own operators.
fn authorize(market: MarketId, context: &Context<'_>) -> Result<(), Rejection> {
    let standing = context.facts.standing(context.by, market);
    if standing.any(Standing::OPERATOR) { Ok(()) } else { Err(Rejection::Forbidden) }
}

fn update(
    account: &Account,
    command: &UpdateAccount,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    if context.by != account.id && !context.standing.any(Standing::OPERATOR) {
        return Err(Rejection::Forbidden);
    }
    check_name(&command.name, &command.name_sealed)?;
    let name_sealed = command.name_sealed.clone();
    Ok(Decision::event(AccountEvent::Updated(Box::new(AccountUpdated { name_sealed }))))
}

fn grant(
    account: &Account,
    command: &Grant,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    authorize(command.market, context)?;
    let mut facts = account.facts.clone();
    let taken = command.revoke == Some(true);
    let state = if taken { "revoked" } else { "granted" };
    let changed =
        set(&mut facts.grants, (command.market, command.role), !taken, "grants", limits::GRANTS_MAX)?;
    let mark = Mark::Granted(command.role);
    Ok(marked(account, changed, facts, AccountMarked::new(mark, command.market, None, taken), state))
}

fn suspend(
    account: &Account,
    command: &Suspend,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    authorize(command.market, context)?;
    limits::reason(Some(&command.reason))?;
    let mut facts = account.facts.clone();
    let taken = command.lift == Some(true);
    let state = if taken { "active" } else { "suspended" };
    let changed = set(&mut facts.suspended_in, command.market, !taken, "suspensions", limits::MARKS_MAX)?;
    let event = AccountMarked::new(Mark::Suspended, command.market, Some(&command.reason), taken);
    Ok(marked(account, changed, facts, event, state))
}

fn verify(
    account: &Account,
    command: &Verify,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    authorize(command.market, context)?;
    limits::reason(Some(&command.reason))?;
    let mut facts = account.facts.clone();
    let taken = command.revoke == Some(true);
    let state = if taken { "unverified" } else { "verified" };
    let changed = set(&mut facts.verified_in, command.market, !taken, "verifications", limits::MARKS_MAX)?;
    let event = AccountMarked::new(Mark::Verified, command.market, Some(&command.reason), taken);
    Ok(marked(account, changed, facts, event, state))
}

fn link(
    account: &Account,
    command: &Link,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    authorize(command.market, context)?;
    limits::reason(Some(&command.reason))?;
    if command.other == account.id {
        return Err(Rejection::invalid("other", "another account"));
    }
    let mut facts = account.facts.clone();
    let taken = command.unlink == Some(true);
    let state = if taken { "unlinked" } else { "linked" };
    let changed = set(&mut facts.linked, command.other, !taken, "links", limits::MARKS_MAX)?;
    let event = AccountMarked::new(Mark::Linked(command.other), command.market, Some(&command.reason), taken);
    Ok(marked(account, changed, facts, event, state))
}

/// Whoever loses a phone signs out everywhere. Each time counts: there may be tokens that are younger than the last time.
fn sign_out(
    account: &Account,
    command: &SignOut,
    context: &Context<'_>,
) -> Result<Decision<AccountEvent>, Rejection> {
    if context.by != account.id {
        authorize(MarketId::PLATFORM, context)?;
    }
    if context.by != account.id || command.reason.is_some() {
        limits::reason(command.reason.as_deref())?;
    }
    let mut facts = account.facts.clone();
    let changed = facts.tokens_from.is_none_or(|known| known < context.now);
    facts.tokens_from = Some(context.now);
    let event = AccountMarked::new(Mark::SignedOut, MarketId::PLATFORM, command.reason.as_deref(), false);
    Ok(marked(account, changed, facts, event, "signed_out"))
}

/// Puts a value into a list, or takes it out; says whether that changed anything.
fn set<T: PartialEq>(
    list: &mut Vec<T>,
    value: T,
    present: bool,
    name: &str,
    max: usize,
) -> Result<bool, Rejection> {
    match (list.iter().position(|known| *known == value), present) {
        (None, true) if list.len() >= max => Err(limits::exceeded(name, max as u64, list.len() as u64 + 1)),
        (None, true) => {
            list.push(value);
            Ok(true)
        }
        (Some(place), false) => {
            list.remove(place);
            Ok(true)
        }
        _ => Ok(false),
    }
}

fn marked(
    account: &Account,
    changed: bool,
    mut facts: AccountFacts,
    event: AccountMarked,
    state: &str,
) -> Decision<AccountEvent> {
    if !changed {
        return Decision::unchanged(Answer::State(StateAnswer { state: state.to_owned(), ends_at: None }));
    }
    facts.version = account.facts.version + 1;
    Decision::event(AccountEvent::Marked(Box::new(AccountMarked { facts, ..event })))
}
