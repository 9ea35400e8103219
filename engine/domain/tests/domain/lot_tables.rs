//! RULES.md, lot by lot: each case names the rule it shows.

use vendue_domain::account::Role;
use vendue_domain::actor::{Answer, Decision};
use vendue_domain::lot::{CreateLot, Funding, LotCommand, Qualification, SoftClose};
use vendue_domain::time::Timestamp;

use crate::lot_script::{Case, Script, check, create_lot, said};
use crate::world::{Command, MARKET, OPERATOR, SELLER, START, World, account, amount};

#[test]
fn proxy_bidding() {
    check(&[
        Case {
            rule: "english: the first bid opens at the start amount",
            lot: "",
            steps: &[
                "show state=open price=- leader=- bids=0 min_next_amount=100 reserve_met=- ends_at=3600s",
                "A bid 99 = bid_too_low 100",
                "A bid 100 = leading 100 125 | price_changed > A:bid_status:leading",
                "show price=100 leader=bidder-1 bids=1 min_next_amount=125",
            ],
        },
        Case {
            rule: "english: price = min(leader's maximum, runner-up's maximum + increment at it)",
            lot: "",
            steps: &[
                "A bid 1000 = leading 100 125",
                "B bid 124 = bid_too_low 125",
                "B bid 125 = outbid 150 175 | price_changed > B:bid_status:outbid",
                "show price=150 leader=bidder-1 bids=2",
                "B bid 600 = outbid 650 700",
                "B bid 990 = outbid 1000 1050",
                "B bid 1050 = leading 1050 1100 | price_changed > B:bid_status:leading A:outbid",
                "show price=1050 leader=bidder-2 bids=5",
            ],
        },
        Case {
            rule: "english: a winner may beat the runner-up by less than one increment",
            lot: "",
            steps: &[
                "A bid 1000 = leading 100 125",
                "B bid 1010 = leading 1010 1060",
                "show leader=bidder-2",
            ],
        },
        Case {
            rule: "english: equal maxima: the earlier leads, at that amount",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 500 = outbid 500 550",
                "show price=500 leader=bidder-1 bids=2",
                "B bid 549 = bid_too_low 550",
                "B bid 550 = leading 550 600",
            ],
        },
        Case {
            rule: "english: the leader may raise its maximum at any amount above it, which does not move the price",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "A bid 500 = self_outbid",
                "A bid 499 = self_outbid",
                "A bid 501 = leading 100 125 |  > A:bid_status:leading",
                "show price=100 bids=1",
                "B bid 500 = outbid 501 551",
            ],
        },
        Case {
            rule: "english: the public price and next amount never pass the largest amount; no bid can follow there",
            lot: "",
            steps: &[
                "A bid 9007199254740991 = leading 100 125",
                "B bid 9007199254740991 = outbid 9007199254740991 9007199254740991",
                "C bid 9007199254740991 = amount_out_of_range",
                "show price=9007199254740991 leader=bidder-1",
            ],
        },
        Case {
            rule: "english: near the largest amount a bid that cannot reach price + increment is out of range",
            lot: "start=9007199254740900",
            steps: &[
                "A bid 9007199254740950 = leading 9007199254740900 9007199254740991",
                "B bid 9007199254740991 = amount_out_of_range",
            ],
        },
        Case {
            rule: "proxy:false is plain open outcry: a bid is the price",
            lot: "plain",
            steps: &[
                "A bid 300 = leading 300 325",
                "show proxy=false price=300",
                "B bid 324 = bid_too_low 325",
                "B bid 400 = leading 400 425 | price_changed > B:bid_status:leading A:outbid",
                "B bid 400 = self_outbid",
                "B bid 410 = bid_too_low 425",
                "B bid 425 = leading 425 450 | price_changed",
                "show bids=3 leader=bidder-2",
            ],
        },
        Case {
            rule: "increments are data of the lot",
            lot: "start=1000 step=700",
            steps: &[
                "A bid 9000 = leading 1000 1700",
                "B bid 1699 = bid_too_low 1700",
                "B bid 1700 = outbid 2400 3100",
            ],
        },
        Case {
            rule: "bids are of the whole lot in this format",
            lot: "quantity=3",
            steps: &[
                "A bid 100 quantity 2 = not_allowed_in_format",
                "A bid 100 all_or_none = not_allowed_in_format",
                "A bid 100 quantity 3 = leading 100 125",
            ],
        },
        Case {
            rule: "if_seq: only if the channel stands there",
            lot: "",
            steps: &[
                "A bid 200 if_seq 0 = stale_sequence 1",
                "A bid 200 if_seq 1 = leading 100 125",
                "B bid 300 if_seq 1 = stale_sequence 2",
                "B bid 300 if_seq 2 = leading 225 250",
            ],
        },
        Case {
            rule: "validate_only: judged as if, changes nothing, and does not tell whether it would lead (I14)",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B validate 124 = bid_too_low 125",
                "B validate 400 = placed 100 125 | ",
                "B validate 900 = placed 100 125",
                "show bids=1 leader=bidder-1",
            ],
        },
    ]);
}

