//! What a backup holds, in one small text file that is replaced whole: what it does not name is not in the backup.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::disk::{Access, Disk};
use crate::error::{IoContext, StorageError};
use crate::journal::Position;

/// The manifest's name in the backup's directory.
pub(crate) const MANIFEST: &str = "manifest";
/// Its name while it is written.
const MANIFEST_TEMPORARY: &str = "manifest.tmp";
/// What its first line says before the version.
const MAGIC: &str = "VENDUE BACKUP ";
/// Version of the manifest. A change of a meaning is a new one; an unknown one is refused.
const VERSION: u32 = 1;
/// What can be done about a bad backup.
pub(crate) const OTHER_BACKUP: &str =
    "Nothing was changed. Take another backup; do not repair this one by hand";

/// One file of a backup: its first `bytes`, whatever stands behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupFile {
    /// Its name below the backup's directory, `journal/00000000000000000001.segment` say.
    pub name: String,
    /// How many bytes of it count.
    pub bytes: u64,
    /// SHA-256 of these bytes.
    pub sha256: [u8; 32],
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The cell that it is of.
    pub cell: [u8; 16],
    /// The epoch of its history's newest segment.
    pub epoch: u64,
    /// The last record that it holds.
    pub last: Position,
    /// Its files, by name.
    pub files: Vec<BackupFile>,
}

