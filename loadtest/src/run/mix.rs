//! Shares of the kinds of requests.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `lot.bid`.
    Bid,
    /// `stock.reserve`.
    Reserve,
    /// `book.place`.
    Book,
}

impl Kind {
    /// All of them, in the order of [`Mix`].
    pub const ALL: [Self; 3] = [Self::Bid, Self::Reserve, Self::Book];

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bid => "bid",
            Self::Reserve => "reserve",
            Self::Book => "book",
        }
    }
}

/// So much of each kind, in the order of [`Kind::ALL`]; what the sum is does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mix([u32; 3]);

impl Mix {
    /// Of one kind only.
    #[must_use]
    pub const fn only(kind: Kind) -> Self {
        let mut shares = [0; 3];
        shares[kind as usize] = 1;
        Self(shares)
    }

    /// Whether there is any of this kind.
    #[must_use]
    pub const fn has(&self, kind: Kind) -> bool {
        self.0[kind as usize] > 0
    }

    /// The only kind, where there is but one.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        let mut there = Kind::ALL.into_iter().filter(|kind| self.has(*kind));
        there.next().filter(|_| there.next().is_none())
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut mix = Self([0; 3]);
        for part in text.split(',') {
            let found = part.trim().split_once('=').and_then(|(name, share)| {
                let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name)?;
                let share: u32 = share.trim_end_matches('%').parse().ok().filter(|share| *share <= 1_000)?;
                Some((kind, share))
            });
            let (kind, share) = found.ok_or_else(|| {
                format!("{part:?} is none of bid=80, reserve=10, book=10 (shares from 0 to 1000)")
            })?;
            mix.0[kind as usize] = share;
        }
        if mix.0.iter().all(|share| *share == 0) { Err("a mix of nothing".into()) } else { Ok(mix) }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u32 = self.0.iter().sum();
        let parts = Kind::ALL.into_iter().zip(self.0).filter(|(_, share)| *share > 0);
        let parts: Vec<String> = parts
            .map(|(kind, share)| {
                format!("{:.0} % {}", 100.0 * f64::from(share) / f64::from(total), kind.name())
            })
            .collect();
        f.write_str(&parts.join(", "))
    }
}

/// Deals kinds out in their shares, as evenly as they can lie.
#[derive(Debug, Clone)]
pub struct Dealer {
    shares: [i64; 3],
    credit: [i64; 3],
}

impl Dealer {
    /// For this mix.
    #[must_use]
    pub fn new(mix: Mix) -> Self {
        Self { shares: mix.0.map(i64::from), credit: [0; 3] }
    }

    /// The next kind.
    #[inline]
    pub fn deal(&mut self) -> Kind {
        let mut best = 0;
        for at in 0..3 {
            self.credit[at] += self.shares[at];
            if self.credit[at] > self.credit[best] {
                best = at;
            }
        }
        self.credit[best] -= self.shares.iter().sum::<i64>();
        Kind::ALL[best]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_come_in_their_shares() {
        let check = |text: &str, expected: [usize; 3]| {
            let mut dealer = Dealer::new(text.parse().unwrap());
            let mut counts = [0; 3];
            (0..100).for_each(|_| counts[dealer.deal() as usize] += 1);
            assert_eq!(counts, expected, "{text}");
        };
        check("bid=1", [100, 0, 0]);
        check("book=7", [0, 0, 100]);
        check("bid=80,reserve=10,book=10", [80, 10, 10]);
        check("reserve=1%, book=1%", [0, 50, 50]);
    }

    #[test]
    fn a_mix_is_read_and_said() {
        let mix: Mix = "bid=8,book=2".parse().unwrap();
        assert_eq!((mix.to_string().as_str(), mix.kind()), ("80 % bid, 20 % book", None));
        assert_eq!("reserve=5".parse::<Mix>().unwrap().kind(), Some(Kind::Reserve));
        for wrong in ["", "bid", "bid=x", "bid=0", "order=5", "bid=1001"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }
}
