//! What goes to the engine: commands and queries in frames that are kept until everything in them is answered, so that a
//! new link can be told again what the old one may have lost. No allocation for a single command.

use std::collections::VecDeque;

use vendue_protocol::link::FrameKind;

/// A frame is closed when it has this many bytes: several make one write, and a frame with one slow command in it does
/// not keep much else in memory.
const FRAME_BYTES: usize = 64 * 1024;
/// Kept bytes beyond which sent frames are written anew with only what is unanswered.
const COMPACT_BYTES: usize = 32 * 1024 * 1024;
/// Empty buffers that are kept for the next frames.
const SPARES: usize = 16;
/// A frame's length and kind.
const HEAD_BYTES: usize = 5;

/// Names a frame: counts up for ever.
pub(crate) type FrameSerial = u64;

#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// How many of its items are not answered yet.
    unanswered: u32,
}

/// One kind's frames in order: the first ones may have been sent, the last one may still be open.
#[derive(Debug)]
pub(crate) struct Outbox {
    kind: FrameKind,
    frames: VecDeque<Frame>,
    /// The serial of `frames[0]`.
    first: FrameSerial,
    /// Frames below this serial have been given to the link.
    sent: FrameSerial,
    /// Whether the last frame still takes items.
    is_open: bool,
    kept_bytes: usize,
    /// Kept bytes at which it is worth while to write frames anew.
    compact_at: usize,
    spares: Vec<Vec<u8>>,
}

impl Outbox {
    /// An empty outbox for frames of one kind.
    pub(crate) fn new(kind: FrameKind) -> Self {
        Self {
            kind,
            frames: VecDeque::new(),
            first: 0,
            sent: 0,
            is_open: false,
            kept_bytes: 0,
            compact_at: COMPACT_BYTES,
            spares: Vec::new(),
        }
    }

    /// Appends an item: `fill` writes its bytes, which begin with the request's number. Says in which frame it lies.
    #[inline]
    pub(crate) fn push(&mut self, fill: impl FnOnce(&mut Vec<u8>)) -> FrameSerial {
        if !self.is_open {
            self.open();
        }
        let Some(frame) = self.frames.back_mut() else { return self.first };
        let start = frame.bytes.len();
        frame.bytes.extend_from_slice(&[0; 4]);
        fill(&mut frame.bytes);
        let length = (frame.bytes.len() - start - 4) as u32;
        frame.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        frame.unanswered += 1;
        self.kept_bytes += frame.bytes.len() - start;
        if frame.bytes.len() >= FRAME_BYTES {
            self.is_open = false;
        }
        self.first + self.frames.len() as u64 - 1
    }

    fn open(&mut self) {
        let mut bytes = self.spares.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(&[0, 0, 0, 0, self.kind as u8]);
        self.frames.push_back(Frame { bytes, unanswered: 0 });
        self.is_open = true;
    }

    /// One item of this frame is answered, or given up.
    #[inline]
    pub(crate) fn answered(&mut self, serial: FrameSerial) {
        let Some(at) = serial.checked_sub(self.first) else { return };
        let Some(frame) = self.frames.get_mut(at as usize) else { return };
        frame.unanswered = frame.unanswered.saturating_sub(1);
        // A frame that has not been sent keeps its place: `flush` frees it.
        if frame.unanswered == 0 && serial < self.sent {
            self.free(at as usize);
        }
    }

    /// Takes a sent frame's bytes for another one to use, and forgets the frames at the front that have none.
    fn free(&mut self, at: usize) {
        let Some(frame) = self.frames.get_mut(at) else { return };
        let bytes = std::mem::take(&mut frame.bytes);
        self.kept_bytes -= bytes.len().saturating_sub(HEAD_BYTES);
        if self.spares.len() < SPARES {
            self.spares.push(bytes);
        }
        while self.first < self.sent && self.frames.front().is_some_and(|frame| frame.bytes.is_empty()) {
            self.frames.pop_front();
            self.first += 1;
        }
    }

    /// Whether a frame has been given to a link.
    #[inline]
    pub(crate) fn is_sent(&self, serial: FrameSerial) -> bool {
        serial < self.sent
    }

    /// Whether there is something to send.
    #[inline]
    pub(crate) fn has_unsent(&self) -> bool {
        self.first + (self.frames.len() as u64) > self.sent
    }

    /// Appends all frames that have not been sent to the link's bytes.
    pub(crate) fn flush(&mut self, link: &mut Vec<u8>) {
        self.is_open = false;
        let from = (self.sent - self.first) as usize;
        for frame in self.frames.iter_mut().skip(from) {
            let length = (frame.bytes.len() - 4) as u32;
            frame.bytes[..4].copy_from_slice(&length.to_le_bytes());
            link.extend_from_slice(&frame.bytes);
        }
        self.sent = self.first + self.frames.len() as u64;
        // From the back: freeing at the front moves the places of the others.
        for at in (from..self.frames.len()).rev() {
            if self.frames.get(at).is_some_and(|frame| frame.unanswered == 0) {
                self.free(at);
            }
        }
    }