#[test]
fn reserve() {
    check(&[
        Case {
            rule: "reserve: a maximum at or above it lifts the price to it at once",
            lot: "reserve=500",
            steps: &[
                "show reserve_met=false",
                "A bid 499 = leading 100 125",
                "show reserve_met=false price=100",
                "B bid 500 = leading 500 550",
                "show reserve_met=true price=500 leader=bidder-2",
                "@1h due",
                "show state=closed result=sold winners=bidder-2:500",
            ],
        },
        Case {
            rule: "reserve: below it the price behaves as usual; unmet at the end: unsold",
            lot: "reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "B bid 200 = outbid 225 250",
                "@1h due",
                "show state=closed result=unsold winners= price=225 reserve_met=false",
            ],
        },
        Case {
            rule: "reserve: the leader's raise to it lifts the price, and everybody is told; it is no new bid",
            lot: "reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "A bid 499 = leading 100 125 | ",
                "A bid 700 = leading 500 550 | price_changed",
                "show bids=1 price=500 reserve_met=true",
                "B bid 600 = outbid 650 700",
            ],
        },
        Case {
            rule: "reserve: the first bid may meet it",
            lot: "reserve=500",
            steps: &["A bid 500 = leading 500 550", "show reserve_met=true"],
        },
        Case {
            rule: "reserve: lowered, a hidden maximum counts one minor unit below it until that bidder bids again",
            lot: "reserve=500",
            steps: &[
                "A bid 450 = leading 100 125",
                "S revise reserve:300 = open | lot_revised",
                "show reserve_met=false price=100 leader=bidder-1",
                "A bid 299 = self_outbid",
                "A bid 300 = leading 300 325 | price_changed",
                "show reserve_met=true price=300",
                "@1h due",
                "show result=sold winners=bidder-1:300",
            ],
        },
        Case {
            rule: "reserve: lowered, another may win against the capped maximum",
            lot: "reserve=500",
            steps: &[
                "A bid 450 = leading 100 125",
                "S revise reserve:300 = open",
                "B bid 300 = leading 300 325",
                "show leader=bidder-2 reserve_met=true",
            ],
        },
        Case {
            rule: "reserve: lowered to the open price or below, what stands in the open meets it",
            lot: "reserve=500",
            steps: &[
                "A bid 450 = leading 100 125",
                "B bid 200 = outbid 225 250",
                "S revise reserve:225 = open",
                "show reserve_met=true price=225 leader=bidder-1",
                "B bid 250 = leading 250 275",
            ],
        },
        Case {
            rule: "reserve: after the first bid only downwards, only while it is unmet, and only by the seller",
            lot: "reserve=500",
            steps: &[
                "S revise reserve:600 = open",
                "A bid 300 = leading 100 125",
                "S revise reserve:601 = invalid_request reserve",
                "O revise reserve:400 = forbidden",
                "S revise reserve:99 = invalid_request reserve",
                "S revise reserve:400 = open",
                "A bid 400 = leading 400 425",
                "S revise reserve:350 = invalid_request reserve",
            ],
        },
        Case {
            rule: "reserve: there is none to lower",
            lot: "",
            steps: &["A bid 300 = leading 100 125", "S revise reserve:200 = invalid_request reserve"],
        },
    ]);
}

#[test]
fn buy_now() {
    check(&[
        Case {
            rule: "buy now: ends the lot at that amount",
            lot: "buy_now=900",
            steps: &[
                "show buy_now=900",
                "A buy 899 = buy_now_unavailable 900",
                "A buy 900 = won 900 - | lot_closed > A:won",
                "show state=closed result=sold winners=bidder-1:900 price=900 buy_now=- ends_at=0s",
                "B buy = lot_closed 0us",
            ],
        },
        Case {
            rule: "buy now: gone at the first bid, and does not come back",
            lot: "buy_now=900 ends=48h",
            steps: &[
                "A bid 100 = leading 100 125",
                "show buy_now=-",
                "B buy = buy_now_unavailable -",
                "A retract = restated - 100 -1",
                "B buy = buy_now_unavailable -",
            ],
        },
        Case {
            rule: "buy now: with a reserve, gone when the reserve is met",
            lot: "buy_now=900 reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "show buy_now=900",
                "A bid 499 = leading 100 125",
                "B bid 500 = leading 500 550",
                "show buy_now=-",
                "C buy = buy_now_unavailable -",
            ],
        },
        Case {
            rule: "buy now: a leader who loses by it is told",
            lot: "buy_now=900 reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "B buy 900 = won 900 - | lot_closed > B:won A:bid_status:outbid",
            ],
        },
        Case {
            rule: "buy now: gone when the seller lowers the reserve to the open price",
            lot: "buy_now=900 reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "S revise reserve:100 = open",
                "show buy_now=- reserve_met=true",
                "B buy = buy_now_unavailable -",
            ],
        },
        Case { rule: "buy now: there is none", lot: "", steps: &["A buy = buy_now_unavailable -"] },
        Case {
            rule: "buy now: not for the seller",
            lot: "buy_now=900",
            steps: &[
                "S buy = forbidden",
                "N buy = forbidden",
                "suspend A",
                "A buy = not_qualified suspended",
            ],
        },
    ]);
}

