//! RULES, "Funding", "Fees", "Qualification": each case names the rule it shows, with the money that moves.

use vendue_domain::account::AccountCommand;
use vendue_domain::actor::{ActorAddress, ActorKind, Command};
use vendue_domain::effect::Effect;
use vendue_domain::id::{AccountId, LotId};
use vendue_domain::money::ASSURED_TAG;
use vendue_domain::order::OrderCommand;

use crate::lot_script::{LOT, Script, said, said_by};
use crate::town::Town;
use crate::world::account;

/// A rule as a story about bids and money. Beside the lines of a lot's script:
/// `fund A 500`, `spend A 100` (elsewhere), `to A` and `to lot` (one effect), `settle` (all) with the answers that came by it, `held A = 500`,
/// `free A = 500`, `orders = 1`, `retractions A = 1`; `assure`: accounts are asked beforehand from here on, as one shard does;
/// `caused = place A 500 assured; release B`: the effects of the last line of the script; `unaudited`: what follows
/// cannot be in a right history.
struct Case {
    rule: &'static str,
    lot: &'static str,
    steps: &'static [&'static str],
}

fn check(cases: &[Case]) {
    for case in cases {
        let mut story = Story::new(case.lot);
        for (line, step) in (1..).zip(case.steps) {
            story.step(step, &format!("{} (step {line}: {step})", case.rule));
        }
        story.town.bank.check();
    }
}

struct Story {
    script: Script,
    town: Town,
    assures: bool,
    /// The effects of the last line of the script.
    caused: String,
}

fn told(effect: &Effect) -> String {
    let name = |who: AccountId| ('A'..='Z').find(|&letter| account(letter) == who).unwrap_or('?');
    match &effect.command {
        Command::Account(AccountCommand::PlaceHold(place)) => {
            let assured = if place.tag == ASSURED_TAG { " assured" } else { "" };
            format!("place {} {}{assured}", name(place.account), place.amount)
        }
        Command::Account(AccountCommand::ReleaseHold(release)) => {
            format!("release {}", name(release.account))
        }
        Command::Order(OrderCommand::OpenWon(won)) => {
            format!("order {} with {}", name(won.buyer), if won.hold.is_some() { "hold" } else { "nothing" })
        }
        other => format!("{other:?}"),
    }
}

fn who(word: &str) -> AccountId {
    account(word.chars().next().unwrap_or('?'))
}

impl Story {
    fn new(lot: &str) -> Self {
        let mut story = Self {
            script: Script::recording(lot),
            town: Town::default(),
            assures: false,
            caused: String::new(),
        };
        story.town.take(&mut story.script.world);
        story
    }

    fn step(&mut self, step: &str, name: &str) {
        let (action, expected) = step.split_once(" = ").unwrap_or((step, ""));
        let words: Vec<&str> = action.split_whitespace().collect();
        let bank = &mut self.town.bank;
        let found = match *words.as_slice() {
            ["fund", account, amount] => {
                bank.deposit(who(account), amount.parse().expect("an amount"));
                String::new()
            }
            ["spend", account, amount] => {
                bank.spend(who(account), amount.parse().expect("an amount"));
                String::new()
            }
            ["held", account] => bank.held_for(who(account), LOT).to_string(),
            ["free", account] => bank.available(who(account)).to_string(),
            ["orders"] => bank.orders.len().to_string(),
            ["retractions", account] => bank.retractions(who(account)).to_string(),
            ["to", "lot"] => self.deliver(LOT.into()),
            ["to", account] => self.deliver(who(account).into()),
            ["assure"] => {
                self.assures = true;
                String::new()
            }
            ["unaudited"] => {
                self.town.unaudited = true;
                String::new()
            }
            ["caused"] => std::mem::take(&mut self.caused),
            ["settle"] => {
                self.town.settle(&mut [&mut self.script.world]);
                self.answers()
            }
            _ => return self.script_step(step, name),
        };
        assert_eq!(found, expected, "{name}");
    }

    fn script_step(&mut self, step: &str, name: &str) {
        self.script.world.accounts = self.assures.then(|| self.town.assurance());
        self.script.step(step, name);
        let effects = self.script.world.effects.iter();
        self.caused = effects.map(told).collect::<Vec<_>>().join("; ");
        self.town.take(&mut self.script.world);
        self.town.wake(&mut self.script.world);
    }

