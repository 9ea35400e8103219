//! Memory aligned for direct writes, without `unsafe`: a little too much is allocated, and the aligned part is used.

use super::BLOCK_BYTES;

/// A zeroed buffer that begins at a multiple of [`BLOCK_BYTES`] in memory.
pub(crate) struct AlignedBuffer {
    memory: Box<[u8]>,
    start: usize,
    length: usize,
}

impl AlignedBuffer {
    /// `length` is rounded up to whole blocks.
    pub(crate) fn new(length: usize) -> AlignedBuffer {
        let length = length.next_multiple_of(BLOCK_BYTES);
        // A boxed slice never moves, so its alignment is found once.
        let memory = vec![0; length + BLOCK_BYTES].into_boxed_slice();
        let start = memory.as_ptr().align_offset(BLOCK_BYTES).min(BLOCK_BYTES);
        AlignedBuffer { memory, start, length }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.length]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_aligned_and_zero() {
        for length in [1, BLOCK_BYTES, 5 * BLOCK_BYTES + 7] {
            let mut buffer = AlignedBuffer::new(length);
            assert_eq!(buffer.bytes().as_ptr() as usize % BLOCK_BYTES, 0);
            assert!(buffer.bytes().len() >= length && buffer.bytes().len().is_multiple_of(BLOCK_BYTES));
            assert!(buffer.bytes_mut().iter().all(|byte| *byte == 0));
        }
    }
}