#[test]
fn who_may_bid() {
    check(&[
        Case {
            rule: "a bid needs the role; unknown or without it: forbidden",
            lot: "",
            steps: &[
                "X bid 100 = forbidden",
                "N bid 100 = forbidden",
                "S bid 100 = forbidden",
                "O bid 100 = forbidden",
            ],
        },
        Case {
            rule: "the seller, and accounts linked with it, may not bid, linked either way round",
            lot: "",
            steps: &[
                "link A S",
                "A bid 100 = own_lot",
                "link S B",
                "B bid 100 = own_lot",
                "link C D",
                "C bid 100 = leading 100 125",
            ],
        },
        Case {
            rule: "a suspended account may not bid; lifted, it may again",
            lot: "",
            steps: &[
                "suspend A",
                "A bid 100 = not_qualified suspended",
                "lift A",
                "A bid 100 = leading 100 125",
            ],
        },
        Case {
            rule: "qualification verified: before the first bid",
            lot: "verified",
            steps: &["A bid 100 = not_qualified verified", "verify A", "A bid 100 = leading 100 125"],
        },
        Case {
            rule: "a sale's lots ask for registration; the paddle number is the alias",
            lot: "sale",
            steps: &[
                "show qualification=registered",
                "A bid 100 = not_qualified registered",
                "register A 17 1",
                "register B 9 1",
                "A bid 100 = leading 100 125",
                "show leader=bidder-17",
                "B bid 200 = leading 125 150",
                "show leader=bidder-9",
                "A bid 300 = leading 225 250",
                "show leader=bidder-17",
            ],
        },
        Case {
            rule: "new terms: who registered for older ones registers again before its next first bid",
            lot: "sale ends=48h",
            steps: &[
                "register A 17 1",
                "register B 9 1",
                "A bid 100 = leading 100 125",
                "terms 2",
                "A bid 200 = leading 100 125",
                "B bid 300 = not_qualified registered",
                "register B 9 2",
                "B bid 300 = leading 225 250",
                "A retract = restated 100 125 -2",
                "A bid 400 = not_qualified registered",
            ],
        },
    ]);
}

#[test]
fn soft_close() {
    check(&[
        Case {
            rule: "soft close: a bid that changes price or leader within the window moves the end to max(end, now + extend)",
            lot: "soft=60s/120s",
            steps: &[
                "@3539s A bid 200 = leading 100 125 | price_changed",
                "show ends_at=3600s",
                "@3540s B bid 125 = outbid 150 175 | price_changed time_extended",
                "show ends_at=3660s",
                "@3610s B bid 175 = outbid 200 225 | price_changed time_extended",
                "show ends_at=3730s",
            ],
        },
        Case {
            rule: "soft close: own raises and rejected bids do not extend",
            lot: "soft=60s/120s reserve=5000",
            steps: &[
                "@3590s A bid 200 = leading 100 125",
                "show ends_at=3710s",
                "@3700s A bid 300 = leading 100 125 | ",
                "B bid 124 = bid_too_low 125",
                "A bid 6000 = leading 5000 5100 | price_changed",
                "show ends_at=3710s",
            ],
        },
        Case {
            rule: "soft close: an extension that would not reach the end leaves it",
            lot: "soft=60s/30s",
            steps: &[
                "@3550s A bid 200 = leading 100 125 | price_changed",
                "show ends_at=3600s",
                "@3599s B bid 300 = leading 225 250 | price_changed time_extended",
                "show ends_at=3629s",
            ],
        },
        Case {
            rule: "soft close: never past the hard close",
            lot: "soft=60s/120s hard=3650s",
            steps: &[
                "@3599s A bid 200 = leading 100 125 | price_changed time_extended",
                "show ends_at=3650s",
                "@3649s B bid 300 = leading 225 250 | price_changed",
                "show ends_at=3650s",
                "@3650s C bid 500 = lot_closed 0us",
            ],
        },
        Case {
            rule: "soft close: the hard close keeps its distance through a pause",
            lot: "soft=60s/120s hard=3650s",
            steps: &[
                "@100s O pause because = paused",
                "@200s O resume = open",
                "show ends_at=3700s soft_close=hard:3750s",
            ],
        },
    ]);
}