    fn deliver(&mut self, target: ActorAddress) -> String {
        assert!(self.town.targets().contains(&target), "nothing is under way to {target:?}");
        self.town.deliver(target, &mut [&mut self.script.world]);
        self.answers()
    }

    fn answers(&mut self) -> String {
        let answers = std::mem::take(&mut self.town.answers);
        let words = answers.iter().map(|(asked, result)| {
            let name = ('A'..='Z').find(|&letter| account(letter) == asked.by).unwrap_or('?');
            let words = match result {
                Ok(answer) => said_by(answer),
                Err(rejection) => said(&Err(rejection.clone())),
            };
            format!("{name}: {words}")
        });
        words.collect::<Vec<_>>().join("; ")
    }
}

#[test]
fn full_funding() {
    check(&[
        Case {
            rule: "full: the maximum is held, then the bid counts",
            lot: "full",
            steps: &[
                "fund A 1000",
                "A bid 500 = waits",
                "show price=- bids=0",
                "settle = A: leading 100 125 held 500",
                "held A = 500",
                "free A = 500",
                "show price=100 leader=bidder-1 bids=1",
            ],
        },
        Case {
            rule: "full: nobody bids with money that is not there",
            lot: "full",
            steps: &[
                "fund A 499",
                "A bid 500 = waits",
                "settle = A: insufficient_funds 500 499",
                "held A = 0",
                "show price=- leader=-",
            ],
        },
        Case {
            rule: "full: raising holds the difference",
            lot: "full",
            steps: &[
                "fund A 1000",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 500",
                "A bid 800 = waits",
                "settle = A: leading 100 125 held 800",
                "free A = 200",
                "A bid 1100 = waits",
                "settle = A: insufficient_funds 1100 1000",
                "held A = 800",
            ],
        },
        Case {
            rule: "full: being outbid frees the hold, at once or later",
            lot: "full",
            steps: &[
                "fund A 1000",
                "fund B 1000",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 500",
                "B bid 400 = waits",
                "settle = B: outbid 425 450 held 0",
                "held B = 0",
                "B bid 600 = waits",
                "settle = B: leading 550 600 held 600",
                "held A = 0",
                "held B = 600",
                "free A = 1000",
            ],
        },
        Case {
            rule: "full: rank by the moment the hold was confirmed",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 500 = waits",
                "B bid 500 = waits",
                "to B",
                "to lot = B: leading 100 125 held 500",
                "settle = A: outbid 500 550 held 0",
                "show leader=bidder-1",
                "held B = 500",
                "held A = 0",
            ],
        },
        Case {
            rule: "full: a bid that has become too low is refused, its hold given back",
            lot: "full",
            steps: &[
                "fund A 200",
                "fund B 500",
                "A bid 120 = waits",
                "B bid 300 = waits",
                "to B",
                "to lot = B: leading 100 125 held 300",
                "settle = A: bid_too_low 125",
                "held A = 0",
            ],
        },
        Case {
            rule: "full: a second bid of the same account stands behind the first",
            lot: "full",
            steps: &[
                "fund A 1000",
                "A bid 300 = waits",
                "A bid 200 = waits",
                "A bid 700 = waits",
                "settle = A: leading 100 125 held 300; A: self_outbid; A: leading 100 125 held 700",
                "held A = 700",
            ],
        },
        Case {
            rule: "full: a refused raise leaves what is held",
            lot: "full",
            steps: &[
                "fund A 600",
                "fund B 900",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 500",
                "A bid 700 = waits",
                "B bid 550 = waits",
                "to B",
                "to lot = B: leading 550 600 held 550",
                "held A = 500",
                "settle = A: insufficient_funds 700 600",
                "held A = 0",
            ],
        },
        Case {
            rule: "full: buy now holds the amount first, and frees who led",
            lot: "full buy_now=900 reserve=700",
            steps: &[
                "fund A 500",
                "fund B 900",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 500",
                "A buy = waits",
                "settle = A: insufficient_funds 900 500",
                "B buy = waits",
                "settle = B: won 900 - held 900",
                "show state=closed result=sold winners=bidder-2:900",
                "held A = 0",
                "free B = 0",
                "orders = 1",
            ],
        },
        Case {
            rule: "full: a raise waits for nobody else; a lowered reserve gives back what a capped maximum held",
            lot: "full reserve=800",
            steps: &[
                "fund A 700",
                "A bid 700 = waits",
                "settle = A: leading 100 125 held 700",
                "S revise reserve:500 = open",
                "settle = ",
                "held A = 499",
            ],
        },
        Case {
            rule: "full: if_seq is judged when the hold is there, too",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "B bid 200 if_seq 0 = stale_sequence 1",
                "B bid 200 if_seq 1 = waits",
                "A bid 150 = waits",
                "to A",
                "to lot = A: leading 100 125 held 150",
                "settle = B: stale_sequence 2",
                "held B = 0",
            ],
        },
        Case {
            rule: "full: a paused lot and a halted market take no bids, also none that waits; holds stay",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 200 = waits",
                "settle = A: leading 100 125 held 200",
                "B bid 300 = waits",
                "O pause because = paused",
                "settle = B: lot_paused",
                "held A = 200",
                "held B = 0",
                "O resume = open",
                "B bid 300 = waits",
                "halt",
                "settle = B: market_halted",
                "unhalt",
                "held A = 200",
            ],
        },
        Case {
            rule: "suspended while its hold was under way: not accepted (I19)",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 200 = waits",
                "suspend A",
                "settle = A: not_qualified suspended",
                "held A = 0",
            ],
        },
    ]);
}

