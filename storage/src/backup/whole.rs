//! Files that a backup takes whole: bases, and where they are asked for, the keys.

use std::collections::BTreeSet;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::backup::copy::{check_copy, read_steps};
use crate::backup::manifest::{BackupFile, Manifest, hex};
use crate::backup::{BASES, BackupWriter, Copied, JOURNAL, Secret};
use crate::base::BaseName;
use crate::disk::{Access, Disk, RealDisk};
use crate::error::{IoContext, StorageError};
use crate::journal::Position;

impl BackupWriter {
    /// Copies bases that the backup does not have; `from` is their directory, `names` all that are there. Copy the journal first,
    /// and list them before: a base is of use only where the journal reaches as far as it.
    ///
    /// Older ones leave the backup, but for the oldest from which its journal can be read on: with the first records gone, it
    /// is where the backup begins.
    ///
    /// # Errors
    /// What either disk says; [`StorageError::Damaged`] when what was written cannot be read back. The backup holds what it held.
    pub fn copy_bases(&mut self, names: &[BaseName], from: &Path) -> Result<Copied, StorageError> {
        let Some(mut manifest) = self.manifest.clone() else { return Ok(Copied::default()) };
        let last = manifest.last;
        let mut copied = Copied { last, ..Copied::default() };
        let source = RealDisk::new(from).doing("open the directory", || from.display().to_string())?;
        for name in names.iter().filter(|name| name.highest <= last) {
            let file = name.file();
            if manifest.file(&format!("{BASES}/{file}")).is_some() {
                continue;
            }
            let put = match self.put_whole(BASES, &source, &file, 1, &|_| file.clone()) {
                // The engine keeps the newest only: this one left while we were at it.
                Err(StorageError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    continue;
                }
                put => put?,
            };
            copied.files += 1;
            copied.bytes += put.bytes;
            manifest.put(put);
        }
        let first = first_record(&manifest);
        let held: BTreeSet<BaseName> = bases(&manifest).collect();
        let begins = held.iter().find(|name| first > 1 && name.replay_from >= first).copied();
        let newest = held.iter().rev().take(names.len().max(1));
        let kept: BTreeSet<String> =
            newest.chain(begins.as_ref()).map(|name| format!("{BASES}/{}", name.file())).collect();
        manifest.files.retain(|file| !is_in(BASES, &file.name) || kept.contains(&file.name));
        self.commit(manifest, BASES)?;
        Ok(copied)
    }

    /// Copies a key file out of its directory, in the place of the copy before: keys that were destroyed are not kept. Copy the
    /// journal first: a key is made before the records that need it.
    ///
    /// # Errors
    /// What either disk says, and a backup without a journal.
    pub fn copy_secret(&mut self, secret: Secret, from: &Path) -> Result<Copied, StorageError> {
        let Some(mut manifest) = self.manifest.clone() else {
            let message = "copy the journal first".to_owned();
            return Err(StorageError::Backend { what: "a backup of keys", message });
        };
        let mut copied = Copied { last: manifest.last, ..Copied::default() };
        let source = RealDisk::new(from).doing("open the directory", || from.display().to_string())?;
        let name = |sha256: &[u8; 32]| format!("{}.{}", hex(&sha256[..8]), secret.ending());
        let put = self.put_whole(secret.folder(), &source, secret.file(), secret.record_bytes(), &name)?;
        if manifest.file(&put.name).is_none() {
            (copied.files, copied.bytes) = (1, put.bytes);
        }
        manifest.files.retain(|file| !is_in(secret.folder(), &file.name));
        manifest.put(put);
        self.commit(manifest, secret.folder())?;
        Ok(copied)
    }

    /// Copies a file under the name that its content gives it, and reads it back. Of a file that grows by records, whole records.
    fn put_whole(
        &self,
        folder: &str,
        source: &RealDisk,
        file: &str,
        record_bytes: u64,
        name: &dyn Fn(&[u8; 32]) -> String,
    ) -> Result<BackupFile, StorageError> {
        let shown = || source.describe(file);
        let original = source.open(file, Access::Read).doing("open", shown)?;
        let length = original.length().doing("measure", shown)?;
        let bytes = length - length % record_bytes;
        let mut hash = Sha256::new();
        let hashed = read_steps(&*original, 0, bytes, &mut |_, bytes| {
            hash.update(bytes);
            Ok(())
        });
        hashed.doing("read", shown)?;
        let sha256: [u8; 32] = hash.finalize().into();
        let name = name(&sha256);
        let target = RealDisk::new(&self.dir.join(folder))
            .doing("make the directory", || self.dir.join(folder).display().to_string())?;
        let written = || target.describe(&name);
        let full = format!("{folder}/{name}");
        let put = BackupFile { name: full, bytes, sha256 };
        if self.manifest.as_ref().and_then(|manifest| manifest.file(&put.name)) == Some(&put) {
            return Ok(put);
        }
        let copy = target.open(&name, Access::Create).doing("make", written)?;
        read_steps(&*original, 0, bytes, &mut |at, bytes| copy.write_at(bytes, at))
            .doing("copy to", written)?;
        copy.sync().doing("sync", written)?;
        target.sync_names().doing("sync the directory of", written)?;
        check_copy(&copy, Sha256::new(), 0, bytes, &sha256, &written)?;
        Ok(put)
    }

    /// Makes the manifest the backup's, and then removes what it does not name in the folder.
    fn commit(&mut self, manifest: Manifest, folder: &str) -> Result<(), StorageError> {
        let dir = self.dir.join(folder);
        let target = RealDisk::new(&dir).doing("make the directory", || dir.display().to_string())?;
        if self.manifest.as_ref() != Some(&manifest) {
            manifest.write(&self.disk)?;
        }
        for name in target.list().doing("list", || target.describe(""))? {
            if manifest.file(&format!("{folder}/{name}")).is_none() {
                target.remove(&name).doing("remove", || target.describe(&name))?;
            }
        }
        self.manifest = Some(manifest);
        target.sync_names().doing("sync the directory of", || target.describe(""))
    }
}

/// Whether a file of a backup lies in a folder.
pub(super) fn is_in(folder: &str, name: &str) -> bool {
    name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The bases that a manifest names.
pub(super) fn bases(manifest: &Manifest) -> impl Iterator<Item = BaseName> + '_ {
    let in_folder = |name: &str| BaseName::parse(name.strip_prefix(BASES)?.strip_prefix('/')?);
    manifest.files.iter().filter_map(move |file| in_folder(&file.name))
}

/// The first record of the segments that a manifest names.
fn first_record(manifest: &Manifest) -> Position {
    let digits = |name: &str| name.strip_prefix(JOURNAL)?.get(1..21)?.parse().ok();
    manifest.files.iter().filter_map(|file| digits(&file.name)).min().unwrap_or(0)
}