#[test]
fn the_end() {
    check(&[
        Case {
            rule: "nothing is accepted at or after the end (I15), nor before the start",
            lot: "opens=10s",
            steps: &[
                "@9999999us A bid 100 = lot_not_open",
                "@10s due",
                "A bid 100 = leading 100 125",
                "@3599999999us B bid 200 = leading 125 150",
                "@1h C bid 300 = lot_closed 0us",
                "@3600000007us C bid 300 = lot_closed 7us",
                "due",
                "show state=closed result=sold winners=bidder-2:125 ends_at=3600s",
                "@3601s C bid 300 = lot_closed 1000000us",
                "C buy = lot_closed 1000000us",
            ],
        },
        Case {
            rule: "no bids: unsold",
            lot: "",
            steps: &["@1h due", "show state=closed result=unsold winners= price=-"],
        },
        Case {
            rule: "a lot without an end closes when it is told to",
            lot: "ends=never",
            steps: &[
                "@999h A bid 100 = leading 100 125",
                "show ends_at=-",
                "O close because = closed | lot_closed > A:won",
                "show result=sold winners=bidder-1:100 ends_at=3596400s",
            ],
        },
        Case {
            rule: "a draft opens when it is told to",
            lot: "opens=never",
            steps: &[
                "show state=draft",
                "A bid 100 = lot_not_open",
                "N open = forbidden",
                "@5s S open = open | lot_opened",
                "show opens_at=5s",
                "S open = not_allowed_in_state",
            ],
        },
        Case {
            rule: "a draft whose end has passed is not opened",
            lot: "opens=never",
            steps: &[
                "@1h S open = invalid_request closes_at",
                "S revise closes:2h = draft",
                "S open = open",
                "show ends_at=7200s",
            ],
        },
    ]);
}

#[test]
fn pauses_and_halts() {
    check(&[
        Case {
            rule: "pausing keeps the remaining time; resuming gives it back",
            lot: "",
            steps: &[
                "@600s O pause = invalid_request reason",
                "O pause because = paused | lot_paused",
                "show state=paused ends_at=- remaining_ms=3000000",
                "A bid 100 = lot_paused",
                "O pause because = not_allowed_in_state",
                "@9000s due",
                "O resume = open | lot_resumed",
                "show state=open ends_at=12000s remaining_ms=-",
                "S pause because = forbidden",
                "O resume = not_allowed_in_state",
            ],
        },
        Case {
            rule: "a halted market pauses its lots; resuming gives the time back",
            lot: "",
            steps: &[
                "@600s halt",
                "show state=paused remaining_ms=3000000 ends_at=-",
                "A bid 100 = market_halted",
                "O resume = market_halted",
                "@9000s unhalt",
                "show state=open ends_at=12000s",
            ],
        },
        Case {
            rule: "a halt that the lot hears of late counts from the market's moment",
            lot: "",
            steps: &[
                "@600s halt asleep",
                "A bid 100 = market_halted",
                "@700s facts",
                "show state=paused remaining_ms=3000000",
                "@900s unhalt",
                "show ends_at=3900s",
            ],
        },
        Case {
            rule: "a lot that slept through a whole halt shifts its end; its deadline does not close it",
            lot: "",
            steps: &[
                "@600s halt asleep",
                "@900s unhalt asleep",
                "@3600s due",
                "show state=open ends_at=3900s",
                "@3900s due",
                "show state=closed",
            ],
        },
        Case {
            rule: "two halts slept through, waking in the second",
            lot: "",
            steps: &[
                "@600s halt",
                "@900s unhalt asleep",
                "@1000s halt asleep",
                "@1100s facts",
                "show state=paused remaining_ms=2900000",
                "@2000s unhalt",
                "show ends_at=4900s",
            ],
        },
        Case {
            rule: "a lot whose end came before the halt is not revived by it",
            lot: "",
            steps: &[
                "@3700s halt asleep",
                "facts",
                "show state=open",
                "due",
                "show state=closed ends_at=3600s",
            ],
        },
        Case {
            rule: "a lot whose end came between two halts that it slept through ends at it",
            lot: "",
            steps: &[
                "@600s halt",
                "@900s unhalt asleep",
                "@4000s halt asleep",
                "due",
                "show state=closed ends_at=3900s",
            ],
        },
        Case {
            rule: "paused by an operator, it stays so through a halt and its end",
            lot: "",
            steps: &[
                "@600s O pause because = paused",
                "@700s halt",
                "@800s unhalt",
                "show state=paused remaining_ms=3000000",
                "@1000s O resume = open",
                "show ends_at=4000s",
                "facts",
                "show ends_at=4000s",
            ],
        },
        Case {
            rule: "an operator may pause what a halt has paused; it stays so when the market resumes",
            lot: "",
            steps: &[
                "@600s halt",
                "@700s O pause because = paused",
                "@800s unhalt",
                "show state=paused remaining_ms=3000000",
                "A bid 100 = market_halted",
                "@1000s O resume = open",
                "show ends_at=4000s",
            ],
        },
        Case {
            rule: "a lot that is due to open during a halt opens paused, with all its time",
            lot: "opens=100s",
            steps: &[
                "@50s halt",
                "show state=scheduled",
                "@100s due",
                "show state=paused remaining_ms=3500000",
                "@200s unhalt",
                "show state=open ends_at=3700s",
            ],
        },
        Case {
            rule: "nothing is opened by hand while the market is halted",
            lot: "opens=never",
            steps: &["halt", "S open = market_halted"],
        },
    ]);
}

