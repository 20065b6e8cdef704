//! Presence: for each channel who is there, and until when if nobody says so again.

use std::collections::HashMap;

use bytes::Bytes;
use uuid::Uuid;

use super::RedisShared;
use crate::Pending;
use crate::shared::Presences;

/// Milliseconds that a channel's keys stay beyond the newest entry's end.
const KEPT_MS: u64 = 60_000;

impl Presences for RedisShared {
    fn put(&self, channel: String, client: Uuid, info: Bytes, until_ms: u64) -> Pending<()> {
        let (ends, infos) = (self.key("presence-end", &channel), self.key("presence-info", &channel));
        let client = client.to_string();
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().zadd(&ends, &client, until_ms).ignore().hset(&infos, &client, info.as_ref()).ignore();
        for key in [&ends, &infos] {
            pipeline.cmd("PEXPIREAT").arg(key).arg(until_ms.saturating_add(KEPT_MS)).arg("GT").ignore();
            pipeline.cmd("PEXPIREAT").arg(key).arg(until_ms.saturating_add(KEPT_MS)).arg("NX").ignore();
        }
        self.pipeline("note who is there", pipeline)
    }

    fn remove(&self, channel: String, client: Uuid) -> Pending<()> {
        let client = client.to_string();
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().zrem(self.key("presence-end", &channel), &client).ignore();
        pipeline.hdel(self.key("presence-info", &channel), &client).ignore();
        self.pipeline("note who is gone", pipeline)
    }

    fn list(&self, channel: String, now_ms: u64) -> Pending<Vec<(Uuid, Bytes)>> {
        let (ends, infos) = (self.key("presence-end", &channel), self.key("presence-info", &channel));
        self.run("list who is there", move |shared| async move {
            let mut connection = shared.manager().await?;
            let mut pipeline = ::redis::pipe();
            pipeline.atomic().cmd("ZRANGEBYSCORE").arg(&ends).arg("-inf").arg(now_ms);
            pipeline.cmd("ZRANGEBYSCORE").arg(&ends).arg(format!("({now_ms}")).arg("+inf").hgetall(&infos);
            let (over, there, infos_of): (Vec<String>, Vec<String>, HashMap<String, Vec<u8>>) =
                pipeline.query_async(&mut connection).await?;
            if !over.is_empty() {
                let mut forget = ::redis::pipe();
                // Only what is still over: somebody may have come back meanwhile.
                forget.cmd("ZREMRANGEBYSCORE").arg(&ends).arg("-inf").arg(now_ms).ignore();
                forget.hdel(&infos, &over).ignore();
                forget.query_async::<()>(&mut connection).await?;
            }
            let entry = |client: &String| Some((client.parse().ok()?, Bytes::from(infos_of.get(client)?.clone())));
            let mut found: Vec<(Uuid, Bytes)> = there.iter().filter_map(entry).collect();
            found.sort_unstable_by_key(|(client, _)| *client);
            Ok(found)
        })
    }
}
