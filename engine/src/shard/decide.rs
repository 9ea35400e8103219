//! The way of a command through a shard: its key, its actor, the rules, the record, the reply.

use std::panic::{AssertUnwindSafe, catch_unwind};
use vendue_domain::mutant;

use vendue_domain::account::AccountCommand;
use vendue_domain::actor::{ActorAddress, Command, Entity};
use vendue_domain::amount::Currency;
use vendue_domain::book::BookCommand;
use vendue_domain::command::Targeted;
use vendue_domain::context::{Context, Stamp};
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, MarketId};
use vendue_domain::lot::LotCommand;
use vendue_domain::market::MarketCommand;
use vendue_domain::order::OrderCommand;
use vendue_domain::record::{Bytes, Field};
use vendue_domain::rejection::{CurrencyMismatch, Rejection};
use vendue_domain::sale::SaleCommand;
use vendue_domain::stock::StockCommand;
use vendue_protocol::link::{CommandItem, NotExecuted};

use super::record::Origin;
use super::waiting::Joined;
use super::{Parked, Request, Shard};
use crate::effects::EFFECTS_WAITING_MAX;
use crate::entry::Keyed;
use crate::keys::{Known, content_hash, key_hash, personal_content_hash};
use crate::unit::LinkId;

/// How soon an `overloaded` command may be tried again, in milliseconds: a few commits.
const RETRY_OVERLOADED_MS: u32 = 20;

/// Runs a rule; `None` where it panicked. The state it borrowed is unchanged where it only decided.
pub(super) fn guarded<T>(rule: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(|| {
        let outcome = rule();
        #[cfg(test)]
        super::tests::panic_if_asked();
        outcome
    }))
    .ok()
}

/// Who asks for what: everything of a command but the command.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) link: LinkId,
    pub(super) request: u64,
    pub(super) by: AccountId,
    pub(super) keyed: Keyed,
}

impl Shard {
    /// Takes a command.
    pub fn command(&mut self, link: LinkId, bytes: &[u8]) {
        match CommandItem::decode(bytes) {
            Ok(item) => {
                self.take(link, &item, bytes);
                // What it causes comes before the next command: processes that span actors are short for everybody.
                self.run_effects();
            }
            // The gateway made these bytes; without a head there is no request to answer.
            Err(error) => tracing::error!(%error, link, "a command's head cannot be read"),
        }
    }

    fn take(&mut self, link: LinkId, item: &CommandItem<'_>, bytes: &[u8]) {
        self.stats.commands += 1;
        let request = item.request;
        let Ok(mut command) = Command::from_bytes(item.command) else {
            return self.refuse(link, request, NotExecuted::InvalidRequest, 0, "the command cannot be read");
        };
        let Some(target) = command.target().or_else(|| self.directory.resolve(&mut command)) else {
            return self.refuse(link, request, NotExecuted::InvalidRequest, 0, "the command names no target");
        };
        if is_internal(&command) {
            return self.refuse(link, request, NotExecuted::Forbidden, 0, "");
        }
        self.directory.fill_own(&mut command, item.by, self.key_secret);
        let hash = key_hash(self.key_secret, item.by, target, item.key);
        // The currency that the caller names is part of what it asks.
        let named = item.currency.map_or(0, |currency| content_hash(currency.code().as_bytes()));
        let of_command = if is_personal(&command) {
            personal_content_hash(self.key_secret, item.command)
        } else {
            content_hash(item.command)
        };
        let content = of_command ^ named;
        let is_late = mutant("key_recorded_before_deadline") && self.now >= item.expires_at;
        match self.keys.get(hash) {
            Ok(None) => {}
            Ok(Some(_)) if is_late => {}
            Ok(Some(known)) => return self.known(link, request, Keyed { hash, content }, known),
            Err(error) => return self.keys_unreadable(link, request, &error),
        }
        // After the key: of a command that was executed in time nobody may be told that it was not (I3), however late a
        // lost link's copy comes.
        if self.now >= item.expires_at {
            return self.refuse(link, request, NotExecuted::DeadlineExceeded, 0, "");
        }
        if self.is_overloaded() {
            return self.refuse(link, request, NotExecuted::Overloaded, RETRY_OVERLOADED_MS, "");
        }
        let asker = Asker { link, request, by: item.by, keyed: Keyed { hash, content } };
        if let Some(mismatch) = item.currency.and_then(|named| self.other_currency(&target, &command, named))
        {
            return self.reject(asker, mismatch, is_trial(&command));
        }
        match self.index.get(&target) {
            Some(&index) => self.decide(index, asker, command),
            None if self.may_be_stored(&target) => self.park(target, link, bytes),
            None => self.create(target, asker, command),
        }
    }