#[test]
fn operators() {
    check(&[
        Case {
            rule: "extend: only later, with a reason, by an operator",
            lot: "",
            steps: &[
                "O extend 2h = invalid_request reason",
                "S extend 2h because = forbidden",
                "O extend 1h because = invalid_request ends_at",
                "O extend 2h because = open | time_extended",
                "show ends_at=7200s",
                "O pause because = paused",
                "O extend 3h because = not_allowed_in_state",
            ],
        },
        Case {
            rule: "extend: not past the hard close",
            lot: "soft=60s/60s hard=2h",
            steps: &["O extend 3h because = invalid_request ends_at", "O extend 2h because = open"],
        },
        Case {
            rule: "extend: the engine gives time back after an outage, also where the end has passed",
            lot: "",
            steps: &[
                "@2h O extend 3h because = lot_closed 3600000000us",
                "E extend 7260s because = open",
                "show ends_at=7260s",
                "A bid 100 = leading 100 125",
            ],
        },
        Case {
            rule: "cancel: nobody wins; the seller only before the first bid",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "S cancel = forbidden",
                "O cancel = invalid_request reason",
                "O cancel because = closed | lot_closed",
                "show result=cancelled winners= price=100",
                "O cancel because = not_allowed_in_state",
            ],
        },
        Case {
            rule: "cancel: by the seller before the first bid",
            lot: "",
            steps: &["@5s S cancel = closed", "show result=cancelled ends_at=5s"],
        },
        Case {
            rule: "close: as if its time had come",
            lot: "reserve=300",
            steps: &[
                "A bid 500 = leading 300 325",
                "S close because = forbidden",
                "@7s O close because = closed > A:won",
                "show result=sold winners=bidder-1:300 ends_at=7s",
                "O close because = not_allowed_in_state",
            ],
        },
        Case {
            rule: "reopen: an unsold lot's outcome is taken back and the bids stand",
            lot: "soft=60s/60s hard=3700s reserve=550",
            steps: &[
                "O reopen 2h because = not_allowed_in_state",
                "A bid 500 = leading 100 125",
                "@3700s due",
                "show result=unsold",
                "O reopen 1h because = invalid_request ends_at",
                "O reopen 2h = invalid_request reason",
                "O reopen 2h because = open | lot_reopened",
                "show state=open result=- winners= ends_at=7200s price=100 leader=bidder-1 soft_close=hard:7300s",
                "B bid 600 = leading 550 600",
                "@2h due",
                "show result=sold winners=bidder-2:550",
            ],
        },
        Case {
            rule: "reopen: not once its outcome has caused an order",
            lot: "buy_now=900 reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "B buy = won 900 -",
                "O reopen 2h because = not_allowed_in_state",
                "show result=sold price=900",
            ],
        },
        Case {
            rule: "reopen: a cancelled lot, with its bids",
            lot: "buy_now=900 reserve=500",
            steps: &[
                "A bid 300 = leading 100 125",
                "O cancel because = closed",
                "O reopen 2h because = open",
                "show price=100 buy_now=900 leader=bidder-1",
            ],
        },
        Case {
            rule: "revise: everything before it opens; what people read after the first bid",
            lot: "opens=100s",
            steps: &[
                "S revise title:Other start:200 opens:50s closes:2h = scheduled | lot_revised",
                "show title=Other start_amount=200 opens_at=50s ends_at=7200s min_next_amount=200",
                "N revise title:Mine = forbidden",
                "@50s due",
                "O revise start:300 buy_now:900 = open",
                "show min_next_amount=300 buy_now=900",
                "S revise closes:3h = not_allowed_in_state",
                "S revise buy_now:1 = invalid_request buy_now",
                "A bid 300 = leading 300 325",
                "S revise title:Third = open",
                "S revise start:100 = not_allowed_in_state",
                "S revise buy_now:1000 = not_allowed_in_state",
                "show title=Third price=300",
                "@2h S revise title:Late = lot_closed 0us",
                "due",
                "S revise title:Late = not_allowed_in_state",
            ],
        },
        Case {
            rule: "revise: a draft with a start is scheduled",
            lot: "opens=never",
            steps: &["S revise opens:60s = scheduled", "@60s due", "show state=open"],
        },
    ]);
}

