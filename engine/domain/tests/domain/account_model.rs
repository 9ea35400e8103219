//! An account's money against a slow model: it keeps every entry and every hold that ever was and adds up anew each time
//! (I30 to I33, I35).

use vendue_domain::account::{AccountCommand, CollectFees, CountRetraction};
use vendue_domain::amount::{AMOUNT_MAX, Amount};
use vendue_domain::id::{AccountId, EntryId, HoldId, LotId, OrderId};
use vendue_domain::limits;
use vendue_domain::money::{
    Asker, Asset, CaptureHold, EntryKind, Line, PlaceHold, PostEntry, ReleaseHold, SubAccount,
};

use crate::account_script::{PARTY, Script, asset, correct, deposit, withdraw};
use crate::random::{Random, rounds};
use crate::world::MARKET;

/// Random commands in all: rounds times commands of one account. `VENDUE_ROUNDS` asks for more, `VENDUE_SEED` for one.
const ROUNDS: u64 = 2_500;
const COMMANDS: u64 = 400;
/// In one round of so many there are more holds than a snapshot lists.
const MANY_HOLDS_EVERY: u64 = 100;

const ASSETS: [&str; 3] = ["EUR", "JPY", "nails"];
const SUBS: [SubAccount; 4] = [SubAccount::Cash, SubAccount::Clearing, SubAccount::Fees, SubAccount::Outside];

struct Entry {
    id: EntryId,
    asset: Asset,
    lines: Vec<Line>,
    reverses: Option<EntryId>,
}

struct Hold {
    id: HoldId,
    asset: Asset,
    asker: Asker,
    amount: u64,
    is_live: bool,
}

#[derive(Default)]
struct Model {
    entries: Vec<Entry>,
    holds: Vec<Hold>,
}

impl Model {
    fn sum(&self, asset: Asset, sub: SubAccount) -> i128 {
        let lines = self.entries.iter().filter(|entry| entry.asset == asset).flat_map(|entry| &entry.lines);
        lines.filter(|line| line.sub == sub).map(|line| i128::from(line.amount)).sum()
    }

    fn held(&self, asset: Asset) -> i128 {
        let holds = self.holds.iter().filter(|hold| hold.is_live && hold.asset == asset);
        holds.map(|hold| i128::from(hold.amount)).sum()
    }

    fn available(&self, asset: Asset) -> i128 {
        self.sum(asset, SubAccount::Cash) - self.held(asset)
    }

    fn live(&mut self, id: HoldId) -> Option<&mut Hold> {
        self.holds.iter_mut().find(|hold| hold.is_live && hold.id == id)
    }

    /// Adds an entry if it may be added; else says why not.
    fn add(&mut self, entry: Entry, may_overdraw: bool) -> Result<i128, String> {
        let asset = entry.asset;
        let change: i128 = cash(&entry.lines);
        let (before, reversed) = (self.available(asset), self.gives_back_too_much(&entry));
        self.entries.push(entry);
        let fits = SUBS.iter().all(|&sub| self.sum(asset, sub).unsigned_abs() <= u128::from(AMOUNT_MAX));
        let why = if !fits {
            "amount_out_of_range".to_owned()
        } else if change < 0 && self.available(asset) < 0 && !may_overdraw {
            format!("insufficient_funds {}/{}", -change, before.max(0))
        } else if reversed {
            "not_allowed_in_state reversed".to_owned()
        } else {
            return Ok(change);
        };
        self.entries.pop();
        Err(why)
    }

    /// Whether all that gives back an entry, this one too, comes to more than it booked, through clearing, either way.
    fn gives_back_too_much(&self, entry: &Entry) -> bool {
        let Some(reversed) = entry.reverses else { return false };
        let through = |entries: &[&Entry], sign: i128| -> i128 {
            let lines = entries.iter().flat_map(|entry| &entry.lines);
            let clearing = lines.filter(|line| line.sub == SubAccount::Clearing);
            clearing.map(|line| (i128::from(line.amount) * sign).max(0)).sum()
        };
        let of = |found: &dyn Fn(&&Entry) -> bool| -> Vec<&Entry> {
            self.entries.iter().filter(|known| known.asset == entry.asset).filter(found).collect()
        };
        let originals = of(&|known| known.id == reversed && known.reverses.is_none());
        let mut reversals = of(&|known| known.reverses == Some(reversed));
        reversals.push(entry);
        [1, -1].into_iter().any(|sign| through(&reversals, -sign) > through(&originals, sign))
    }

