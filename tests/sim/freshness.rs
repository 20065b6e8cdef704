//! How old an answer may be: an owner that was overtaken may not know it for a while, and what it answers in that while is bounded.

use std::collections::BTreeMap;

use rialto_actors::entity::Answer;
use rialto_actors::reply_to::{ReplyTo, SessionReply};
use rialto_actors::shard::ShardInput;
use rialto_actors::shard::log::SURE_MS;
use rialto_protocol::{EntityKey, EntityKind, Refusal};

use crate::world::World;

/// What was asked of entities and when, and what stands since when.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    asked: BTreeMap<(u32, u32), (u64, EntityKey)>,
    /// Rows that were acknowledged, with the time of that.
    stand: BTreeMap<EntityKey, Vec<(u64, u64)>>,
}

impl World {
    /// A shard takes up a question.
    pub(crate) fn note_ask(&mut self, input: &ShardInput) {
        if let ShardInput::Ask { entity, reply: ReplyTo::Session(reply), .. } = input
            && entity.key.kind == EntityKind::Conversation
        {
            let key = (reply.address.session.index, reply.address.command);
            self.freshness.asked.insert(key, (self.now_ms, entity.key));
        }
    }

    /// A shard answers: whatever had been acknowledged for longer than an owner may be mistaken must be in it.
    pub(crate) fn note_answer(&mut self, reply: &SessionReply, answer: &Result<Answer, Refusal>) {
        let key = (reply.address.session.index, reply.address.command);
        let Some((asked_ms, entity)) = self.freshness.asked.remove(&key) else { return };
        let top = match answer {
            Ok(Answer::Appended(appended)) => {
                if !appended.duplicate {
                    self.freshness.stand.entry(entity).or_default().push((self.now_ms, appended.offset));
                }
                return;
            }
            Ok(Answer::Subscribed(result)) if result.recovered => result.offset + result.publications.len() as u64,
            Ok(Answer::Subscribed(result)) => result.offset,
            Ok(Answer::History(history)) => history.offset,
            _ => return,
        };
        let stand = self.freshness.stand.get(&entity).into_iter().flatten();
        let newest = stand.filter(|(since_ms, _)| since_ms + SURE_MS <= asked_ms).map(|(_, offset)| *offset).max().unwrap_or(0);
        if newest > top {
            let id = entity.id;
            self.history.violations.push(format!("an answer of {id} ends at {top}, but {newest} was acknowledged {SURE_MS} ms before"));
        }
    }
}
