//! The highest rate at which a condition holds.

use serde::Serialize;

use super::args::{Load, Model};
use super::report::Figures;
use super::threshold::Threshold;
use crate::failure::Failure;

/// The search ends when the rates that held and failed are this near.
const NEAR: f64 = 1.05;
/// How many legs it takes at most.
const LEGS_MAX: usize = 24;
/// The share of arrivals that may be left unsent: more, and the market did not keep up whatever its latency.
const UNSENT_MAX: f64 = 0.001;

/// One leg of the search.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Asked for, a second.
    pub rate: f64,
    /// Replies a second.
    pub replies_per_second: f64,
    /// The condition's metric.
    pub found: Option<f64>,
    /// Whether it held, and the market kept up.
    pub holds: bool,
    /// Why not, where it is not the condition.
    pub why: Option<String>,
}

/// A search and what it led to.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    /// The condition.
    pub condition: String,
    /// The highest rate at which it held for a whole leg; absent where it never did.
    pub held_at: Option<f64>,
    /// The lowest above that at which it did not.
    pub failed_at: Option<f64>,
    /// The generator could not make more: the market may take more.
    pub saturated: bool,
    /// Every leg.
    pub steps: Vec<Step>,
}

/// The search, with the figures of the best leg (of the last, where none held).
#[derive(Debug)]
pub struct Found {
    /// The figures.
    pub best: Option<Figures>,
    /// The search.
    pub search: Search,
}

/// Doubles the rate from the load's own on until the condition fails, then halves the distance.
///
/// # Errors
/// What `measure` returns, and a load without a rate.
pub fn find_max(
    load: &Load,
    condition: &Threshold,
    mut measure: impl FnMut(&Load) -> Result<Figures, Failure>,
) -> Result<Found, Failure> {
    let Model::Open(mut rate) = load.model else {
        return Err(Failure::Usage("--find-max is for the open model".into()));
    };
    let mut search = Search {
        condition: condition.to_string(),
        held_at: None,
        failed_at: None,
        saturated: false,
        steps: Vec::new(),
    };
    let mut best = None;
    for nth in 0..LEGS_MAX {
        let figures =
            measure(&Load { model: Model::Open(rate), seed: load.seed + nth as u64, ..load.clone() })?;
        let step = judge(rate, condition, &figures, load);
        eprintln!(
            "{rate:>10.0}/s  {} {}{}",
            if step.holds { "holds" } else { "fails" },
            step.found.map_or_else(|| "not measured".to_owned(), |found| format!("{found:.1}")),
            step.why.as_ref().map_or_else(String::new, |why| format!("  ({why})")),
        );
        let (holds, is_saturated) = (step.holds, figures.saturated);
        search.steps.push(step);
        if holds {
            search.held_at = Some(rate);
            best = Some(figures);
        } else {
            search.saturated |= is_saturated;
            search.failed_at = Some(rate);
            if best.is_none() {
                best = Some(figures);
            }
        }
        rate = match (search.held_at, search.failed_at) {
            (Some(held), None) => held * 2.0,
            (None, Some(failed)) if failed > 1.0 => failed / 2.0,
            (Some(held), Some(failed)) if failed / held > NEAR => (held * failed).sqrt(),
            _ => break,
        };
        if super::interrupt::is_interrupted() {
            break;
        }
    }
    Ok(Found { best, search })
}

fn judge(rate: f64, condition: &Threshold, figures: &Figures, load: &Load) -> Step {
    let judged = condition.judge(figures);
    let unsent = figures.unsent as f64 / (rate * load.duration.as_secs_f64()).max(1.0);
    let why = match &figures.invalid {
        Some(why) => Some(why.clone()),
        None if unsent > UNSENT_MAX => {
            Some(format!("the market did not keep up: {:.1} % of the arrivals were not sent", unsent * 100.0))
        }
        None => None,
    };
    Step {
        rate,
        replies_per_second: figures.replies_per_second,
        found: judged.found,
        holds: judged.holds && why.is_none(),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::super::measure::Leg;
    use super::super::mix::{Kind, Mix};
    use super::*;
    use clap::Parser;
    use std::time::Duration;

    #[derive(Parser)]
    struct Tool {
        #[command(flatten)]
        run: super::super::RunArgs,
    }

    /// A market that answers in 1 ms up to a rate, and in 50 ms beyond.
    fn search(knee: f64, from: &str) -> Search {
        let load = Tool::parse_from(["tool", "--rate", from, "--duration", "1"]).run.load().unwrap();
        let condition = "bid_ack_p99<5ms".parse().unwrap();
        let measure = |load: &Load| {
            let Model::Open(rate) = load.model else { panic!() };
            let mut leg = Leg { accepted: rate as u64, elapsed: Duration::from_secs(1), ..Leg::default() };
            let ms = if rate <= knee { 1 } else { 50 };
            (0..1_000).for_each(|_| leg.bid_ack.record(ms * 1_000_000));
            Ok(Figures::new(&leg, Mix::only(Kind::Bid), Vec::new()))
        };
        find_max(&load, &condition, measure).unwrap().search
    }

    #[test]
    fn the_knee_is_found_from_below_and_from_above() {
        for from in ["10", "1000", "100000"] {
            let search = search(7_300.0, from);
            let (held, failed) = (search.held_at.unwrap(), search.failed_at.unwrap());
            assert!(held <= 7_300.0 && failed > 7_300.0 && failed / held <= NEAR, "{from}: {held} {failed}");
        }
        assert_eq!(search(0.1, "100").held_at, None);
    }
}
