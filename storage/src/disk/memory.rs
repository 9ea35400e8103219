//! A disk in memory that loses what was not synced, fails when told, and crashes when told.
//!
//! Its world outlives a handle: [`MemoryDisk`] is cloned freely, and [`MemoryDisk::after_crash`] gives the disk that
//! a machine would find after losing power at this moment.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Access, BLOCK_BYTES, Disk, DiskFile};

/// What a disk writes as one: unsynced writes are kept or dropped by such sectors.
const SECTOR_BYTES: usize = 512;

/// A torn sector keeps a prefix of a multiple of this. No known device tears within 64 bytes; the journal's judgement
/// of a torn tail rests on it (see the journal's module documentation).
const TEAR_BYTES: usize = 64;

/// What happens to unsynced writes in a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CrashPolicy {
    /// The process died: the operating system keeps everything.
    KeepAll,
    /// The power went: nothing unsynced was written.
    DropAll,
    /// The power went: each unsynced sector is kept, dropped or torn, and the unsynced names kept up to some point,
    /// by this seed.
    Random(u64),
}

/// A directory in memory. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct MemoryDisk {
    world: Arc<Mutex<World>>,
}

#[derive(Clone, Default)]
struct World {
    names: BTreeMap<String, usize>,
    /// The names as of the last sync, and what happened to them since, in order.
    synced_names: BTreeMap<String, usize>,
    unsynced_names: Vec<BTreeMap<String, usize>>,
    files: Vec<Contents>,
    operations: u64,
    fail_at: Option<(u64, io::ErrorKind)>,
    crash_at: Option<u64>,
    crashed: bool,
    refuses_direct: bool,
}

#[derive(Clone, Default)]
struct Contents {
    live: Vec<u8>,
    synced: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Clone)]
enum Write {
    Bytes(usize, Vec<u8>),
    Length(usize),
}

impl Default for MemoryDisk {
    fn default() -> MemoryDisk {
        MemoryDisk::new()
    }
}

impl MemoryDisk {
    /// An empty disk on which nothing fails.
    pub fn new() -> MemoryDisk {
        MemoryDisk { world: Arc::default() }
    }

    /// Makes direct writes impossible, as some file systems do.
    pub fn refuse_direct(&self) {
        self.world().refuses_direct = true;
    }

    /// Number of operations so far; the next one has this number.
    pub fn operations(&self) -> u64 {
        self.world().operations
    }

    /// Operation `n` fails with `kind`, as often as it is counted to again: once.
    pub fn fail_at(&self, n: u64, kind: io::ErrorKind) {
        self.world().fail_at = Some((n, kind));
    }

    /// The machine stops at operation `n`: it is begun, and it and all later ones fail.
    pub fn crash_at(&self, n: u64) {
        self.world().crash_at = Some(n);
    }

    /// Whether the crash asked for has happened.
    pub fn crashed(&self) -> bool {
        self.world().crashed
    }

    /// The disk as it is found after a crash at this moment. This one stays as it is.
    pub fn after_crash(&self, policy: CrashPolicy) -> MemoryDisk {
        let world = self.world();
        let mut random = Random(match policy {
            CrashPolicy::Random(seed) => seed,
            CrashPolicy::KeepAll | CrashPolicy::DropAll => 0,
        });
        let names = match policy {
            CrashPolicy::KeepAll => world.names.clone(),
            CrashPolicy::DropAll => world.synced_names.clone(),
            CrashPolicy::Random(_) => {
                let kept = random.below(world.unsynced_names.len() as u64 + 1) as usize;
                if kept == 0 { world.synced_names.clone() } else { world.unsynced_names[kept - 1].clone() }
            }
        };
        let files =
            world.files.iter().map(|file| Contents::settled(file.after_crash(policy, &mut random))).collect();
        let after = World {
            synced_names: names.clone(),
            names,
            files,
            refuses_direct: world.refuses_direct,
            ..World::default()
        };
        MemoryDisk { world: Arc::new(Mutex::new(after)) }
    }

    /// A copy that shares nothing with this one; faults asked for are not copied.
    pub fn duplicate(&self) -> MemoryDisk {
        self.after_crash(CrashPolicy::KeepAll)
    }

