//! The formats beside English, case by case; each names its rule in RULES ("Formats") or docs/rules.md.

use vendue_domain::lot::{Clock, CreateLot, Format, Funding, LotCommand, Pricing};
use vendue_domain::time::Timestamp;

use crate::lot_script::{Case, Script, check, create_lot, said};
use crate::world::{Command, SELLER, START, World, amount};

#[test]
fn dutch() {
    check(&[
        Case {
            rule: "dutch: the clock steps the price down, each step is announced, and it rests at the floor",
            lot: "format=dutch clock=1000/100/10s/750 quantity=5",
            steps: &[
                "show price=1000 min_next_amount=1000 next_price=900 next_at=10s remaining=5 bids=0 leader=-",
                "@10s due",
                "show price=900 next_price=800 next_at=20s",
                "@20s due",
                "show price=800 next_price=750 next_at=30s",
                "@30s due",
                "show price=750 next_price=- next_at=- ends_at=3600s",
                "@40s due",
                "show price=750 next_at=-",
            ],
        },
        Case {
            rule: "dutch: a take buys units at the present step; each taker wins; takes of one account add up",
            lot: "format=dutch clock=1000/100/10s/100 quantity=5",
            steps: &[
                "A take = won 1000 - | price_changed > A:bid_status:won",
                "show remaining=4 bids=1 price=1000",
                "@10s due",
                "B take 2 = won 900 -",
                "@20s due",
                "A take 1 = won 800 -",
                "show remaining=1 bids=3",
                "@1h due",
                "show state=closed result=sold winners=bidder-1:2x1800,bidder-2:2x1800 price=800 remaining=1 next_at=-",
            ],
        },
        Case {
            rule: "dutch: when no unit is left the lot ends at once",
            lot: "format=dutch clock=1000/100/10s/100 quantity=3",
            steps: &[
                "@5s A take 2 = won 1000 -",
                "B take 2 = out_of_stock 1",
                "@6s B take 1 = won 1000 - | price_changed lot_closed > B:bid_status:won A:won B:won",
                "show state=closed ends_at=6s winners=bidder-1:2x2000,bidder-2:1x1000 next_at=- next_price=-",
                "C take = lot_closed 0us",
            ],
        },
        Case {
            rule: "dutch: the price is what the clock shows at the moment of the take",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &["@9999999us A take = won 1000 -"],
        },
        Case {
            rule: "dutch: the price is what the clock shows at the moment of the take, at the step",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &["@10s A take = won 900 -"],
        },
        Case {
            rule: "dutch: amount is the most that the buyer pays for a unit; the clock's price is what it pays",
            lot: "format=dutch clock=1000/100/10s/100 quantity=5",
            steps: &[
                "A take 1 at 999 = bid_too_low 1000",
                "A take 1 at 1000 = won 1000 -",
                "@10s due",
                "A take 1 at 5000 = won 900 -",
                "A take 0 = invalid_request quantity",
                "A take 4 = out_of_stock 3",
            ],
        },
        Case {
            rule: "dutch: quantity times price is an amount, and so is the sum of an account's takes",
            lot: "format=dutch clock=9007199254740991/1/10s/1 quantity=5",
            steps: &[
                "A take 2 = amount_out_of_range",
                "A take 1 = won 9007199254740991 -",
                "A take 1 = amount_out_of_range",
                "B take 1 = won 9007199254740991 -",
            ],
        },
        Case {
            rule: "dutch: unsold where nobody takes",
            lot: "format=dutch clock=1000/400/10s/300",
            steps: &["@1h due", "show state=closed result=unsold winners= price=1000"],
        },
        Case {
            rule: "dutch: the clock stands while the lot is paused",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &[
                "@14s due",
                "O pause because = paused | lot_paused",
                "show price=900 next_at=- next_price=-",
                "A take = lot_paused",
                "@100s O resume = open",
                "due",
                "show price=900 next_at=106s next_price=800",
                "@106s due",
                "show price=800",
            ],
        },
        Case {
            rule: "dutch: a halt stops the clock from its moment on, and gives the time back",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &[
                "@14s due",
                "halt",
                "show price=900 next_at=-",
                "@60s unhalt",
                "due",
                "show price=900 next_at=66s ends_at=3646s",
                "@70s due",
                "halt",
                "@80s O pause because = paused",
                "@90s unhalt",
                "@100s O resume because = open",
                "due",
                "show price=800 next_at=106s",
            ],
        },
        Case {
            rule: "dutch: a halt that the lot slept through stopped its clock too",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &[
                "@4s halt asleep",
                "@104s unhalt asleep",
                "@105s due",
                "show price=1000 next_at=110s ends_at=3700s",
            ],
        },
        Case {
            rule: "dutch: a lot that is due to open during a halt has all its time",
            lot: "format=dutch clock=1000/100/10s/100 opens=100s",
            steps: &[
                "show price=- min_next_amount=1000 remaining=1 state=scheduled",
                "@50s halt",
                "@100s due",
                "show state=paused price=- next_at=-",
                "@200s unhalt",
                "due",
                "show state=open price=1000 next_at=210s",
            ],
        },
        Case {
            rule: "dutch: several steps that are due at once are one event: the price is a function of time",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &["@35s due", "show price=700 next_at=40s"],
        },
        Case {
            rule: "dutch: in an outage the clock stands, and goes on extend_ms after the recovery",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &[
                "@500s outage 60s",
                "show price=1000 next_at=560s next_price=900",
                "due",
                "show price=1000",
                "@560s due",
                "show price=900 next_at=570s",
            ],
        },
        Case {
            rule: "dutch: there are no bids, retractions or purchases at a fixed amount",
            lot: "format=dutch clock=1000/100/10s/100",
            steps: &[
                "A bid 1000 = not_allowed_in_format",
                "A buy = buy_now_unavailable -",
                "A take = won 1000 -",
                "A retract = lot_closed 0us",
            ],
        },
        Case {
            rule: "dutch: a voided take's units can be taken again; so can those of a suspended account",
            lot: "format=dutch clock=1000/100/10s/100 quantity=4",
            steps: &[
                "A take 1 = won 1000 -",
                "A take 1 = won 1000 -",
                "B take 1 = won 1000 -",
                "O void bidder-1 because = restated 1000 1000 -1 | bid_retracted > A:bid_status:won",
                "show remaining=2 bids=2 price=1000",
                "suspend A",
                "show remaining=3 bids=1",
                "A retract = not_allowed_in_format",
                "@1h due",
                "show winners=bidder-2:1x1000",
            ],
        },
        Case {
            rule: "dutch: reopened, the clock goes on from where it ended",
            lot: "format=dutch clock=1000/100/10s/100 quantity=2",
            steps: &[
                "@25s due",
                "O cancel because = closed | lot_closed",
                "show price=800 next_at=- next_price=-",
                "@100s O reopen 1h because = open",
                "due",
                "show price=800 next_at=105s",
            ],
        },
        Case {
            rule: "dutch: only while it is open, and never the seller",
            lot: "format=dutch clock=1000/100/10s/100 opens=10s",
            steps: &[
                "A take = lot_not_open",
                "@10s due",
                "S take = forbidden",
                "suspend A",
                "A take = not_qualified suspended",
                "@1h B take = lot_closed 0us",
            ],
        },
        Case { rule: "taking is for clocks", lot: "", steps: &["A take = not_allowed_in_format"] },
    ]);
}

