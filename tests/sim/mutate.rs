//! What passes between a shard and the store, changed where the rule that is switched off wants it.

use rialto_actors::shard::ShardInput;
use rialto_actors::shard::backlog::Batch;
use rialto_actors::shard::log::{LogAnswer, LogCall, SURE_MS};
use rialto_storage::shard_log::{Fence, Outcome};

use crate::network::{Call, Request};
use crate::node::Place;
use crate::rules::Rule;
use crate::world::{Event, World};

impl World {
    /// A statement on its way; `None` when it is not sent.
    pub(crate) fn rule_on_call(&mut self, from: Place, mut call: Call) -> Option<Call> {
        let Some(off) = self.plan.off else { return Some(call) };
        match (off, &mut call) {
            (Rule::Seal, Call::Log(LogCall::Seal { .. })) => {
                self.after(1, Event::Shard(from, Box::new(ShardInput::Log(LogAnswer::Outcome(Ok(Outcome::Applied))))));
                return None;
            }
            (Rule::CursorIsCarried, Call::Log(LogCall::Claim { cursor, .. })) => *cursor = 0,
            (Rule::CursorBehindTheWrite, Call::Consume(Batch { consumer, serial, .. })) => {
                let input = ShardInput::Consumed { consumer: *consumer, serial: *serial, result: Ok(()) };
                self.after(1, Event::Shard(from, Box::new(input)));
            }
            (Rule::TruncateBelowTheCursor, Call::Log(LogCall::Claim { bucket, seen: None, .. })) if *bucket > 0 => {
                let call = Call::Truncate { bucket: *bucket - 1 };
                self.after(3, Event::Engine(Box::new(Request { from, call, answer_ms: None, late: false })));
            }
            _ => {}
        }
        Some(call)
    }

    /// What a caller is told whose statement nobody knows about.
    pub(crate) fn rule_on_unknown(&self, call: &Call, event: Event) -> Event {
        let (Call::Log(LogCall::Append(_)), Event::Shard(place, _)) = (call, &event) else { return event };
        let outcome = match self.plan.off {
            Some(Rule::UnknownIsNoFailure) => Outcome::Full,
            Some(Rule::UnknownIsNoSuccess) => Outcome::Applied,
            _ => return event,
        };
        Event::Shard(*place, Box::new(ShardInput::Log(LogAnswer::Outcome(Ok(outcome)))))
    }

    /// The answer of the store.
    pub(crate) fn rule_on_answer(&mut self, from: Place, call: &LogCall, mut answer: LogAnswer) -> LogAnswer {
        self.note_fence(from, call, &answer);
        let believes_its_claim = self.believes_its_claim(from, call, &answer);
        let mine = self.fences.get(&from).copied();
        match (self.plan.off, &mut answer) {
            (Some(Rule::RowsCarryTheFence), LogAnswer::Tail(Ok(rows))) => {
                rows.iter_mut().for_each(|(_, writer, _)| *writer = mine.unwrap_or(*writer));
            }
            (Some(Rule::SureOfTheFence), LogAnswer::Head(Ok(head))) if mine.is_some() => {
                (head.fence, head.sealed) = (mine, false);
            }
            (Some(Rule::FenceBehindTheTail), LogAnswer::Head(Ok(head))) if believes_its_claim => {
                (head.fence, head.sealed) = (mine, false);
            }
            _ => {}
        }
        answer
    }

    /// Remembers who believes to own a shard, and under which fence.
    fn note_fence(&mut self, from: Place, call: &LogCall, answer: &LogAnswer) {
        match (call, answer) {
            (LogCall::Claim { new, .. }, LogAnswer::Outcome(Ok(Outcome::Applied))) => drop(self.fences.insert(from, *new)),
            (LogCall::Append(_) | LogCall::Seal { .. }, LogAnswer::Outcome(Ok(Outcome::Fenced))) => drop(self.fences.remove(&from)),
            _ => {}
        }
    }

    /// Whether this is the first look at the fence behind the tail, and the claim before that so young that it might be taken for a sign of the fence.
    fn believes_its_claim(&mut self, from: Place, call: &LogCall, answer: &LogAnswer) -> bool {
        match (call, answer) {
            (LogCall::Claim { .. }, LogAnswer::Outcome(Ok(Outcome::Applied))) => {
                self.claims.insert(from, Claimed { ms: self.now_ms, tail_read: false });
            }
            (LogCall::Tail { .. }, _) => {
                if let Some(claimed) = self.claims.get_mut(&from) {
                    claimed.tail_read = true;
                }
            }
            (LogCall::Head { .. }, _) if self.claims.get(&from).is_some_and(|claimed| claimed.tail_read) => {
                return self.claims.remove(&from).is_some_and(|claimed| self.now_ms < claimed.ms + SURE_MS);
            }
            (LogCall::Append(_) | LogCall::Seal { .. }, _) => drop(self.claims.remove(&from)),
            _ => {}
        }
        false
    }
}

/// A claim behind which no look at the fence has come yet.
#[derive(Debug)]
pub(crate) struct Claimed {
    ms: u64,
    tail_read: bool,
}

/// The newest such claim of each shard.
pub(crate) type Claims = std::collections::BTreeMap<Place, Claimed>;

/// Under which fence each shard believes to own its log.
pub(crate) type Fences = std::collections::BTreeMap<Place, Fence>;
