//! Checkpoints outside of the journal: the witness file, a line of JSON for each.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vendue_domain::record::Bytes;
use vendue_domain::time::Timestamp;

use super::checkpoint::Notarized;
use super::{hex, public_key_from_hex, unhex};

/// A checkpoint as JSON: numbers as numbers, hashes, key and signature in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct WitnessLine {
    pub form: u8,
    pub cell: String,
    pub number: u64,
    pub first: u64,
    pub last: u64,
    /// When it was signed, in microseconds since 1970.
    pub micros: i64,
    pub root: String,
    pub previous: String,
    pub key: String,
    pub signature: String,
}

impl From<&Notarized> for WitnessLine {
    fn from(signed: &Notarized) -> Self {
        Self {
            form: signed.form,
            cell: format!("{:032x}", signed.cell),
            number: signed.number,
            first: signed.first,
            last: signed.last,
            micros: signed.time.0,
            root: signed.root.to_string(),
            previous: signed.previous.to_string(),
            key: signed.key.to_string(),
            signature: hex(&signed.signature.0),
        }
    }
}

impl WitnessLine {
    /// The checkpoint; `None` where a field is not what its name says. Nothing is checked yet.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Notarized> {
        Some(Notarized {
            cell: u128::from_str_radix(&self.cell, 16).ok()?,
            number: self.number,
            first: self.first,
            last: self.last,
            time: Timestamp(self.micros),
            root: public_key_from_hex(&self.root)?,
            previous: public_key_from_hex(&self.previous)?,
            key: public_key_from_hex(&self.key)?,
            signature: Bytes(unhex(&self.signature)?),
            form: self.form,
        })
    }
}

/// Appends a checkpoint and syncs the file; it is made where it is missing.
///
/// # Errors
/// What the system says.
pub fn write_witness(path: &Path, signed: &Notarized) -> std::io::Result<()> {
    let mut file: File = OpenOptions::new().create(true).append(true).open(path)?;
    let mut line = serde_json::to_vec(&WitnessLine::from(signed))?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_all()
}

/// Reads a witness file: its checkpoints in order. A last line that a crash left unfinished is passed over.
///
/// # Errors
/// The file cannot be read, or a line is no checkpoint; with its number.
pub fn read_witness(path: &Path) -> Result<Vec<Notarized>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut checkpoints = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let read = serde_json::from_str::<WitnessLine>(line).ok().and_then(|line| line.checkpoint());
        match read {
            Some(checkpoint) => checkpoints.push(checkpoint),
            None if !line.ends_with('\n') || line.trim().is_empty() => {}
            None => return Err(format!("{}, line {}: not a signed checkpoint", path.display(), number + 1)),
        }
    }
    Ok(checkpoints)
}