#[test]
fn sealed() {
    check(&[
        Case {
            rule: "sealed: one bid each, nothing shown but the number of bidders; the highest wins and pays its bid",
            lot: "format=sealed_first_price",
            steps: &[
                "show sealed=true bidders=0 price=- leader=- min_next_amount=100 reserve_met=-",
                "A bid 99 = bid_too_low 100",
                "A bid 500 = placed - 100 | bidders_changed > A:bid_status:placed",
                "B bid 700 = placed - 100 | bidders_changed > B:bid_status:placed",
                "show bidders=2 bids=2 price=- leader=- min_next_amount=100",
                "@1h due",
                "show state=closed result=sold winners=bidder-2:700 price=700 bidders=2",
            ],
        },
        Case {
            rule: "sealed: a bid is replaceable until the end, also by a lower one, and nobody hears of it",
            lot: "format=sealed_first_price",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 400 = placed - 100",
                "A bid 300 = placed - 100 | ",
                "show bidders=2",
                "@1h A bid 900 = lot_closed 0us",
                "due",
                "show winners=bidder-2:400 price=400",
            ],
        },
        Case {
            rule: "sealed: of equal bids the earlier wins; a replaced bid takes a new place in time",
            lot: "format=sealed_first_price",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 500 = placed - 100",
                "A bid 500 = placed - 100",
                "@1h due",
                "show winners=bidder-2:500",
            ],
        },
        Case {
            rule: "sealed: unmet, the reserve leaves the lot unsold, and no bid is told",
            lot: "format=sealed_first_price reserve=600",
            steps: &[
                "show reserve_met=-",
                "A bid 599 = placed - 100",
                "show reserve_met=-",
                "@1h due",
                "show result=unsold winners= price=- reserve_met=-",
            ],
        },
        Case {
            rule: "sealed: withdrawal under the rule for retractions",
            lot: "format=sealed_first_price ends=10h",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 700 = placed - 100",
                "A retract B1 = not_found",
                "C retract = not_found",
                "B retract because = restated - 100 -1 | bid_retracted > B:bid_status:outbid",
                "show bidders=1 price=-",
                "@3600000001us A retract = retraction_not_allowed",
                "A bid 450 = placed - 100 | ",
                "A retract = restated - 100 -1",
                "@10h due",
                "show result=unsold bidders=0",
            ],
        },
        Case {
            rule: "sealed: an operator may void a bid; a suspended bidder's falls",
            lot: "format=vickrey",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 700 = placed - 100",
                "C bid 900 = placed - 100",
                "O void bidder-4 because = not_found",
                "O void bidder-3 because = restated - 100 -1",
                "suspend B",
                "show bidders=1",
                "@1h due",
                "show winners=bidder-1:100",
            ],
        },
        Case {
            rule: "sealed: bids are of the whole lot, and nothing is bought at once",
            lot: "format=vickrey quantity=3",
            steps: &[
                "A bid 500 quantity 2 = not_allowed_in_format",
                "A bid 500 all_or_none = not_allowed_in_format",
                "A bid 500 quantity 3 = placed - 100",
                "A buy = buy_now_unavailable -",
                "A take = not_allowed_in_format",
                "A validate 900 = placed - 100",
                "@1h due",
                "show winners=bidder-1:100",
            ],
        },
        Case {
            rule: "vickrey: pays the second bid",
            lot: "format=vickrey",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 700 = placed - 100",
                "C bid 600 = placed - 100",
                "@1h due",
                "show winners=bidder-2:600 price=600",
            ],
        },
        Case {
            rule: "vickrey: the start amount where there is no second bid",
            lot: "format=vickrey",
            steps: &["A bid 500 = placed - 100", "@1h due", "show winners=bidder-1:100 price=100"],
        },
        Case {
            rule: "vickrey: the reserve where it is more than the second bid",
            lot: "format=vickrey reserve=550",
            steps: &[
                "A bid 500 = placed - 100",
                "B bid 700 = placed - 100",
                "@1h due",
                "show winners=bidder-2:550 price=550",
            ],
        },
        Case {
            rule: "vickrey: the second bid where it is more than the reserve",
            lot: "format=vickrey reserve=550",
            steps: &[
                "A bid 600 = placed - 100",
                "B bid 700 = placed - 100",
                "@1h due",
                "show winners=bidder-2:600",
            ],
        },
        Case {
            rule: "vickrey: unsold below the reserve",
            lot: "format=vickrey reserve=701",
            steps: &[
                "A bid 600 = placed - 100",
                "B bid 700 = placed - 100",
                "@1h due",
                "show result=unsold price=- winners=",
            ],
        },
        Case {
            rule: "vickrey: a tie: the earlier wins and pays the tied amount",
            lot: "format=vickrey",
            steps: &[
                "A bid 700 = placed - 100",
                "B bid 700 = placed - 100",
                "@1h due",
                "show winners=bidder-1:700 price=700",
            ],
        },
        Case {
            rule: "sealed: a lowered reserve: a hidden bid does not win by it until its bidder bids again",
            lot: "format=sealed_first_price reserve=600",
            steps: &[
                "A bid 550 = placed - 100",
                "S revise reserve:500 = open | lot_revised",
                "S revise reserve:501 = invalid_request reserve",
                "@1h due",
                "show result=unsold",
            ],
        },
        Case {
            rule: "sealed: a lowered reserve: bidding again counts",
            lot: "format=vickrey reserve=600",
            steps: &[
                "A bid 550 = placed - 100",
                "B bid 560 = placed - 100",
                "S revise reserve:500 = open",
                "A bid 550 = placed - 100",
                "@1h due",
                "show winners=bidder-1:500",
            ],
        },
        Case {
            rule: "sealed: that the reserve may be lowered does not tell whether it is met",
            lot: "format=sealed_first_price reserve=600",
            steps: &[
                "A bid 650 = placed - 100",
                "S revise reserve:500 = open",
                "@1h due",
                "show winners=bidder-1:650",
            ],
        },
    ]);
}

