//! How much work one account, or one address, may ask for: so that a flood from one is not everybody's. Each request costs one comparison
//! and one addition; nothing is counted in seconds or reset by a timer (the generic cell rate algorithm).

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::rc::Rc;

use vendue_protocol::domain::id::AccountId;
use vendue_protocol::domain::time::Timestamp;
use vendue_protocol::wire::{Code, WireError};

use crate::options::GatewayOptions;

/// When what was asked for so far is worked off at the allowed rate, in nanoseconds since the Unix epoch.
pub(crate) type Level = Rc<Cell<i64>>;

/// Of an IPv6 address the network counts: one household has 2^64 addresses.
const IPV6_NETWORK_BITS: u32 = 64;

/// How much is allowed.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// Nanoseconds that one request takes; 0: no limit.
    each: i64,
    /// How far ahead of the clock one may be, in nanoseconds.
    ahead: i64,
}

impl Allowance {
    const fn new(per_second: u32, burst: u32) -> Self {
        if per_second == 0 {
            return Self { each: 0, ahead: 0 };
        }
        let each = 1_000_000_000 / per_second as i64;
        Self { each, ahead: each * burst as i64 }
    }

    /// Counts one request.
    #[inline]
    fn take(self, level: &Cell<i64>, now: Timestamp) -> Result<(), i64> {
        let now = now.0.saturating_mul(1_000);
        let from = level.get().max(now);
        if from - now > self.ahead {
            return Err(from - now - self.ahead);
        }
        level.set(from + self.each);
        Ok(())
    }
}

/// Levels by whose they are.
#[derive(Debug)]
struct Levels<K> {
    allowance: Allowance,
    levels: HashMap<K, Level>,
}

impl<K: Hash + Eq> Levels<K> {
    fn new(per_second: u32, burst: u32) -> Self {
        Self { allowance: Allowance::new(per_second, burst), levels: HashMap::new() }
    }

    fn of(&mut self, whose: K) -> Level {
        Rc::clone(self.levels.entry(whose).or_default())
    }

    /// Forgets who has asked for nothing lately and is not connected.
    fn forget(&mut self, now: Timestamp) {
        let now = now.0.saturating_mul(1_000);
        self.levels.retain(|_, level| Rc::strong_count(level) > 1 || level.get() > now);
    }
}

/// What accounts and addresses have asked for lately, on this thread.
#[derive(Debug)]
pub(crate) struct Admission {
    accounts: Levels<AccountId>,
    addresses: Levels<IpAddr>,
    forget_at: Timestamp,
}

/// How often it is looked whom to forget, in microseconds.
const FORGET_EVERY_US: i64 = 10_000_000;

impl Admission {
    pub(crate) fn new(options: &GatewayOptions) -> Self {
        Self {
            accounts: Levels::new(options.account_rate, options.account_burst),
            addresses: Levels::new(options.address_rate, options.address_burst),
            forget_at: Timestamp::default(),
        }
    }

    /// Where an account's requests are counted; nowhere, where they are not limited.
    pub(crate) fn account(&mut self, account: AccountId) -> Option<Level> {
        (self.accounts.allowance.each > 0).then(|| self.accounts.of(account))
    }

    /// Where an address's requests are counted.
    pub(crate) fn address(&mut self, address: Option<IpAddr>) -> Option<Level> {
        let address = address.filter(|_| self.addresses.allowance.each > 0)?;
        Some(self.addresses.of(network(address)))
    }

    /// Counts a request of somebody who is signed in.
    #[inline]
    pub(crate) fn take_account(&self, level: Option<&Level>, now: Timestamp) -> Result<(), WireError> {
        level.map_or(Ok(()), |level| take(self.accounts.allowance, level, now, "account"))
    }

    /// Counts a request of somebody of whom only the address is known.
    #[inline]
    pub(crate) fn take_address(&self, level: Option<&Level>, now: Timestamp) -> Result<(), WireError> {
        level.map_or(Ok(()), |level| take(self.addresses.allowance, level, now, "address"))
    }

