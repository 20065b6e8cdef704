//! A free topic: pub/sub under any channel name, with bounded history in memory and nothing in the store.
//!
//! Who may publish or listen is decided by the session from the configured rules; the part of the rule that shapes the stream comes with each request.

use rialto_protocol::reply::{ClientInfo, RawJson, SubscribeResult};
use rialto_protocol::{ErrorCode, Refusal};

use crate::entities::memory_stream::{Keep, MemoryStream};
use crate::entity::{Answer, Ask, EntityEffect, EntityInput, SubscribeAsk, TopicRule};
use crate::kernel::{Effects, Machine, Moment};

#[cfg(test)]
mod tests;

/// Bytes of payloads that one topic keeps, whatever its rule says. Above: the oldest leave, and recovery from before them fails honestly.
pub const HISTORY_BYTES_MAX: usize = 1024 * 1024;

/// The machine of one topic.
#[derive(Debug, Default)]
pub struct Topic {
    /// `None` before the first input.
    stream: Option<MemoryStream>,
    /// The newest rule seen: `history` comes without one.
    rule: Option<TopicRule>,
    wake_at_ms: Option<u64>,
}

impl Machine for Topic {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, input: EntityInput, effects: &mut Effects<EntityEffect>) {
        let stream = self.stream.get_or_insert_with(|| MemoryStream::new(now.entropy));
        stream.expire(now.mono_ms);
        match input {
            EntityInput::Asked { ask, reply, .. } => {
                let answer = self.answer(now, ask, effects);
                effects.push(EntityEffect::Reply { to: reply, answer });
            }
            EntityInput::Woken => self.wake_at_ms = None,
            EntityInput::Activated { .. } | EntityInput::Told(_) | EntityInput::Answered { .. } | EntityInput::Applied { .. } => {}
        }
        self.settle(effects);
    }
}

impl Topic {
    fn answer(&mut self, now: Moment, ask: Ask, effects: &mut Effects<EntityEffect>) -> Result<Answer, Refusal> {
        let stream = self.stream.get_or_insert_with(|| MemoryStream::new(now.entropy));
        match ask {
            Ask::Subscribe(subscribe) => {
                self.rule = subscribe.rule.or(self.rule);
                let result = subscribed(stream, self.rule, &subscribe)?;
                Ok(Answer::Subscribed(Box::new(result)))
            }
            Ask::History(_) if self.rule.is_some_and(|rule| !keeps_history(rule)) => Err(ErrorCode::NotAvailable.into()),
            Ask::History(history) => stream.history(&history).map(Answer::History),
            Ask::Presence => Ok(Answer::Allowed),
            Ask::Publish { data, info, rule } => {
                self.rule = Some(rule);
                publish(stream, now, rule, data, info, effects);
                Ok(Answer::Published)
            }
            Ask::Request(_) | Ask::Among(_) => Err(ErrorCode::MethodNotFound.into()),
        }
    }

    /// Wakes when the oldest publication expires, and may leave memory once there is none: with it the stream's identity goes.
    fn settle(&mut self, effects: &mut Effects<EntityEffect>) {
        match self.stream.as_ref().and_then(MemoryStream::next_expiry_ms) {
            None => effects.push(EntityEffect::Idle),
            Some(mono_ms) if self.wake_at_ms.is_none_or(|wake_at_ms| wake_at_ms > mono_ms) => {
                self.wake_at_ms = Some(mono_ms);
                effects.push(EntityEffect::WakeAt { mono_ms });
            }
            Some(_) => {}
        }
    }
}

fn keeps_history(rule: TopicRule) -> bool {
    rule.history_size > 0 && rule.history_ttl_ms > 0
}

fn subscribed(stream: &MemoryStream, rule: Option<TopicRule>, ask: &SubscribeAsk) -> Result<SubscribeResult, Refusal> {
    if ask.recoverable && rule.is_some_and(|rule| rule.recover && keeps_history(rule)) {
        return stream.subscribe(ask);
    }
    if ask.recover.is_some() && ask.strict {
        return Err(ErrorCode::UnrecoverablePosition.into());
    }
    Ok(SubscribeResult { was_recovering: ask.recover.is_some(), ..SubscribeResult::default() })
}

/// Without history there are no positions: an offset that nobody can ask for would look like a gap.
fn publish(
    stream: &mut MemoryStream,
    now: Moment,
    rule: TopicRule,
    data: RawJson,
    info: Option<Box<ClientInfo>>,
    effects: &mut Effects<EntityEffect>,
) {
    let bytes = bytes::Bytes::copy_from_slice(data.get().as_bytes());
    let offset = if !keeps_history(rule) {
        0
    } else {
        let keep = Keep {
            publications: usize::try_from(rule.history_size).unwrap_or(usize::MAX),
            bytes: HISTORY_BYTES_MAX,
            ttl_ms: rule.history_ttl_ms,
        };
        stream.push(now.mono_ms, keep, data, info.as_deref().cloned())
    };
    effects.push(EntityEffect::Publish { data: bytes, offset, info });
}