#[test]
fn reverse() {
    check(&[
        Case {
            rule: "reverse: the lowest wins; a new offer must be lower by the step, the first at most the start amount",
            lot: "format=reverse start=1000 step=50",
            steps: &[
                "show price=- min_next_amount=1000 sealed=false",
                "A bid 1001 = bid_too_high 1000",
                "A bid 1000 = leading 1000 950 | price_changed > A:bid_status:leading",
                "B bid 951 = bid_too_high 950",
                "B bid 900 = leading 900 850 | price_changed > B:bid_status:leading A:outbid",
                "show price=900 leader=bidder-2 bids=2 min_next_amount=850",
                "@1h due",
                "show result=sold winners=bidder-2:900 price=900",
            ],
        },
        Case {
            rule: "reverse: the step is the increment at the present price",
            lot: "format=reverse start=600",
            steps: &[
                "A bid 505 = leading 505 455",
                "B bid 456 = bid_too_high 455",
                "B bid 455 = leading 455 430",
            ],
        },
        Case {
            rule: "reverse: the leader's own better offer is an offer like any other",
            lot: "format=reverse start=1000 step=50 soft=60s/60s",
            steps: &[
                "A bid 900 = leading 900 850",
                "A bid 900 = self_outbid",
                "A bid 851 = bid_too_high 850",
                "@3599s A bid 800 = leading 800 750 | price_changed > A:bid_status:leading",
                "show bids=2 ends_at=3600s",
                "B bid 700 = leading 700 650 | price_changed time_extended",
                "show ends_at=3659s",
            ],
        },
        Case {
            rule: "reverse: where price - step is no amount no offer can follow",
            lot: "format=reverse start=100 step=50",
            steps: &[
                "A bid 51 = leading 51 1",
                "B bid 50 = bid_too_high 1",
                "B bid 1 = leading 1 1",
                "A bid 1 = amount_out_of_range",
            ],
        },
        Case {
            rule: "reverse: the reserve is the most that is paid, and secret",
            lot: "format=reverse start=1000 reserve=800 step=10",
            steps: &[
                "show reserve_met=false",
                "A bid 900 = leading 900 890",
                "show reserve_met=false",
                "B bid 800 = leading 800 790",
                "show reserve_met=true",
                "@1h due",
                "show winners=bidder-2:800",
            ],
        },
        Case {
            rule: "reverse: above the reserve nobody wins",
            lot: "format=reverse start=1000 reserve=800 step=10",
            steps: &["A bid 801 = leading 801 791", "@1h due", "show result=unsold winners= price=801"],
        },
        Case {
            rule: "reverse: the buyer may raise an unmet reserve: what stands in the open meets it",
            lot: "format=reverse start=1000 reserve=800 step=10",
            steps: &[
                "A bid 900 = leading 900 890",
                "S revise reserve:700 = invalid_request reserve",
                "S revise reserve:1001 = invalid_request reserve",
                "S revise reserve:900 = open",
                "show reserve_met=true price=900",
                "S revise reserve:950 = invalid_request reserve",
                "@1h due",
                "show winners=bidder-1:900",
            ],
        },
        Case {
            rule: "reverse: after a retraction price and leader are what the remaining offers give",
            lot: "format=reverse start=1000 step=50 ends=48h",
            steps: &[
                "A bid 900 = leading 900 850",
                "B bid 800 = leading 800 750",
                "A bid 700 = leading 700 650",
                "C bid 600 = leading 600 550",
                "C retract because = restated 700 650 -1 | bid_retracted > C:bid_status:outbid A:bid_status:leading",
                "A retract = restated 800 750 -2",
                "show leader=bidder-2 bids=1",
                "B retract = restated - 1000 -1",
                "show price=- leader=- min_next_amount=1000",
            ],
        },
        Case {
            rule: "reverse: a voided offer; a bidder's earlier one stands again; of equal ones the earlier leads",
            lot: "format=reverse start=1000 step=50",
            steps: &[
                "A bid 800 = leading 800 750",
                "B bid 700 = leading 700 650",
                "A bid 600 = leading 600 550",
                "O void bidder-1 because = restated 700 650 -1",
                "O void B1 because = restated 800 750 -1",
                "show leader=bidder-1 bids=1",
                "B bid 750 = leading 750 700",
                "suspend B",
                "show leader=bidder-1 price=800",
            ],
        },
        Case {
            rule: "reverse, sealed: the lowest of the secret offers wins at what it asks",
            lot: "format=reverse sealed start=1000 reserve=800",
            steps: &[
                "show sealed=true bidders=0 min_next_amount=1000",
                "A bid 1001 = bid_too_high 1000",
                "A bid 700 = placed - 1000 | bidders_changed",
                "B bid 650 = placed - 1000",
                "C bid 650 = placed - 1000",
                "show bidders=3 price=-",
                "@1h due",
                "show winners=bidder-2:650 price=650",
            ],
        },
        Case {
            rule: "reverse, sealed: above the reserve nobody wins; raising it later does not make a hidden offer win",
            lot: "format=reverse sealed start=1000 reserve=800",
            steps: &[
                "A bid 850 = placed - 1000",
                "S revise reserve:790 = invalid_request reserve",
                "S revise reserve:900 = open",
                "@1h due",
                "show result=unsold",
            ],
        },
        Case {
            rule: "reverse, sealed: bidding again after the reserve was raised counts",
            lot: "format=reverse sealed start=1000 reserve=800",
            steps: &[
                "A bid 850 = placed - 1000",
                "S revise reserve:900 = open",
                "A bid 899 = placed - 1000",
                "@1h due",
                "show winners=bidder-1:899",
            ],
        },
        Case {
            rule: "reverse: offers are for the whole lot",
            lot: "format=reverse quantity=4",
            steps: &["A bid 100 quantity 2 = not_allowed_in_format", "A bid 100 quantity 4 = leading 100 75"],
        },
    ]);
}