    pub(crate) fn tick(&mut self, now: Timestamp) {
        if now < self.forget_at {
            return;
        }
        self.forget_at = Timestamp(now.0 + FORGET_EVERY_US);
        self.accounts.forget(now);
        self.addresses.forget(now);
    }
}

#[inline]
fn take(allowance: Allowance, level: &Level, now: Timestamp, whose: &'static str) -> Result<(), WireError> {
    allowance.take(level, now).map_err(|early| {
        let message = format!("too many requests of this {whose} at once; slow down");
        WireError::new(Code::RateLimited)
            .saying(message)
            .retry_after((early as u64).div_ceil(1_000_000).max(1))
    })
}

/// What counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => {
                let mask = u128::MAX << (128 - IPV6_NETWORK_BITS);
                IpAddr::V6((u128::from(address) & mask).into())
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(rate: u32, burst: u32) -> Admission {
        let options = GatewayOptions {
            account_rate: rate,
            account_burst: burst,
            address_rate: rate,
            address_burst: burst,
            ..GatewayOptions::default()
        };
        Admission::new(&options)
    }

    /// At this moment (ms) so many are asked for, and so many are let in.
    type Moment = (i64, u32, u32);

    #[test]
    fn a_burst_goes_at_once_and_then_the_rate() {
        let table: [(u32, u32, &[Moment]); 4] = [
            (10, 5, &[(0, 20, 6), (50, 3, 0), (100, 3, 1), (400, 9, 3), (10_000, 20, 6)]),
            (1_000, 0, &[(0, 5, 1), (1, 5, 1), (2, 5, 1)]),
            (1, 1, &[(0, 3, 2), (999, 1, 0), (1_000, 2, 1)]),
            (0, 0, &[(0, 100, 100)]),
        ];
        for (rate, burst, moments) in table {
            let mut admission = admission(rate, burst);
            let level = admission.account(AccountId::from_u128(1));
            for &(ms, asked, expected) in moments {
                let now = Timestamp(1_000_000_000_000 + ms * 1_000);
                let let_in =
                    (0..asked).filter(|_| admission.take_account(level.as_ref(), now).is_ok()).count();
                assert_eq!(let_in as u32, expected, "{rate} a second, {burst} at once, at {ms} ms");
            }
        }
    }

    #[test]
    fn a_refusal_says_when_to_come_back_and_then_it_is_right() {
        let mut admission = admission(10, 0);
        let level = admission.account(AccountId::from_u128(1));
        let at = |ms: i64| Timestamp(5_000_000 + ms * 1_000);
        assert!(admission.take_account(level.as_ref(), at(0)).is_ok());
        let refused = admission.take_account(level.as_ref(), at(30)).unwrap_err();
        assert_eq!((refused.code, refused.retry_after_ms), (Code::RateLimited, Some(70)));
        assert!(admission.take_account(level.as_ref(), at(99)).is_err());
        assert!(admission.take_account(level.as_ref(), at(100)).is_ok());
    }

    #[test]
    fn addresses_are_networks_and_who_is_gone_is_forgotten() {
        let address = |text: &str| network(text.parse().unwrap());
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.7"), address("192.0.2.7"));
        assert_ne!(address("192.0.2.7"), address("192.0.2.8"));

        let mut admission = admission(10, 0);
        let now = Timestamp(1_000_000_000);
        let kept = admission.account(AccountId::from_u128(1));
        admission.account(AccountId::from_u128(2));
        let busy = admission.account(AccountId::from_u128(3));
        let later = Timestamp(now.0 + 50_000);
        admission.take_account(busy.as_ref(), later).unwrap();
        drop(busy);
        admission.tick(now);
        assert_eq!(admission.accounts.levels.len(), 2, "the connected and the busy stay");
        drop(kept);
        admission.tick(Timestamp(now.0 + 2 * FORGET_EVERY_US));
        assert!(admission.accounts.levels.is_empty());
        assert!(admission.address(None).is_none());
    }
}