    /// Whether a correction may name an entry: it is one of the latest that moved something.
    fn remembers(&self, id: EntryId, asset: Asset) -> bool {
        let moved = self.entries.iter().rev().filter(|entry| entry.lines.iter().any(|line| line.amount != 0));
        moved.take(limits::ENTRIES_KEPT).any(|entry| (entry.id, entry.asset) == (id, asset))
    }

    /// The entries that an account remembers: those of transfers.
    fn can_be_given_back(&self, asset: Asset) -> Vec<EntryId> {
        let moves = |line: &Line| line.sub == SubAccount::Clearing && line.amount != 0;
        let of = self.entries.iter().filter(|entry| entry.asset == asset && entry.reverses.is_none());
        of.filter(|entry| entry.lines.iter().any(moves)).map(|entry| entry.id).collect()
    }

    fn outside(&mut self, asset: Asset, amount: i64, id: EntryId) -> String {
        let lines = pair(SubAccount::Cash, amount, SubAccount::Outside);
        self.by_operator(Entry { id, asset, lines, reverses: None })
    }

    fn by_operator(&mut self, entry: Entry) -> String {
        let asset = entry.asset;
        match self.add(entry, false) {
            Ok(_) => format!("{} held {}", self.sum(asset, SubAccount::Cash), self.held(asset)),
            Err(why) => why,
        }
    }

    fn place(&mut self, place: &PlaceHold) -> String {
        let PlaceHold { hold: id, asset, amount, asker, .. } = place.clone();
        if amount == 0 || amount > AMOUNT_MAX {
            return "amount_out_of_range".into();
        }
        let known = self.live(id).map(|known| (known.asset, known.asker, known.amount));
        if known.is_some_and(|(other, whose, _)| (other, whose) != (asset, asker)) {
            return "already_exists".into();
        }
        let before = known.map_or(0, |known| known.2);
        let available = self.available(asset) + i128::from(before);
        if amount > before && i128::from(amount) > available {
            return format!("insufficient_funds {amount}/{}", available.max(0));
        }
        match self.live(id) {
            Some(known) => known.amount = amount,
            None => self.holds.push(Hold { id, asset, asker, amount, is_live: true }),
        }
        format!("settled {amount}")
    }

    fn release(&mut self, id: HoldId) -> String {
        let Some(hold) = self.live(id) else { return "nothing".into() };
        hold.is_live = false;
        "done".into()
    }

    fn capture(&mut self, capture: &CaptureHold) -> String {
        let Some(hold) = self.live(capture.hold) else { return "not_found".into() };
        if capture.amount > hold.amount {
            return "amount_out_of_range".into();
        }
        let asset = hold.asset;
        let lines = pair(SubAccount::Cash, -(capture.amount as i64), SubAccount::Clearing);
        // What is held is promised: it is paid even where the account is overdrawn.
        match self.add(Entry { id: capture.entry, asset, lines, reverses: None }, true) {
            Ok(_) => {
                self.live(capture.hold).expect("it lives").is_live = false;
                format!("settled {}", capture.amount)
            }
            Err(why) => why,
        }
    }

    fn post(&mut self, post: &PostEntry) -> String {
        let sum: i128 = post.lines.iter().map(|line| i128::from(line.amount)).sum();
        if post.lines.is_empty() {
            return "invalid_request lines".into();
        }
        if post.lines.iter().any(|line| line.amount.unsigned_abs() > AMOUNT_MAX) {
            return "amount_out_of_range".into();
        }
        if sum != 0 {
            return "invalid_request lines".into();
        }
        let entry =
            Entry { id: post.entry, asset: post.asset, lines: post.lines.clone(), reverses: post.reverses };
        match self.add(entry, post.may_overdraw) {
            Ok(change) => format!("settled {}", change.unsigned_abs()),
            Err(why) => why,
        }
    }

