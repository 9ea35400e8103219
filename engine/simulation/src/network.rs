//! Streams that carry bytes late and in pieces, but in order: what TCP and Unix sockets promise, and no more. A stream
//! that is cut loses what had not arrived, at any byte.

use std::collections::VecDeque;

use vendue_domain::time::Timestamp;

use crate::chance::Chance;

/// The longest that a piece is usually under way, in microseconds.
const DELAY_US: u64 = 3_000;
/// The longest delay of the few pieces that take long, in microseconds.
const LONG_DELAY_US: u64 = 150_000;

/// One direction of a connection.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pieces: VecDeque<(Timestamp, Vec<u8>)>,
}

impl Stream {
    /// Sends bytes; they arrive in one to three pieces, none before what was sent earlier.
    pub(crate) fn send(&mut self, now: Timestamp, bytes: &[u8], chance: &mut Chance) {
        let mut rest = bytes;
        for left in (0..chance.between(1, 3)).rev() {
            if rest.is_empty() {
                return;
            }
            let length = if left == 0 { rest.len() } else { chance.between(1, rest.len() as u64) as usize };
            let delay = if chance.per_mille(20) { LONG_DELAY_US } else { DELAY_US };
            let earliest = self.pieces.back().map_or(now, |(at, _)| now.max(*at));
            let arrives = earliest.max(now.plus_micros(chance.below(delay)));
            let (piece, after) = rest.split_at(length);
            self.pieces.push_back((arrives, piece.to_vec()));
            rest = after;
        }
    }

    /// What has arrived by now.
    pub(crate) fn receive(&mut self, now: Timestamp) -> Vec<u8> {
        let mut arrived = Vec::new();
        while self.pieces.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, piece)) = self.pieces.pop_front() {
                arrived.extend_from_slice(&piece);
            }
        }
        arrived
    }

    /// The connection is lost: some of what was under way still arrives, the rest never does.
    pub(crate) fn cut(&mut self, chance: &mut Chance) -> Vec<u8> {
        let arriving = chance.below(self.pieces.len() as u64 + 1) as usize;
        self.pieces.drain(..).take(arriving).flat_map(|(_, piece)| piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_order_whatever_the_delays() {
        let (mut chance, mut stream) = (Chance::new(7), Stream::default());
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for round in 0..200_u64 {
            let bytes: Vec<u8> = (0..chance.below(50)).map(|_| chance.number() as u8).collect();
            let now = Timestamp(round as i64 * 1_000);
            stream.send(now, &bytes, &mut chance);
            sent.extend(bytes);
            got.extend(stream.receive(now));
        }
        got.extend(stream.receive(Timestamp::MAX));
        assert_eq!(sent, got);
    }
}