#[test]
fn multi_unit() {
    check(&[
        Case {
            rule: "multi_unit: served from the highest; the last winner in part; all pay the lowest winning bid",
            lot: "format=multi_unit quantity=10 step=10",
            steps: &[
                "show remaining=10 price=- pricing=uniform_lowest_winning min_next_amount=100",
                "A bid 99 quantity 4 = bid_too_low 100",
                "A bid 300 quantity 4 = leading 300 100 | price_changed > A:bid_status:leading",
                "show remaining=6 price=300 leader=- bids=1",
                "B bid 200 quantity 5 = leading 200 100",
                "C bid 150 quantity 5 = leading 150 160",
                "show remaining=0 price=150 min_next_amount=160",
                "D bid 159 quantity 2 = bid_too_low 160",
                "@1h due",
                "show winners=bidder-1:4x600,bidder-2:5x750,bidder-3:1x150 price=150",
            ],
        },
        Case {
            rule: "multi_unit: whoever is not served any more hears that it is outbid",
            lot: "format=multi_unit quantity=3 step=10",
            steps: &[
                "A bid 100 quantity 1 = leading 100 100",
                "B bid 110 quantity 1 = leading 100 100",
                "C bid 120 quantity 2 = leading 110 120 | price_changed > C:bid_status:leading A:outbid",
                "show price=110 remaining=0",
                "D bid 130 quantity 3 = leading 130 140 | price_changed > D:bid_status:leading C:outbid B:outbid",
            ],
        },
        Case {
            rule: "multi_unit: of equal bids the earlier is served first",
            lot: "format=multi_unit quantity=3",
            steps: &[
                "A bid 200 quantity 2 = leading 200 100",
                "B bid 200 quantity 2 = leading 200 225",
                "@1h due",
                "show winners=bidder-1:2x400,bidder-2:1x200",
            ],
        },
        Case {
            rule: "multi_unit: all_or_none: a bid that cannot be served whole is passed over",
            lot: "format=multi_unit quantity=10 step=10",
            steps: &[
                "A bid 300 quantity 8 = leading 300 100",
                "B bid 250 quantity 3 all_or_none = outbid 300 100",
                "C bid 200 quantity 2 = leading 200 210",
                "show remaining=0 bids=3",
                "@1h due",
                "show winners=bidder-1:8x1600,bidder-3:2x400",
            ],
        },
        Case {
            rule: "multi_unit: all_or_none: served whole where it fits, also behind one that does not",
            lot: "format=multi_unit quantity=10 step=10",
            steps: &[
                "A bid 300 quantity 6 all_or_none = leading 300 100",
                "B bid 250 quantity 5 all_or_none = outbid 300 100",
                "C bid 200 quantity 4 all_or_none = leading 200 210",
                "O void bidder-1 because = restated 200 100 -1 | bid_retracted > A:bid_status:outbid B:bid_status:leading",
                "show remaining=1",
                "@1h due",
                "show winners=bidder-2:5x1000,bidder-3:4x800",
            ],
        },
        Case {
            rule: "multi_unit: a bid that displaces an all-or-none bid lets others rise",
            lot: "format=multi_unit quantity=4 step=10",
            steps: &[
                "A bid 200 quantity 3 all_or_none = leading 200 100",
                "B bid 150 quantity 2 all_or_none = outbid 200 100",
                "C bid 300 quantity 2 = leading 150 160 | price_changed > C:bid_status:leading A:outbid B:bid_status:leading",
            ],
        },
        Case {
            rule: "multi_unit, uniform_highest_losing: the start amount where none loses",
            lot: "format=multi_unit quantity=3 step=10 pricing=uniform_highest_losing",
            steps: &[
                "A bid 300 quantity 2 = leading 100 100",
                "B bid 200 quantity 2 = leading 100 210",
                "show price=100 remaining=0",
                "@1h due",
                "show winners=bidder-1:2x200,bidder-2:1x100 price=100",
            ],
        },
        Case {
            rule: "multi_unit, uniform_highest_losing: the highest bid that gets nothing; a winner's unfilled part does not lose",
            lot: "format=multi_unit quantity=3 step=10 pricing=uniform_highest_losing",
            steps: &[
                "A bid 150 quantity 1 = leading 100 100",
                "B bid 200 quantity 2 = leading 100 160",
                "C bid 300 quantity 2 = leading 150 210",
                "show price=150 remaining=0",
                "@1h due",
                "show winners=bidder-3:2x300,bidder-2:1x150 price=150",
            ],
        },
        Case {
            rule: "multi_unit, uniform_highest_losing: no winner pays more than it bids, whoever was passed over",
            lot: "format=multi_unit quantity=2 step=10 pricing=uniform_highest_losing",
            steps: &[
                "A bid 500 quantity 1 = leading 100 100",
                "C bid 300 quantity 2 all_or_none = outbid 300 100",
                "B bid 200 quantity 1 = leading 200 210",
                "@1h due",
                "show winners=bidder-1:1x200,bidder-3:1x200 price=200",
            ],
        },
        Case {
            rule: "multi_unit, pay_as_bid: each pays its own bid; the lowest winning bid is shown",
            lot: "format=multi_unit quantity=3 step=10 pricing=pay_as_bid",
            steps: &[
                "A bid 300 quantity 2 = leading 300 100",
                "B bid 200 quantity 2 = leading 200 210",
                "@1h due",
                "show winners=bidder-1:2x600,bidder-2:1x200 price=200",
            ],
        },
        Case {
            rule: "multi_unit: one bid each; a new one replaces it and lowers neither price nor units",
            lot: "format=multi_unit quantity=5 step=10",
            steps: &[
                "A bid 200 quantity 2 = leading 200 100",
                "A bid 199 quantity 3 = bid_too_low 200",
                "A bid 200 quantity 2 = self_outbid",
                "A bid 300 quantity 1 = invalid_request quantity",
                "A bid 200 quantity 3 = leading 200 100",
                "A bid 250 quantity 3 = leading 250 100",
                "show bids=1 remaining=2",
                "@1h due",
                "show winners=bidder-1:3x750",
            ],
        },
        Case {
            rule: "multi_unit: a replaced bid takes a new place in time",
            lot: "format=multi_unit quantity=2 step=10",
            steps: &[
                "A bid 200 quantity 1 = leading 200 100",
                "B bid 200 quantity 1 = leading 200 210",
                "A bid 210 quantity 2 = leading 210 220 | price_changed > A:bid_status:leading B:outbid",
                "B bid 220 quantity 1 = leading 210 220",
                "@1h due",
                "show winners=bidder-2:1x210,bidder-1:1x210",
            ],
        },
        Case {
            rule: "multi_unit: the quantity is 1 where absent, and at most the lot's",
            lot: "format=multi_unit quantity=5",
            steps: &[
                "A bid 100 quantity 6 = invalid_request quantity",
                "A bid 100 quantity 0 = invalid_request quantity",
                "A bid 100 = leading 100 100",
                "show remaining=4",
            ],
        },
        Case {
            rule: "multi_unit: quantity times price is an amount; where no higher bid exists none can follow",
            lot: "format=multi_unit quantity=3",
            steps: &[
                "A bid 9007199254740991 quantity 2 = amount_out_of_range",
                "A bid 3002399751580331 quantity 3 = amount_out_of_range",
                "A bid 3002399751580330 quantity 3 = leading 3002399751580330 3002399751590330",
                "B bid 9007199254740991 = leading 3002399751580330 3002399751590330",
                "C bid 9007199254740991 = leading 3002399751580330 3002399751590330",
                "D bid 9007199254740991 = leading 9007199254740991 9007199254740991",
                "F bid 9007199254740991 = amount_out_of_range",
            ],
        },
        Case {
            rule: "multi_unit: soft close where price or winners change; the own raise of who is served moves no end",
            lot: "format=multi_unit quantity=2 step=10 soft=60s/60s",
            steps: &[
                "@3590s A bid 200 quantity 2 = leading 200 210 | price_changed time_extended",
                "show ends_at=3650s",
                "@3591s A bid 300 quantity 2 = leading 300 310 | price_changed",
                "show ends_at=3650s",
                "@3592s B bid 400 quantity 1 = leading 300 310 | price_changed time_extended > B:bid_status:leading",
                "show ends_at=3652s",
            ],
        },
        Case {
            rule: "multi_unit: retraction under the rule of all formats, and what remains is served anew",
            lot: "format=multi_unit quantity=2 step=10 ends=48h",
            steps: &[
                "A bid 200 quantity 2 = leading 200 210",
                "B bid 300 quantity 2 = leading 300 310",
                "B retract because = restated 200 210 -1 | bid_retracted > B:bid_status:outbid A:bid_status:leading",
                "B retract = not_found",
                "show price=200 bids=1 remaining=0",
                "A retract = restated - 100 -1",
                "show price=- remaining=2 min_next_amount=100",
            ],
        },
        Case {
            rule: "multi_unit: unsold without bids; buying at once is not offered",
            lot: "format=multi_unit quantity=2",
            steps: &["A buy = buy_now_unavailable -", "@1h due", "show result=unsold winners= remaining=2"],
        },
    ]);
}