#[test]
fn fees() {
    check(&[
        Case {
            rule: "fees: the hold is the maximum plus the fees on it; answers show fees, total, held",
            lot: "full premium=100000",
            steps: &[
                "fund A 1100",
                "A validate 1000 = placed - 100 fees 100 total 1100 held 1100",
                "A bid 1001 = waits",
                "settle = A: insufficient_funds 1101 1100",
                "A bid 1000 = waits",
                "settle = A: leading 100 125 fees 10 total 110 held 1100",
                "@1h due",
                "settle = ",
                "show result=sold winners=bidder-1:100",
                "free A = 990",
            ],
        },
        Case {
            rule: "fees: amount and fees above the largest amount are out of range",
            lot: "full premium=100000",
            steps: &["A bid 9007199254740991 = amount_out_of_range"],
        },
        Case {
            rule: "fees: shown without funding too",
            lot: "premium=100000",
            steps: &[
                "A bid 1000 = leading 100 125 fees 10 total 110 held -",
                "A bid 2000 = leading 100 125 fees 10 total 110 held -",
            ],
        },
    ]);
}

/// docs/engine.md, "accounts assure": where an account would place the hold nobody waits; the rules are the same.
#[test]
fn assured_holds() {
    check(&[
        Case {
            rule: "assured: accepted at once; the first effect places the hold, the next frees who led",
            lot: "full",
            steps: &[
                "assure",
                "fund A 1000",
                "fund B 1000",
                "A bid 500 = leading 100 125 held 500",
                "caused = place A 500 assured",
                "settle = ",
                "held A = 500",
                "B bid 600 = leading 550 600 held 600",
                "caused = place B 600 assured; release A",
                "settle = ",
                "held A = 0",
                "held B = 600",
            ],
        },
        Case {
            rule: "assured: outbid at once, nothing is placed",
            lot: "full",
            steps: &[
                "assure",
                "fund A 1000",
                "fund B 1000",
                "A bid 500 = leading 100 125 held 500",
                "settle = ",
                "B bid 400 = outbid 425 450 held 0",
                "caused = ",
                "settle = ",
                "held A = 500",
                "free B = 1000",
            ],
        },
        Case {
            rule: "assured: raising needs only the difference, under the same hold",
            lot: "full",
            steps: &[
                "assure",
                "fund A 900",
                "A bid 500 = leading 100 125 held 500",
                "settle = ",
                "A bid 900 = leading 100 125 held 900",
                "caused = place A 900 assured",
                "settle = ",
                "held A = 900",
                "free A = 0",
            ],
        },
        Case {
            rule: "not assured: it waits as ever, for too little money or for what is under way",
            lot: "full",
            steps: &[
                "assure",
                "fund A 499",
                "A bid 500 = waits",
                "caused = place A 500",
                "settle = A: insufficient_funds 500 499",
                "fund A 501",
                "A bid 500 = leading 100 125 held 500",
                "A bid 600 = waits",
                "A bid 700 = waits",
                "settle = A: leading 100 125 held 600; A: leading 100 125 held 700",
                "held A = 700",
            ],
        },
        Case {
            rule: "assured: a deposit, once; the next bid asks for nothing",
            lot: "deposit=50",
            steps: &[
                "assure",
                "fund A 60",
                "fund B 40",
                "A bid 500 = leading 100 125 held 50",
                "caused = place A 50 assured",
                "settle = ",
                "A bid 600 = leading 100 125 held 50",
                "caused = ",
                "B bid 700 = waits",
                "settle = B: insufficient_funds 50 40",
                "held A = 50",
            ],
        },
        Case {
            rule: "assured: the order of a purchase names the new hold",
            lot: "full buy_now=900 reserve=700",
            steps: &[
                "assure",
                "fund A 500",
                "fund B 900",
                "A bid 500 = leading 100 125 held 500",
                "settle = ",
                "B buy = won 900 - held 900",
                "caused = place B 900 assured; order B with hold",
                "settle = ",
                "held A = 0",
                "free B = 0",
                "orders = 1",
            ],
        },
        Case {
            rule: "assured, and refused all the same: the account's bids go",
            lot: "full",
            steps: &[
                "unaudited",
                "assure",
                "fund A 1000",
                "fund B 1000",
                "B bid 300 = leading 100 125 held 300",
                "settle = ",
                "A bid 500 = leading 325 350 held 500",
                "spend A 600",
                "settle = ",
                "held A = 0",
                "show price=100 leader=bidder-1 bids=1",
                "held B = 300",
            ],
        },
    ]);
}