    /// Writes all frames anew with only the items that `is_wanted` knows by their request's number, all of them unsent:
    /// for a new link. `moved` hears in which frame each now lies.
    pub(crate) fn rewrite(
        &mut self,
        is_wanted: impl Fn(u64) -> bool,
        mut moved: impl FnMut(u64, FrameSerial),
    ) {
        let old = std::mem::take(&mut self.frames);
        // Serials go on: those of the old frames name nothing any more.
        self.first += old.len() as u64;
        self.sent = self.first;
        self.is_open = false;
        self.kept_bytes = 0;
        for frame in old {
            for item in vendue_protocol::link::Items::new(frame.bytes.get(HEAD_BYTES..).unwrap_or_default()) {
                let Ok(item) = item else { continue };
                let Some((number, _)) = item.split_first_chunk::<8>() else { continue };
                let number = u64::from_le_bytes(*number);
                if is_wanted(number) {
                    moved(number, self.push(|out| out.extend_from_slice(item)));
                }
            }
            if self.spares.len() < SPARES && frame.bytes.capacity() > 0 {
                self.spares.push(frame.bytes);
            }
        }
    }

    /// Writes sent frames anew without what is answered, where they take much room; they stay sent.
    pub(crate) fn compact(&mut self, is_wanted: impl Fn(u64) -> bool, moved: impl FnMut(u64, FrameSerial)) {
        if self.kept_bytes < self.compact_at || self.has_unsent() {
            return;
        }
        self.rewrite(is_wanted, moved);
        self.is_open = false;
        self.sent = self.first + self.frames.len() as u64;
        // What is really unanswered may be much: it is not copied again before it has doubled.
        self.compact_at = COMPACT_BYTES.max(2 * self.kept_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vendue_protocol::link::{Items, split_frame};

    fn push(outbox: &mut Outbox, number: u64) -> FrameSerial {
        outbox.push(|out| {
            out.extend_from_slice(&number.to_le_bytes());
            out.extend_from_slice(&[7; 100]);
        })
    }

    /// The numbers of all items in the link's bytes, in order.
    fn numbers(mut link: &[u8]) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((kind, payload, length)) = split_frame(link).unwrap() {
            assert_eq!(kind, FrameKind::Commands);
            for item in Items::new(payload) {
                let item = item.unwrap();
                assert_eq!(item.len(), 108);
                numbers.push(u64::from_le_bytes(item[..8].try_into().unwrap()));
            }
            link = &link[length..];
        }
        numbers
    }

    #[test]
    fn what_is_unanswered_is_sent_again_in_order() {
        let mut outbox = Outbox::new(FrameKind::Commands);
        let serials: Vec<_> = (0..2_000).map(|number| push(&mut outbox, number)).collect();
        assert!(serials[1_999] > serials[0] && !outbox.is_sent(serials[0]));
        let mut link = Vec::new();
        outbox.flush(&mut link);
        assert_eq!(numbers(&link), (0..2_000).collect::<Vec<_>>());
        assert!(outbox.is_sent(serials[1_999]) && !outbox.has_unsent());
        for &serial in &serials[..1_990] {
            outbox.answered(serial);
        }
        push(&mut outbox, 5_000);
        let mut moved = Vec::new();
        outbox.rewrite(|number| number >= 1_990, |number, serial| moved.push((number, serial)));
        assert_eq!(moved.len(), 11);
        assert!(!outbox.is_sent(moved[0].1));
        link.clear();
        outbox.flush(&mut link);
        assert_eq!(numbers(&link), (1_990..2_000).chain([5_000]).collect::<Vec<_>>());
        for (_, serial) in moved {
            outbox.answered(serial);
        }
        assert_eq!((outbox.frames.len(), outbox.kept_bytes), (0, 0));
    }

    #[test]
    fn an_answer_before_sending_leaves_the_frame() {
        let mut outbox = Outbox::new(FrameKind::Commands);
        let serial = push(&mut outbox, 1);
        outbox.answered(serial);
        push(&mut outbox, 2);
        let mut link = Vec::new();
        outbox.flush(&mut link);
        assert_eq!(numbers(&link), [1, 2]);
        let serial = push(&mut outbox, 3);
        outbox.answered(serial);
        outbox.flush(&mut link);
        let kept = outbox.frames.iter().filter(|frame| !frame.bytes.is_empty()).count();
        assert_eq!(kept, 1, "what was answered before it was sent is not kept");
    }
}
