//! The notary's key file: what signs, and what salts. Readable by its owner only.
//!
//! ```text
//! notary/key   "VENDUENK", version u32 LE (1), Ed25519 seed 32, salts' secret 32, first 4 bytes of the SHA-256 of all before
//! ```

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest as _, Sha256};
use vendue_domain::lot::Digest;
use zeroize::Zeroizing;

use super::{NOTARY_DIR, hex, unhex};

/// Its name in the notary's directory.
pub const KEY_FILE: &str = "key";

const MAGIC: &[u8; 8] = b"VENDUENK";
const VERSION: u32 = 1;
const FILE_BYTES: usize = 8 + 4 + 32 + 32 + 4;

/// The salts of one position.
#[derive(Clone, Copy)]
pub struct Salts {
    /// In the leaf: a receipt shows it.
    pub(super) leaf: u128,
    /// Of the record's hash: never shown.
    pub(super) record: u128,
}

/// What signs and what salts.
pub struct NotaryKey {
    signing: SigningKey,
    salts: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for NotaryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NotaryKey({})", self.public())
    }
}

impl NotaryKey {
    /// Of these secrets.
    #[must_use]
    pub fn new(seed: &[u8; 32], salts: &[u8; 32]) -> Self {
        Self { signing: SigningKey::from_bytes(seed), salts: Zeroizing::new(*salts) }
    }

    /// Reads the key of a data directory; `None` where there is none.
    ///
    /// # Errors
    /// The file cannot be read, or is not what was written.
    pub fn read(data_dir: &Path) -> std::io::Result<Option<Self>> {
        let path = data_dir.join(NOTARY_DIR).join(KEY_FILE);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => Zeroizing::new(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        Self::decode(&bytes).map(Some).ok_or_else(|| {
            let why = format!("{} is damaged: put it back from a backup", path.display());
            std::io::Error::new(std::io::ErrorKind::InvalidData, why)
        })
    }

    /// Reads the key of a data directory, or makes one: mode 0600, synced before it is used.
    ///
    /// # Errors
    /// As [`NotaryKey::read`]; no randomness; the file cannot be written.
    pub fn read_or_make(data_dir: &Path) -> std::io::Result<Self> {
        if let Some(key) = Self::read(data_dir)? {
            return Ok(key);
        }
        let mut secrets = Zeroizing::new([0_u8; 64]);
        getrandom::fill(&mut *secrets).map_err(std::io::Error::other)?;
        let (seed, salts) = secrets.split_at(32);
        let mut fixed = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        fixed.0.copy_from_slice(seed);
        fixed.1.copy_from_slice(salts);
        let key = Self::new(&fixed.0, &fixed.1);
        let dir = data_dir.join(NOTARY_DIR);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        let beside = dir.join("key.new");
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(&key.encode())?;
        file.sync_all()?;
        std::fs::rename(&beside, dir.join(KEY_FILE))?;
        File::open(&dir)?.sync_all()?;
        File::open(data_dir)?.sync_all()?;
        Ok(key)
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_BYTES));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&*Zeroizing::new(self.signing.to_bytes()));
        bytes.extend_from_slice(&*self.salts);
        let check = Sha256::digest(&*bytes);
        bytes.extend_from_slice(&check[..4]);
        bytes
    }

    /// Of the file's bytes; `None` where they are not what was written.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (content, check) = bytes.split_at_checked(FILE_BYTES - 4)?;
        let rest = content.strip_prefix(MAGIC)?.strip_prefix(&VERSION.to_le_bytes())?;
        if Sha256::digest(content)[..4] != *check {
            return None;
        }
        let seed: &[u8; 32] = rest.get(..32)?.try_into().ok()?;
        Some(Self::new(seed, rest.get(32..)?.try_into().ok()?))
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> Digest {
        Digest(self.signing.verifying_key().to_bytes())
    }

    pub(super) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }

    /// The salts of a position.
    #[must_use]
    pub fn salts(&self, position: u64) -> Salts {
        let mut hash = Sha256::new();
        hash.update([0x04]);
        hash.update(*self.salts);
        hash.update(position.to_be_bytes());
        let both: [u8; 32] = hash.finalize().into();
        let (leaf, record) = both.split_at(16);
        let number = |bytes: &[u8]| bytes.iter().fold(0_u128, |sum, byte| sum << 8 | u128::from(*byte));
        Salts { leaf: number(leaf), record: number(record) }
    }

    /// The public key as `/v1/keys` tells it: a JWK (RFC 8037), and in hexadecimal.
    #[must_use]
    pub fn jwk(&self) -> serde_json::Value {
        let public = self.public();
        serde_json::json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": hex(&public.0[..8]), "x": base64url(&public.0), "hex": public})
    }
}

/// A public key as people give it: 64 hexadecimal digits.
#[must_use]
pub fn public_key_from_hex(text: &str) -> Option<Digest> {
    unhex(text.trim())?.try_into().ok().map(Digest)
}

/// RFC 4648, section 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_stays_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        assert!(NotaryKey::read(dir.path()).unwrap().is_none());
        let key = NotaryKey::read_or_make(dir.path()).unwrap();
        let again = NotaryKey::read_or_make(dir.path()).unwrap();
        assert_eq!(key.public(), again.public());
        assert_eq!(key.salts(7).leaf, again.salts(7).leaf);
        let path = dir.path().join(NOTARY_DIR).join(KEY_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let bytes = std::fs::read(&path).unwrap();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            std::fs::write(&path, damaged).unwrap();
            assert!(NotaryKey::read_or_make(dir.path()).is_err(), "byte {at}: a damaged key is not replaced");
        }
    }

    #[test]
    fn the_public_key_is_that_of_rfc_8037() {
        // RFC 8037, appendix A.1 and A.2.
        let seed = unhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
        let key = NotaryKey::new(&seed.try_into().unwrap(), &[0; 32]);
        assert_eq!(key.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(public_key_from_hex(&key.public().to_string()), Some(key.public()));
    }
}
