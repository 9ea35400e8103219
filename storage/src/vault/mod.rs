//! The vault: keys of personal data, one for each person, so that erasing a person is destroying one key (crypto-shredding).
//!
//! Personal data enters the journal only sealed. The journal can be copied, backed up and kept for ever; the vault is
//! kept apart from it and from its backups, and erasing takes effect in all copies of the journal at once.

mod file;
mod seal;

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::StorageError;
use seal::Keys;

pub use file::FileVault;
pub use seal::Entropy;

/// Seals and opens personal data.
pub trait Vault: Send + Sync {
    /// Encrypts `plaintext` for this person, whose key is made, durably, if there is none yet. The result is 41 bytes longer.
    ///
    /// # Errors
    /// [`StorageError::Erased`] when the person's key was destroyed, or the disk's error when a new key could not be made durable.
    fn seal(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Vec<u8>, StorageError>;

    /// Decrypts what was sealed for this person; `None` when their key was destroyed, or never was in this vault.
    ///
    /// # Errors
    /// [`StorageError::Damaged`] when the bytes are not what was sealed for this person.
    fn open(&self, person: [u8; 16], sealed: &[u8]) -> Result<Option<Vec<u8>>, StorageError>;

    /// A hash of `plaintext` under this person's key, by which equal data is told without being opened: the same for the
    /// same data, and of no use to anybody once the key is destroyed. `None` when they have no key (any more).
    ///
    /// # Errors
    /// What the cipher says.
    fn fingerprint(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Option<u64>, StorageError>;

    /// Destroys the person's key, durably, and for ever: nothing can be sealed for them again. Repeating it is harmless.
    ///
    /// # Errors
    /// The disk's. The key may be gone or not: repeat it.
    fn erase(&self, person: [u8; 16]) -> Result<(), StorageError>;
}

/// A vault in memory, for tests and simulations.
pub struct MemoryVault {
    keys: Mutex<Keys>,
    entropy: Entropy,
}

impl MemoryVault {
    /// An empty vault; `entropy` makes its keys and nonces.
    pub fn new(entropy: Entropy) -> MemoryVault {
        MemoryVault { keys: Mutex::default(), entropy }
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for MemoryVault {
    fn seal(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Vec<u8>, StorageError> {
        let mut keys = self.keys();
        let key = match keys.get(person)? {
            Some(key) => key,
            None => keys.insert(person, seal::new_key(&self.entropy)?),
        };
        seal::seal(key, person, plaintext, &self.entropy)
    }

    fn open(&self, person: [u8; 16], sealed: &[u8]) -> Result<Option<Vec<u8>>, StorageError> {
        match self.keys().get(person) {
            Ok(Some(key)) => seal::open(key, person, sealed).map(Some),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn fingerprint(&self, person: [u8; 16], plaintext: &[u8]) -> Result<Option<u64>, StorageError> {
        match self.keys().get(person) {
            Ok(Some(key)) => seal::fingerprint(key, plaintext).map(Some),
            Ok(None) | Err(_) => Ok(None),
        }
    }

    fn erase(&self, person: [u8; 16]) -> Result<(), StorageError> {
        self.keys().erase(person);
        Ok(())
    }
}
