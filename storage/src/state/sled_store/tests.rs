//! The store against a plain map: random changes, reopening, checkpoints that stop half-way, and files that lie.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::*;
use crate::state::MemoryStore;

/// sled's threads are shared by all stores of a process (see `tree.rs`): an engine has one, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

const CACHE_BYTES: u64 = 8 * 1024 * 1024;

fn open(dir: &Path) -> SledStore {
    let mut store = SledStore::open(dir, CACHE_BYTES).unwrap();
    store.chunk_changes = 50;
    store
}

fn random_change(random: &mut StdRng) -> Change {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&random.random_range(0..300_u16).to_be_bytes());
    let key = Key { slot: random.random_range(0..4), space: random.random_range(0..3), id };
    let length = match random.random_range(0..40) {
        0 => random.random_range(10_000..40_000),
        1..10 => random.random_range(500..1_500),
        _ => random.random_range(0..200),
    };
    let value = random.random_bool(0.8).then(|| (0..length).map(|_| random.random()).collect());
    let deadline = random.random_bool(0.4).then(|| random.random_range(-1_000..1_000));
    Change { key, value, deadline }
}

fn changes(random: &mut StdRng) -> Vec<Change> {
    let count = random.random_range(0..250);
    (0..count).map(|_| random_change(random)).collect()
}

fn everything(store: &dyn StateStore) -> BTreeMap<Key, Vec<u8>> {
    let mut all = BTreeMap::new();
    for space in 0..4 {
        let mut last = None;
        store
            .scan(space, &mut |key, value| {
                assert!(key.space == space && last < Some(*key), "in order, and of the space");
                last = Some(*key);
                all.insert(*key, value.to_vec());
                ControlFlow::Continue(())
            })
            .unwrap();
    }
    all
}

fn check_same(store: &SledStore, model: &MemoryStore, case: &str) {
    let expected = everything(model);
    assert_eq!(everything(store), expected, "{case}: contents");
    assert_eq!(store.due(500, 10_000).unwrap(), model.due(500, 10_000).unwrap(), "{case}: deadlines");
    assert_eq!(store.due(500, 3).unwrap(), model.due(500, 3).unwrap(), "{case}: the first deadlines");
    assert_eq!(store.marker().unwrap(), model.marker().unwrap(), "{case}: marker");
    for slot in 0..4 {
        let key = Key { slot, space: 1, id: [0; 16] };
        assert_eq!(store.load(&key).unwrap(), model.load(&key).unwrap(), "{case}: {key:?}");
    }
}

#[test]
fn random_checkpoints_are_like_a_map() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for seed in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let (mut random, model) = (StdRng::seed_from_u64(seed), MemoryStore::new());
        let mut store = open(&dir.path().join("state"));
        for round in 0..25_u32 {
            let case = format!("seed {seed}, round {round}");
            let changes = changes(&mut random);
            if random.random_bool(0.3) {
                // Stops half-way; then the same again, perhaps after a restart.
                let stop = random.random_range(0..=changes.len());
                let mut some =
                    changes.iter().take(stop).cloned().chain(std::iter::once_with(|| panic!("stop")));
                catch_unwind(AssertUnwindSafe(|| store.checkpoint(&mut some, b"never"))).unwrap_err();
            }
            if random.random_bool(0.3) {
                drop(store);
                store = open(&dir.path().join("state"));
                assert_eq!(store.report().set_aside, None, "{case}");
            }
            store.checkpoint(&mut changes.iter().cloned(), &round.to_le_bytes()).unwrap();
            model.checkpoint(&mut changes.into_iter(), &round.to_le_bytes()).unwrap();
            check_same(&store, &model, &case);
        }
        drop(store);
        let store = open(&dir.path().join("state"));
        assert_eq!(store.report(), &StateReport { set_aside: None, checkpoints: 25 }, "seed {seed}");
        check_same(&store, &model, &format!("seed {seed}, reopened"));
    }
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_tree(&path, &target)
        } else {
            std::fs::copy(&path, target).map(drop).unwrap()
        }
    }
}

/// The store's files and contents after the last checkpoint but one, and after the last.
struct History {
    _dir: tempfile::TempDir,
    old: PathBuf,
    new: PathBuf,
    models: [MemoryStore; 2],
}