/// RULES, "Fees": an answer says what the bidder pays or gets in all, in every format.
#[test]
fn fees_of_own_amounts() {
    check(&[
        Case {
            rule: "sealed first price: at the own amount",
            lot: "format=sealed_first_price premium=100000",
            steps: &[
                "A validate 1000 = placed - 100 fees 100 total 1100 held -",
                "A bid 1000 = placed - 100 fees 100 total 1100 held -",
                "B bid 505 = placed - 100 fees 51 total 556 held -",
            ],
        },
        Case {
            rule: "vickrey: at the own amount, the most that it can cost; funded, the same is held",
            lot: "format=vickrey full premium=100000",
            steps: &[
                "fund A 1100",
                "A validate 1000 = placed - 100 fees 100 total 1100 held 1100",
                "A bid 1000 = waits",
                "settle = A: placed - 100 fees 100 total 1100 held 1100",
            ],
        },
        Case {
            rule: "multi-unit: at the own amount for all its units, whatever the public price of a unit",
            lot: "format=multi_unit quantity=5 start=10 premium=100000",
            steps: &[
                "A bid 100 quantity 3 = leading 100 10 fees 30 total 330 held -",
                "B validate 50 quantity 2 = placed 100 10 fees 10 total 110 held -",
                "B bid 50 quantity 2 = leading 50 55 fees 10 total 110 held -",
            ],
        },
        Case {
            rule: "reverse: the bidder is paid, and hears what it would get; the premium is the lot's seller's",
            lot: "format=reverse start=1000 premium=100000 commission",
            steps: &[
                "A validate 900 = placed - 1000 commission 45 proceeds 855",
                "A bid 900 = leading 900 850 commission 45 proceeds 855",
                "B validate 600 = placed 900 850 commission 30 proceeds 570",
                "B bid 600 = leading 600 550 commission 30 proceeds 570",
            ],
        },
        Case {
            rule: "reverse, sealed: the same",
            lot: "format=reverse sealed start=1000 premium=100000 commission",
            steps: &[
                "A validate 900 = placed - 1000 commission 45 proceeds 855",
                "A bid 900 = placed - 1000 commission 45 proceeds 855",
            ],
        },
        Case {
            rule: "reverse: no commission, nothing to say",
            lot: "format=reverse start=1000 premium=100000",
            steps: &["A bid 900 = leading 900 850"],
        },
    ]);
}

