//! Token buckets: one script, so that taking is atomic over all nodes. The caller's clock counts; a bucket's time never goes back.

use super::RedisShared;
use crate::Pending;
use crate::shared::{Rate, RateLimits};

/// KEYS: the bucket. ARGV: burst, milliseconds of a whole refill, now, what is wanted, tokens. Answers 0, or the milliseconds until there is a token. A token is as many units
/// as a refill has milliseconds, and each millisecond brings as many units as the bucket holds tokens: whole numbers only. A clock that was ahead by more than a
/// refill stops the others' refill no longer than until they come. A bucket that is full again is forgotten.
pub(super) const BUCKET: &str = r"
local burst, refill, now, tokens = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local full = burst * refill
local kept = redis.call('HMGET', KEYS[1], 'units', 'at')
local units, at = tonumber(kept[1]) or full, tonumber(kept[2]) or now
if at > now + refill then at = now end
if now > at then
  units = math.min(full, units + (now - at) * burst)
  at = now
end
if ARGV[4] == 'spend' then units = math.max(-full, units - tokens * refill) end
local wait = 0
if units < refill then wait = math.ceil((refill - units) / burst) end
if ARGV[4] == 'look' then return wait end
if ARGV[4] == 'take' and wait == 0 then units = units - refill end
redis.call('HSET', KEYS[1], 'units', string.format('%.0f', units), 'at', string.format('%.0f', at))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - units) / burst) + 1000)
return wait
";

impl RedisShared {
    fn bucket(&self, what: &'static str, key: &str, rate: Rate, now_ms: u64, wanted: (&'static str, u32)) -> Pending<u64> {
        let key = self.key("limit", key);
        self.run(what, move |shared, mut connection| async move {
            let mut call = shared.inner.bucket.key(key);
            call.arg(rate.burst.max(1)).arg(rate.refill_ms.max(1)).arg(now_ms).arg(wanted.0).arg(wanted.1);
            call.invoke_async(&mut connection).await
        })
    }
}

impl RateLimits for RedisShared {
    fn take(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64> {
        self.bucket("take from a limit", &key, rate, now_ms, ("take", 1))
    }

    fn look(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64> {
        self.bucket("look at a limit", &key, rate, now_ms, ("look", 1))
    }

    fn spend(&self, key: String, rate: Rate, tokens: u32, now_ms: u64) -> Pending<u64> {
        self.bucket("tell a limit what was used", &key, rate, now_ms, ("spend", tokens))
    }
}