    /// The refusal where the caller takes amounts to be in another currency than the market has: of a resident actor, or of
    /// what is about to be created. One that has to be loaded is asked about when it is here.
    fn other_currency(&self, target: &ActorAddress, command: &Command, named: Currency) -> Option<Rejection> {
        let market = match (self.index.get(target), command) {
            (Some(&index), _) => self.cells[index as usize].as_ref()?.entity.market(),
            (None, Command::Lot(LotCommand::Create(create))) => create.market,
            (None, Command::Stock(StockCommand::Create(create))) => create.market,
            (None, _) => return None,
        };
        let expected = self.facts.market(market)?.currency;
        (expected != named).then_some(Rejection::CurrencyMismatch(CurrencyMismatch { expected }))
    }

    /// Whether as much is under way as may be: records to become durable, answers that wait, effects, keys.
    fn is_overloaded(&self) -> bool {
        self.in_flight() >= u64::from(self.options.in_flight_max)
            || self.waiters.count() >= self.options.in_flight_max
            || self.directory.effects.waiting() >= EFFECTS_WAITING_MAX
            || !self.keys.has_room()
    }

    /// A command whose key is known: the same content hears the outcome again, when there is one.
    fn known(&mut self, link: LinkId, request: u64, keyed: Keyed, known: Known) {
        let Keyed { hash, content } = keyed;
        if known.content != content && !mutant("content_not_compared") {
            return self.refuse(link, request, NotExecuted::IdempotencyKeyReused, 0, "");
        }
        match self.waiters.join(hash, content, link, request, self.options.in_flight_max) {
            None => {}
            Some(Joined::Waits) => {
                self.stats.replayed += 1;
                return;
            }
            Some(Joined::OtherContent) => {
                return self.refuse(link, request, NotExecuted::IdempotencyKeyReused, 0, "");
            }
            Some(Joined::NoRoom) => {
                return self.refuse(link, request, NotExecuted::Overloaded, RETRY_OVERLOADED_MS, "");
            }
        }
        self.stats.replayed += 1;
        self.requests.push(Request::Replay { link, request, position: known.position });
    }

    /// Answers `command.result`: the outcome kept for the account's key to the target.
    pub fn result_of(&mut self, link: LinkId, request: u64, by: AccountId, target: ActorAddress, key: &[u8]) {
        let hash = key_hash(self.key_secret, by, target, key);
        match self.keys.get(hash) {
            Ok(Some(known)) => {
                self.requests.push(Request::Replay { link, request, position: known.position })
            }
            Ok(None) => self.no_outcome(link, request),
            Err(error) => self.keys_unreadable(link, request, &error),
        }
    }

    /// Answers `command.receipt`: the proof of that outcome.
    pub fn receipt_of(
        &mut self,
        link: LinkId,
        request: u64,
        by: AccountId,
        target: ActorAddress,
        key: &[u8],
    ) {
        let hash = key_hash(self.key_secret, by, target, key);
        match self.keys.get(hash) {
            Ok(Some(known)) => {
                self.requests.push(Request::Receipt { link, request, position: known.position });
            }
            Ok(None) => self.no_outcome(link, request),
            Err(error) => self.keys_unreadable(link, request, &error),
        }
    }

    fn no_outcome(&mut self, link: LinkId, request: u64) {
        self.refuse(link, request, NotExecuted::NotFound, 0, "no outcome is kept for this key and target");
    }

    /// Whether the key has been used cannot be told: deciding could do a command twice.
    fn keys_unreadable(&mut self, link: LinkId, request: u64, error: &str) {
        tracing::error!(error, "a list of sealed keys cannot be read");
        self.refuse(
            link,
            request,
            NotExecuted::Unavailable,
            0,
            "earlier keys cannot be read; the operator has been told",
        );
    }

