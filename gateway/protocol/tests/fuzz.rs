//! Broken bytes for the parsers between strangers and the rules: changed copies of right ones. Whatever comes, a parser does not panic,
//! takes no more memory than its bytes justify, ends, and what it accepts it writes and reads again as the same.
//!
//! `VENDUE_FUZZ_MS` is how long each target is tried (default 1,000), `VENDUE_FUZZ_SEED` repeats a run.
#![allow(clippy::unwrap_used)] // A test that cannot go on says so by panicking.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use allocation_counter::measure;
use serde_json::json;
use vendue_domain::actor::Command;
use vendue_domain::id::{AccountId, LotId};
use vendue_domain::record::Field;
use vendue_protocol::channel::Channel;
use vendue_protocol::link::*;
use vendue_protocol::schema::EXAMPLES;
use vendue_protocol::signs::Vitals;
use vendue_protocol::wire::time::{parse_rfc3339, write_rfc3339};
use vendue_protocol::wire::transcode::{Instants, to_json};
use vendue_protocol::wire::{Encoding, frame};

/// The longest input: many times what the right ones are.
const INPUT_BYTES_MAX: usize = 16 * 1024;
/// Memory that a parser may hold for each byte it is given. A message of two bytes in an array may be refused, and a refusal names what
/// was expected in full.
const HELD_FOR_A_BYTE: u64 = 512;
/// ... and for any input at all.
const HELD_AT_LEAST: u64 = 64 * 1024;

/// A generator that a seed decides: splitmix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }
}

/// Bytes at which parsers decide: ends of ranges, heads of MessagePack, JSON's own.
const TELLING: &[u8] =
    b"\x00\x01\x7f\x80\x90\xc0\xc1\xc4\xc6\xcf\xd3\xd9\xdb\xdc\xdd\xde\xdf\xff\"\\{}[]:,-+.eE09 u";

/// One change: a bit, a byte, a piece taken out, doubled, or come from another right one.
fn change(dice: &mut Dice, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = dice.below(bytes.len());
    let length = dice.below(bytes.len() - at).min(64);
    match dice.below(8) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
        1 if !bytes.is_empty() => bytes[at] = TELLING[dice.below(TELLING.len())],
        2 => bytes.insert(at, TELLING[dice.below(TELLING.len())]),
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let piece = bytes[at..at + length].to_vec();
            bytes.splice(at..at, piece);
        }
        5 => {
            let other = &corpus[dice.below(corpus.len())];
            let from = dice.below(other.len());
            let piece = &other[from..(from + dice.below(64)).min(other.len())];
            bytes.splice(at..at, piece.iter().copied());
        }
        6 => bytes.truncate(at),
        _ => {
            // A length or count that promises much.
            let huge = dice.next().to_le_bytes();
            for (byte, new) in bytes[at..].iter_mut().zip(&huge[..dice.below(9)]) {
                *byte = *new;
            }
        }
    }
}

