//! News of sessions that are over, ordered by when they were published.

use uuid::Uuid;

use super::RedisShared;
use crate::Pending;
use crate::shared::RevocationNews;

/// Names both keys, so that they lie together.
const SESSIONS: &str = "sessions";

impl RevocationNews for RedisShared {
    fn publish(&self, session: Uuid, until_ms: u64, now_ms: u64) -> Pending<()> {
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().zadd(self.key("revoked-at", SESSIONS), session.to_string(), now_ms).ignore();
        pipeline.zadd(self.key("revoked-until", SESSIONS), session.to_string(), until_ms).ignore();
        self.pipeline("publish a revocation", pipeline)
    }

    fn since(&self, since_ms: u64, now_ms: u64) -> Pending<Vec<(Uuid, u64)>> {
        let (at, until) = (self.key("revoked-at", SESSIONS), self.key("revoked-until", SESSIONS));
        self.run("read revocations", move |_, mut connection| async move {
            let over: Vec<String> =
                ::redis::cmd("ZRANGEBYSCORE").arg(&until).arg("-inf").arg(format!("({now_ms}")).query_async(&mut connection).await?;
            if !over.is_empty() {
                let mut forget = ::redis::pipe();
                forget.atomic().zrem(&until, &over).ignore().zrem(&at, &over).ignore();
                forget.query_async::<()>(&mut connection).await?;
            }
            let published: Vec<String> =
                ::redis::cmd("ZRANGEBYSCORE").arg(&at).arg(since_ms).arg("+inf").query_async(&mut connection).await?;
            let mut found = Vec::with_capacity(published.len());
            for session in published {
                let end: Option<u64> = ::redis::cmd("ZSCORE")
                    .arg(&until)
                    .arg(&session)
                    .query_async::<Option<f64>>(&mut connection)
                    .await?
                    .map(|end| end as u64);
                found.extend(session.parse().ok().zip(end));
            }
            Ok(found)
        })
    }
}