/// Which terms each format knows: the table of docs/rules.md.
#[test]
fn terms_by_format() {
    type Change = fn(&mut CreateLot);
    let terms: [(&str, Change); 11] = [
        ("reserve", |lot| lot.reserve = Some(lot.start_amount)),
        ("buy_now", |lot| lot.buy_now = Some(lot.start_amount)),
        ("increments", |lot| lot.increments = create_lot("step=5").increments),
        ("soft_close", |lot| lot.soft_close = create_lot("soft=1s/1s").soft_close),
        ("proxy", |lot| lot.proxy = Some(true)),
        ("clock", |lot| {
            lot.clock = lot.clock.or(create_lot("clock=100/1/1s/1").clock);
        }),
        ("pricing", |lot| lot.pricing = Some(Pricing::PayAsBid)),
        ("sealed", |lot| lot.sealed = Some(true)),
        ("funding", |lot| lot.funding = Some(Funding::Full)),
        ("candle_ms", |lot| lot.candle_ms = Some(60_000)),
        ("items", |lot| lot.items = create_lot("items=3").items),
    ];
    for (lot, known) in [
        ("", "reserve buy_now increments soft_close proxy funding"),
        ("format=dutch clock=100/1/1s/1", "clock funding"),
        ("format=sealed_first_price", "reserve sealed funding"),
        ("format=vickrey", "reserve sealed funding"),
        ("format=reverse", "reserve increments soft_close sealed"),
        ("format=reverse sealed", "reserve sealed"),
        ("format=multi_unit quantity=5", "increments soft_close pricing funding"),
        ("format=japanese clock=100/1/1s", "clock funding"),
        ("format=candle candle=60s", "increments proxy candle_ms"),
        ("format=combinatorial items=3", "sealed funding items"),
    ] {
        let found = terms.iter().filter_map(|(name, change)| {
            let said = created(lot, change);
            let refused = said == format!("invalid_request {name}");
            // Money is another part's: known here is what the format itself does not refuse.
            assert!(refused || said == "created", "{lot}: {name}: {said}");
            (!refused).then_some(*name)
        });
        assert_eq!(found.collect::<Vec<_>>().join(" "), known, "{lot}");
    }
}

