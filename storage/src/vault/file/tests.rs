//! The vault through crashes and errors at every operation: a person sealed for is never lost, one erased never comes back.

use super::*;
use crate::disk::{CrashPolicy, MemoryDisk};

const ANNA: [u8; 16] = *b"anna............";
const BERT: [u8; 16] = *b"bert............";

fn entropy() -> Entropy {
    let state = Mutex::new(0_u8);
    Entropy::from_fn(move |bytes| {
        let mut state = state.lock().unwrap();
        bytes.iter_mut().for_each(|byte| {
            *state = state.wrapping_add(1);
            *byte = *state;
        });
    })
}

fn open(disk: &MemoryDisk) -> Result<FileVault, StorageError> {
    FileVault::open_on(Arc::new(disk.clone()), entropy())
}

#[test]
fn what_is_sealed_opens_for_its_person_until_erased() {
    let disk = MemoryDisk::new();
    let vault = open(&disk).unwrap();
    let (anna, bert) = (vault.seal(ANNA, b"Anna, 3 Elm Road").unwrap(), vault.seal(BERT, b"").unwrap());
    assert_eq!(anna.len(), 16 + 41);
    let vault = open(&disk).unwrap();
    assert_eq!(vault.open(ANNA, &anna).unwrap().as_deref(), Some(&b"Anna, 3 Elm Road"[..]));
    assert_eq!(vault.open(BERT, &bert).unwrap().as_deref(), Some(&b""[..]));
    assert!(matches!(vault.open(BERT, &anna), Err(StorageError::Damaged(_))), "another person's");
    assert!(matches!(vault.open(ANNA, &anna[..20]), Err(StorageError::Damaged(_))), "cut short");
    assert_eq!(vault.open([0; 16], &anna).unwrap(), None, "a stranger");
    vault.erase(ANNA).unwrap();
    vault.erase(ANNA).unwrap();
    for vault in [&vault, &open(&disk).unwrap()] {
        assert_eq!(vault.open(ANNA, &anna).unwrap(), None);
        assert!(matches!(vault.seal(ANNA, b"again"), Err(StorageError::Erased)));
        assert!(vault.open(BERT, &bert).unwrap().is_some());
    }
}

#[test]
fn a_fingerprint_is_the_persons_own_and_dies_with_the_key() {
    let disk = MemoryDisk::new();
    let vault = open(&disk).unwrap();
    assert_eq!(vault.fingerprint(ANNA, b"Anna").unwrap(), None, "no key yet");
    for person in [ANNA, BERT] {
        vault.seal(person, b"a name").unwrap();
    }
    let anna = vault.fingerprint(ANNA, b"Anna").unwrap();
    assert!(anna.is_some());
    for vault in [&vault, &open(&disk).unwrap()] {
        assert_eq!(vault.fingerprint(ANNA, b"Anna").unwrap(), anna, "the same for the same name, for ever");
        assert_ne!(vault.fingerprint(ANNA, b"anna").unwrap(), anna);
        assert_ne!(
            vault.fingerprint(BERT, b"Anna").unwrap(),
            anna,
            "of no use to tell who has the same name"
        );
    }
    vault.erase(ANNA).unwrap();
    assert_eq!(vault.fingerprint(ANNA, b"Anna").unwrap(), None);
}

#[test]
fn no_byte_of_an_erased_key_stays_in_any_file() {
    let disk = MemoryDisk::new();
    let vault = open(&disk).unwrap();
    vault.seal(ANNA, b"x").unwrap();
    let key = vault.state().keys.get(ANNA).unwrap().unwrap().to_vec();
    let holds = |disk: &MemoryDisk| {
        let names = disk.list().unwrap();
        names.iter().any(|name| disk.contents(name).unwrap().windows(key.len()).any(|bytes| bytes == key))
    };
    assert!(holds(&disk));
    vault.erase(ANNA).unwrap();
    assert!(!holds(&disk) && !holds(&disk.after_crash(CrashPolicy::DropAll)));
    assert_eq!(disk.list().unwrap(), [VAULT]);
}

/// Seals for two, erases one; says what was promised when it stops.
fn run(disk: &MemoryDisk) -> (Option<Vec<u8>>, Option<Vec<u8>>, bool) {
    let Ok(vault) = open(disk) else { return (None, None, false) };
    let anna = vault.seal(ANNA, b"anna").ok();
    let bert = vault.seal(BERT, b"bert").ok();
    let erased = vault.erase(ANNA).is_ok();
    (anna, bert, erased)
}

fn check_promises(
    disk: &MemoryDisk,
    case: &str,
    (anna, bert, erased): &(Option<Vec<u8>>, Option<Vec<u8>>, bool),
) {
    let vault = open(disk).unwrap_or_else(|error| panic!("{case}: {error}"));
    if let Some(bert) = bert {
        assert_eq!(vault.open(BERT, bert).unwrap().as_deref(), Some(&b"bert"[..]), "{case}: a key was lost");
    }
    if let Some(anna) = anna {
        let opened = vault.open(ANNA, anna).unwrap();
        assert!(opened.is_none() || !erased, "{case}: an erased key came back");
        assert!(opened.is_none_or(|plain| plain == b"anna"), "{case}");
    }
    vault.erase(ANNA).unwrap();
    vault.seal(BERT, b"more").unwrap();
}

#[test]
fn a_crash_or_an_error_at_every_operation() {
    for errors in [false, true] {
        for n in 0.. {
            let disk = MemoryDisk::new();
            if errors {
                disk.fail_at(n, io::ErrorKind::Other)
            } else {
                disk.crash_at(n)
            }
            let promised = run(&disk);
            for seed in 0..20 {
                let policy =
                    [CrashPolicy::KeepAll, CrashPolicy::DropAll, CrashPolicy::Random(n * 100 + seed)];
                for policy in policy {
                    let case = format!("errors {errors}, at {n}, {policy:?}");
                    check_promises(&disk.after_crash(policy), &case, &promised);
                }
            }
            if disk.operations() <= n {
                break;
            }
        }
    }
}

#[test]
fn each_bit_flipped_and_each_length_is_noticed() {
    let disk = MemoryDisk::new();
    let vault = open(&disk).unwrap();
    let sealed = vault.seal(ANNA, b"anna").unwrap();
    vault.seal(BERT, b"bert").unwrap();
    let bytes = disk.contents(VAULT).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        disk.plant(VAULT, flipped);
        assert!(open(&disk).is_err(), "bit {bit}");
    }
    for length in 0..bytes.len() {
        disk.plant(VAULT, bytes[..length].to_vec());
        match open(&disk) {
            Ok(vault) if length >= 128 => {
                assert!(vault.open(ANNA, &sealed).unwrap().is_some(), "length {length}")
            }
            opened => assert_eq!(opened.is_ok(), length >= 64, "length {length}"),
        }
    }
}
