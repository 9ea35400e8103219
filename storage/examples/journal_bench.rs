//! Durable events a second and sync latency of the file journal, beside a bare append + fdatasync of the same bytes.
//!
//! `cargo run --release -p vendue-storage --example journal_bench -- [directory] [seconds a leg] [rounds]`
//!
//! Both sides promise the same: when the loop goes on, the batch is on the disk. They alternate within each round, in
//! turns of who begins; a pause and a sentinel sync go before each leg, because disks have burst allowances. The ratio is taken
//! in each round, and the median of the rounds is printed with its spread.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use vendue_storage::{Batch, FileJournal, Journal, JournalOptions};

/// Bytes of a record: a bid with its ids, times and keys.
const RECORD_BYTES: usize = 110;
const RECORDS_PER_BATCH: [u32; 4] = [1, 64, 512, 4096];
/// Between two legs, so that one does not pay for the other's flush.
const PAUSE: Duration = Duration::from_millis(100);

/// What one leg measured.
struct Leg {
    events_per_second: f64,
    sync_us: Histogram<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let parent = arguments.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let seconds: f64 = arguments.next().map_or(Ok(1.0), |text| text.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let dir = tempfile::Builder::new().prefix("journal-bench").tempdir_in(&parent)?;
    let mut journal = FileJournal::open(&dir.path().join("journal"), JournalOptions::default())?;
    println!(
        "journal writes {:?}; {rounds} rounds of {seconds} s a leg in {}",
        journal.report().mode,
        parent.display()
    );
    println!("{:>7} | {:^31} | {:^31} | ratio", "records", "journal", "append + fdatasync");
    let columns = format!("{:>13} {:>8} {:>8}", "events/s", "p50 us", "p99 us");
    println!("{:>7} | {columns} | {columns} | median (least to most)", "a batch");
    for count in RECORDS_PER_BATCH {
        compare(&mut journal, dir.path(), count, Duration::from_secs_f64(seconds), rounds)?;
    }
    Ok(())
}

fn compare(
    journal: &mut FileJournal,
    dir: &Path,
    count: u32,
    time: Duration,
    rounds: usize,
) -> Result<(), Box<dyn Error>> {
    let mut batch = Batch::new();
    (0..count).for_each(|n| batch.push(&[n as u8 | 1; RECORD_BYTES]));
    let bytes: Vec<u8> = batch.iter().flatten().copied().collect();
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        for turn in 0..2 {
            if (round + turn) % 2 == 0 {
                rest(dir, journal)?;
                ours.push(leg(count, time, &mut || {
                    journal.append(&[&batch], journal.last())?;
                    Ok(())
                })?);
                let last = journal.last();
                journal.remover().remove_before(last)?;
            } else {
                rest(dir, journal)?;
                let path = dir.join("bare");
                let mut file = File::create(&path)?;
                bare.push(leg(count, time, &mut || {
                    file.write_all(&bytes)?;
                    Ok(file.sync_data()?)
                })?);
                std::fs::remove_file(path)?;
            }
        }
    }
    let mut ratios: Vec<f64> =
        ours.iter().zip(&bare).map(|(o, b)| o.events_per_second / b.events_per_second).collect();
    ratios.sort_by(f64::total_cmp);
    let (median, least, most) = (ratios[rounds / 2], ratios[0], ratios[rounds - 1]);
    println!(
        "{count:>7} | {} | {} | {median:.2} ({least:.2} to {most:.2})",
        columns(&mut ours),
        columns(&mut bare)
    );
    Ok(())
}

/// Repeats one durable write for a while.
fn leg(
    count: u32,
    time: Duration,
    write: &mut dyn FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<Leg, Box<dyn Error>> {
    let mut sync_us = Histogram::new(3)?;
    let begin = Instant::now();
    let mut before = begin;
    let mut events = 0_u64;
    while before - begin < time {
        write()?;
        let now = Instant::now();
        sync_us.record((now - before).as_micros() as u64)?;
        before = now;
        events += u64::from(count);
    }
    Ok(Leg { events_per_second: events as f64 / (before - begin).as_secs_f64(), sync_us })
}

/// Lets the disk come to rest: the next segment is there, and nothing of the last leg is under way.
fn rest(dir: &Path, journal: &mut FileJournal) -> Result<(), Box<dyn Error>> {
    journal.prepare()?;
    std::thread::sleep(PAUSE);
    let mut sentinel = File::create(dir.join("sentinel"))?;
    sentinel.write_all(b"rest")?;
    Ok(sentinel.sync_all()?)
}

/// The median leg's rate, and the latencies of all legs.
fn columns(legs: &mut [Leg]) -> String {
    legs.sort_by(|a, b| a.events_per_second.total_cmp(&b.events_per_second));
    let rate = legs[legs.len() / 2].events_per_second;
    let mut sync_us = legs[0].sync_us.clone();
    legs[1..].iter().for_each(|leg| sync_us += &leg.sync_us);
    format!("{rate:>13.0} {:>8} {:>8}", sync_us.value_at_quantile(0.5), sync_us.value_at_quantile(0.99))
}
