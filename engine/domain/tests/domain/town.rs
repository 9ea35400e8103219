//! A town: lots, the accounts of their bidders, and orders, with nothing between them but effects. Each target gets its
//! effects in the order in which they were caused; between targets anything may overtake anything.
//!
//! Accounts and orders are naive stand-ins ([`Bank`]), all in one place; what they must never see is asserted there.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use vendue_domain::account::AccountCommand;
use vendue_domain::actor::{ActorAddress, ActorKind, Answer, Command, Event};
use vendue_domain::context::{Assurance, Stamp};
use vendue_domain::effect::{Asked, Effect};
use vendue_domain::facts::Standing;
use vendue_domain::id::{AccountId, EntryId, HoldId, LotId, OrderId};
use vendue_domain::invariants::funding::FundedLots;
use vendue_domain::lot::{LotCommand, LotSettled};
use vendue_domain::money::{ASSURED_TAG, Asker, CaptureHold, EntryKind, PlaceHold, Settled};
use vendue_domain::order::{OpenWonOrder, OrderCommand};
use vendue_domain::rejection::{InsufficientFunds, Rejection};

use crate::world::World;

/// What one account has.
#[derive(Default, Clone)]
struct Purse {
    balance: u64,
    holds: BTreeMap<HoldId, (Asker, u64)>,
    /// Ids that nothing may bring back.
    ended: BTreeSet<HoldId>,
    retractions: u32,
}

impl Purse {
    fn held(&self) -> u64 {
        self.holds.values().map(|(_, amount)| amount).sum()
    }

    /// What a hold has now, and what it may become at most.
    fn available_for(&self, hold: HoldId) -> (u64, u64) {
        let now = self.holds.get(&hold).map_or(0, |&(_, held)| held);
        (now, self.balance - (self.held() - now))
    }
}

/// The purses as they are at one moment, asked beforehand.
struct Assured {
    purses: BTreeMap<AccountId, Purse>,
    /// To whom something is under way: they assure nothing, as what comes first is not known.
    busy: BTreeSet<ActorAddress>,
}

impl Assurance for Assured {
    fn assures(&self, hold: &PlaceHold) -> bool {
        let purse = self.purses.get(&hold.account).filter(|_| !self.busy.contains(&hold.account.into()));
        purse.is_some_and(|purse| hold.amount <= purse.available_for(hold.hold).1)
    }
}

/// Accounts and orders, as simple as they can be.
#[derive(Default, Clone)]
pub struct Bank {
    purses: BTreeMap<AccountId, Purse>,
    pub orders: BTreeMap<OrderId, OpenWonOrder>,
    /// What was captured, in all.
    pub captured: u64,
    deposited: u64,
}

impl Bank {
    fn purse(&mut self, account: AccountId) -> &mut Purse {
        self.purses.entry(account).or_default()
    }

    pub fn deposit(&mut self, account: AccountId, amount: u64) {
        self.purse(account).balance += amount;
        self.deposited += amount;
    }

    /// Money that goes elsewhere.
    pub fn spend(&mut self, account: AccountId, amount: u64) {
        assert!(self.available(account) >= amount);
        self.purse(account).balance -= amount;
        self.deposited -= amount;
    }

    /// What is held of an account for one lot.
    pub fn held_for(&self, account: AccountId, lot: LotId) -> u64 {
        let Some(purse) = self.purses.get(&account) else { return 0 };
        purse.holds.values().filter(|(asker, _)| *asker == Asker::Lot(lot)).map(|(_, amount)| amount).sum()
    }

    pub fn available(&self, account: AccountId) -> u64 {
        self.purses.get(&account).map_or(0, |purse| purse.balance - purse.held())
    }

    pub fn retractions(&self, account: AccountId) -> u32 {
        self.purses.get(&account).map_or(0, |purse| purse.retractions)
    }

    pub fn live_holds(&self) -> usize {
        self.purses.values().map(|purse| purse.holds.len()).sum()
    }