    fn decide(&mut self, command: &AccountCommand, nth: u128) -> String {
        match command {
            AccountCommand::Deposit(deposit) => {
                let amount = deposit.amount.map_or(deposit.quantity.unwrap_or(0), |amount| amount.get());
                let asset = asset(deposit.currency.as_ref().map_or("nails", |currency| currency.code()));
                self.outside(asset, amount as i64, EntryId::from_u128(nth))
            }
            AccountCommand::Withdraw(withdraw) => {
                let amount = withdraw.amount.map_or(withdraw.quantity.unwrap_or(0), |amount| amount.get());
                let asset = asset(withdraw.currency.as_ref().map_or("nails", |currency| currency.code()));
                self.outside(asset, -(amount as i64), EntryId::from_u128(nth))
            }
            AccountCommand::Correct(correct) => {
                let asset = asset(correct.currency.as_ref().map_or("nails", |currency| currency.code()));
                if correct.amount == 0 || correct.amount.unsigned_abs() > AMOUNT_MAX {
                    return "amount_out_of_range".into();
                }
                if !self.remembers(correct.entry, asset) {
                    return "not_found".into();
                }
                let lines =
                    pair(SubAccount::Cash, correct.amount, correct.against.unwrap_or(SubAccount::Outside));
                self.by_operator(Entry {
                    id: EntryId::from_u128(nth),
                    asset,
                    lines,
                    reverses: Some(correct.entry),
                })
            }
            AccountCommand::CollectFees(collect) => {
                let (asset, amount) = (Asset::Money(collect.currency), collect.amount.get().cast_signed());
                let earned = self.sum(asset, SubAccount::Fees);
                if i128::from(amount) > earned {
                    return format!("insufficient_funds {amount}/{}", earned.max(0));
                }
                let lines = pair(SubAccount::Cash, amount, SubAccount::Fees);
                self.by_operator(Entry { id: EntryId::from_u128(nth), asset, lines, reverses: None })
            }
            AccountCommand::PlaceHold(place) => self.place(place),
            AccountCommand::ReleaseHold(release) => self.release(release.hold),
            AccountCommand::CaptureHold(capture) => self.capture(capture),
            AccountCommand::PostEntry(post) => self.post(post),
            _ => "done".into(),
        }
    }

    /// The account is what all entries and holds come to.
    fn check(&self, script: &Script) {
        let state = script.state();
        for asset in ASSETS.map(asset) {
            let balances = state.balances_of(asset);
            for sub in SUBS {
                assert_eq!(i128::from(balances.of(sub)), self.sum(asset, sub), "{asset:?} {sub:?} (I30)");
            }
            assert_eq!(i128::from(balances.held), self.held(asset), "{asset:?} held (I32)");
        }
        let live = self.holds.iter().filter(|hold| hold.is_live);
        let live: Vec<_> = live.map(|hold| (hold.id, hold.asset, hold.amount, hold.asker)).collect();
        let found: Vec<_> =
            state.holds().iter().map(|hold| (hold.id, hold.asset, hold.amount, hold.asker)).collect();
        assert_eq!(found, live, "the live holds, the oldest first");
    }
}

fn cash(lines: &[Line]) -> i128 {
    let lines = lines.iter().filter(|line| line.sub == SubAccount::Cash);
    lines.map(|line| i128::from(line.amount)).sum()
}

fn pair(sub: SubAccount, amount: i64, against: SubAccount) -> Vec<Line> {
    vec![Line { sub, amount }, Line { sub: against, amount: -amount }]
}

/// What one round is like.
struct Habits {
    random: Random,
    /// Amounts are drawn below this, or are the largest there are.
    most: u64,
    holds: u64,
    releases: u64,
}