    /// The bytes of a file, if there is one.
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let world = self.world();
        world.names.get(name).map(|id| world.files[*id].live.clone())
    }

    /// Puts `bytes` there as the whole file, durably: how a test plants damage.
    pub fn plant(&self, name: &str, bytes: Vec<u8>) {
        let mut world = self.world();
        let id = world.files.len();
        world.files.push(Contents::settled(bytes));
        world.names.insert(name.to_owned(), id);
        world.synced_names.insert(name.to_owned(), id);
    }

    /// Removes a file, durably, as an operator's mistake would.
    pub fn lose(&self, name: &str) {
        let mut world = self.world();
        world.names.remove(name);
        world.synced_names.remove(name);
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl World {
    /// Counts an operation. `Err` when it fails without being done; `Ok(true)` when the machine stops in its midst.
    fn count(&mut self) -> io::Result<bool> {
        let n = self.operations;
        self.operations += 1;
        if self.crashed {
            return Err(io::Error::other("the machine has stopped"));
        }
        if let Some((at, kind)) = self.fail_at
            && at == n
        {
            return Err(io::Error::new(kind, "injected"));
        }
        self.crashed = self.crash_at == Some(n);
        Ok(self.crashed)
    }

    fn rename_done(&mut self) {
        self.unsynced_names.push(self.names.clone());
    }
}

fn stopped<T>() -> io::Result<T> {
    Err(io::Error::other("the machine stopped during this operation"))
}

impl Disk for MemoryDisk {
    fn describe(&self, name: &str) -> String {
        format!("memory/{name}")
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut world = self.world();
        if world.count()? {
            return stopped();
        }
        Ok(world.names.keys().cloned().collect())
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.world();
        let stop = world.count()?;
        let direct = matches!(access, Access::CreateDirect | Access::WriteDurable);
        if direct && world.refuses_direct {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let creates = matches!(access, Access::Create | Access::CreateDirect);
        let id = match world.names.get(name) {
            Some(id) => *id,
            None if creates => {
                let id = world.files.len();
                world.files.push(Contents::default());
                world.names.insert(name.to_owned(), id);
                world.rename_done();
                id
            }
            None => return Err(io::ErrorKind::NotFound.into()),
        };
        if creates {
            world.files[id].change(Write::Length(0));
        }
        if stop {
            return stopped();
        }
        let durable = access == Access::WriteDurable;
        Ok(Arc::new(MemoryFile { world: Arc::clone(&self.world), id, direct, durable }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut world = self.world();
        let stop = world.count()?;
        let id = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), id);
        world.rename_done();
        if stop { stopped() } else { Ok(()) }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        let stop = world.count()?;
        world.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        world.rename_done();
        if stop { stopped() } else { Ok(()) }
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut world = self.world();
        if world.count()? {
            return stopped();
        }
        world.synced_names = world.names.clone();
        world.unsynced_names.clear();
        Ok(())
    }
}

struct MemoryFile {
    world: Arc<Mutex<World>>,
    id: usize,
    direct: bool,
    durable: bool,
}

impl MemoryFile {
    /// Runs one counted operation on the file's contents.
    fn with<T>(&self, action: impl FnOnce(&mut Contents, bool) -> io::Result<T>) -> io::Result<T> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = world.count()?;
        let done = action(&mut world.files[self.id], stop)?;
        if stop { stopped() } else { Ok(done) }
    }
}

impl DiskFile for MemoryFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.with(|file, _| {
            let rest = file.live.get(offset as usize..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            Ok(count)
        })
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let aligned =
            [bytes.as_ptr() as usize, bytes.len(), offset as usize].iter().all(|n| n % BLOCK_BYTES == 0);
        if self.direct && !aligned {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.with(|file, stop| {
            file.change(Write::Bytes(offset as usize, bytes.to_vec()));
            // Durable when it returns; when the machine stops in its midst it does not return.
            if self.durable && !stop {
                file.settle();
            }
            Ok(())
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.with(|file, stop| {
            if !stop {
                file.settle();
            }
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|file, _| Ok(file.live.len() as u64))
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.with(|file, _| {
            file.change(Write::Length(length as usize));
            Ok(())
        })
    }
}

impl Contents {
    fn settled(bytes: Vec<u8>) -> Contents {
        Contents { live: bytes.clone(), synced: bytes, unsynced: Vec::new() }
    }

    fn settle(&mut self) {
        self.unsynced.clear();
        self.synced.clone_from(&self.live);
    }

    fn change(&mut self, write: Write) {
        write.apply(&mut self.live, || SECTOR_BYTES);
        self.unsynced.push(write);
    }

    fn after_crash(&self, policy: CrashPolicy, random: &mut Random) -> Vec<u8> {
        match policy {
            CrashPolicy::KeepAll => self.live.clone(),
            CrashPolicy::DropAll => self.synced.clone(),
            CrashPolicy::Random(_) => {
                let mut bytes = self.synced.clone();
                for write in &self.unsynced {
                    write.apply(&mut bytes, || random.kept_of_a_sector());
                }
                bytes
            }
        }
    }
}

impl Write {
    /// Applies the write sector by sector; `kept` says how many bytes of each arrive, [`SECTOR_BYTES`] being all.
    fn apply(&self, bytes: &mut Vec<u8>, mut kept: impl FnMut() -> usize) {
        match self {
            Write::Length(length) => {
                if kept() > 0 {
                    bytes.resize(*length, 0);
                }
            }
            Write::Bytes(offset, data) => {
                let mut at = *offset;
                let end = offset + data.len();
                while at < end {
                    let sector_start = at - at % SECTOR_BYTES;
                    let next = (sector_start + SECTOR_BYTES).min(end);
                    let stop = next.min(sector_start + kept());
                    if at < stop {
                        if bytes.len() < stop {
                            bytes.resize(stop, 0);
                        }
                        bytes[at..stop].copy_from_slice(&data[at - offset..stop - offset]);
                    }
                    at = next;
                }
            }
        }
    }
}

/// SplitMix64: small, and the same everywhere, so that a seed means the same crash on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Two in five sectors are kept, two dropped, one torn.
    fn kept_of_a_sector(&mut self) -> usize {
        match self.below(5) {
            0 | 1 => SECTOR_BYTES,
            2 | 3 => 0,
            _ => TEAR_BYTES * self.below((SECTOR_BYTES / TEAR_BYTES) as u64) as usize,
        }
    }
}
