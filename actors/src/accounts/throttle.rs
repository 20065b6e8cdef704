//! Slows guessing and floods, in bounded memory, and never keeps an owner out for good.
//!
//! Wrong passwords are counted per account and per address over one minute. Counting per account alone would let anybody lock an owner out by guessing without pause;
//! so an address from which the account was used before has a count of its own: what strangers do to the account does not touch it, and it is slowed only by its
//! own failures. Known addresses are kept in memory: after a restart the first right password makes one known again. Nothing is counted before a password was found wrong, so many logins at once with the right one are never in each other's way.

mod everywhere;

use core::net::{IpAddr, Ipv6Addr};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use super::limits::{
    KNOWN_ADDRESS_MS, LOGIN_FAILURES_PER_ACCOUNT, LOGIN_FAILURES_PER_ADDRESS, RATE_WINDOW_MS, REGISTRATIONS_PER_MINUTE_MAX,
    SESSION_CALLS_PER_MINUTE_MAX, THROTTLE_ENTRIES_MAX,
};

pub use everywhere::Everywhere;

/// How much is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Wrong passwords per account and minute.
    pub failures_per_account_max: usize,
    /// Wrong passwords per address and minute.
    pub failures_per_address_max: usize,
    /// Registrations per address and minute.
    pub registrations_per_minute_max: u32,
    /// Other calls about sessions per address and minute.
    pub session_calls_per_minute_max: u32,
    /// Entries of each table.
    pub entries_max: usize,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            failures_per_account_max: LOGIN_FAILURES_PER_ACCOUNT,
            failures_per_address_max: LOGIN_FAILURES_PER_ADDRESS,
            registrations_per_minute_max: REGISTRATIONS_PER_MINUTE_MAX,
            session_calls_per_minute_max: SESSION_CALLS_PER_MINUTE_MAX,
            entries_max: THROTTLE_ENTRIES_MAX,
        }
    }
}

/// Where somebody comes from, as far as limits go: an IPv6 network of 64 bits is one household.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(six) => {
                let [a, b, c, d, ..] = six.segments();
                Self(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            four => Self(four),
        }
    }
}

/// The name that was tried, folded, whether it exists or not: the throttle must not tell.
type Name = Box<str>;

/// The machine. Times are monotonic milliseconds.
#[derive(Debug)]
pub struct Throttle {
    rates: Rates,
    by_account: Failures<Name>,
    by_known_address: Failures<(Name, Source)>,
    by_address: Failures<Source>,
    known: Bounded<(Name, Source), u64>,
    registrations: Bounded<Source, Window>,
    session_calls: Bounded<Source, Window>,
}

impl Throttle {
    /// A machine that has seen nothing.
    #[must_use]
    pub fn new(rates: Rates) -> Self {
        Self {
            by_account: Failures::new(rates.failures_per_account_max, rates.entries_max),
            by_known_address: Failures::new(rates.failures_per_account_max, rates.entries_max),
            by_address: Failures::new(rates.failures_per_address_max, rates.entries_max),
            known: Bounded::new(rates.entries_max),
            registrations: Bounded::new(rates.entries_max),
            session_calls: Bounded::new(rates.entries_max),
            rates,
        }
    }

    /// May this password be looked at?
    ///
    /// # Errors
    /// Milliseconds after which it may.
    pub fn may_try(&mut self, now_ms: u64, username_key: &str, address: IpAddr) -> Result<(), u32> {
        let source = Source::from(address);
        let wait_address = self.by_address.wait_ms(now_ms, &source);
        let wait_account = if self.is_known(now_ms, username_key, source) {
            self.by_known_address.wait_ms(now_ms, &(username_key.into(), source))
        } else {
            self.by_account.wait_ms(now_ms, username_key)
        };
        match wait_address.max(wait_account) {
            0 => Ok(()),
            wait_ms => Err(wait_ms),
        }
    }

    /// It was wrong. The answer is that of [`Self::may_try`] before this failure: of many guesses at once no more are answered than one after another.
    ///
    /// # Errors
    /// Milliseconds after which a password may be tried again.
    pub fn failed(&mut self, now_ms: u64, username_key: &str, address: IpAddr) -> Result<(), u32> {
        let verdict = self.may_try(now_ms, username_key, address);
        let source = Source::from(address);
        self.by_address.count(now_ms, source);
        if self.is_known(now_ms, username_key, source) {
            self.by_known_address.count(now_ms, (username_key.into(), source));
        } else {
            self.by_account.count(now_ms, username_key.into());
        }
        verdict
    }