impl Manifest {
    /// The manifest as it is written: lines of words, the last one the SHA-256 of all before it.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        let (cell, epoch, last) = (hex(&self.cell), self.epoch, self.last);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{MAGIC}{VERSION}\ncell {cell}\nepoch {epoch}\nlast {last}");
        for file in &self.files {
            let _ = writeln!(text, "file {} {} {}", file.name, file.bytes, hex(&file.sha256));
        }
        let check = hex(&Sha256::digest(text.as_bytes()));
        let _ = writeln!(text, "check {check}");
        text
    }

    /// Reads a manifest; `shown` is its name for messages.
    ///
    /// # Errors
    /// [`StorageError::Foreign`], [`StorageError::NewerVersion`] or [`StorageError::Damaged`].
    pub fn from_text(text: &str, shown: &str) -> Result<Manifest, StorageError> {
        let first = text.lines().next().unwrap_or_default();
        let Some(version) = first.strip_prefix(MAGIC).and_then(|version| version.parse().ok()) else {
            return Err(StorageError::Foreign { file: shown.to_owned(), expected: "\"VENDUE BACKUP\"" });
        };
        if version > VERSION {
            return Err(StorageError::NewerVersion {
                file: shown.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        let damaged = |offset: usize, expected: &str, found: String| {
            StorageError::damaged(shown.to_owned(), offset as u64, expected, found, OTHER_BACKUP)
        };
        let (body, check) = text
            .strip_suffix('\n')
            .and_then(|text| text.rsplit_once("\ncheck "))
            .ok_or_else(|| damaged(text.len(), "a line with its check", "the end of the file".to_owned()))?;
        let body = &text[..=body.len()];
        let computed = hex(&Sha256::digest(body.as_bytes()));
        if check != computed {
            return Err(damaged(body.len(), check, computed));
        }
        parse(body).ok_or_else(|| damaged(0, "lines of a manifest", "something else".to_owned()))
    }

    /// Reads the manifest in a backup's directory; `None` where there is none.
    ///
    /// # Errors
    /// As for [`Manifest::from_text`], and what the disk says.
    pub(crate) fn read(disk: &dyn Disk) -> Result<Option<Manifest>, StorageError> {
        let shown = || disk.describe(MANIFEST);
        let file = match disk.open(MANIFEST, Access::Read) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.doing("open", shown)?,
        };
        let mut bytes = vec![0; file.length().doing("measure", shown)? as usize];
        let read = file.read_at(&mut bytes, 0).doing("read", shown)?;
        bytes.truncate(read);
        let text = String::from_utf8_lossy(&bytes);
        Manifest::from_text(&text, &shown()).map(Some)
    }

    /// Puts this manifest in the place of the one before, durably.
    pub(crate) fn write(&self, disk: &dyn Disk) -> Result<(), StorageError> {
        let shown = || disk.describe(MANIFEST_TEMPORARY);
        let file = disk.open(MANIFEST_TEMPORARY, Access::Create).doing("make", shown)?;
        file.write_at(self.to_text().as_bytes(), 0).doing("write", shown)?;
        file.sync().doing("sync", shown)?;
        disk.rename(MANIFEST_TEMPORARY, MANIFEST).doing("rename", shown)?;
        disk.sync_names().doing("sync the directory of", shown)
    }

    /// The file of that name.
    pub(crate) fn file(&self, name: &str) -> Option<&BackupFile> {
        self.files.iter().find(|file| file.name == name)
    }

    /// Puts a file in, in the place of one with its name.
    pub(crate) fn put(&mut self, file: BackupFile) {
        self.files.retain(|other| other.name != file.name);
        let at = self.files.partition_point(|other| other.name < file.name);
        self.files.insert(at, file);
    }
}

fn parse(body: &str) -> Option<Manifest> {
    let mut lines = body.lines().skip(1);
    let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
    let cell = unhex(field("cell")?)?;
    let epoch = field("epoch")?.parse().ok()?;
    let last = field("last")?.parse().ok()?;
    let mut files = Vec::new();
    for line in lines {
        let mut words = line.strip_prefix("file ")?.split(' ');
        let (name, bytes, sha256) = (words.next()?, words.next()?, words.next()?);
        // A name never leaves the backup's directory, whoever wrote the manifest.
        let is_plain =
            Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        if words.next().is_some() || !is_plain {
            return None;
        }
        files.push(BackupFile { name: name.to_owned(), bytes: bytes.parse().ok()?, sha256: unhex(sha256)? });
    }
    Some(Manifest { cell, epoch, last, files })
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let name = |name: &str| name.to_owned();
        Manifest {
            cell: [0xab; 16],
            epoch: 3,
            last: 4_711,
            files: vec![
                BackupFile {
                    name: name("journal/00000000000000000001.segment"),
                    bytes: 8_192,
                    sha256: [7; 32],
                },
                BackupFile { name: name("vault/0909.vault"), bytes: 64, sha256: [9; 32] },
            ],
        }
    }

    /// The bytes of a manifest, pinned: a change here is a change of the format.
    #[test]
    fn the_text_is_what_it_was() {
        let text = manifest().to_text();
        let (body, check) = text.trim_end().rsplit_once('\n').unwrap();
        let seven = "07".repeat(32);
        let nine = "09".repeat(32);
        assert_eq!(
            body,
            format!(
                "VENDUE BACKUP 1\ncell abababababababababababababababab\nepoch 3\nlast 4711\n\
                 file journal/00000000000000000001.segment 8192 {seven}\nfile vault/0909.vault 64 {nine}"
            )
        );
        assert_eq!(check.len(), "check ".len() + 64);
        assert_eq!(Manifest::from_text(&text, "m").unwrap(), manifest());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let text = manifest().to_text();
        for bit in 0..text.len() * 8 {
            let mut bytes = text.clone().into_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let read = Manifest::from_text(&String::from_utf8_lossy(&bytes), "m");
            assert!(read.is_err(), "bit {bit}");
        }
        for length in 0..text.len() {
            assert!(Manifest::from_text(&text[..length], "m").is_err(), "{length} bytes");
        }
    }

    #[test]
    fn names_do_not_leave_the_directory_and_versions_are_told() {
        let with_check = |body: &str| format!("{body}check {}\n", hex(&Sha256::digest(body.as_bytes())));
        let zeros = "00".repeat(16);
        let hash = "00".repeat(32);
        let head = format!("VENDUE BACKUP 1\ncell {zeros}\nepoch 1\nlast 1\n");
        let cases = [
            (format!("{head}file journal/a 1 {hash}\n"), true),
            (format!("{head}file ../a 1 {hash}\n"), false),
            (format!("{head}file /etc/a 1 {hash}\n"), false),
            (format!("{head}file a 1\n"), false),
            (format!("{head}other a\n"), false),
        ];
        for (body, is_good) in cases {
            assert_eq!(Manifest::from_text(&with_check(&body), "m").is_ok(), is_good, "{body}");
        }
        let newer = Manifest::from_text("VENDUE BACKUP 2\n", "m").unwrap_err();
        assert!(matches!(newer, StorageError::NewerVersion { found: 2, known: 1, .. }), "{newer}");
        let foreign = Manifest::from_text("hello\n", "m").unwrap_err();
        assert!(matches!(foreign, StorageError::Foreign { .. }), "{foreign}");
    }
}