#[test]
fn deposits() {
    check(&[
        Case {
            rule: "deposit: held once, before the first bid; the losers' freed at the close, the winner's for the order",
            lot: "deposit=50",
            steps: &[
                "fund A 60",
                "fund B 50",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 50",
                "B bid 600 = waits",
                "settle = B: leading 550 600 held 50",
                "A bid 700 = leading 650 700 held 50",
                "held A = 50",
                "held B = 50",
                "@1h due",
                "settle = ",
                "held B = 0",
                "orders = 1",
                "free A = 10",
            ],
        },
        Case {
            rule: "deposit: without it no bid; a bid refused after all gives it back",
            lot: "deposit=50",
            steps: &[
                "fund A 49",
                "fund B 50",
                "fund C 50",
                "A bid 500 = waits",
                "settle = A: insufficient_funds 50 49",
                "B bid 110 = waits",
                "C bid 200 = waits",
                "to C",
                "to lot = C: leading 100 125 held 50",
                "settle = B: bid_too_low 125",
                "held B = 0",
            ],
        },
        Case {
            rule: "deposit: without bids there is no cause to keep it",
            lot: "deposit=50 ends=24h",
            steps: &[
                "fund A 50",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 50",
                "A retract = restated - 100 -1",
                "settle = ",
                "held A = 0",
                "retractions A = 1",
            ],
        },
        Case {
            rule: "qualification deposit: who has it not does not qualify",
            lot: "qualify=50",
            steps: &[
                "fund A 49",
                "fund B 50",
                "A bid 500 = waits",
                "settle = A: not_qualified deposit",
                "B bid 500 = waits",
                "settle = B: leading 100 125 held 50",
            ],
        },
    ]);
}

#[test]
fn closing() {
    check(&[
        Case {
            rule: "closing: no new bids; a hold that comes in time still counts",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 200 = waits",
                "@1h due",
                "show state=closing",
                "B bid 300 = lot_closed 0us",
                "A retract = lot_closed 0us",
                "settle = A: leading 100 125 held 200",
                "show state=closed result=sold winners=bidder-1:100",
                "held A = 0",
                "free A = 400",
                "orders = 1",
            ],
        },
        Case {
            rule: "closing: what has not settled within 2 s is refused, and its hold given back",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 200 = waits",
                "@3601s due",
                "show state=closing",
                "@3602999ms due",
                "show state=closing",
                "@3603s due",
                "show state=closed result=unsold",
                "settle = A: unavailable",
                "held A = 0",
                "free A = 500",
            ],
        },
        Case {
            rule: "closing: end and soft close by the moment the bid arrived; a confirmation may extend it",
            lot: "full soft=60s/120s",
            steps: &[
                "fund A 500",
                "@3590s A bid 200 = waits",
                "@1h due",
                "show state=closing",
                "@3601s",
                "settle = A: leading 100 125 held 200",
                "show state=open ends_at=3710s leader=bidder-1",
                "@3700s A bid 300 = waits",
                "@3710s due",
                "settle = A: leading 100 125 held 300",
                "show state=closed",
            ],
        },
        Case {
            rule: "closing: the same with several units",
            lot: "full soft=60s/120s format=multi_unit quantity=2",
            steps: &[
                "fund A 500",
                "@3590s A bid 200 = waits",
                "@1h due",
                "@3601s",
                "settle = A: leading 200 100 held 200",
                "show state=open ends_at=3710s",
            ],
        },
        Case {
            rule: "closing: an own raise under way extends nothing; the lot waits until it is known",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 200 = waits",
                "settle = A: leading 100 125 held 200",
                "A bid 400 = waits",
                "@1h due",
                "@3602s due",
                "show state=closing",
                "settle = A: unavailable",
                "show state=closed winners=bidder-1:100",
                "free A = 400",
            ],
        },
        Case {
            rule: "close by an operator waits too; cancel does not",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 200 = waits",
                "@5s O close because = closing | lot_closing",
                "settle = A: leading 100 125 held 200",
                "show state=closed result=sold ends_at=5s",
            ],
        },
        Case {
            rule: "cancel: everything is freed, who waits is refused",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 200 = waits",
                "settle = A: leading 100 125 held 200",
                "B bid 300 = waits",
                "O cancel because = closed",
                "settle = B: lot_closed 0us",
                "held A = 0",
                "held B = 0",
                "orders = 0",
            ],
        },
    ]);
}