fn created(lot: &str, change: impl Fn(&mut CreateLot)) -> String {
    let mut lot = create_lot(lot);
    change(&mut lot);
    let mut world = World::new();
    world.now = Timestamp(START.0 - 1);
    let result = world.command(SELLER, &Command::Lot(LotCommand::Create(Box::new(lot))));
    result.map_or_else(|rejection| said(&Err(rejection)), |_| "created".to_owned())
}

#[test]
fn creation() {
    let dutch = "format=dutch clock=1000/100/10s/500";
    let clock =
        |change: fn(&mut Clock)| move |lot: &mut CreateLot| change(lot.clock.as_mut().expect("a clock"));
    for (what, found, expected) in [
        ("as it is", created(dutch, |_| {}), "created"),
        ("without a clock", created(dutch, |lot| lot.clock = None), "invalid_request clock"),
        (
            "a start beside the clock's",
            created(dutch, |lot| lot.start_amount = amount(999)),
            "invalid_request start_amount",
        ),
        (
            "a floor above the start",
            created(dutch, clock(|c| c.floor = Some(amount(1_001)))),
            "invalid_request clock",
        ),
        ("a floor at the start", created(dutch, clock(|c| c.floor = Some(amount(1_000)))), "created"),
        ("too fast", created(dutch, clock(|c| c.interval_ms = 99)), "invalid_request clock"),
        ("too slow", created(dutch, clock(|c| c.interval_ms = 604_800_001)), "invalid_request clock"),
        ("too many units", created(dutch, |lot| lot.quantity = Some(1_000_001)), "invalid_request quantity"),
        ("many units", created(dutch, |lot| lot.quantity = Some(1_000_000)), "created"),
        (
            "too many units to bid for",
            created("format=multi_unit", |lot| lot.quantity = Some(1_000_001)),
            "invalid_request quantity",
        ),
        (
            "a tender's reserve above its ceiling",
            created("format=reverse", |lot| lot.reserve = Some(amount(101))),
            "invalid_request reserve",
        ),
        ("a tender's reserve", created("format=reverse", |lot| lot.reserve = Some(amount(1))), "created"),
        (
            "what is secret made open",
            created("format=vickrey", |lot| lot.sealed = Some(false)),
            "invalid_request sealed",
        ),
        (
            "the format's own rule before another's: no reserve in a dutch lot",
            created(dutch, |lot| lot.reserve = Some(amount(2_000))),
            "invalid_request reserve",
        ),
    ] {
        assert_eq!(found, expected, "{what}");
    }
}

