//! The notary: proof of the history for those who cannot see it.
//!
//! Off the acknowledgement path, from durable records, it makes a Merkle tree over the records of each interval and signs
//! its root together with the head of the interval before. The signed checkpoint is itself a record of the journal
//! ([`Notarized`]), so every record (checkpoints too) is in exactly one interval. Whoever holds a checkpoint from outside (a
//! witness file, a receipt) can tell that history before it was changed or cut off; whoever has no key cannot change a
//! record and go unnoticed, whatever checks they recompute.
//!
//! ```text
//! salts     16 + 16 bytes: SHA-256(0x04 | secret 32 | position 8)       all integers big-endian
//! record    SHA-256(0x02 | second salt 16 | the record's bytes)
//! told      SHA-256(0x03 | what its asker was told: a `Statement`)
//! leaf      SHA-256(0x00 | first salt 16 | position 8 | record 32 | told 32)
//! node      SHA-256(0x01 | left 32 | right 32)                          the shape of RFC 6962, section 2.1
//! head      SHA-256("vendue checkpoint 1\n" | cell 16 | number 8 | first 8 | last 8 | time 8 | root 32 | previous head 32)
//! signature Ed25519 of those bytes
//! ```
//!
//! A receipt shows its own statement, its salt, and hashes. A record names others too (who was outbid, whose hold is
//! released), so the record itself is in the leaf as a hash under a salt of its own, which never leaves the data directory.

mod checkpoint;
mod core;
mod index;
mod receipt;
mod secret;
mod statement;
mod tree;
mod witness;

pub use checkpoint::{Notarized, Unproven};
pub use core::{Due, Notary};
pub use index::{IndexEntry, NotaryIndex};
pub use receipt::{NoProof, Proved, Receipt};
pub use secret::{KEY_FILE, NotaryKey, Salts, public_key_from_hex};
pub use statement::Statement;
pub use tree::{Leaf, leaf_of_record, path, root, root_of_path};
pub use witness::{WitnessLine, read_witness, write_witness};

use vendue_protocol::link::{NotExecuted, Reply};

/// The directory of the notary's files, in the data directory.
pub const NOTARY_DIR: &str = "notary";

/// What is answered where no notary runs.
pub(crate) const fn off() -> Reply<'static> {
    Reply::NotExecuted {
        why: NotExecuted::InvalidRequest,
        retry_after_ms: 0,
        message: "this engine signs nothing (engine.notary = false)",
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits; `None` where it is anything else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
