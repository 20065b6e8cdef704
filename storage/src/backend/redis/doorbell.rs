//! The job doorbell: a stream with one group of workers per kind of job. Waiting blocks its connection, so that every wait has a connection of its own.

use std::time::Duration;

use ::redis::RedisResult;
use ::redis::streams::{StreamAutoClaimReply, StreamId, StreamMaxlen, StreamPendingCountReply, StreamRangeReply, StreamReadReply};

use super::RedisShared;
use super::link::{CALL_TIMEOUT, CONNECT_TIMEOUT};
use super::servers::Connection;
use crate::Pending;
use crate::shared::{Doorbell, Ring};

/// The group that all workers of a kind belong to.
const GROUP: &str = "workers";
/// Rings that a stream keeps, about: older ones are rung again by their owner.
const RINGS_MAX: usize = 100_000;
/// Rings that one call gives.
const RINGS_AT_ONCE: usize = 16;
/// Jobs put aside that are kept, about.
const BURIED_MAX: usize = 10_000;

fn job(entry: &StreamId) -> String {
    entry.get("job").unwrap_or_default()
}

impl RedisShared {
    /// The group may be gone with the stream, after a restart without memory: it is made whenever it is missed.
    async fn make_group(connection: &mut Connection, stream: &str) -> RedisResult<()> {
        let mut make = ::redis::cmd("XGROUP");
        make.arg("CREATE").arg(stream).arg(GROUP).arg("0").arg("MKSTREAM");
        match make.query_async::<()>(connection).await {
            Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
            other => other,
        }
    }

    async fn abandoned(connection: &mut Connection, stream: &str, worker: &str, abandoned_ms: u64) -> RedisResult<Vec<Ring>> {
        let mut claim = ::redis::cmd("XAUTOCLAIM");
        claim.arg(stream).arg(GROUP).arg(worker).arg(abandoned_ms).arg("0-0").arg("COUNT").arg(RINGS_AT_ONCE);
        let claimed: StreamAutoClaimReply = claim.query_async(connection).await?;
        let mut rings = Vec::with_capacity(claimed.claimed.len());
        for entry in &claimed.claimed {
            let mut ask = ::redis::cmd("XPENDING");
            ask.arg(stream).arg(GROUP).arg(&entry.id).arg(&entry.id).arg(1);
            let pending: StreamPendingCountReply = ask.query_async(connection).await?;
            let deliveries = pending.ids.first().map_or(1, |pending| pending.times_delivered as u64);
            rings.push(Ring { id: entry.id.clone(), job: job(entry), deliveries });
        }
        Ok(rings)
    }

    async fn fresh(&self, stream: &str, worker: &str, wait_ms: u64) -> RedisResult<Vec<Ring>> {
        let patience = Duration::from_millis(wait_ms) + CALL_TIMEOUT;
        let mut own = self.inner.link.servers.connect(CONNECT_TIMEOUT, patience).await?;
        let mut read = ::redis::cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(worker).arg("COUNT").arg(RINGS_AT_ONCE).arg("BLOCK").arg(wait_ms.max(1));
        let found: Option<StreamReadReply> = read.arg("STREAMS").arg(stream).arg(">").query_async(&mut own).await?;
        let entries = found.into_iter().flat_map(|found| found.keys).flat_map(|key| key.ids);
        Ok(entries.map(|entry| Ring { job: job(&entry), id: entry.id, deliveries: 1 }).collect())
    }

    async fn rings(
        &self,
        connection: &mut Connection,
        stream: &str,
        worker: &str,
        (abandoned_ms, wait_ms): (u64, u64),
    ) -> RedisResult<Vec<Ring>> {
        let abandoned = Self::abandoned(connection, stream, worker, abandoned_ms).await?;
        if abandoned.is_empty() { self.fresh(stream, worker, wait_ms).await } else { Ok(abandoned) }
    }
}

impl Doorbell for RedisShared {
    fn ring(&self, kind: String, job: String) -> Pending<()> {
        let mut add = ::redis::cmd("XADD");
        add.arg(self.key("jobs", &kind)).arg(StreamMaxlen::Approx(RINGS_MAX)).arg("*").arg("job").arg(job);
        let added = self.command::<String>("ring for a job", add);
        Box::pin(async move { added.await.map(drop) })
    }

    fn answer(&self, kind: String, worker: String, abandoned_ms: u64, wait_ms: u64) -> Pending<Vec<Ring>> {
        let stream = self.key("jobs", &kind);
        let time = Duration::from_millis(wait_ms) + CALL_TIMEOUT * 3 + CONNECT_TIMEOUT;
        self.run_within("wait for a job", time, move |shared, mut connection| async move {
            match shared.rings(&mut connection, &stream, &worker, (abandoned_ms, wait_ms)).await {
                Err(error) if error.code() == Some("NOGROUP") => {
                    Self::make_group(&mut connection, &stream).await?;
                    shared.rings(&mut connection, &stream, &worker, (abandoned_ms, wait_ms)).await
                }
                other => other,
            }
        })
    }

    fn done(&self, kind: String, ring: String) -> Pending<()> {
        let stream = self.key("jobs", &kind);
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().xack(&stream, GROUP, &[&ring]).ignore().xdel(&stream, &[&ring]).ignore();
        self.pipeline("finish a job", pipeline)
    }

    fn bury(&self, kind: String, ring: Ring, cause: String) -> Pending<()> {
        let stream = self.key("jobs", &kind);
        let mut pipeline = ::redis::pipe();
        pipeline.atomic().cmd("XADD").arg(self.key("jobs-dead", &kind)).arg(StreamMaxlen::Approx(BURIED_MAX)).arg("*");
        pipeline.arg("job").arg(ring.job).arg("cause").arg(cause).ignore();
        pipeline.xack(&stream, GROUP, &[&ring.id]).ignore().xdel(&stream, &[&ring.id]).ignore();
        self.pipeline("put a job aside", pipeline)
    }

    fn buried(&self, kind: String, limit: usize) -> Pending<Vec<(String, String)>> {
        let mut range = ::redis::cmd("XRANGE");
        range.arg(self.key("jobs-dead", &kind)).arg("-").arg("+").arg("COUNT").arg(limit);
        let found = self.command::<StreamRangeReply>("list jobs put aside", range);
        Box::pin(async move { Ok(found.await?.ids.iter().map(|entry| (job(entry), entry.get("cause").unwrap_or_default())).collect()) })
    }
}
