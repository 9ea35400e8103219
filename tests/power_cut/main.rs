//! Power cuts (INVARIANTS, "How the crash suites must be built"): the data directory lies on an ext4 image behind a loop device; the
//! engine is stopped at a random moment under load, and what the device holds then is copied, mounted, and started on. What was only
//! in the system's memory is not in the copy. Two controls prove that the harness cuts: a writer that never syncs must lose data
//! in it, one that writes and syncs must not.
//!
//! `VENDUE_POWER_CUTS` sets the number of cuts (30), `VENDUE_SEED` the seed. Where loop devices may not be mounted it says why and passes.

#![allow(clippy::unwrap_used, unreachable_pub, dead_code, reason = "a test in several files")]

#[path = "../common/mod.rs"]
mod common;
mod device;
#[path = "../kill_loop/load.rs"]
mod load;
#[path = "../kill_loop/record.rs"]
mod record;
mod writers;

use std::time::Duration;

use common::Demo;
use device::Device;
use load::{Load, Market};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use record::Record;
use rustix::process::{Pid, Signal, kill_process};
use writers::Writers;

/// Cuts unless `VENDUE_POWER_CUTS` says otherwise.
const CUTS: usize = 30;
/// The load runs between these times before a cut, in milliseconds.
const LOAD_MS: std::ops::Range<u64> = 3..200;
/// The image: room for a few segments and their spares, and for what is written between two cuts at the most. It is sparse.
const IMAGE_BYTES: u64 = 384 * 1024 * 1024;
const BYTES_A_CUT: u64 = 8 * 1024 * 1024;
/// Acknowledgements that are looked up after each cut: the newest, which are the ones in danger.
const CHECKED: usize = 40;

/// A process that stands still for as long as this lives: also where a check fails meanwhile.
struct Stopped(Pid);

impl Stopped {
    fn new(process: Pid) -> Self {
        kill_process(process, Signal::STOP).unwrap();
        Self(process)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // Of a process that has ended nothing has to go on.
        let _ = kill_process(self.0, Signal::CONT);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_survives_power_cuts() {
    let dir = tempfile::tempdir().unwrap();
    let cuts: usize = common::number("VENDUE_POWER_CUTS", CUTS);
    let bytes = IMAGE_BYTES + cuts as u64 * BYTES_A_CUT;
    let device = match Device::make(&dir.path().join("disk.img"), &dir.path().join("disk"), bytes) {
        Ok(device) => device,
        Err(why) => {
            common::tally(&format!("power cuts: skipped: {why}"));
            return;
        }
    };
    let seed = common::seed();
    let mut dice = StdRng::seed_from_u64(seed);
    let options = [
        "--bare",
        "--set",
        "engine.history_per_lot=1048576",
        "--set",
        "engine.checkpoint_interval_ms=250",
        "--set",
        "engine.segment_bytes=4194304",
    ];
    let demo = Demo::start(&device.mount_point().join("data"), &options);
    let market = Market::build(&demo).await;
    let record = Record::create(&dir.path().join("acknowledged.jsonl"));
    let load = Load::start(&demo, &market, &record, seed).await;
    let writers = Writers::start(device.mount_point());
    let engine = Pid::from_raw(demo.engine_pid).unwrap();
    let (mut unsynced_lost, mut torn) = (0, 0);
    for cut in 0..cuts {
        tokio::time::sleep(Duration::from_millis(dice.random_range(LOAD_MS))).await;
        // What has been told by now must be in the copy; what is told while it is made may be.
        let acknowledged = record.since(0);
        let stopped = Stopped::new(engine);
        let told = writers.pause();
        let image = dir.path().join("cut.img");
        device.copy(&image).unwrap();
        let copy = Device::attach(&image, &dir.path().join("cut")).unwrap();
        let found = writers.found(copy.mount_point());
        assert!(
            found.synced >= told.synced,
            "cut {cut}: a synced write is lost: this harness proves nothing"
        );
        unsynced_lost += usize::from(found.unsynced < told.unsynced);
        let when = format!("after cut {cut}");
        let again = tokio::task::block_in_place(|| Demo::start(&copy.mount_point().join("data"), &options));
        let there = Market::again(&again, &market).await;
        for entry in acknowledged.iter().rev().take(CHECKED) {
            there.check_still_there(entry, &when).await;
        }
        there.check_prices(&acknowledged, &when).await;
        torn += usize::from(again.log("engine.log").contains("torn"));
        assert!(tokio::task::block_in_place(|| again.end()).success());
        // Only now does the load go on: what it writes meanwhile would fill the image on a fast machine.
        writers.go_on();
        drop(stopped);
    }
    let attempts = load.stop().await;
    writers.stop();
    let acknowledged = record.read_back();
    market.check_histories(&acknowledged, &attempts).await;
    market.check_order(&acknowledged);
    assert!(tokio::task::block_in_place(|| demo.end()).success());
    assert!(acknowledged.len() > cuts * 5, "only {} acknowledgements: no load", acknowledged.len());
    assert!(
        unsynced_lost > 0,
        "nothing that was never synced was ever lost: this harness does not cut the power"
    );
    common::tally(&format!(
        "power cuts: {cuts} tried, 0 lost anything acknowledged ({} acknowledgements, {torn} torn tails cut); control that never \
         syncs: lost data in {unsynced_lost}; control that syncs: in 0",
        acknowledged.len()
    ));
}