/// I14: what nobody may see before the end is in no snapshot, event, answer or Debug text, in any format.
#[test]
fn secrets_stay_secret() {
    for (lot, secrets, public) in [
        (
            "format=sealed_first_price reserve=888888 ends=48h",
            &["777777", "888888", "666666"][..],
            "\"bidders\":2",
        ),
        ("format=vickrey reserve=888888 ends=48h", &["777777", "888888", "666666"], "\"bidders\":2"),
        (
            "format=reverse sealed start=999999 reserve=555555 ends=48h",
            &["777777", "555555", "666666"],
            "\"bidders\":2",
        ),
        ("format=reverse start=999999 reserve=555555 ends=48h", &["555555"], "\"price\":666666"),
        // The price is the lowest winning bid; who bids more keeps it secret.
        ("format=multi_unit quantity=5 ends=48h", &["777777"], "\"price\":666666"),
    ] {
        let mut script = Script::new(lot);
        let mut heard = String::new();
        for line in [
            "B bid 666666",
            "A bid 777777",
            "A bid 777777",
            "C bid 666665",
            "C retract",
            "O pause because",
            "O resume",
        ] {
            match script.act_on(line) {
                Ok(outcome) => {
                    heard += &format!(
                        "{:?}{:?}{:?}{:?}",
                        outcome.public, outcome.private, outcome.events, outcome.answer
                    );
                    let data: Vec<_> = outcome.public.iter().map(|event| &event.data).collect();
                    heard += &serde_json::to_string(&data).expect("JSON");
                }
                Err(rejection) => heard += &format!("{rejection:?}"),
            }
        }
        heard += &format!("{:?}{}", script.world.snapshot, script.world.folded);
        heard += &format!("{:?}", script.world.entity());
        for secret in secrets {
            assert!(!heard.contains(secret), "{lot}: {secret} in {heard}");
        }
        assert!(heard.contains(public), "{lot}: {public} is there: the test hears something: {heard}");
    }
}