    /// It was right: from now on this address is known for this account.
    pub fn succeeded(&mut self, now_ms: u64, username_key: &str, address: IpAddr) {
        self.known.put((username_key.into(), Source::from(address)), now_ms);
    }

    /// Counts a registration.
    ///
    /// # Errors
    /// Milliseconds after which one is possible.
    pub fn register(&mut self, now_ms: u64, address: IpAddr) -> Result<(), u32> {
        self.registrations.entry(address.into()).take(now_ms, self.rates.registrations_per_minute_max)
    }

    /// Counts a login, refresh, logout or password change.
    ///
    /// # Errors
    /// Milliseconds after which one is possible.
    pub fn session_call(&mut self, now_ms: u64, address: IpAddr) -> Result<(), u32> {
        self.session_calls.entry(address.into()).take(now_ms, self.rates.session_calls_per_minute_max)
    }

    /// Whether the account was used from there before.
    pub(super) fn is_known(&self, now_ms: u64, username_key: &str, source: Source) -> bool {
        self.known.get(&(username_key.into(), source)).is_some_and(|seen_ms| now_ms.saturating_sub(*seen_ms) < KNOWN_ADDRESS_MS)
    }
}

/// Times of the last failures by key, at most as many as matter.
#[derive(Debug)]
struct Failures<K> {
    allowed: usize,
    times: Bounded<K, VecDeque<u64>>,
}

impl<K: Hash + Eq + Clone> Failures<K> {
    fn new(allowed: usize, entries_max: usize) -> Self {
        Self { allowed, times: Bounded::new(entries_max) }
    }

    /// 0 = now.
    fn wait_ms<Q>(&self, now_ms: u64, key: &Q) -> u32
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let Some(times) = self.times.get(key) else { return 0 };
        let recent = times.iter().filter(|time| **time + RATE_WINDOW_MS > now_ms).count();
        if recent < self.allowed {
            return 0;
        }
        // The newest `allowed` decide: when the oldest of them is a minute old, one more is possible.
        let oldest = times[times.len() - self.allowed.min(times.len())];
        u32::try_from(oldest + RATE_WINDOW_MS - now_ms).unwrap_or(u32::MAX).max(1)
    }

    fn count(&mut self, now_ms: u64, key: K) {
        let allowed = self.allowed;
        let times = self.times.entry(key);
        // Tries that are refused for their rate do not prolong the wait: else guessing without pause would lock the owner out.
        let recent = times.iter().filter(|time| **time + RATE_WINDOW_MS > now_ms).count();
        if recent < allowed {
            times.push_back(now_ms);
        }
        while times.len() > allowed {
            times.pop_front();
        }
    }
}

/// Calls in one window that begins with the first of them.
#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began_ms: u64,
    calls: u32,
}

impl Window {
    fn take(&mut self, now_ms: u64, calls_max: u32) -> Result<(), u32> {
        if self.calls == 0 || self.began_ms + RATE_WINDOW_MS <= now_ms {
            *self = Self { began_ms: now_ms, calls: 0 };
        }
        if self.calls >= calls_max {
            return Err(u32::try_from(self.began_ms + RATE_WINDOW_MS - now_ms).unwrap_or(u32::MAX).max(1));
        }
        self.calls += 1;
        Ok(())
    }
}

/// A map that forgets its oldest key when it is full.
#[derive(Debug)]
struct Bounded<K, V> {
    entries_max: usize,
    values: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Hash + Eq + Clone, V> Bounded<K, V> {
    fn new(entries_max: usize) -> Self {
        Self { entries_max, values: HashMap::new(), order: VecDeque::new() }
    }

    fn get<Q>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.values.get(key)
    }

    fn put(&mut self, key: K, value: V) {
        self.make_room(&key);
        self.values.insert(key, value);
    }

    fn make_room(&mut self, key: &K) {
        if self.values.contains_key(key) {
            return;
        }
        if self.values.len() >= self.entries_max
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
        self.order.push_back(key.clone());
    }
}

impl<K: Hash + Eq + Clone, V: Default> Bounded<K, V> {
    fn entry(&mut self, key: K) -> &mut V {
        self.make_room(&key);
        self.values.entry(key).or_default()
    }
}

#[cfg(test)]
mod tests;