    /// Waits for the target to be looked up in the state store.
    fn park(&mut self, target: ActorAddress, link: LinkId, bytes: &[u8]) {
        if self.parked_count >= self.options.parked_max {
            let request = CommandItem::decode(bytes).map_or(0, |item| item.request);
            return self.refuse(link, request, NotExecuted::Overloaded, RETRY_OVERLOADED_MS, "");
        }
        self.parked_count += 1;
        if !self.is_being_loaded(&target) {
            self.requests.push(Request::Load(target));
        }
        self.parked.entry(target).or_default().push_back(Parked { link, item: bytes.to_vec() });
    }

    /// Takes the commands that waited for this actor.
    pub(super) fn unpark(&mut self, target: &ActorAddress) {
        let Some(waiting) = self.parked.remove(target) else { return };
        self.parked_count -= waiting.len() as u32;
        for parked in waiting {
            self.stats.commands -= 1; // Counted when it came.
            self.command(parked.link, &parked.item);
        }
    }

    /// Decides a command of a resident actor.
    #[inline]
    fn decide(&mut self, index: u32, asker: Asker, command: Command) {
        let command = match self.sealed(command) {
            Ok(command) => command,
            Err(why) => {
                return self.refuse(
                    asker.link,
                    asker.request,
                    why,
                    0,
                    "the vault cannot take personal data now",
                );
            }
        };
        let Some(cell) = self.cells[index as usize].as_mut() else { return };
        cell.used = self.round;
        let Some(cell) = self.cells[index as usize].as_ref() else { return };
        let market = cell.entity.market();
        let standing = standing_for(&self.facts, asker.by, &command, market);
        let context = Context {
            now: self.now,
            by: asker.by,
            standing,
            facts: &self.facts,
            command_id: asker.keyed.hash,
            content: asker.keyed.content,
            accounts: self.assurance(),
        };
        match guarded(|| cell.entity.decide(&command, &context)) {
            Some(Ok(decision)) => self.accept(index, asker, decision, is_trial(&command)),
            Some(Err(rejection)) => self.reject(asker, rejection, is_trial(&command)),
            None => {
                self.stats.panics += 1;
                tracing::error!(actor = ?cell.address, "a rule panicked while it decided; the actor is unchanged");
                self.refuse(asker.link, asker.request, NotExecuted::Internal, 0, "");
            }
        }
    }

    /// Decides a command to an actor that does not exist.
    fn create(&mut self, target: ActorAddress, asker: Asker, command: Command) {
        let command = match self.sealed(command) {
            Ok(command) => command,
            Err(why) => {
                return self.refuse(
                    asker.link,
                    asker.request,
                    why,
                    0,
                    "the vault cannot take personal data now",
                );
            }
        };
        let standing = standing_for(&self.facts, asker.by, &command, MarketId::PLATFORM);
        let context = Context {
            now: self.now,
            by: asker.by,
            standing,
            facts: &self.facts,
            command_id: asker.keyed.hash,
            content: asker.keyed.content,
            accounts: None,
        };
        let decision = match guarded(|| Entity::create(&command, &context)) {
            Some(Ok(decision)) => decision,
            Some(Err(rejection)) => return self.reject(asker, rejection, is_trial(&command)),
            None => {
                self.stats.panics += 1;
                return self.refuse(asker.link, asker.request, NotExecuted::Internal, 0, "");
            }
        };
        let stamp = Stamp { time: self.now, by: asker.by, command_id: asker.keyed.hash };
        let born = decision.events.first().and_then(|event| Entity::born(event, &stamp));
        let Some(entity) = born else {
            return self.refuse(
                asker.link,
                asker.request,
                NotExecuted::Internal,
                0,
                "a creation made nothing",
            );
        };
        // The newborn already is what its first event made it: it is recorded, not applied again.
        let index = self.insert(target, entity, 0, 0);
        self.accept(index, asker, decision, false);
    }