fn history(seed: u64) -> History {
    let dir = tempfile::tempdir().unwrap();
    let (mut random, model) = (StdRng::seed_from_u64(seed), MemoryStore::new());
    let (live, old, new) = (dir.path().join("live"), dir.path().join("old"), dir.path().join("new"));
    let store = open(&live);
    let mut old_model = None;
    for round in 0..8_u32 {
        if round == 7 {
            copy_tree(&live, &old);
            old_model = Some(model.duplicate());
        }
        let all: Vec<Change> = (0..2).flat_map(|_| changes(&mut random)).collect();
        store.checkpoint(&mut all.clone().into_iter(), &round.to_le_bytes()).unwrap();
        model.checkpoint(&mut all.into_iter(), &round.to_le_bytes()).unwrap();
    }
    copy_tree(&live, &new);
    History { _dir: dir, old, new, models: [old_model.unwrap(), model] }
}

/// Opens a store whose files may lie: set aside, or exactly as one of the markers says; never something else.
fn check_lying(dir: &Path, history: &History, case: &str) -> bool {
    let store = open(dir);
    if let Some((aside, reason)) = &store.report().set_aside {
        assert!(aside.exists() && !reason.is_empty(), "{case}");
        assert_eq!((everything(&store).len(), store.marker().unwrap()), (0, None), "{case}");
        return false;
    }
    let marker = store.marker().unwrap();
    let known = history.models.iter().find(|model| model.marker().unwrap() == marker);
    let Some(model) = known else {
        // Older still, or none: whatever it holds was written before the end, and is replayed over.
        assert!(marker < history.models[0].marker().unwrap(), "{case}: {marker:?}");
        return true;
    };
    // Values may be newer than the marker; those of the newest are exact.
    if marker == history.models[1].marker().unwrap() {
        check_same(&store, model, case);
    }
    true
}

#[test]
fn a_flipped_byte_is_noticed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let history = history(1);
    let length = std::fs::metadata(history.new.join("sled/db")).unwrap().len();
    let mut random = StdRng::seed_from_u64(7);
    for n in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let store_dir = dir.path().join("state");
        copy_tree(&history.new, &store_dir);
        let mut bytes = std::fs::read(store_dir.join("sled/db")).unwrap();
        let at = random.random_range(0..length) as usize;
        bytes[at] ^= 1 << random.random_range(0..8);
        std::fs::write(store_dir.join("sled/db"), bytes).unwrap();
        check_lying(&store_dir, &history, &format!("flip {n} at {at}"));
    }
}

#[test]
fn files_with_pages_of_an_older_time_are_noticed() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let history = history(2);
    let (old, new) = (
        std::fs::read(history.old.join("sled/db")).unwrap(),
        std::fs::read(history.new.join("sled/db")).unwrap(),
    );
    let mut set_aside = 0;
    for seed in 0..40 {
        let mut random = StdRng::seed_from_u64(seed);
        let dir = tempfile::tempdir().unwrap();
        let store_dir = dir.path().join("state");
        copy_tree(if random.random() { &history.new } else { &history.old }, &store_dir);
        let share = [0.02, 0.3, 0.9][seed as usize % 3];
        let mut bytes = new.clone();
        for (page, old) in bytes.chunks_mut(4096).zip(old.chunks(4096)) {
            if old.len() == page.len() && random.random_bool(share) {
                page.copy_from_slice(old);
            }
        }
        std::fs::write(store_dir.join("sled/db"), bytes).unwrap();
        set_aside += usize::from(!check_lying(&store_dir, &history, &format!("seed {seed}")));
    }
    assert!(set_aside > 0, "no mixture was bad: the test does not do its work");
}

#[test]
fn deadlines_sort_by_time() {
    let key = [9; KEY_BYTES];
    let times = [i64::MIN, -5, -1, 0, 1, 1_700_000_000_000_000, i64::MAX - 1];
    for pair in times.windows(2) {
        assert!(deadline_key(pair[0], &key) < deadline_key(pair[1], &key));
        assert_eq!(split_deadline_key(&deadline_key(pair[0], &key)).unwrap().0, pair[0]);
    }
}
