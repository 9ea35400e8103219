//! A receipt: what one command's asker was told, and proof that it stands in the signed history.

use serde::{Deserialize, Serialize};
use vendue_domain::lot::Digest;
use vendue_domain::record::{Field, RecordError};

use super::checkpoint::{Notarized, Unproven};
use super::statement::Statement;
use super::tree::{Leaf, root_of_path};
use super::witness::WitnessLine;
use super::{hex, public_key_from_hex, unhex};

/// The version of the form below.
const VERSION: u32 = 1;

/// As JSON; bytes in lower-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// 1.
    pub version: u32,
    /// The outcome's place in the history.
    pub position: u64,
    /// A [`Statement`]: what was told, as the record that is hashed.
    pub statement: String,
    /// The leaf's salt, 16 bytes.
    pub salt: String,
    /// The hash of the whole record, under a salt that stays secret.
    pub record: String,
    /// The hashes beside the way from the leaf to the root, from the leaf up.
    pub path: Vec<String>,
    /// The signed checkpoint.
    pub checkpoint: WitnessLine,
}

/// What a receipt that holds proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// What was told.
    pub statement: Statement,
    /// Who has signed it, and when.
    pub checkpoint: Notarized,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoProof {
    /// Another version of receipts.
    #[error("its version is {0}, this program knows {VERSION}: run the newer program")]
    Version(u32),
    /// A field that is not what its name says.
    #[error("its `{0}` is not what it should be")]
    Field(&'static str),
    /// The statement cannot be read.
    #[error("its statement cannot be read: {0}")]
    Statement(RecordError),
    /// The statement is of another record.
    #[error("its statement is about record {told}, the receipt about record {position}")]
    Position {
        /// In the statement.
        told: u64,
        /// In the receipt.
        position: u64,
    },
    /// The checkpoint does not cover the record.
    #[error("record {position} is not among the records {first} to {last} of its checkpoint")]
    Outside {
        /// The receipt's.
        position: u64,
        /// The checkpoint's.
        first: u64,
        /// The checkpoint's.
        last: u64,
    },
    /// Statement, salt, record or path were changed.
    #[error("statement, salt, record and path do not lead to the root that was signed")]
    Root,
    /// The checkpoint proves nothing.
    #[error("its checkpoint: {0}")]
    Checkpoint(#[from] Unproven),
}

impl Receipt {
    /// Puts a receipt together.
    #[must_use]
    pub fn new(leaf: &Leaf, statement: &Statement, path: &[Digest], checkpoint: &Notarized) -> Self {
        Self {
            version: VERSION,
            position: leaf.position,
            statement: hex(&statement.to_bytes()),
            salt: format!("{:032x}", leaf.salt),
            record: leaf.record.to_string(),
            path: path.iter().map(Digest::to_string).collect(),
            checkpoint: checkpoint.into(),
        }
    }

    /// Checks everything that the receipt says, offline; `key` is the market's public key, from elsewhere.
    ///
    /// # Errors
    /// What does not hold.
    pub fn check(&self, key: &Digest) -> Result<Proved, NoProof> {
        if self.version != VERSION {
            return Err(NoProof::Version(self.version));
        }
        let bytes = unhex(&self.statement).ok_or(NoProof::Field("statement"))?;
        let statement = Statement::from_bytes(&bytes).map_err(NoProof::Statement)?;
        let checkpoint = self.checkpoint.checkpoint().ok_or(NoProof::Field("checkpoint"))?;
        checkpoint.check(Some(key))?;
        let position = self.position;
        if statement.position != position {
            return Err(NoProof::Position { told: statement.position, position });
        }
        let (first, last) = (checkpoint.first, checkpoint.last);
        if !(first..=last).contains(&position) {
            return Err(NoProof::Outside { position, first, last });
        }
        let salt = Some(&self.salt).filter(|salt| salt.len() == 32);
        let leaf = Leaf {
            position,
            salt: salt.and_then(|salt| u128::from_str_radix(salt, 16).ok()).ok_or(NoProof::Field("salt"))?,
            record: public_key_from_hex(&self.record).ok_or(NoProof::Field("record"))?,
            told: Statement::hash(&bytes),
        };
        let path: Option<Vec<Digest>> = self.path.iter().map(|hash| public_key_from_hex(hash)).collect();
        let path = path.ok_or(NoProof::Field("path"))?;
        let led = root_of_path(leaf.hash(), position - first, checkpoint.count(), &path);
        if led != Some(checkpoint.root) {
            return Err(NoProof::Root);
        }
        Ok(Proved { statement, checkpoint })
    }
}
