//! What processes cost, from `/proc`.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::failure::Failure;

/// A second has this many of the ticks that `/proc/PID/stat` counts in: fixed in the kernel's interface (USER_HZ) on all
/// machines that Linux supports.
const TICKS_PER_SECOND: u64 = 100;

/// What a process has used since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time.
    pub cpu: Duration,
    /// Read and write system calls.
    pub syscalls: u64,
    /// Bytes that went to the disk.
    pub disk_bytes: u64,
}

impl Usage {
    /// Of a process now; `None` where there is no such process or it cannot be looked at.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let io = std::fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
        let cpu = cpu_of(&stat)?;
        let field = |name: &str| {
            let line = io.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        Some(Self { cpu, syscalls: field("syscr") + field("syscw"), disk_bytes: field("write_bytes") })
    }

    /// What was used since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            syscalls: self.syscalls.saturating_sub(earlier.syscalls),
            disk_bytes: self.disk_bytes.saturating_sub(earlier.disk_bytes),
        }
    }
}

/// User and system time: the 14th and 15th field. The second one, the name, may hold anything and ends with the last `)`.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let total = ticks()? + ticks()?;
    Some(Duration::from_millis(total * 1_000 / TICKS_PER_SECOND))
}

/// A process of the server and what it cost for each bid.
#[derive(Debug, Clone, Serialize)]
pub struct ProcessCost {
    /// `engine` or `gateway`.
    pub name: &'static str,
    /// CPU microseconds for each bid.
    pub cpu_us_per_bid: f64,
    /// Read and write system calls for each bid.
    pub syscalls_per_bid: f64,
    /// Bytes to the disk for each bid.
    pub disk_bytes_per_bid: f64,
    /// The share of one core that it used.
    pub core_share: f64,
}

impl ProcessCost {
    /// From what was used in `elapsed` for so many bids.
    #[must_use]
    pub fn new(name: &'static str, used: &Usage, bids: u64, elapsed: Duration) -> Self {
        let bids = bids.max(1) as f64;
        Self {
            name,
            cpu_us_per_bid: used.cpu.as_secs_f64() * 1e6 / bids,
            syscalls_per_bid: used.syscalls as f64 / bids,
            disk_bytes_per_bid: used.disk_bytes as f64 / bids,
            core_share: used.cpu.as_secs_f64() / elapsed.as_secs_f64().max(1e-9),
        }
    }
}

/// How many syncs the sentinel makes.
const SENTINEL_SYNCS: usize = 32;
/// What each of them writes: a block, as the journal's smallest commit.
const SENTINEL_BYTES: usize = 4_096;

/// The median of a few write + `fdatasync` in this directory, in microseconds: what the disk is worth at this moment. The file
/// has its size beforehand, as the journal's segments have.
///
/// # Errors
/// What the disk says.
pub fn sync_p50_us(directory: &Path) -> Result<f64, Failure> {
    let failed = Failure::system("cannot measure the disk");
    let block = [0x5A; SENTINEL_BYTES];
    let mut file = tempfile::tempfile_in(directory).map_err(&failed)?;
    (0..SENTINEL_SYNCS).try_for_each(|_| file.write_all(&block)).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    std::io::Seek::rewind(&mut file).map_err(&failed)?;
    let mut took = Vec::with_capacity(SENTINEL_SYNCS);
    for _ in 0..SENTINEL_SYNCS {
        let start = Instant::now();
        file.write_all(&block).and_then(|()| file.sync_data()).map_err(&failed)?;
        took.push(start.elapsed().as_secs_f64() * 1e6);
    }
    took.sort_by(f64::total_cmp);
    Ok(took[SENTINEL_SYNCS / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_of_a_process_are_found_behind_any_name() {
        let check = |stat: &str, expected: Option<u64>| {
            assert_eq!(cpu_of(stat).map(|cpu| cpu.as_millis() as u64), expected, "{stat}");
        };
        check("41 (vendue) S 1 41 41 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1", Some(3_000));
        check("41 (a) (b) 9 9) S 1 41 41 0 -1 4194304 100 0 0 0 1 2 0 0 20", Some(30));
        check("41 (vendue) S 1", None);
    }

    #[test]
    fn this_process_has_a_cost_and_the_disk_a_speed() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(Usage::of(own).is_some());
        assert_eq!(Usage::of(i32::MAX), None);
        assert!(sync_p50_us(&std::env::temp_dir()).unwrap() > 0.0);
    }
}
