//! A stream that lives in memory: what topics and inboxes have instead of a log.

use std::collections::VecDeque;
use std::num::NonZeroU64;

use rialto_protocol::command::History;
use rialto_protocol::limits::{PUBLICATIONS_PER_ANSWER_MAX, RECOVERY_BYTES_MAX};
use rialto_protocol::reply::{ClientInfo, HistoryResult, Publication, RawJson, SubscribeResult};
use rialto_protocol::{ErrorCode, Refusal};

use super::window::{fitting, history_window, missing_from};
use crate::entity::{StreamMark, SubscribeAsk};

/// Bytes that a publication costs in memory beside its payload.
const PUBLICATION_OVERHEAD_BYTES: usize = 128;

/// How much is kept. What is above leaves, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Publications.
    pub(crate) publications: usize,
    /// Bytes of all of them.
    pub(crate) bytes: usize,
    /// Milliseconds that one is kept.
    pub(crate) ttl_ms: u64,
}

/// Dense offsets from 1, a random epoch per activation, and the newest publications.
#[derive(Debug)]
pub(crate) struct MemoryStream {
    epoch: NonZeroU64,
    top: u64,
    /// The newest; their offsets end at `top`.
    entries: VecDeque<Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    data: RawJson,
    info: Option<Box<ClientInfo>>,
    expires_ms: u64,
}

impl Entry {
    /// Bytes in memory.
    fn cost(&self) -> usize {
        self.data.get().len() + self.info.as_deref().map_or(0, info_bytes) + PUBLICATION_OVERHEAD_BYTES
    }

    fn publication(&self, offset: u64) -> Publication {
        Publication { data: self.data.clone(), info: self.info.as_deref().cloned(), offset }
    }
}

impl MemoryStream {
    /// An empty stream with a new identity.
    pub(crate) fn new(entropy: u128) -> Self {
        let epoch = NonZeroU64::new((entropy >> 64) as u64 ^ entropy as u64).unwrap_or(NonZeroU64::MIN);
        Self::resumed(StreamMark { epoch, top: 0 })
    }

    /// The stream that stood here, with nothing in it.
    pub(crate) fn resumed(mark: StreamMark) -> Self {
        Self { epoch: mark.epoch, top: mark.top, entries: VecDeque::new(), bytes: 0 }
    }

    /// Where it stands.
    pub(crate) fn mark(&self) -> StreamMark {
        StreamMark { epoch: self.epoch, top: self.top }
    }

    /// Takes the next publication and says its offset.
    pub(crate) fn push(&mut self, mono_ms: u64, keep: Keep, data: RawJson, info: Option<ClientInfo>) -> u64 {
        self.top += 1;
        let entry = Entry { data, info: info.map(Box::new), expires_ms: mono_ms.saturating_add(keep.ttl_ms) };
        self.bytes += entry.cost();
        // Most streams hold an event or two, and there are as many streams as users.
        if self.entries.len() == self.entries.capacity() {
            self.entries.reserve_exact(self.entries.len() / 2 + 1);
        }
        self.entries.push_back(entry);
        while self.entries.len() > keep.publications || self.bytes > keep.bytes {
            self.drop_oldest();
        }
        self.top
    }

    /// Forgets what has expired.
    pub(crate) fn expire(&mut self, mono_ms: u64) {
        while self.entries.front().is_some_and(|oldest| oldest.expires_ms <= mono_ms) {
            self.drop_oldest();
        }
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// When the oldest publication expires; `None` when there is none.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        self.entries.front().map(|oldest| oldest.expires_ms)
    }

    /// Bytes in memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How a recoverable subscription begins.
    ///
    /// # Errors
    /// 112 when recovery is impossible and the caller is strict.
    pub(crate) fn subscribe(&self, ask: &SubscribeAsk) -> Result<SubscribeResult, Refusal> {
        let result = SubscribeResult {
            recoverable: true,
            positioned: true,
            epoch: self.epoch(),
            offset: self.top,
            was_recovering: ask.recover.is_some(),
            ..SubscribeResult::default()
        };
        let Some(position) = &ask.recover else { return Ok(result) };
        let fits = |from: &u64| self.range(*from, self.top).map(|(_, entry)| entry.cost()).sum::<usize>() <= RECOVERY_BYTES_MAX;
        let missing = missing_from(position, &result.epoch, self.top, PUBLICATIONS_PER_ANSWER_MAX);
        match missing.filter(|from| *from >= self.first()).filter(fits) {
            Some(from) => Ok(SubscribeResult {
                recovered: true,
                offset: position.offset,
                publications: self.range(from, self.top).map(|(offset, entry)| entry.publication(offset)).collect(),
                ..result
            }),
            None if ask.strict => Err(ErrorCode::UnrecoverablePosition.into()),
            None => Ok(result),
        }
    }

    /// A part of the stream.
    ///
    /// # Errors
    /// See [`history_window`].
    pub(crate) fn history(&self, history: &History) -> Result<HistoryResult, Refusal> {
        let epoch = self.epoch();
        let window = history_window(history, &epoch, self.first(), self.top)?;
        let mut entries: Vec<(u64, &Entry)> = self.range(window.low, window.high).collect();
        if window.reverse {
            entries.reverse();
        }
        entries.truncate(fitting(entries.iter().map(|(_, entry)| entry.cost())));
        let publications = entries.into_iter().map(|(offset, entry)| entry.publication(offset)).collect();
        Ok(HistoryResult { publications, epoch, offset: self.top })
    }

    fn epoch(&self) -> String {
        base36(self.epoch.get())
    }

    fn first(&self) -> u64 {
        self.top + 1 - self.entries.len() as u64
    }

    /// What is held from `low` to `high`, with offsets.
    fn range(&self, low: u64, high: u64) -> impl Iterator<Item = (u64, &Entry)> {
        (self.first()..).zip(&self.entries).skip_while(move |(offset, _)| *offset < low).take_while(move |(offset, _)| *offset <= high)
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.entries.pop_front() {
            self.bytes -= oldest.cost();
        }
    }
}

fn info_bytes(info: &ClientInfo) -> usize {
    let raw = |json: &Option<RawJson>| json.as_ref().map_or(0, |json| json.get().len());
    info.user.len() + info.client.len() + raw(&info.conn_info) + raw(&info.chan_info)
}

/// A number in the digits `0-9a-z`: short, and safe wherever an epoch may stand.
pub(crate) fn base36(mut number: u64) -> String {
    let mut digits = Vec::with_capacity(13);
    loop {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
        if number == 0 {
            return digits.into_iter().rev().collect();
        }
    }
}