#[test]
fn restatement() {
    check(&[
        Case {
            rule: "retraction: more than 12 h before the end it removes all bids of that bidder",
            lot: "ends=48h",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 300 = outbid 325 350",
                "C bid 800 = leading 550 600",
                "C bid 900 = leading 550 600",
                "C retract because = restated 325 350 -2 | bid_retracted > C:bid_status:outbid A:bid_status:leading",
                "show price=325 leader=bidder-1 bids=2 min_next_amount=350",
                "A retract = restated 100 125 -1",
                "show price=100 leader=bidder-2 bids=1",
                "B retract = restated - 100 -1",
                "show price=- leader=- bids=0 min_next_amount=100",
                "B retract = not_found",
                "C bid 100 = leading 100 125",
                "show leader=bidder-3",
            ],
        },
        Case {
            rule: "retraction: exactly 12 h before is not more than 12 h: only the last bid",
            lot: "ends=13h",
            steps: &[
                "@3599999999us A bid 500 = leading 100 125",
                "@1h A bid 700 = leading 100 125",
                "B bid 600 = outbid 650 700",
                "A retract = restated 550 600 -1 | bid_retracted > A:bid_status:outbid B:bid_status:leading",
                "show leader=bidder-2 price=550 bids=2",
                "A retract A1 = restated 100 125 -1",
            ],
        },
        Case {
            rule: "retraction: within 12 h only the last bid, and only within one hour of placing it",
            lot: "ends=10h",
            steps: &[
                "A bid 500 = leading 100 125",
                "@30m A bid 600 = leading 100 125",
                "A retract A1 = retraction_not_allowed",
                "@5400000001us A retract = retraction_not_allowed",
                "@5400s A retract = restated 100 125 -1",
                "@5401s A retract = retraction_not_allowed",
            ],
        },
        Case {
            rule: "retraction: the lower own maximum stands again, with its own time for ties",
            lot: "ends=10h",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 500 = outbid 500 550",
                "A bid 900 = leading 500 550",
                "A retract = restated 500 550 -1 | bid_retracted > A:bid_status:leading",
                "show leader=bidder-1 bids=2",
            ],
        },
        Case {
            rule: "retraction: none after the end",
            lot: "ends=10h",
            steps: &[
                "A bid 500 = leading 100 125",
                "@10h A retract = lot_closed 0us",
                "due",
                "A retract = lot_closed 0us",
            ],
        },
        Case {
            rule: "retraction: not what one has not bid",
            lot: "ends=48h",
            steps: &[
                "A retract = not_found",
                "B bid 100 = leading 100 125",
                "A retract B1 = not_found",
                "X retract = forbidden",
            ],
        },
        Case {
            rule: "retraction: while paused the remaining time counts",
            lot: "ends=13h",
            steps: &[
                "A bid 500 = leading 100 125",
                "A bid 600 = leading 100 125",
                "O pause because = paused",
                "@20h A retract = restated - 100 -2",
                "show state=paused ends_at=- remaining_ms=46800000",
            ],
        },
        Case {
            rule: "void: an operator removes one bid, with a reason",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 700 = leading 550 600",
                "O void B1 = invalid_request reason",
                "S void B1 because = forbidden",
                "O void B1 because = restated 100 125 -1 | bid_retracted > B:bid_status:outbid A:bid_status:leading",
                "O void B1 because = not_found",
                "show leader=bidder-1 bids=1",
            ],
        },
        Case {
            rule: "void: by the alias it is the bidder's newest bid that stands; the one before stands again",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 600 = leading 550 600",
                "B bid 900 = leading 550 600",
                "S void bidder-2 because = forbidden",
                "O void bidder-2 = invalid_request reason",
                "O void bidder-3 because = not_found",
                "O void bidder-2 because = restated 550 600 -1 > B:bid_status:leading",
                "show leader=bidder-2 price=550",
                "O void bidder-2 because = restated 100 125 -1 | bid_retracted > B:bid_status:outbid A:bid_status:leading",
                "O void bidder-2 because = not_found",
                "show leader=bidder-1 bids=1",
            ],
        },
        Case {
            rule: "void: a bid that a later one of the same bidder covers changes only the count",
            lot: "",
            steps: &[
                "A bid 200 = leading 100 125",
                "B bid 300 = leading 225 250",
                "A bid 500 = leading 325 350",
                "O void A1 because = restated 325 350 -1 > A:bid_status:leading",
                "show bids=2",
            ],
        },
        Case {
            rule: "suspension removes the account's standing in open lots, once",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 700 = leading 550 600",
                "suspend B",
                "show price=100 leader=bidder-1 bids=1",
                "facts",
                "lift B",
                "B bid 700 = leading 550 600",
                "show leader=bidder-2",
            ],
        },
        Case {
            rule: "suspension heard of late counts before the end is decided",
            lot: "",
            steps: &[
                "A bid 500 = leading 100 125",
                "B bid 700 = leading 550 600",
                "suspend B asleep",
                "@1h due",
                "show result=sold winners=bidder-1:100",
            ],
        },
        Case {
            rule: "restatement: a reserve is no longer met when its bidder goes; buy now does not come back",
            lot: "reserve=500 buy_now=900 ends=48h",
            steps: &[
                "A bid 200 = leading 100 125",
                "B bid 600 = leading 500 550",
                "B retract = restated 100 125 -1",
                "show reserve_met=false buy_now=- leader=bidder-1",
            ],
        },
        Case {
            rule: "restatement in open outcry: the highest remaining bid is the price",
            lot: "plain ends=48h",
            steps: &[
                "A bid 200 = leading 200 225",
                "B bid 300 = leading 300 325",
                "C bid 400 = leading 400 425",
                "C retract = restated 300 325 -1",
                "show leader=bidder-2",
            ],
        },
    ]);
}

