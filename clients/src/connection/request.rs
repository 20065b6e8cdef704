//! Requests that wait: unsent, under way, or to be sent again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rialto_protocol::command::{self, CommandKind};

use crate::connection::backoff::{Random, pause_ms};
use crate::connection::input::Effect;
use crate::error::Error;
use crate::limits::{RETRY_MAX_MS, RETRY_MIN_MS};
use crate::wire::WireError;

/// What may be done with a request whose answer does not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Send it again, on another connection too: it reads only, or carries its sender's id.
    Safe,
    /// It waits for a connection, but once sent it is never repeated.
    Once,
    /// It is worth nothing later: it neither waits nor is repeated.
    Ephemeral,
}

#[derive(Debug)]
struct Request {
    kind: CommandKind,
    retry: Retry,
    deadline_ms: u64,
    /// When the attempt under way is given up.
    attempt_until_ms: Option<u64>,
    /// When a request that was refused for now goes out again.
    not_before_ms: u64,
    attempts: u32,
    /// Ids on this connection: an answer to an earlier attempt counts too.
    ids: Vec<u32>,
}

/// All requests of a connection, in the order in which the owner made them.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    by_key: BTreeMap<u64, Request>,
    by_id: HashMap<u32, u64>,
    /// Keys of those that wait to be written.
    unsent: BTreeSet<u64>,
}

impl Requests {
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(crate) fn add(&mut self, key: u64, kind: CommandKind, retry: Retry, deadline_ms: u64) {
        let request = Request { kind, retry, deadline_ms, attempt_until_ms: None, not_before_ms: 0, attempts: 0, ids: Vec::new() };
        self.by_key.insert(key, request);
        self.unsent.insert(key);
    }

    /// The earliest time at which something must be done, while connected or not.
    pub(crate) fn deadline_ms(&self, connected: bool) -> Option<u64> {
        self.by_key
            .values()
            .map(|request| {
                let next = match request.attempt_until_ms {
                    Some(until) => until,
                    None if connected => request.not_before_ms,
                    None => u64::MAX,
                };
                next.min(request.deadline_ms)
            })
            .min()
    }

    /// Writes what waits to be written and may go out now.
    pub(crate) fn flush(&mut self, now_ms: u64, ack_ms: u64, next_id: &mut u32, out: &mut Vec<Effect>) {
        let due: Vec<u64> =
            self.unsent.iter().copied().filter(|key| self.by_key.get(key).is_none_or(|r| r.not_before_ms <= now_ms)).collect();
        for key in due {
            self.unsent.remove(&key);
            let Some(request) = self.by_key.get_mut(&key) else { continue };
            *next_id += 1;
            out.push(Effect::Write(command::encode(*next_id, &request.kind)));
            request.attempt_until_ms = Some(now_ms + ack_ms);
            request.attempts += 1;
            request.ids.push(*next_id);
            self.by_id.insert(*next_id, key);
        }
    }

    /// An answer came. False when nobody waits for this id.
    pub(crate) fn answered(
        &mut self,
        id: u32,
        result: Result<String, WireError>,
        now_ms: u64,
        random: &mut Random,
        out: &mut Vec<Effect>,
    ) -> bool {
        let Some(key) = self.by_id.get(&id).copied() else { return false };
        let Some(request) = self.by_key.get_mut(&key) else { return false };
        if let Err(error) = &result
            && error.temporary
            && request.retry == Retry::Safe
        {
            request.not_before_ms = now_ms + pause_ms(random, request.attempts.saturating_sub(1), RETRY_MIN_MS, RETRY_MAX_MS);
            request.attempt_until_ms = None;
            self.unsent.insert(key);
            return true;
        }
        let result = result.map_err(|WireError { code, message, temporary }| Error::Refused { code, message, temporary });
        self.finish(key, result, out);
        true
    }

    /// Gives up what is too late, and lets what had no answer go out again.
    pub(crate) fn expire(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let due: Vec<u64> = self
            .by_key
            .iter()
            .filter(|(_, r)| r.deadline_ms.min(r.attempt_until_ms.unwrap_or(u64::MAX)) <= now_ms)
            .map(|(k, _)| *k)
            .collect();
        for key in due {
            let Some(request) = self.by_key.get_mut(&key) else { continue };
            if request.deadline_ms > now_ms && request.retry == Retry::Safe {
                request.attempt_until_ms = None;
                self.unsent.insert(key);
            } else {
                let sent = request.attempts > 0;
                self.finish(key, Err(Error::Timeout { sent }), out);
            }
        }
    }

    /// The connection is gone: what may be repeated waits for the next one, the rest is answered.
    pub(crate) fn interrupted(&mut self, out: &mut Vec<Effect>) {
        self.by_id.clear();
        let mut lost = Vec::new();
        for (key, request) in &mut self.by_key {
            request.ids.clear();
            match request.retry {
                Retry::Safe => {
                    request.attempt_until_ms = None;
                    self.unsent.insert(*key);
                }
                Retry::Once if request.attempt_until_ms.is_none() => {}
                Retry::Once => lost.push((*key, Error::Interrupted)),
                Retry::Ephemeral => lost.push((*key, Error::NotConnected)),
            }
        }
        for (key, error) in lost {
            self.finish(key, Err(error), out);
        }
    }

    /// Answers everything with this error.
    pub(crate) fn fail_all(&mut self, error: &Error, out: &mut Vec<Effect>) {
        for key in self.by_key.keys().copied().collect::<Vec<_>>() {
            self.finish(key, Err(error.clone()), out);
        }
    }

    fn finish(&mut self, key: u64, result: Result<String, Error>, out: &mut Vec<Effect>) {
        self.unsent.remove(&key);
        if let Some(request) = self.by_key.remove(&key) {
            for id in request.ids {
                self.by_id.remove(&id);
            }
            out.push(Effect::Answer { key, result });
        }
    }
}
