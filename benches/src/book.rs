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

/// One pass over these messages, from an empty book.
fn pass<C: Contender>(workload: &Workload, messages: &[Message]) -> (Duration, Told) {
    let (mut book, mut told) = (C::new(workload), Told::default());
    let start = Instant::now();
    for message in messages {
        book.take(message, &mut told);
    }
    (start.elapsed(), told)
}

/// Messages a second over whole passes of at least so many seconds, and what was told.
fn leg<C: Contender>(workload: &Workload, messages: usize, seconds: f64) -> (f64, Told) {
    let messages = &workload.messages[..messages.min(workload.messages.len())];
    let (mut spent, mut taken) = (Duration::ZERO, 0);
    loop {
        let (took, told) = pass::<C>(workload, messages);
        spent += took;
        taken += messages.len();
        if spent.as_secs_f64() >= seconds {
            return (taken as f64 / spent.as_secs_f64(), told);
        }
    }
}

/// What a book did in one round, beside ours on the same messages just before.
struct Leg {
    ours: f64,
    theirs: f64,
    told: Told,
    expected: Told,
}

/// A book in the race: how to run one round, and what came of those that ran.
struct Peer {
    name: &'static str,
    /// What must be known to judge its figure.
    note: &'static str,
    /// How many messages it takes, from the first: all, or fewer where all would take minutes.
    messages: usize,
    run: fn(&Workload, usize, f64) -> (f64, Told),
    legs: Vec<Leg>,
}

impl Peer {
    const fn new<C: Contender>(name: &'static str, messages: usize, note: &'static str) -> Self {
        Self { name, note, messages, run: leg::<C>, legs: Vec::new() }
    }

    fn round(&mut self, workload: &Workload, seconds: f64) {
        let (ours, expected) = leg::<Ours>(workload, self.messages, seconds);
        let (theirs, told) = (self.run)(workload, self.messages, seconds);
        self.legs.push(Leg { ours, theirs, told, expected });
    }

    fn print(&self) {
        let (rate, spread) = median(self.legs.iter().map(|leg| leg.theirs));
        let (ratio, ratio_spread) = median(self.legs.iter().map(|leg| leg.ours / leg.theirs));
        let verdict = self.legs.last().map_or("not run", |leg| verdict(&leg.told, &leg.expected));
        println!(
            "{:<16} {rate:>12.0} {spread:>6.0}% {ratio:>11.2} {ratio_spread:>6.0}%  {verdict:<24} {}",
            self.name, self.note
        );
        if let Some(Leg { told, expected, .. }) = self.legs.last().filter(|leg| leg.told != leg.expected) {
            println!("  told {told:?}\n  ours {expected:?}");
        }
    }
}

/// The middle of some figures, and how far the ends lie apart in percent of it.
fn median(figures: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN);
    let ends = figures.first().zip(figures.last()).map_or(0.0, |(low, high)| high - low);
    (middle, 100.0 * ends / middle)
}

/// Whether a book told what ours did.
fn verdict(told: &Told, ours: &Told) -> &'static str {
    if told == ours {
        "right"
    } else if told.trades_digest == ours.trades_digest {
        "other refusals or lapses"
    } else {
        "other trades"
    }
}

/// Messages that `lobster` takes: it keeps emptied levels and walks over them, so that it slows down as it goes.
const LOBSTER_MESSAGES: usize = 50_000;

/// Runs the rounds and prints the figures.
pub(crate) fn run(options: &Options) -> Result<(), String> {
    let workload = Workload::load(options.messages.as_deref())?;
    let all = workload.messages.len();
    println!("{all} messages, {}; empty books, one core", workload.source);
    let mut peers = vec![Peer::new::<Ours>("vendue", all, "(beside itself: how steady this machine is)")];
    if !options.alone {
        let note =
            "trades past a taker's limit once one maker is within it; a modify is its cancel and its submit";
        peers.push(Peer::new::<Matchcore>("matchcore 0.4.0", all, note));
        let note = "the first 50,000 messages; told which orders are dead, as it cannot refuse; ioc is limit and cancel";
        peers.push(Peer::new::<Lobster>("lobster 0.7.0", LOBSTER_MESSAGES, note));
    }
    for _ in 0..options.rounds {
        for peer in &mut peers {
            peer.round(&workload, options.seconds);
        }
    }
    println!(
        "{:<16} {:>12} {:>7} {:>11} {:>7}  {:<24}",
        "book", "messages/s", "spread", "ours/theirs", "spread", "trades, refusals, lapses"
    );
    peers.iter().for_each(Peer::print);
    Ok(())
}
