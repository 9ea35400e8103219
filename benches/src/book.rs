//! The matching core beside other order books of the registry, on the same messages in the same run.
//!
//! Messages are parsed before the clock starts and each pass begins with an empty book. Every book tells its trades,
//! refusals and lapsed orders into the same digest; ours is proven right by the tests of `vendue-domain` (the SHA-256 of
//! all reports of the public workload), and a peer is right where its digest is ours.

mod contenders;
mod messages;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use contenders::{Contender, Lobster, Matchcore, Ours};
use messages::{Message, Workload};

/// How the bench runs.
#[derive(Args)]
pub(crate) struct Options {
    /// The public workload, `normal_messages.csv.gz`; without it, and where it is not beside the project, one like it is
    /// generated.
    #[arg(long)]
    messages: Option<PathBuf>,
    /// Seconds of each leg at least; a leg is whole passes over the workload.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Rounds, each with one leg of every book.
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// Only our own core, for a profiler.
    #[arg(long)]
    alone: bool,
}

/// What a book told, folded so that two books that told the same agree.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    trades: u64,
    trades_digest: u64,
    refused: u64,
    refused_digest: u64,
    lapsed: u64,
}

impl Told {
    /// Any odd constant mixes well enough: nobody wants to collide here.
    const fn mix(digest: u64, value: u64) -> u64 {
        (digest ^ value).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(23)
    }

    #[inline]
    fn trade(&mut self, message: &Message, maker: u64, price: u64, quantity: u64) {
        self.trades += 1;
        let both = Self::mix(self.trades_digest, maker ^ message.id.rotate_left(32));
        self.trades_digest = Self::mix(both, price ^ quantity.rotate_left(32));
    }

    #[inline]
    fn refused(&mut self, message: &Message) {
        self.refused += 1;
        self.refused_digest = Self::mix(self.refused_digest, message.id);
    }

    #[inline]
    const fn lapsed(&mut self) {
        self.lapsed += 1;
    }
}

/// One pass over all messages, from an empty book.
fn pass<C: Contender>(workload: &Workload) -> (Duration, Told) {
    let (mut book, mut told) = (C::new(workload), Told::default());
    let start = Instant::now();
    for message in &workload.messages {
        book.take(message, &mut told);
    }
    (start.elapsed(), told)
}

/// Messages a second over whole passes of at least so many seconds, and what was told.
fn leg<C: Contender>(workload: &Workload, seconds: f64) -> (f64, Told) {
    let (mut spent, mut messages) = (Duration::ZERO, 0);
    loop {
        let (took, told) = pass::<C>(workload);
        spent += took;
        messages += workload.messages.len();
        if spent.as_secs_f64() >= seconds {
            return (messages as f64 / spent.as_secs_f64(), told);
        }
    }
}

/// A book in the race: how to run one leg, and what came of those that ran.
struct Entry {
    name: &'static str,
    /// What must be known to judge its figure.
    note: &'static str,
    run: fn(&Workload, f64) -> (f64, Told),
    rates: Vec<f64>,
    ratios: Vec<f64>,
    told: Option<Told>,
}

impl Entry {
    const fn new<C: Contender>(name: &'static str, note: &'static str) -> Self {
        Self { name, note, run: leg::<C>, rates: Vec::new(), ratios: Vec::new(), told: None }
    }
}

/// The middle of some figures, and how far they lie apart in percent of it.
fn median(figures: &mut [f64]) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    let middle = figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
    let ends = figures.first().zip(figures.last()).map_or(0.0, |(low, high)| high - low);
    (middle, 100.0 * ends / middle)
}

/// Whether a book told what ours did.
fn verdict(told: Option<Told>, ours: Option<Told>) -> &'static str {
    match told.zip(ours) {
        Some((told, ours)) if told == ours => "right",
        Some((told, ours)) if told.trades_digest != ours.trades_digest => "other trades",
        Some(_) => "other refusals or lapses",
        None => "not run",
    }
}

/// Runs the rounds and prints the figures.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let workload = Workload::load(options.messages.as_deref())?;
    println!("{} messages, {}", workload.messages.len(), workload.source);
    let mut entries = vec![Entry::new::<Ours>("vendue", "")];
    if !options.alone {
        entries.push(Entry::new::<Matchcore>(
            "matchcore 0.4.0",
            "names orders itself; a modify is its cancel and its submit",
        ));
        entries.push(Entry::new::<Lobster>(
            "lobster 0.7.0",
            "cannot refuse: it is told which orders are dead; ioc is limit, then cancel",
        ));
    }
    for _ in 0..options.rounds {
        let mut ours = None;
        for entry in &mut entries {
            let (rate, told) = (entry.run)(&workload, options.seconds);
            let base = *ours.get_or_insert(rate);
            entry.rates.push(rate);
            entry.ratios.push(base / rate);
            entry.told = Some(told);
        }
    }
    let ours = entries.first().and_then(|entry| entry.told);
    if let Some(ours) = ours {
        println!("{} trades, {} refused, {} lapsed", ours.trades, ours.refused, ours.lapsed);
    }
    println!(
        "{:<18} {:>14} {:>8} {:>12}  {:<26}",
        "book", "messages/s", "spread", "ours/theirs", "trades, refusals, lapses"
    );
    for entry in &mut entries {
        let (rate, spread) = median(&mut entry.rates);
        let (ratio, _) = median(&mut entry.ratios);
        let verdict = verdict(entry.told, ours);
        println!(
            "{:<18} {rate:>14.0} {spread:>7.1}% {ratio:>12.2}  {verdict:<26} {}",
            entry.name, entry.note
        );
    }
    Ok(())
}