/// What one input did.
fn judge(parse: &impl Fn(&[u8]), input: &[u8]) -> Result<(), String> {
    let mut panicked = None;
    let held = measure(|| {
        panicked = catch_unwind(AssertUnwindSafe(|| parse(input))).err();
    });
    if let Some(panic) = panicked {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        return Err(format!("panics: {}", said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("?")));
    }
    let most = HELD_AT_LEAST + HELD_FOR_A_BYTE * input.len() as u64;
    if held.bytes_max > most {
        return Err(format!("holds {} bytes for an input of {}", held.bytes_max, input.len()));
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tries a parser for a while on changed copies of right inputs; how many were tried, or the input that it does not bear.
fn try_out(
    seed: u64,
    patience: Duration,
    corpus: &[Vec<u8>],
    parse: impl Fn(&[u8]),
) -> Result<usize, String> {
    let mut dice = Dice(seed);
    for input in corpus {
        judge(&parse, input).map_err(|said| format!("a right input {}: {said}", hex(input)))?;
    }
    let begun = Instant::now();
    let mut tried = 0;
    while begun.elapsed() < patience {
        let mut input = corpus[dice.below(corpus.len())].clone();
        for _ in 0..=dice.below(6) {
            change(&mut dice, &mut input, corpus);
        }
        input.truncate(INPUT_BYTES_MAX);
        tried += 1;
        judge(&parse, &input).map_err(|said| format!("{said}; input {tried}: {}", hex(&input)))?;
    }
    Ok(tried)
}

fn number_of(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// One target: says its seed and how many inputs it was tried on.
fn fuzz(target: &str, corpus: &[Vec<u8>], parse: impl Fn(&[u8])) {
    let seed = number_of("VENDUE_FUZZ_SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish());
    let patience = Duration::from_millis(number_of("VENDUE_FUZZ_MS").unwrap_or(1_000));
    match try_out(seed, patience, corpus, parse) {
        Ok(tried) => println!("fuzz {target}: {tried} inputs, seed {seed}"),
        Err(said) => panic!("{target}: {said}; again: VENDUE_FUZZ_SEED={seed}"),
    }
}

/// The hexadecimal second column of a golden file.
fn golden(text: &str) -> Vec<Vec<u8>> {
    let bytes = |hex: &str| {
        (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect()
    };
    text.lines().filter_map(|line| line.split_whitespace().nth(1)).map(bytes).collect()
}

fn requests() -> Vec<serde_json::Value> {
    let request = |(id, example): (usize, &vendue_protocol::schema::Example)| json!({"id": id, "method": example.method, "params": example.params(), "deadline_ms": 500});
    let mut requests: Vec<_> = EXAMPLES.iter().enumerate().map(request).collect();
    requests.push(requests[..5].to_vec().into());
    requests
}

fn read_all(encoding: Encoding, bytes: &[u8]) {
    // Each message takes at least a byte, save the one that says why no more come.
    let messages = frame(encoding, bytes).take(bytes.len() + 2).count();
    assert!(messages <= bytes.len() + 1, "{messages} messages in {} bytes", bytes.len());
}

#[test]
fn frames_of_json() {
    let corpus: Vec<_> = requests().iter().map(|request| request.to_string().into_bytes()).collect();
    fuzz("frames of JSON", &corpus, |bytes| read_all(Encoding::Json, bytes));
}

#[test]
fn frames_of_messagepack() {
    let corpus: Vec<_> = requests().iter().map(|request| rmp_serde::to_vec_named(request).unwrap()).collect();
    fuzz("frames of MessagePack", &corpus, |bytes| read_all(Encoding::MessagePack, bytes));
    fuzz("MessagePack to JSON", &corpus, |bytes| {
        let mut out = Vec::new();
        if to_json(&mut out, bytes, Instants::Rfc3339).is_ok() {
            serde_json::from_slice::<serde::de::IgnoredAny>(&out).unwrap();
        }
    });
}

#[test]
fn commands() {
    let corpus = golden(include_str!("../../../engine/domain/tests/golden/commands.txt"));
    assert!(corpus.len() > 50 && corpus.iter().all(|bytes| Command::from_bytes(bytes).is_ok()));
    fuzz("commands", &corpus, |bytes| {
        if let Ok(command) = Command::from_bytes(bytes) {
            assert_eq!(Command::from_bytes(&command.to_bytes()).unwrap(), command);
        }
    });
}

/// Reads an item, writes what it is, and reads that.
fn item(kind: FrameKind, bytes: &[u8]) {
    let mut out = Vec::new();
    match kind {
        FrameKind::Commands => {
            let Ok(read) = CommandItem::decode(bytes) else { return };
            read.encode(&mut out);
            assert_eq!(CommandItem::decode(&out).unwrap(), read);
        }
        FrameKind::Queries => {
            let Ok(read) = QueryItem::decode(bytes) else { return };
            read.encode(&mut out);
            assert_eq!(QueryItem::decode(&out).unwrap(), read);
        }
        FrameKind::Follows => {
            let Ok(read) = FollowItem::decode(bytes) else { return };
            read.encode(&mut out);
            assert_eq!(FollowItem::decode(&out).unwrap(), read);
        }
        FrameKind::Replies => {
            let Ok(read) = ReplyItem::decode(bytes) else { return };
            read.encode(&mut out);
            assert_eq!(ReplyItem::decode(&out).unwrap(), read);
        }
        FrameKind::Events => drop(EventItem::decode(bytes)),
        FrameKind::Hello => again::<Hello>(bytes),
        FrameKind::Welcome => again::<Welcome>(bytes),
        FrameKind::Pulse => again::<Pulse>(bytes),
        FrameKind::Vitals => again::<Vitals>(bytes),
        _ => again::<Refused>(bytes),
    }
}

fn again<R: Field + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(record) = R::from_bytes(bytes) {
        assert_eq!(R::from_bytes(&record.to_bytes()).unwrap(), record);
    }
}

#[test]
fn frames_of_the_link() {
    let corpus = golden(include_str!("golden/link.txt"));
    assert!(corpus.len() > 5 && corpus.iter().all(|bytes| matches!(split_frame(bytes), Ok(Some(_)))));
    fuzz("frames of the link", &corpus, |bytes| {
        if let Ok(Some((kind, payload, length))) = split_frame(bytes) {
            assert!(length <= bytes.len());
            item(kind, payload);
            Items::new(payload).map_while(Result::ok).for_each(|bytes| item(kind, bytes));
        }
    });
}

#[test]
fn names_and_instants() {
    let id = LotId::from_u128(u128::MAX / 3);
    let corpus = [
        id.to_string(),
        format!("lot:{id}"),
        "account".to_owned(),
        "2023-11-14T22:14:20.000001Z".to_owned(),
        "2024-02-29T23:59:59+05:30".to_owned(),
    ]
    .map(String::into_bytes);
    fuzz("ids, channels, instants", &corpus, |bytes| {
        let Ok(text) = std::str::from_utf8(bytes) else { return };
        if let Ok(id) = text.parse::<LotId>() {
            assert_eq!(id.to_string().parse::<LotId>().unwrap(), id);
        }
        let caller = Some(AccountId::from_u128(7));
        if let Some(channel) = Channel::parse(text, caller) {
            assert_eq!(Channel::parse(&channel.to_string(), caller), Some(channel));
        }
        if let Some(instant) = parse_rfc3339(text) {
            let mut out = Vec::new();
            write_rfc3339(&mut out, instant);
            assert_eq!(parse_rfc3339(std::str::from_utf8(&out).unwrap()), Some(instant));
        }
    });
}

/// The harness finds what is planted: a panic, memory without measure, a value that is written as another.
#[test]
fn planted_faults_are_found() {
    let corpus = vec![b"[1, 2, 3]".to_vec()];
    let find = |parse: fn(&[u8])| try_out(1, Duration::from_secs(20), &corpus, parse).unwrap_err();
    assert!(find(|bytes| assert!(!bytes.contains(&0xDD), "planted")).contains("planted"));
    // Written as another than it was read.
    assert!(
        find(|bytes| assert_eq!(bytes.first().map(|byte| byte & 0x7F), bytes.first().copied()))
            .contains("panics")
    );
    let greedy = |bytes: &[u8]| {
        if bytes.len() > 12 {
            drop(vec![1_u8; 100 << 20]);
        }
    };
    assert!(find(greedy).contains("holds"));
    // The same seed finds the same input.
    let parse = |bytes: &[u8]| assert!(!bytes.contains(&0xDD));
    let again = || try_out(7, Duration::from_secs(20), &corpus, parse).unwrap_err();
    assert_eq!(again(), again());
}
