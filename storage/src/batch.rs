//! Records on their way to the journal, encoded once into one buffer.

/// Most bytes of records, length prefixes included, in one append. A replicated journal's message holds at most
/// 1 MiB with its headers (DESIGN section 6), and every journal shall take what another one takes.
pub const MAX_BATCH_BYTES: usize = 1_000 * 1024;

/// Bytes of the length (`u32`, little-endian) that stands before every record.
const PREFIX_BYTES: usize = 4;

/// A batch of records ready for the journal: every record length-prefixed in one buffer. Reusable: [`Batch::clear`]
/// keeps the memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    payload: Vec<u8>,
    count: u32,
}

impl Batch {
    /// An empty batch; it allocates with its first record.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Drops all records and keeps the memory.
    pub fn clear(&mut self) {
        self.payload.clear();
        self.count = 0;
    }

    /// Number of records.
    pub fn len(&self) -> u32 {
        self.count
    }

    /// Bytes that this batch takes in a frame, length prefixes included. To compare with [`MAX_BATCH_BYTES`].
    pub fn bytes(&self) -> usize {
        self.payload.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Encodes one record in place: `f` appends the record's bytes to the buffer it is given, and touches nothing that
    /// already stands there. No copy is made.
    pub fn push_with(&mut self, f: impl FnOnce(&mut Vec<u8>)) {
        let start = self.payload.len();
        self.payload.extend_from_slice(&[0; PREFIX_BYTES]);
        f(&mut self.payload);
        let length = self.payload.len() - start - PREFIX_BYTES;
        // A record over 4 GiB cannot be appended anyway (MAX_BATCH_BYTES): the journal refuses the batch by its size.
        let prefix = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
        self.payload[start..start + PREFIX_BYTES].copy_from_slice(&prefix);
        self.count += 1;
    }

    /// Appends one record that is already encoded.
    pub fn push(&mut self, record: &[u8]) {
        self.push_with(|buffer| buffer.extend_from_slice(record));
    }

    /// Drops the last record, if there is one. Takes time proportional to the batch: for the rare case that a record
    /// must be taken back.
    pub fn pop(&mut self) {
        let Some(kept) = self.count.checked_sub(1) else { return };
        let end: usize = self.iter().take(kept as usize).map(|record| PREFIX_BYTES + record.len()).sum();
        self.payload.truncate(end);
        self.count = kept;
    }

    /// Appends the records of `other`, in order.
    pub fn append(&mut self, other: &Batch) {
        self.payload.extend_from_slice(&other.payload);
        self.count += other.count;
    }

    /// The records, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        Records::new(&self.payload)
    }

    /// The buffer as it goes into a frame.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }
}

/// The records of a payload, in order. Ends early at a length that does not fit, which in a checked frame cannot be;
/// [`Records::rest`] tells.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Reads the records of `payload`: each a `u32` little-endian length and that many bytes.
    pub fn new(payload: &'a [u8]) -> Records<'a> {
        Records { rest: payload }
    }

    /// The bytes not yet read: empty after the last record of an intact payload.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (prefix, after) = self.rest.split_first_chunk::<PREFIX_BYTES>()?;
        let length = u32::from_le_bytes(*prefix) as usize;
        let (record, rest) = after.split_at_checked(length)?;
        self.rest = rest;
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(records: &[&[u8]]) -> Batch {
        let mut batch = Batch::new();
        records.iter().for_each(|record| batch.push(record));
        batch
    }

    #[test]
    fn records_come_back_in_order() {
        let cases: [&[&[u8]]; 4] = [&[], &[b""], &[b"one"], &[b"one", b"", b"three", &[0; 300]]];
        for records in cases {
            let batch = batch(records);
            assert_eq!(batch.iter().collect::<Vec<_>>(), records);
            assert_eq!(batch.len() as usize, records.len());
            assert_eq!(batch.bytes(), records.iter().map(|r| r.len() + 4).sum::<usize>());
            assert_eq!(batch.is_empty(), records.is_empty());
        }
    }

    #[test]
    fn pop_takes_back_the_last_and_append_joins() {
        let mut left = batch(&[b"a", b"bb"]);
        left.append(&batch(&[b"ccc"]));
        assert_eq!(left, batch(&[b"a", b"bb", b"ccc"]));
        left.pop();
        left.pop();
        assert_eq!(left, batch(&[b"a"]));
        left.pop();
        left.pop();
        assert_eq!(left, Batch::new());
        left.push_with(|buffer| buffer.extend([1, 2]));
        left.clear();
        assert!(left.is_empty() && left.bytes() == 0);
    }

    #[test]
    fn a_payload_cut_short_ends_early_and_says_so() {
        let whole = batch(&[b"abc", b"defg"]);
        let mut records = Records::new(&whole.payload()[..whole.bytes() - 1]);
        assert_eq!(records.by_ref().count(), 1);
        assert!(!records.rest().is_empty());
    }
}
