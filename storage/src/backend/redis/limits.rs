//! Token buckets: one script, so that taking is atomic over all nodes. The caller's clock counts; a bucket's time never goes back.

use super::RedisShared;
use crate::Pending;
use crate::shared::{Rate, RateLimits};

/// KEYS: the bucket. ARGV: burst, milliseconds of a whole refill, now. Answers 0, or the milliseconds to wait. A token is as many units as a refill has milliseconds, and each
/// millisecond brings as many units as the bucket holds tokens: whole numbers only.
pub(super) const BUCKET: &str = r"
local burst, refill, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'units', 'at')
local units, at = tonumber(kept[1]) or burst * refill, tonumber(kept[2]) or now
if now > at then
  units = math.min(burst * refill, units + (now - at) * burst)
  at = now
end
local wait = 0
if units >= refill then units = units - refill else wait = math.ceil((refill - units) / burst) end
redis.call('HSET', KEYS[1], 'units', string.format('%.0f', units), 'at', string.format('%.0f', at))
redis.call('PEXPIRE', KEYS[1], refill + 1000)
return wait
";

impl RateLimits for RedisShared {
    fn take(&self, key: String, rate: Rate, now_ms: u64) -> Pending<u64> {
        let key = self.key("limit", &key);
        self.run("take from a limit", move |shared| async move {
            let mut connection = shared.manager().await?;
            let mut call = shared.inner.bucket.key(key);
            call.arg(rate.burst.max(1)).arg(rate.refill_ms.max(1)).arg(now_ms).invoke_async(&mut connection).await
        })
    }
}
