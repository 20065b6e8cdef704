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
    fn put(&self, channel: String, clients: Vec<(Uuid, Bytes)>, until_ms: u64) -> Pending<()> {
        if clients.is_empty() {
            return Box::pin(async { Ok(()) });
        }
        let (ends, infos) = (self.key("presence-end", &channel), self.key("presence-info", &channel));
        let (mut put_ends, mut put_infos) = (::redis::cmd("ZADD"), ::redis::cmd("HSET"));
        put_ends.arg(&ends);
        put_infos.arg(&infos);
        for (client, info) in &clients {
            let client = client.to_string();
            put_ends.arg(until_ms).arg(&client);
            put_infos.arg(&client).arg(info.as_ref());
        }
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().add_command(put_ends).ignore().add_command(put_infos).ignore();
        for key in [&ends, &infos] {
            for when in ["GT", "NX"] {
                pipeline.cmd("PEXPIREAT").arg(key).arg(until_ms.saturating_add(KEPT_MS)).arg(when).ignore();
            }
        }
        self.pipeline("note who is there", pipeline)
    }

    fn remove(&self, channel: String, clients: Vec<Uuid>) -> Pending<()> {
        if clients.is_empty() {
            return Box::pin(async { Ok(()) });
        }
        let clients: Vec<String> = clients.iter().map(Uuid::to_string).collect();
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().zrem(self.key("presence-end", &channel), &clients).ignore();
        pipeline.hdel(self.key("presence-info", &channel), &clients).ignore();
        self.pipeline("note who is gone", pipeline)
    }

    fn list(&self, channel: String, now_ms: u64) -> Pending<Vec<(Uuid, Bytes)>> {
        let (ends, infos) = (self.key("presence-end", &channel), self.key("presence-info", &channel));
        self.run("list who is there", move |_, mut connection| async move {
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