#[test]
fn many_bids_of_one_bidder() {
    // Of a bidder's bids the newest are kept; taken back one by one, at least BIDS_KEPT of them can be.
    let mut script = Script::new("ends=10h");
    for maximum in 1_000..1_020 {
        script.step(&format!("A bid {maximum} = leading 100 125"), "raises");
    }
    for _ in 0..vendue_domain::limits::BIDS_KEPT {
        script.step("A retract = restated 100 125 -1", "retractions");
    }
}

#[test]
fn creation() {
    let create = |change: &dyn Fn(&mut CreateLot)| {
        let mut lot = create_lot("");
        change(&mut lot);
        let mut world = World::new();
        world.now = Timestamp(START.0 - 1);
        let result = world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot))));
        result.map_or_else(|rejection| said(&Err(rejection)), |_| "created".to_owned())
    };
    let soft = |window_ms, hard_close_at| Some(SoftClose { window_ms, extend_ms: 1, hard_close_at });
    type Change<'a> = &'a dyn Fn(&mut CreateLot);
    let cases: &[(&str, Change<'_>, &str)] = &[
        ("as it is", &|_| {}, "created"),
        ("without an id", &|lot| lot.lot = None, "invalid_request lot"),
        ("no title", &|lot| lot.title = " ".into(), "invalid_request title"),
        ("a long title", &|lot| lot.title = "é".repeat(201), "invalid_request title"),
        ("the longest title", &|lot| lot.title = "é".repeat(200), "created"),
        (
            "a long description",
            &|lot| lot.description = Some("x".repeat(20_001)),
            "invalid_request description",
        ),
        ("too many images", &|lot| lot.images = Some(vec!["a".into(); 25]), "invalid_request images"),
        ("an empty image", &|lot| lot.images = Some(vec![String::new()]), "invalid_request images"),
        ("a turned estimate", &|lot| lot.estimate = Some((amount(2), amount(1))), "invalid_request estimate"),
        ("no units", &|lot| lot.quantity = Some(0), "invalid_request quantity"),
        ("a reserve below the start", &|lot| lot.reserve = Some(amount(99)), "invalid_request reserve"),
        ("buy now below the start", &|lot| lot.buy_now = Some(amount(99)), "invalid_request buy_now"),
        ("ends before it opens", &|lot| lot.closes_at = lot.opens_at, "invalid_request closes_at"),
        (
            "ends in the past",
            &|lot| (lot.opens_at, lot.closes_at) = (None, Some(Timestamp(5))),
            "invalid_request closes_at",
        ),
        ("opens before 1970", &|lot| lot.opens_at = Some(Timestamp(-1)), "invalid_request opens_at"),
        ("ends after 9999", &|lot| lot.closes_at = Some(Timestamp(i64::MAX)), "invalid_request closes_at"),
        ("an endless window", &|lot| lot.soft_close = soft(u64::MAX, None), "invalid_request soft_close"),
        (
            "a hard close before the end",
            &|lot| lot.soft_close = soft(1, Some(START)),
            "invalid_request soft_close",
        ),
        ("a deposit of nothing", &|lot| lot.funding = Some(Funding::Deposit), "invalid_request deposit"),
        ("a deposit for nothing", &|lot| lot.deposit = Some(amount(5)), "invalid_request deposit"),
        (
            "a deposit to qualify, of nothing",
            &|lot| lot.qualification = Some(Qualification::Deposit),
            "invalid_request deposit",
        ),
        (
            "a deposit beside full funding",
            &|lot| {
                (lot.funding, lot.qualification, lot.deposit) =
                    (Some(Funding::Full), Some(Qualification::Deposit), Some(amount(5)));
            },
            "invalid_request qualification",
        ),
        (
            "registered without a sale",
            &|lot| lot.qualification = Some(Qualification::Registered),
            "invalid_request qualification",
        ),
        (
            "an unknown sale",
            &|lot| lot.sale = Some(vendue_domain::id::SaleId::from_u128(5)),
            "invalid_request sale",
        ),
        ("another market", &|lot| lot.market = vendue_domain::id::MarketId::from_u128(5), "forbidden"),
        ("another's", &|lot| lot.seller = Some(OPERATOR), "forbidden"),
        ("number 0", &|lot| lot.number = Some(0), "invalid_request number"),
    ];
    for (what, change, expected) in cases {
        assert_eq!(create(change), *expected, "{what}");
    }
}

