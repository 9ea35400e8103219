//! A directory of files, as little of it as the journal, the vault and the key lists need.
//!
//! Everything that touches a disk goes through [`Disk`] and [`DiskFile`], so that tests can put [`MemoryDisk`] beneath
//! the real code and let it fail at operation n, crash after operation n, and keep, drop or tear what was not synced.

mod aligned;
mod memory;
mod real;

use std::io;
use std::sync::Arc;

pub(crate) use aligned::AlignedBuffer;
pub use memory::{CrashPolicy, MemoryDisk};
pub use real::RealDisk;

/// Alignment of offset, length and memory of a direct write, in bytes: the largest logical block in common use.
pub const BLOCK_BYTES: usize = 4096;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// An existing file, for reading.
    Read,
    /// An existing file, for reading and writing through the page cache.
    Write,
    /// A new file or an existing one, emptied; then like `Write`.
    Create,
    /// Like `Create`, but past the page cache: blocks must be aligned ([`BLOCK_BYTES`]), and `sync` is still needed.
    CreateDirect,
    /// An existing file, for writing past the page cache: blocks must be aligned, and a write that returns is durable.
    WriteDurable,
}

/// One directory. Names are plain file names in it.
pub trait Disk: Send + Sync {
    /// The file's name with its directory, for messages.
    fn describe(&self, name: &str) -> String;

    /// The names of all files, in no order.
    fn list(&self) -> io::Result<Vec<String>>;

    /// Opens a file. `InvalidInput` when the file system does not do direct writes.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name, replacing what had it. Durable after [`Disk::sync_names`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file. Durable after [`Disk::sync_names`].
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes all names (creations, renames, removals) durable.
    fn sync_names(&self) -> io::Result<()>;
}

/// An open file. All methods may be called from several threads.
pub trait DiskFile: Send + Sync {
    /// Fills `buffer` from `offset`; returns how many bytes there were, fewer than asked only at the end of the file.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Makes everything written durable, the file's length included.
    fn sync(&self) -> io::Result<()>;

    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Cuts the file to `length` bytes, or extends it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;
}

/// Reads exactly `buffer.len()` bytes; `UnexpectedEof` when the file is shorter.
pub(crate) fn read_exact_at(file: &dyn DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    if file.read_at(buffer, offset)? == buffer.len() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is shorter than its contents say"))
}
