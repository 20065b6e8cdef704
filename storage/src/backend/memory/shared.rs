//! The reference of what nodes share, with a switch: it can be away.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use uuid::Uuid;

use crate::shared::{Presences, Rate, RateLimits};
use crate::{ErrorKind, Pending, StorageError};

/// Limits and presence in memory; clones share it, as nodes would.
#[derive(Clone, Default)]
pub struct MemoryShared(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_away: AtomicBool,
    buckets: Mutex<HashMap<String, Bucket>>,
    presence: Mutex<HashMap<String, Room>>,
}

/// Who is there, with what is known of them, until when.
type Room = BTreeMap<Uuid, (Bytes, u64)>;

/// A token is as many units as a refill has milliseconds.
#[derive(Clone, Copy)]
struct Bucket {
    units: i64,
    at: u64,
}

#[derive(Clone, Copy)]
enum Wanted {
    Take,
    Look,
    Spend(u32),
}

impl MemoryShared {
    /// While it is away, nothing is answered.
    pub fn set_away(&self, is_away: bool) {
        self.0.is_away.store(is_away, Ordering::Relaxed);
    }

    fn answer<T: Send + 'static>(&self, what: &'static str, answer: impl FnOnce(&Inner) -> T) -> Pending<T> {
        let answer = match self.0.is_away.load(Ordering::Relaxed) {
            true => Err(StorageError::new(ErrorKind::Unavailable, what, "away")),
            false => Ok(answer(&self.0)),
        };
        Box::pin(async move { answer })
    }

    fn bucket(&self, key: String, rate: Rate, now: u64, wanted: Wanted) -> Pending<u64> {
        self.answer("limit", |inner| {
            let (burst, refill) = (i64::from(rate.burst.max(1)), i64::try_from(rate.refill_ms.max(1)).unwrap_or(i64::MAX));
            let full = burst * refill;
            let mut buckets = inner.buckets.lock().unwrap_or_else(PoisonError::into_inner);
            let mut bucket = buckets.get(&key).copied().unwrap_or(Bucket { units: full, at: now });
            if bucket.at > now + refill.unsigned_abs() {
                bucket.at = now;
            }
            let passed = i64::try_from(now.saturating_sub(bucket.at)).unwrap_or(i64::MAX);
            bucket = Bucket { units: full.min(bucket.units.saturating_add(passed.saturating_mul(burst))), at: bucket.at.max(now) };
            if let Wanted::Spend(tokens) = wanted {
                bucket.units = (-full).max(bucket.units - i64::from(tokens) * refill);
            }
            let wait = (refill - bucket.units).max(0).unsigned_abs().div_ceil(burst.unsigned_abs());
            match wanted {
                Wanted::Look => return wait,
                Wanted::Take if wait == 0 => bucket.units -= refill,
                Wanted::Take | Wanted::Spend(_) => {}
            }
            buckets.insert(key, bucket);
            wait
        })
    }
}

impl RateLimits for MemoryShared {
    fn take(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64> {
        self.bucket(key, rate, now_ms, Wanted::Take)
    }

    fn look(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64> {
        self.bucket(key, rate, now_ms, Wanted::Look)
    }

    fn spend(&self, key: String, rate: Rate, tokens: u32, now_ms: u64) -> Pending<u64> {
        self.bucket(key, rate, now_ms, Wanted::Spend(tokens))
    }
}

impl Presences for MemoryShared {
    fn put(&self, channel: String, clients: Vec<(Uuid, Bytes)>, until_ms: u64) -> Pending<()> {
        self.answer("put", |inner| {
            let mut all = inner.presence.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(channel).or_default().extend(clients.into_iter().map(|(client, info)| (client, (info, until_ms))));
        })
    }

    fn remove(&self, channel: String, clients: Vec<Uuid>) -> Pending<()> {
        self.answer("remove", |inner| {
            let mut all = inner.presence.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(there) = all.get_mut(&channel) {
                there.retain(|client, _| !clients.contains(client));
            }
        })
    }

    fn list(&self, channel: String, now_ms: u64) -> Pending<Vec<(Uuid, Bytes)>> {
        self.answer("list", |inner| {
            let all = inner.presence.lock().unwrap_or_else(PoisonError::into_inner);
            let there = all.get(&channel).into_iter().flatten().filter(|(_, (_, until_ms))| *until_ms > now_ms);
            there.map(|(client, (info, _))| (*client, info.clone())).collect()
        })
    }
}