    /// Nothing is lost, nothing appears (I30).
    pub fn check(&self) {
        let balances: u64 = self.purses.values().map(|purse| purse.balance).sum();
        assert_eq!(balances + self.captured, self.deposited, "money is conserved");
        for purse in self.purses.values() {
            assert!(purse.held() <= purse.balance, "never more is held than is there (I31)");
        }
    }

    fn place(&mut self, place: &PlaceHold) -> Option<Effect> {
        let PlaceHold { account, hold, amount, asker, tag, .. } = *place;
        let purse = self.purse(account);
        assert!(!purse.ended.contains(&hold), "a hold that has ended never comes back (I32)");
        let (now, available) = purse.available_for(hold);
        let refused = (amount > available)
            .then_some(Rejection::InsufficientFunds(InsufficientFunds { needed: amount, available }));
        if refused.is_none() {
            purse.holds.insert(hold, (asker, amount));
        }
        if tag == ASSURED_TAG && refused.is_none() {
            return None;
        }
        let amount = if refused.is_some() { now } else { amount };
        let settled = Settled { account, tag, hold: Some(hold), amount, refused };
        match asker {
            Asker::Lot(lot) => {
                let command = LotCommand::Settled(Box::new(LotSettled { lot, settled }));
                Some(Effect::new(lot, Command::Lot(command)))
            }
            Asker::Order(_) | Asker::Book(_) => panic!("orders place no holds here"),
        }
    }

    fn end(&mut self, account: AccountId, hold: HoldId) -> u64 {
        let purse = self.purse(account);
        let (_, amount) = purse.holds.remove(&hold).unwrap_or((Asker::Order(OrderId::default()), 0));
        purse.ended.insert(hold);
        amount
    }

    fn capture(&mut self, capture: &CaptureHold) {
        let CaptureHold { account, hold, amount, .. } = *capture;
        assert!(!self.purse(account).ended.contains(&hold), "captured once, and not given back before (I32)");
        let held = self.end(account, hold);
        assert!(held >= amount, "an order captures what is there: {amount} of {held} (I34)");
        self.purse(account).balance -= amount;
        self.captured += amount;
    }

    /// The order of a winner: paid from its hold, or towards it from its deposit.
    fn open(&mut self, won: &OpenWonOrder) -> Vec<Effect> {
        let again = self.orders.insert(won.order, won.clone());
        assert!(again.is_none(), "one order for each winner (I21)");
        let total = won.hammer.get() + won.premium;
        let (hold, amount) = match (won.hold, won.deposit) {
            (Some(hold), None) => (hold, total),
            (None, Some(deposit)) => {
                // An assured deposit may still be on its way; it is before the capture on the same lane.
                let held = won.deposit_amount.expect("an order knows what its deposit holds").get();
                (deposit, total.min(held))
            }
            (None, None) => return Vec::new(),
            (Some(_), Some(_)) => panic!("either or"),
        };
        let capture = CaptureHold {
            account: won.buyer,
            hold,
            amount,
            entry: EntryId::from_u128(won.order.0.as_u128()),
            asker: Asker::Order(won.order),
            tag: 1,
            kind: EntryKind::Payment,
            market: won.market,
        };
        vec![Effect::new(won.buyer, Command::Account(AccountCommand::CaptureHold(capture)))]
    }

    /// Decides an effect for an account or order: what it causes.
    fn decide(&mut self, command: &Command) -> Vec<Effect> {
        match command {
            Command::Account(AccountCommand::PlaceHold(place)) => {
                return self.place(place).into_iter().collect();
            }
            Command::Account(AccountCommand::ReleaseHold(release)) => {
                self.end(release.account, release.hold);
            }
            Command::Account(AccountCommand::CaptureHold(capture)) => self.capture(capture),
            Command::Account(AccountCommand::CountRetraction(count)) => {
                self.purse(count.account).retractions += 1;
            }
            Command::Order(OrderCommand::OpenWon(won)) => return self.open(won),
            other => panic!("nobody asks for this: {other:?}"),
        }
        Vec::new()
    }
}