#[test]
fn a_lot_has_room_for_so_many_winners() {
    use vendue_domain::facts::{AccountFacts, FactChange, Role};
    use vendue_domain::id::AccountId;
    use vendue_domain::limits::WINNERS_MAX;
    use vendue_domain::lot::{PlaceBid, TakeLot};

    for (lot, dutch) in [("format=dutch clock=10/1/10s/1", true), ("format=multi_unit start=10", false)] {
        let mut script = Script::new(&format!("{lot} quantity=3000"));
        script.world.thorough_every = 500;
        for nth in 0..=WINNERS_MAX as u128 {
            let account = AccountId::from_u128(10_000 + nth);
            let grants = vec![(crate::world::MARKET, Role::Bidder)];
            let facts = AccountFacts { version: 1, grants, ..AccountFacts::default() };
            script.world.facts.learn(&FactChange::Account((account, facts)));
            let lot = crate::lot_script::LOT;
            let command = if dutch {
                LotCommand::Take(TakeLot { lot, quantity: None, amount: None })
            } else {
                let (amount, quantity) = (amount(10), Some(1));
                let (all_or_none, if_seq, validate_only) = (None, None, None);
                LotCommand::Bid(PlaceBid {
                    lot,
                    amount,
                    quantity,
                    all_or_none,
                    if_seq,
                    validate_only,
                    stay_until: None,
                    package: None,
                })
            };
            let result = script.world.command(account, &Command::Lot(command));
            if nth < WINNERS_MAX as u128 {
                assert!(result.is_ok(), "{nth}: {result:?}");
            } else {
                assert_eq!(said(&result), "limit_exceeded bidders");
            }
        }
        script.world.now = START.plus_ms(3_600_000);
        let end = script.world.due();
        let bytes = vendue_domain::record::Field::to_bytes(&end.events[0]).len();
        let json = serde_json::to_string(&end.public[0].data).expect("JSON").len();
        assert_eq!(end.private.len(), WINNERS_MAX, "every winner hears of it");
        assert!(bytes < 500 * 1_024, "a close fits a batch of the journal: {bytes}");
        assert!(json < 256 * 1_024, "a close fits a frame: {json}");
    }
}

#[test]
fn formats_have_their_names() {
    for format in [
        Format::English,
        Format::Dutch,
        Format::SealedFirstPrice,
        Format::Vickrey,
        Format::Reverse,
        Format::MultiUnit,
        Format::Japanese,
        Format::Candle,
        Format::Combinatorial,
    ] {
        assert_eq!(serde_json::to_value(format).expect("JSON"), format.name());
    }
}
