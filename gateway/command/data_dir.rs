//! The data directory: what lies where.
//!
//! ```text
//! DIR/journal/       the truth: every event, in order (engine)
//! DIR/state/         checkpoints; can be rebuilt from the journal (engine)
//! DIR/vault/         keys of personal data (engine)
//! DIR/keys/          outcomes of older command keys, one list for each sealed segment (engine)
//! DIR/engine.sock    where gateways reach the engine
//! DIR/token.secret   signs tokens (HS256): 32 random bytes in hexadecimal, readable by its owner only
//! DIR/demo.json      where a running demo is, and tokens for it; readable by its owner only
//! DIR/logs/          what the demo's engine and gateway log
//! ```

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Paths in a data directory.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(pub(crate) PathBuf);

impl DataDir {
    /// The secret that signs tokens.
    pub(crate) fn token_secret(&self) -> PathBuf {
        self.0.join("token.secret")
    }

    /// Where a running demo is.
    pub(crate) fn demo_file(&self) -> PathBuf {
        self.0.join("demo.json")
    }

    /// What a child of the demo logs.
    pub(crate) fn log_file(&self, of: &str) -> PathBuf {
        self.0.join("logs").join(format!("{of}.log"))
    }

    /// Makes the directory, readable by its owner only, where it is missing.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|error| {
            let what = format!("cannot make the data directory {}", self.0.display());
            Failure::broken(what, error, "choose another with --data-dir, or make it writable")
        })
    }
}

/// Writes a file that only its owner may read, synced.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces a file that only its owner may read: whoever reads sees the old content or the new, never a part.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension(format!("new.{}", std::process::id()));
    write_private(&beside, bytes)?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn directory_and_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir(dir.path().join("a/b"));
        data.create().unwrap();
        data.create().unwrap();
        replace_private(&data.demo_file(), b"one").unwrap();
        replace_private(&data.demo_file(), b"two").unwrap();
        assert_eq!(fs::read(data.demo_file()).unwrap(), b"two");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data.demo_file()), 0o600);
        assert_eq!(mode(&data.0), 0o700);
        assert_eq!(fs::read_dir(&data.0).unwrap().count(), 1, "nothing else is left behind");
    }
}
