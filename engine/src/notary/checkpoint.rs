//! A signed checkpoint: what it says, how it is signed, how it is checked.

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use vendue_domain::lot::Digest;
use vendue_domain::record::Bytes;
use vendue_domain::time::Timestamp;

use super::secret::NotaryKey;

/// The only form of leaves and statements that there is; another is refused, never guessed.
pub(super) const FORM: u8 = 1;

/// What the signed bytes begin with: nothing else that this key ever signs does.
const DOMAIN: &[u8] = b"vendue checkpoint 1\n";

vendue_domain::record! {
    /// The notary has signed the root over the records `first..=last`. Itself a record of the next interval.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Notarized {
        1 => pub cell: u128,
        /// 1 for the first.
        2 => pub number: u64,
        3 => pub first: u64,
        4 => pub last: u64,
        /// When it was signed, by the cell's clock.
        5 => pub time: Timestamp,
        6 => pub root: Digest,
        /// The head of checkpoint `number - 1`; zeros in the first.
        7 => pub previous: Digest,
        /// The public key.
        8 => pub key: Digest,
        /// 64 bytes.
        9 => pub signature: Bytes,
        /// How leaves and statements are made; 1.
        10 => pub form: u8,
    }
}

/// Why a checkpoint proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unproven {
    /// Another form of leaves.
    #[error("it was made in form {0}, this program knows form {FORM}: run the newer program")]
    Form(u8),
    /// The key in it is no key of Ed25519.
    #[error("its public key is none")]
    Key,
    /// The signature does not fit.
    #[error("its signature is not that of key {0}")]
    Signature(Digest),
    /// It was signed by somebody else than expected.
    #[error("it is signed by key {found}, not by {expected}")]
    OtherKey {
        /// The key in it.
        found: Digest,
        /// The key asked for.
        expected: Digest,
    },
}

impl Notarized {
    /// Signs an interval.
    #[must_use]
    pub(super) fn signed(
        key: &NotaryKey,
        cell: u128,
        (number, first, last): (u64, u64, u64),
        time: Timestamp,
        root: Digest,
        previous: Digest,
    ) -> Self {
        let public = key.public();
        let mut signed = Self {
            cell,
            number,
            first,
            last,
            time,
            root,
            previous,
            key: public,
            signature: Bytes::default(),
            form: FORM,
        };
        signed.signature = Bytes(key.sign(&signed.signed_bytes()).to_vec());
        signed
    }

    /// The bytes that are signed.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(DOMAIN.len() + 16 + 32 + 64);
        bytes.extend_from_slice(DOMAIN);
        bytes.extend_from_slice(&self.cell.to_be_bytes());
        for number in [self.number, self.first, self.last, self.time.0 as u64] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        bytes.extend_from_slice(&self.root.0);
        bytes.extend_from_slice(&self.previous.0);
        bytes
    }

    /// What the next checkpoint names.
    #[must_use]
    pub fn head(&self) -> Digest {
        Digest(Sha256::digest(self.signed_bytes()).into())
    }

    /// How many records it covers.
    #[must_use]
    pub const fn count(&self) -> u64 {
        (self.last + 1).saturating_sub(self.first)
    }

    /// Whether the key in it has signed it, and whether it is the one `expected`, where there is one.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, expected: Option<&Digest>) -> Result<(), Unproven> {
        if self.form != FORM {
            return Err(Unproven::Form(self.form));
        }
        if let Some(expected) = expected.filter(|expected| **expected != self.key) {
            return Err(Unproven::OtherKey { found: self.key, expected: *expected });
        }
        let key = VerifyingKey::from_bytes(&self.key.0).map_err(|_| Unproven::Key)?;
        let signature =
            Signature::from_slice(&self.signature.0).map_err(|_| Unproven::Signature(self.key))?;
        key.verify_strict(&self.signed_bytes(), &signature).map_err(|_| Unproven::Signature(self.key))
    }
}