#[test]
fn restatement() {
    check(&[
        Case {
            rule: "restatement: the next leader's hold is taken again before it is shown as leader",
            lot: "full ends=24h",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "B bid 400 = waits",
                "settle = B: leading 325 350 held 400",
                "held A = 0",
                "B retract because = waits",
                "show leader=bidder-2 price=325",
                "B bid 450 = not_allowed_in_state",
                "to A",
                "to lot = B: restated 100 125 -1",
                "show leader=bidder-1 price=100",
                "settle = ",
                "held A = 300",
                "held B = 0",
                "retractions B = 1",
            ],
        },
        Case {
            rule: "restatement: from the highest down; who cannot is out",
            lot: "full ends=24h",
            steps: &[
                "fund A 500",
                "fund B 300",
                "fund C 500",
                "A bid 200 = waits",
                "settle = A: leading 100 125 held 200",
                "B bid 300 = waits",
                "settle = B: leading 225 250 held 300",
                "C bid 400 = waits",
                "settle = C: leading 325 350 held 400",
                // B's money goes elsewhere: what it had is less than its bid now.
                "spend B 100",
                "O void C1 because = waits",
                "settle = O: restated 100 125 -1",
                "show leader=bidder-1 price=100",
                "held A = 200",
                "held B = 0",
                "held C = 0",
            ],
        },
        Case {
            rule: "restatement: a bid meanwhile counts as it stands",
            lot: "full ends=24h",
            steps: &[
                "fund A 300",
                "fund B 500",
                "fund C 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "B bid 400 = waits",
                "settle = B: leading 325 350 held 400",
                "B retract = waits",
                "C bid 500 = waits",
                "to C",
                "to lot = C: leading 425 450 held 500",
                "settle = B: restated 325 350 -1",
                "show leader=bidder-3",
                "held A = 0",
                "held B = 0",
                "held C = 500",
            ],
        },
        Case {
            rule: "suspension is a restatement with funding",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "B bid 400 = waits",
                "settle = B: leading 325 350 held 400",
                "suspend B",
                "settle = ",
                "show leader=bidder-1 price=100",
                "held A = 300",
                "held B = 0",
            ],
        },
        Case {
            rule: "void: what remains of the leader's bids holds less",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 500",
                "O void A2 because = restated 100 125 -1",
                "settle = ",
                "held A = 300",
            ],
        },
        Case {
            rule: "closing: a restatement under way is decided by the money that is there in time",
            lot: "full",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "B bid 400 = waits",
                "settle = B: leading 325 350 held 400",
                "O void B1 because = waits",
                "@1h due",
                "show state=closing",
                "@3602s due",
                "show state=closed result=unsold",
                "settle = O: restated - 100 -1",
                "held A = 0",
                "held B = 0",
                "orders = 0",
            ],
        },
        Case {
            rule: "reopen: holds are taken again from the highest down, then the lot opens",
            lot: "full reserve=1000",
            steps: &[
                "fund A 500",
                "fund B 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "B bid 400 = waits",
                "settle = B: leading 325 350 held 400",
                "@1h due",
                "settle = ",
                "show result=unsold",
                "held B = 0",
                "spend B 200",
                "O reopen 2h because = waits",
                "show state=closed",
                "settle = O: open",
                "show state=open leader=bidder-1 price=100 ends_at=7200s",
                "held A = 300",
                "held B = 0",
            ],
        },
        Case {
            rule: "reopen: not a lot that was sold",
            lot: "full",
            steps: &[
                "fund A 500",
                "A bid 300 = waits",
                "settle = A: leading 100 125 held 300",
                "@1h due",
                "settle = ",
                "O reopen 2h because = not_allowed_in_state",
            ],
        },
    ]);
}

/// Everything about a lot's money is in its bytes: asleep and awake it is the same (checked after every event by the
/// world); and what is under way is counted.
#[test]
fn limits() {
    let mut story = Story::new("full");
    story.town.bank.deposit(account('A'), 10_000);
    for nth in 0..vendue_domain::limits::WAITING_BIDS_OF_ACCOUNT_MAX as u64 {
        story.step(&format!("A bid {} = waits", 100 + nth), "room for it");
    }
    story.step("A bid 9000 = limit_exceeded waiting_bids_of_account", "no room");
    assert_eq!(story.town.targets(), [ActorAddress { kind: ActorKind::Account, id: account('A').0 }]);
    story.town.settle(&mut [&mut story.script.world]);
    assert_eq!(story.town.bank.held_for(account('A'), LotId(story.script.world.id)), 355);
}