/// What is on its way, and what waits for an answer.
#[derive(Default)]
pub struct Town {
    pub bank: Bank,
    lanes: BTreeMap<ActorAddress, VecDeque<Effect>>,
    /// What was asked and not answered yet.
    open: BTreeSet<(AccountId, u128)>,
    /// Answers that came later, until somebody takes them.
    pub answers: Vec<(Asked, Result<Answer, Rejection>)>,
    pub audit: FundedLots,
    /// For a history that cannot be: the audit would rightly find that somebody leads without money.
    pub unaudited: bool,
    /// The events of its lots with their stamps, until somebody takes them, where they are kept.
    pub keeps: bool,
    pub recorded: Vec<(Event, Stamp)>,
}

impl Town {
    /// Takes what an actor has caused.
    pub fn send(&mut self, effects: impl IntoIterator<Item = Effect>) {
        for effect in effects {
            self.lanes.entry(effect.target).or_default().push_back(effect);
        }
    }

    /// Takes what a lot has done: its effects, and its late answers.
    pub fn take(&mut self, world: &mut World) {
        self.send(std::mem::take(&mut world.effects));
        for waits in world.waits.drain(..) {
            assert!(self.open.insert(waits), "a command's id is its own");
        }
        for (asked, result) in world.completed.drain(..) {
            let waited = self.open.remove(&(asked.by, asked.command_id));
            assert!(waited, "each command is answered once: {asked:?} {result:?}");
            self.answers.push((asked, result));
        }
        for (event, stamp) in world.recorded.drain(..) {
            if let (Event::Lot(event), false) = (&event, self.unaudited) {
                self.audit.take(LotId(world.id), event, &stamp).unwrap_or_else(|broken| panic!("{broken}"));
            }
            if self.keeps {
                self.recorded.push((event, stamp));
            }
        }
    }

    /// The accounts as they answer just now.
    pub fn assurance(&self) -> Rc<dyn Assurance> {
        Rc::new(Assured { purses: self.bank.purses.clone(), busy: self.lanes.keys().copied().collect() })
    }

    pub fn is_answered(&self) -> bool {
        self.open.is_empty()
    }

    /// Where something is under way.
    pub fn targets(&self) -> Vec<ActorAddress> {
        self.lanes.keys().copied().collect()
    }

    /// Hands one target its next effect; a lot then does what is due.
    pub fn deliver(&mut self, target: ActorAddress, lots: &mut [&mut World]) {
        self.hand_over(target, lots);
        if let Some(world) = lots.iter_mut().find(|world| world.id == target.id) {
            self.take(world);
            self.wake(world);
        }
    }

    /// Hands one target its next effect, and leaves what comes of it in a lot to the caller.
    pub fn hand_over(&mut self, target: ActorAddress, lots: &mut [&mut World]) {
        let Some(lane) = self.lanes.get_mut(&target) else { return };
        let effect = lane.pop_front().expect("a lane that is kept has something in it");
        if lane.is_empty() {
            self.lanes.remove(&target);
        }
        if target.kind != ActorKind::Lot {
            let caused = self.bank.decide(&effect.command);
            return self.send(caused);
        }
        let world = lots.iter_mut().find(|world| world.id == target.id).expect("a lot of the town");
        world
            .command_as(AccountId::default(), Standing::ENGINE, &effect.command)
            .expect("an account's answer is never refused");
    }

    /// What is due in a lot.
    pub fn wake(&mut self, world: &mut World) {
        world.due();
        self.take(world);
    }

    /// Delivers everything, until nothing is under way.
    pub fn settle(&mut self, lots: &mut [&mut World]) {
        for _ in 0..1_000_000 {
            let Some(target) = self.lanes.keys().next().copied() else { return };
            self.deliver(target, lots);
        }
        panic!("effects never end");
    }
}
