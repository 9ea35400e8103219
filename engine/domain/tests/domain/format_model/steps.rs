//! Random steps of model and lot, side by side.

use super::*;

/// An amount that has a chance of being interesting.
fn amount_near(model: &Model, random: &mut Random) -> u64 {
    let next = model.next();
    let known =
        model.bids.get(random.below(1 + model.bids.len() as u64) as usize).map_or(next, |bid| bid.amount);
    let towards = |by: u64| if model.kind().is_tender() { next.saturating_sub(by) } else { next + by };
    let chosen = match random.below(12) {
        0 => next.saturating_sub(random.below(50)),
        1 => next + random.below(50),
        2 => next,
        3 => known,
        4 => known + 1,
        5 => known - 1,
        6 => model.terms.reserve.unwrap_or(next),
        7 if random.once_in(20) => AMOUNT_MAX - random.below(20_000),
        8 => towards(random.below(1_000)),
        _ => towards(random.below(100)),
    };
    chosen.clamp(1, AMOUNT_MAX)
}

fn a_name(model: &Model, random: &mut Random) -> String {
    let nth = random.below(1 + model.bids.len() as u64) as usize;
    model.bids.get(nth).map_or("Z1".to_owned(), |bid| bid.name.clone())
}

/// One random step of both; says what was done and what the model expects of it.
fn step(model: &mut Model, random: &mut Random) -> (String, String) {
    let who = random.pick(&BIDDERS);
    let (line, result) = match random.below(100) {
        0..=2 => {
            let named = a_name(model, random);
            (format!("{who} retract {named}"), model.retract(who, Some(&named)))
        }
        3..=5 => (format!("{who} retract"), model.retract(who, None)),
        6..=9 => {
            let named = a_name(model, random);
            (format!("O void {named} because"), model.void(&named))
        }
        10..=11 => ("O pause because".into(), model.pause()),
        12..=15 => ("O resume".into(), model.resume()),
        16..=18 => {
            let most = if model.kind().is_tender() { model.terms.start } else { 5_000 };
            let reserve = 1 + random.below(model.terms.reserve.unwrap_or(100).max(most) + 5);
            (format!("S revise reserve:{reserve}"), model.lower_reserve(reserve))
        }
        19 if random.once_in(4) => ("O cancel because".into(), model.cancel()),
        20..=26 if model.state == State::Closed || random.once_in(50) => {
            let ends_at = model.now + 1 + random.below(100_000_000_000) as i64;
            (format!("O reopen {ends_at}us because"), model.reopen(ends_at))
        }
        _ if random.below(10) < if model.kind() == Kind::Dutch { 8 } else { 1 } => taking(model, who, random),
        _ => bidding(model, who, random),
    };
    (line, result.unwrap_or_else(|rejection| rejection))
}

type Stepped = (String, Result<String, String>);

fn taking(model: &mut Model, who: char, random: &mut Random) -> Stepped {
    let many = if random.once_in(4) { model.terms.quantity } else { 0 };
    let units = random.below(3 + many);
    if random.once_in(3) {
        let most = amount_near(model, random);
        return (format!("{who} take {units} at {most}"), model.take(who, units, Some(most)));
    }
    (format!("{who} take {units}"), model.take(who, units, None))
}

fn bidding(model: &mut Model, who: char, random: &mut Random) -> Stepped {
    let amount = amount_near(model, random);
    let units = match random.below(8) {
        0 => None,
        1 => Some(random.below(model.terms.quantity + 2)),
        _ if model.kind().is_multi() => Some(1 + random.below(model.terms.quantity)),
        _ => None,
    };
    let all = units.is_some() && random.once_in(3);
    let quantity = units.map_or(String::new(), |units| format!(" quantity {units}"));
    let words = if all { " all_or_none" } else { "" };
    (format!("{who} bid {amount}{quantity}{words}"), model.bid(who, amount, units, all))
}

/// What happens around the lot. Changed facts reach it at once, or only when it is next asked.
fn surroundings(model: &mut Model, script: &mut Script, random: &mut Random) {
    match random.below(40) {
        0 if !model.halted => {
            model.halt();
            script.step("halt asleep", "");
        }
        0..=3 if model.halted => {
            model.unhalt();
            script.step("unhalt asleep", "");
        }
        4 => {
            let who = random.pick(&BIDDERS);
            if model.suspended.contains(&who) {
                model.suspended.retain(|&suspended| suspended != who);
                script.step(&format!("lift {who}"), "");
            } else {
                wake(model, script);
                model.suspended.push(who);
                model.expel();
                script.step(&format!("suspend {who}"), "");
            }
        }
        5..=12 => {
            let step = random.pick(&[1, 1_000_000, 300_000_000, 3_600_000_000]);
            model.pass(1 + random.below(step) as i64);
            script.world.now.0 = START.0 + model.now;
        }
        _ => {}
    }
}

fn wake(model: &mut Model, script: &mut Script) {
    script.world.facts_changed();
    script.world.due();
    model.due();
}

#[test]
fn a_lot_of_any_format_is_what_all_its_bids_make_it() {
    rounds(ROUNDS, |seed| {
        let mut random = Random::new(seed);
        let (mut model, mut script) = make(&mut random);
        for nth in 0..COMMANDS {
            for _ in 0..random.below(4) {
                surroundings(&mut model, &mut script, &mut random);
            }
            wake(&mut model, &mut script);
            let (line, expected) = step(&mut model, &mut random);
            let found = said(&script.act_on(&line));
            let told = format!("command {nth} at {} of a {:?}: {line}", model.now, model.kind());
            assert_eq!(found, expected, "{told}");
            script.step(&format!("show {}", model.shown()), &format!("after {told}"));
        }
    });
}