impl Habits {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let most = random.pick(&[4, 30, 1_000, AMOUNT_MAX]);
        let many = seed.is_multiple_of(MANY_HOLDS_EVERY);
        let (holds, releases) = if many { (2_000, 2) } else { (random.pick(&[2, 8, 40]), 10) };
        Self { random, most, holds, releases }
    }

    fn amount(&mut self) -> u64 {
        match self.random.below(40) {
            0 => AMOUNT_MAX - self.random.below(2),
            1 => AMOUNT_MAX + 1,
            2 => 0,
            _ => self.random.below(self.most) + 1,
        }
    }

    fn asset(&mut self) -> Asset {
        if self.random.once_in(3) { asset(self.random.pick(&ASSETS)) } else { asset("EUR") }
    }

    fn hold(&mut self) -> HoldId {
        HoldId::from_u128(u128::from(self.random.below(self.holds)))
    }

    fn asker(&mut self) -> Asker {
        let number = u128::from(self.random.once_in(10));
        if self.random.once_in(10) {
            Asker::Order(OrderId::from_u128(number))
        } else {
            Asker::Lot(LotId::from_u128(number))
        }
    }

    fn entry(&mut self) -> EntryId {
        EntryId::from_u128(1_000_000 + u128::from(self.random.below(20)))
    }

    fn command(&mut self) -> AccountCommand {
        let account = PARTY;
        match self.random.below(18 + self.releases) {
            0..=2 => {
                let (asset, amount) = (self.asset(), self.amount().clamp(1, AMOUNT_MAX));
                AccountCommand::Deposit(deposit(account, asset, amount))
            }
            3 if self.random.once_in(3) => {
                let amount = self.amount().cast_signed() * self.random.pick(&[1, -1]);
                let against = self.random.pick(&[None, Some(SubAccount::Outside), Some(SubAccount::Fees)]);
                AccountCommand::Correct(Box::new(correct(
                    account,
                    self.entry(),
                    self.asset(),
                    amount,
                    against,
                )))
            }
            3 if self.random.once_in(2) => AccountCommand::CollectFees(CollectFees {
                account,
                amount: Amount::new(self.amount().clamp(1, AMOUNT_MAX)).expect("an amount"),
                currency: asset("EUR").currency().expect("money"),
                reason: "to be paid out".to_owned(),
            }),
            3 => {
                let (asset, amount) = (self.asset(), self.amount().clamp(1, AMOUNT_MAX));
                AccountCommand::Withdraw(withdraw(account, asset, amount))
            }
            4..=11 => AccountCommand::PlaceHold(PlaceHold {
                account,
                hold: self.hold(),
                asset: self.asset(),
                amount: if self.releases < 10 { 1 } else { self.amount() },
                asker: self.asker(),
                tag: 5,
                market: MARKET,
            }),
            12..=13 => AccountCommand::CaptureHold(CaptureHold {
                account,
                hold: self.hold(),
                amount: if self.random.once_in(3) { 1 } else { self.amount() },
                entry: self.entry(),
                asker: Asker::Order(OrderId::from_u128(9)),
                tag: 5,
                kind: EntryKind::Payment,
                market: MARKET,
            }),
            14..=17 => AccountCommand::PostEntry(Box::new(self.post(account))),
            18 if self.random.once_in(20) => AccountCommand::CountRetraction(CountRetraction {
                account,
                lot: LotId::from_u128(1),
                bids: 1,
            }),
            _ => AccountCommand::ReleaseHold(ReleaseHold { account, hold: self.hold() }),
        }
    }

    fn post(&mut self, account: AccountId) -> PostEntry {
        let amount = self.amount().cast_signed();
        let amount = if self.random.once_in(2) { amount } else { -amount };
        let lines = match self.random.below(12) {
            0 => vec![],
            1 => vec![Line { sub: SubAccount::Cash, amount }],
            2 => pair(SubAccount::Fees, amount, SubAccount::Clearing),
            3 => pair(SubAccount::Outside, amount, SubAccount::Clearing),
            4 => {
                let part = amount / 3;
                let mut lines = pair(SubAccount::Cash, amount - part, SubAccount::Clearing);
                lines.extend(pair(SubAccount::Fees, part, SubAccount::Clearing));
                lines
            }
            _ => pair(SubAccount::Cash, amount, SubAccount::Clearing),
        };
        PostEntry {
            account,
            entry: self.entry(),
            asset: self.asset(),
            lines,
            kind: EntryKind::Proceeds,
            reverses: None,
            may_overdraw: self.random.once_in(4),
            asker: Asker::Order(OrderId::from_u128(9)),
            tag: 5,
            market: MARKET,
            order: None,
        }
    }
}

#[test]
fn accounts_agree_with_a_slow_model() {
    rounds(ROUNDS, |seed| {
        let (mut habits, mut model, mut script) = (Habits::new(seed), Model::default(), Script::new());
        script.world.thorough_every = 64;
        let many = seed.is_multiple_of(MANY_HOLDS_EVERY);
        for nth in 0..if many { COMMANDS * 4 } else { COMMANDS } {
            let mut command = habits.command();
            if let AccountCommand::PostEntry(post) = &mut command
                && habits.random.once_in(3)
            {
                let recent = model.can_be_given_back(post.asset);
                if !recent.is_empty() {
                    post.reverses = Some(recent[habits.random.below(recent.len() as u64) as usize]);
                }
            }
            let expected = model.decide(&command, script.world.commands + 1);
            let said = script.run(&command);
            assert_eq!(said, expected, "command {nth}: {command:?}");
            model.check(&script);
            if nth.is_multiple_of(16) {
                script.books.agree_with(script.state()).expect("the books agree");
            }
        }
    });
}

/// The ids of entries in a round are few enough that an account forgets none.
#[test]
fn the_model_forgets_nothing_that_the_account_remembers() {
    assert!(20 * ASSETS.len() < limits::ENTRIES_KEPT);
}
