//! The same limits over all nodes, through what they share. A bucket gives as many at once as the limit allows in a minute, and then the rest in equal steps.
//! While what nodes share is away, nothing here is refused: each node's own limits hold.

use core::net::IpAddr;
use std::sync::Arc;

use futures_util::future::join_all;
use rialto_storage::Pending;
use rialto_storage::shared::{Rate, RateLimits};

use super::super::limits::{KNOWN_ADDRESS_MS, RATE_WINDOW_MS};
use super::{Rates, Source};

/// Taken from when an address is known: for as long as something is missing, it is.
const KNOWN: Rate = Rate { burst: 1, refill_ms: KNOWN_ADDRESS_MS };

/// The limits.
pub struct Everywhere {
    limits: Arc<dyn RateLimits>,
    rates: Rates,
}

impl Everywhere {
    /// These rates over these limits.
    pub fn new(limits: Arc<dyn RateLimits>, rates: Rates) -> Self {
        Self { limits, rates }
    }

    /// As [`super::Throttle::register`].
    pub async fn register(&self, now_ms: u64, address: IpAddr) -> Result<(), u32> {
        let rate = per_window(self.rates.registrations_per_minute_max);
        verdict([self.limits.take(format!("register:{}", Source::from(address).0), rate, now_ms)]).await
    }

    /// As [`super::Throttle::session_call`].
    pub async fn session_call(&self, now_ms: u64, address: IpAddr) -> Result<(), u32> {
        let rate = per_window(self.rates.session_calls_per_minute_max);
        verdict([self.limits.take(format!("session:{}", Source::from(address).0), rate, now_ms)]).await
    }

    /// As [`super::Throttle::may_try`]; `known`: this node knows that the address is the account's.
    pub async fn may_try(&self, now_ms: u64, name: &str, address: IpAddr, known: bool) -> Result<(), u32> {
        let buckets = self.failures(now_ms, name, address, known).await;
        verdict(buckets.map(|(key, rate)| self.limits.look(key, rate, now_ms))).await
    }

    /// As [`super::Throttle::failed`].
    pub async fn failed(&self, now_ms: u64, name: &str, address: IpAddr, known: bool) -> Result<(), u32> {
        let buckets = self.failures(now_ms, name, address, known).await;
        verdict(buckets.map(|(key, rate)| self.limits.take(key, rate, now_ms))).await
    }

    /// As [`super::Throttle::succeeded`].
    pub async fn succeeded(&self, now_ms: u64, name: &str, address: IpAddr) {
        // Who is not known everywhere is known at least here.
        let _known = self.limits.take(known_key(name, address), KNOWN, now_ms).await;
    }

    /// The buckets that a wrong password counts in.
    async fn failures(&self, now_ms: u64, name: &str, address: IpAddr, known: bool) -> [(String, Rate); 2] {
        let known = known || self.limits.look(known_key(name, address), KNOWN, now_ms).await.is_ok_and(|missing_ms| missing_ms > 0);
        let source = Source::from(address).0;
        let account = if known { format!("failures-known:{source}:{name}") } else { format!("failures-account:{name}") };
        let rate = |failures: usize| per_window(u32::try_from(failures).unwrap_or(u32::MAX));
        [
            (account, rate(self.rates.failures_per_account_max)),
            (format!("failures-address:{source}"), rate(self.rates.failures_per_address_max)),
        ]
    }
}

fn known_key(name: &str, address: IpAddr) -> String {
    format!("known:{}:{name}", Source::from(address).0)
}

fn per_window(burst: u32) -> Rate {
    Rate { burst, refill_ms: RATE_WINDOW_MS }
}

/// The longest wait of all; what is not answered does not count.
async fn verdict(waits: impl IntoIterator<Item = Pending<u64>>) -> Result<(), u32> {
    let waits = join_all(waits).await.into_iter().map(|wait| wait.unwrap_or(0));
    match waits.max().unwrap_or(0) {
        0 => Ok(()),
        wait_ms => Err(u32::try_from(wait_ms).unwrap_or(u32::MAX)),
    }
}