#[test]
fn created_again() {
    let mut script = Script::new("");
    let again = |lot: &CreateLot| Command::Lot(LotCommand::Create(Box::new(lot.clone())));
    let same = script.world.command(SELLER, &again(&create_lot(""))).expect("the same again");
    assert_eq!((same.answer, same.events.len()), (Some(Answer::Lot(crate::lot_script::LOT)), 0));
    let other = script.world.command(SELLER, &again(&create_lot("start=101")));
    assert_eq!(said(&other), "already_exists");
    let owner = script.world.command(OPERATOR, &again(&create_lot("")));
    assert_eq!(said(&owner), "already_exists");
}

#[test]
fn an_unknown_lot() {
    let mut world = World::new();
    let bid = Command::Lot(LotCommand::Open(vendue_domain::lot::OpenLot {
        lot: crate::lot_script::LOT,
        reason: None,
    }));
    assert_eq!(said(&world.command(SELLER, &bid)), "not_found");
}

#[test]
fn a_sales_lots_end_staggered() {
    let mut lot = create_lot("sale");
    (lot.closes_at, lot.number) = (None, Some(4));
    let mut world = World::new();
    world.now = Timestamp(START.0 - 1);
    world.facts = Script::new("").world.facts;
    world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot)))).expect("created");
    let three_staggers_after_an_hour = START.0 + (3_600 + 3 * 60) * 1_000_000;
    assert_eq!(world.folded["ends_at"], three_staggers_after_an_hour);
}

/// I14: what nobody may see is in no snapshot, no event and no Debug text of them.
#[test]
fn secrets_stay_secret() {
    const SECRETS: [&str; 2] = ["777777", "888888"];
    let mut script = Script::new("reserve=888888 ends=48h soft=60s/60s");
    let mut heard = String::new();
    for command in [
        "A bid 777777",
        "B bid 200",
        "A bid 777776",
        "B validate 400",
        "S revise title:T",
        "O pause because",
        "O resume",
        "B retract",
    ] {
        let words = format!("{command} = ");
        let outcome = script.act_on(&words);
        if let Ok(outcome) = outcome {
            heard.push_str(&format!("{:?}{:?}{:?}", outcome.public, outcome.private, outcome.events));
            heard.push_str(
                &serde_json::to_string(&outcome.public.iter().map(|event| &event.data).collect::<Vec<_>>())
                    .expect("JSON"),
            );
        } else {
            heard.push_str(&format!("{:?}", outcome.err()));
        }
    }
    heard.push_str(&format!("{:?}{}", script.world.snapshot, script.world.folded));
    heard.push_str(&format!("{:?}", script.world.entity()));
    for secret in SECRETS {
        assert!(!heard.contains(secret), "{secret} in {heard}");
    }
    assert!(heard.contains("225"), "the price is there: the test hears something");
}

#[test]
fn rights_come_from_the_facts() {
    let mut world = World::new();
    world.change_market(|market| market.open_registration = true);
    let standing = world.facts.standing(account('N'), MARKET);
    assert_eq!(
        standing.roles().collect::<Vec<_>>(),
        [Role::Bidder],
        "open registration: every known account"
    );
    assert_eq!(world.facts.standing(account('X'), MARKET).roles().count(), 0);
    let decision: Decision<u8> = Decision::unchanged(Answer::Market(MARKET));
    assert!(decision.events.is_empty());
}
