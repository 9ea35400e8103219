//! The segment that is written: beginning it, and removing one that is not needed any more.

use std::sync::Arc;

use crate::disk::{Access, AlignedBuffer, BLOCK_BYTES, Disk, DiskFile};
use crate::error::{IoContext, StorageError};
use crate::journal::format::SegmentHeader;
use crate::journal::open::{WriteMode, segment_name};
use crate::journal::reader::Segment;
use crate::journal::spare::{SPARE, Spare};

/// The segment that is written.
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn DiskFile>,
    /// Where the next frame goes.
    pub(crate) end: u64,
}

/// Makes a segment of the spare: its header is durable before it gets its name, and the name before anything is in it.
pub(crate) fn begin_segment(
    disk: &dyn Disk,
    spare: &mut Spare,
    mode: WriteMode,
    header: SegmentHeader,
) -> Result<Active, StorageError> {
    spare.wait()?;
    let name = segment_name(header.first);
    let mut block = AlignedBuffer::new(BLOCK_BYTES);
    let seed = header.encode(block.bytes_mut());
    let access = if mode == WriteMode::Direct { Access::WriteDurable } else { Access::Write };
    let begin = || {
        let file = disk.open(SPARE, access)?;
        file.write_at(block.bytes(), 0)?;
        if mode == WriteMode::Synced {
            file.sync()?;
        }
        disk.rename(SPARE, &name)?;
        disk.sync_names()?;
        Ok(file)
    };
    let file = begin().doing("begin the segment", || disk.describe(&name))?;
    spare.taken();
    let segment = Arc::new(Segment::new(name, header, seed, Some(Vec::new())));
    Ok(Active { segment, file, end: BLOCK_BYTES as u64 })
}

/// Removes a segment, durably.
pub(crate) fn remove_segment(disk: &dyn Disk, name: &str) -> Result<(), StorageError> {
    let removed = match disk.remove(name) {
        // Removed by an earlier call that then failed to sync.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    };
    removed.doing("remove", || disk.describe(name))?;
    disk.sync_names().doing("sync the directory of", || disk.describe(name))
}