    /// Personal data leaves a command sealed: in clear it reaches neither the rules nor the journal.
    fn sealed(&self, command: Command) -> Result<Command, NotExecuted> {
        match command {
            Command::Account(AccountCommand::Create(mut create)) => {
                if let Some(account) = create.account.filter(|_| is_name(&create.name)) {
                    create.name_sealed = self.sealed_name(account, &create.name)?;
                    // Creating it again with another name is told by this, since sealing never gives the same bytes twice.
                    let name_hash = self.seal.fingerprint(account, &create.name);
                    create.name_hash = Some(name_hash.ok_or(NotExecuted::Unavailable)?);
                    create.name.clear();
                }
                Ok(Command::Account(AccountCommand::Create(create)))
            }
            Command::Account(AccountCommand::Update(mut update)) => {
                if is_name(&update.name) {
                    update.name_sealed = self.sealed_name(update.account, &update.name)?;
                    update.name.clear();
                }
                Ok(Command::Account(AccountCommand::Update(update)))
            }
            other => Ok(other),
        }
    }

    fn sealed_name(&self, account: AccountId, name: &str) -> Result<Bytes, NotExecuted> {
        self.seal.seal(account, name).map(Bytes).ok_or(NotExecuted::Unavailable)
    }

    /// Decides a command of the engine's own to a resident actor (a market's mark).
    pub fn internal(&mut self, target: ActorAddress, command: &Command) {
        let Some(&index) = self.index.get(&target) else { return };
        let Some(cell) = self.cells[index as usize].as_mut() else { return };
        let context = Context {
            now: self.now,
            by: AccountId::default(),
            standing: Standing::ENGINE,
            facts: &self.facts,
            command_id: 0,
            content: 0,
            accounts: None,
        };
        match guarded(|| cell.entity.decide(command, &context)) {
            Some(Ok(decision)) if !decision.events.is_empty() => {
                self.record(index, decision.events, Origin::ENGINE);
                self.schedule(index);
            }
            Some(_) => {}
            None => self.stats.panics += 1,
        }
    }
}

/// Whether a command is the engine's own and never a client's.
const fn is_internal(command: &Command) -> bool {
    matches!(
        command,
        Command::Market(MarketCommand::Mark(_))
            | Command::Order(
                OrderCommand::OpenWon(_)
                    | OrderCommand::Settled(_)
                    | OrderCommand::Line(_)
                    | OrderCommand::Lend(_)
                    | OrderCommand::EndLoan(_)
                    | OrderCommand::Lent(_)
            )
            | Command::Book(BookCommand::Settled(_))
            | Command::Stock(
                StockCommand::ReserveForOrder(_)
                    | StockCommand::TakeReservation(_)
                    | StockCommand::AllocateForOrder(_)
                    | StockCommand::ReleaseForOrder(_)
                    | StockCommand::FinishForOrder(_)
            )
    )
}

/// Whether a command carries personal data in clear.
const fn is_personal(command: &Command) -> bool {
    matches!(command, Command::Account(AccountCommand::Create(_) | AccountCommand::Update(_)))
}

/// Whether a name may be sealed; one that may not reaches the rules as it is, and they refuse it.
fn is_name(name: &str) -> bool {
    vendue_domain::limits::text("name", name, vendue_domain::limits::NAME_CHARS_MAX).is_ok()
}

/// Whether a command is judged as if, and changes nothing.
fn is_trial(command: &Command) -> bool {
    matches!(command, Command::Lot(LotCommand::Bid(bid)) if bid.validate_only == Some(true))
}

/// What the asker may do where the command is decided: in the market it names when it creates something there, anywhere
/// when it concerns accounts, else in the actor's own market.
#[inline]
fn standing_for(
    facts: &vendue_domain::facts::Facts,
    by: AccountId,
    command: &Command,
    market: MarketId,
) -> Standing {
    match command {
        Command::Account(_) => facts.roles_anywhere(by),
        Command::Lot(LotCommand::Create(create)) => facts.standing(by, create.market),
        Command::Sale(SaleCommand::Create(create)) => facts.standing(by, create.market),
        Command::Stock(StockCommand::Create(create)) => facts.standing(by, create.market),
        Command::Book(BookCommand::Create(create)) => facts.standing(by, create.market),
        Command::Order(OrderCommand::Place(place)) => match place.market {
            Some(market) => facts.standing(by, market),
            // That of the first line: the order finds it out.
            None => facts.roles_anywhere(by),
        },
        Command::Market(MarketCommand::Create(_)) => facts.standing(by, MarketId::PLATFORM),
        _ => facts.standing(by, market),
    }
}