#[test]
fn several_units() {
    check(&[
        Case {
            rule: "several units: whoever may yet be served keeps its hold, also below a bid for all or none",
            lot: "full format=multi_unit quantity=3 pricing=pay_as_bid",
            steps: &[
                "fund A 1000",
                "fund B 2000",
                "fund C 2000",
                "A bid 100 = waits",
                "settle = A: leading 100 100 held 100",
                "B bid 300 quantity 3 all_or_none = waits",
                "settle = B: leading 300 325 held 900",
                "held A = 100",
                "C bid 400 = waits",
                "settle = C: leading 100 100 held 400",
                "held A = 100",
                "held B = 900",
                "@1h due",
                "settle",
                "show state=closed result=sold",
                "orders = 2",
                "free A = 900",
                "free B = 2000",
                "free C = 1600",
            ],
        },
        Case {
            rule: "several units: whoever is below enough sure bids has its hold back",
            lot: "full format=multi_unit quantity=2",
            steps: &[
                "fund A 1000",
                "fund B 2000",
                "A bid 100 = waits",
                "settle = A: leading 100 100 held 100",
                "B bid 300 quantity 2 = waits",
                "settle = B: leading 300 325 held 600",
                "held A = 0",
                "B bid 400 quantity 2 all_or_none = invalid_request all_or_none",
            ],
        },
    ]);
}

/// The rarer formats with money behind their bids.
#[test]
fn rare_formats() {
    check(&[
        Case {
            rule: "japanese, full: what a bidder is in for is held; whoever is out has it back at that step",
            lot: "format=japanese clock=1000/100/10s full",
            steps: &[
                "fund A 5000",
                "fund B 5000",
                "A stay 3000 = waits",
                "settle = A: placed - 1000 held 3000",
                "B stay 1050 = waits",
                "settle = B: placed - 1000 held 1050",
                "A stay 2000 = placed - 1000 held 2000",
                "settle",
                "held A = 2000",
                "@10s due",
                "show state=closed price=1100 winners=bidder-1:1100",
                "settle",
                "free B = 5000",
                "orders = 1",
            ],
        },
        Case {
            rule: "japanese, full: a stay whose hold comes after the step is refused, and given back",
            lot: "format=japanese clock=1000/100/10s full",
            steps: &[
                "fund A 5000",
                "fund B 5000",
                "fund C 5000",
                "A stay 3000 = waits",
                "settle = A: placed - 1000 held 3000",
                "B stay 3000 = waits",
                "settle = B: placed - 1000 held 3000",
                "C stay 3000 = waits",
                "@10s due",
                "show price=1100 bidders=2",
                "settle = C: not_qualified stay",
                "free C = 5000",
            ],
        },
        Case {
            rule: "candle: a deposit is held before the first bid, full funding is refused",
            lot: "format=candle candle=60s deposit=300",
            steps: &[
                "fund A 1000",
                "A bid 500 = waits",
                "settle = A: leading 100 125 held 300",
                "@1h due",
                "show state=closed winners=bidder-1:100",
                "settle",
                "orders = 1",
            ],
        },
        Case {
            rule: "combinatorial, full: the highest of an account's bids is held; each winner's order captures what it pays",
            lot: "format=combinatorial items=2 full",
            steps: &[
                "fund A 5000",
                "fund B 5000",
                "A bid 500 for 1 = waits",
                "settle = A: placed - 100 held 500",
                "A bid 900 for 1+2 = waits",
                "settle = A: placed - 200 held 900",
                "A bid 300 for 2 = placed - 100 held 900",
                "B bid 600 for 2 = waits",
                "settle = B: placed - 100 held 600",
                "@1h due",
                "show winners=bidder-1:#1:100,bidder-2:#2:400",
                "settle",
                "held A = 0",
                "orders = 2",
            ],
        },
    ]);
}
