//! Sealing: XChaCha20-Poly1305 with a random nonce (24 bytes: they never repeat), the person's id as associated data.
//!
//! A sealed value is its version (1 byte), the nonce (24), the ciphertext (as long as the plaintext) and the tag (16).

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use siphasher::sip::SipHasher24;
use zeroize::Zeroizing;

use crate::error::StorageError;

/// Bytes of a person's key.
pub(crate) const KEY_BYTES: usize = 32;
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
/// Bytes of a key of SipHash.
const SIP_KEY_BYTES: usize = 16;
/// The nonce under which a person's key gives the key of their fingerprints.
const FINGERPRINT: &[u8; NONCE_BYTES] = b"fingerprint of a person.";

/// A key, overwritten when it is dropped.
pub(crate) type PersonKey = Zeroizing<[u8; KEY_BYTES]>;

/// Where keys and nonces come from: the operating system, or a simulation's seed.
pub struct Entropy(Box<Filler>);

/// Fills a buffer with randomness.
type Filler = dyn Fn(&mut [u8]) -> Result<(), StorageError> + Send + Sync;

impl Entropy {
    /// The operating system's randomness: the only one for a market that is real.
    pub fn system() -> Entropy {
        Entropy(Box::new(|bytes| {
            getrandom::fill(bytes).map_err(|error| StorageError::Entropy(error.to_string()))
        }))
    }

    /// What `fill` writes. A simulation's seed makes every run the same, and its secrets none.
    pub fn from_fn(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Entropy {
        Entropy(Box::new(move |bytes| {
            fill(bytes);
            Ok(())
        }))
    }

    fn fill(&self, bytes: &mut [u8]) -> Result<(), StorageError> {
        (self.0)(bytes)
    }
}

/// The keys of a vault, and who was erased.
#[derive(Default)]
pub(crate) struct Keys {
    keys: HashMap<[u8; 16], Option<PersonKey>>,
}

impl Keys {
    /// `None`: there is none yet.
    pub(crate) fn get(&self, person: [u8; 16]) -> Result<Option<&PersonKey>, StorageError> {
        match self.keys.get(&person) {
            None => Ok(None),
            Some(Some(key)) => Ok(Some(key)),
            Some(None) => Err(StorageError::Erased),
        }
    }

    /// Keeps a key, unless the person has one: then that one stays.
    pub(crate) fn insert(&mut self, person: [u8; 16], key: PersonKey) -> &PersonKey {
        let slot = match self.keys.entry(person) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) => slot.insert(None),
        };
        slot.get_or_insert(key)
    }

    pub(crate) fn erase(&mut self, person: [u8; 16]) {
        self.keys.insert(person, None);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8; 16], Option<&PersonKey>)> {
        self.keys.iter().map(|(person, key)| (person, key.as_ref()))
    }

    pub(crate) fn is_erased(&self, person: [u8; 16]) -> bool {
        matches!(self.keys.get(&person), Some(None))
    }
}

pub(crate) fn new_key(entropy: &Entropy) -> Result<PersonKey, StorageError> {
    let mut key = PersonKey::default();
    entropy.fill(&mut key[..])?;
    Ok(key)
}

pub(crate) fn seal(
    key: &PersonKey,
    person: [u8; 16],
    plaintext: &[u8],
    entropy: &Entropy,
) -> Result<Vec<u8>, StorageError> {
    let mut nonce = [0; NONCE_BYTES];
    entropy.fill(&mut nonce)?;
    let payload = Payload { msg: plaintext, aad: &person };
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let sealed = cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|error| {
        StorageError::Backend { what: "sealing personal data", message: error.to_string() }
    })?;
    let mut bytes = Vec::with_capacity(1 + NONCE_BYTES + sealed.len());
    bytes.push(VERSION);
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&sealed);
    Ok(bytes)
}

/// A hash of `plaintext` that nobody can make or try out without the person's key: SipHash-2-4 under a key of its own.
pub(crate) fn fingerprint(key: &PersonKey, plaintext: &[u8]) -> Result<u64, StorageError> {
    // Derived as the key stream under a nonce that is set apart: the nonces of what is sealed are random, so that none of
    // them is this one.
    let payload = Payload { msg: &[0; SIP_KEY_BYTES], aad: FINGERPRINT };
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let derived = cipher.encrypt(XNonce::from_slice(FINGERPRINT), payload).map(Zeroizing::new);
    let derived = derived.map_err(|error| StorageError::Backend {
        what: "hashing personal data",
        message: error.to_string(),
    })?;
    let mut own = Zeroizing::new([0; SIP_KEY_BYTES]);
    own.copy_from_slice(&derived[..SIP_KEY_BYTES]);
    Ok(SipHasher24::new_with_key(&own).hash(plaintext))
}

pub(crate) fn open(key: &PersonKey, person: [u8; 16], sealed: &[u8]) -> Result<Vec<u8>, StorageError> {
    let damaged = |found: &str| {
        let remedy = "The journal record that holds it is wrong, or belongs to another vault";
        StorageError::damaged(
            "sealed personal data".to_owned(),
            0,
            "what was sealed for this person",
            found,
            remedy,
        )
    };
    let Some(([version, nonce @ ..], ciphertext)) = sealed.split_first_chunk::<{ 1 + NONCE_BYTES }>() else {
        return Err(damaged("too few bytes"));
    };
    if *version != VERSION {
        return Err(damaged("an unknown version"));
    }
    let cipher = XChaCha20Poly1305::new((&**key).into());
    let payload = Payload { msg: ciphertext, aad: &person };
    cipher
        .decrypt(XNonce::from_slice(nonce), payload)
        .map_err(|_| damaged("something that does not authenticate"))
}
