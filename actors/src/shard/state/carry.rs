//! The way of an entity's effects out of the shard: rows into the log, outputs through the gate, then to whoever listens.

use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::reply::{ClientInfo, ENVELOPE_BYTES, presence_push, write_publication_push};
use rialto_protocol::{EntityKey, EntityKind, ErrorCode, Refusal, ws_frame};

use super::super::effect::{ShardEffect, Threads};
use super::super::gate::Output;
use super::{Shard, log_backed};
use crate::entity::{Answer, EntityEffect};
use crate::kernel::Effects;
use crate::reply_to::{Listener, ReplyTo, SessionReply, Then};

impl Shard {
    pub(super) fn carry(&mut self, entity: EntityKey, effect: EntityEffect, out: &mut Effects<ShardEffect>) {
        match effect {
            EntityEffect::Append(row) => {
                debug_assert!(log_backed(entity), "only log-backed entities append");
                let wseq = self.log.push(row);
                if let Some(slot) = self.slots.get_mut(&entity) {
                    slot.last_wseq = wseq;
                }
            }
            EntityEffect::Reply { to, answer } => {
                self.close(entity, &to);
                self.gated(entity, Output::Reply { entity, to, answer }, out);
            }
            EntityEffect::Publish { data, offset, info } => self.gated(entity, Output::Publish { entity, data, offset, info }, out),
            EntityEffect::Tell { user, tell } => self.gated(entity, Output::Tell { user, tell }, out),
            EntityEffect::Unsubscribe { user } => self.gated(entity, Output::Unsubscribe { entity, user }, out),
            EntityEffect::Snapshot(snapshot) => self.gated(entity, Output::Snapshot { entity, snapshot }, out),
            EntityEffect::Read { token, query } => self.read(entity, token, query, out),
            EntityEffect::WakeAt { mono_ms } => {
                if let Some(slot) = self.slots.get_mut(&entity) {
                    slot.wake_ms = Some(mono_ms);
                    self.wakes.push(Reverse((mono_ms, entity)));
                }
            }
            EntityEffect::Idle => self.idle(entity),
            EntityEffect::Rest(mark) => {
                self.channels.keep_mark(entity, mark);
                self.idle(entity);
            }
        }
    }

    fn idle(&mut self, entity: EntityKey) {
        if let Some(slot) = self.slots.get_mut(&entity) {
            slot.idle = true;
        }
    }

    /// The entity has answered: it no longer holds the command.
    fn close(&mut self, entity: EntityKey, to: &ReplyTo) {
        let (ReplyTo::Session(reply), Some(slot)) = (to, self.slots.get_mut(&entity)) else { return };
        slot.answered(reply.address);
    }

    /// Outputs of entities without a log depend on no row and leave at once. The others wait for the rows that they were decided on, and for a shard that is surely mine.
    fn gated(&mut self, entity: EntityKey, output: Output, out: &mut Effects<ShardEffect>) {
        let waits = self.log.top() > self.log.applied() || !self.gate.is_empty() || !self.log.is_sure(self.mono_ms);
        if log_backed(entity) && waits {
            self.gate.hold(self.log.top(), output);
        } else {
            self.emit(output, out);
        }
    }

    pub(super) fn emit(&mut self, output: Output, out: &mut Effects<ShardEffect>) {
        match output {
            Output::Reply { entity, to, answer } => self.answer(entity, to, answer, out),
            Output::Publish { entity, data, offset, info } => self.publish(entity, &data, offset, info.as_deref(), out),
            Output::Tell { user, tell } => out.push(ShardEffect::Tell { user, tell }),
            Output::Unsubscribe { entity, user } => {
                let Some((channel, _)) = self.channels.interested(entity) else { return };
                let gone = self.channels.leave_user(entity, user);
                let mut threads: Threads = gone.iter().map(|listener| listener.thread).collect();
                threads.sort_unstable();
                threads.dedup();
                for listener in &gone {
                    self.say_presence(entity, listener, false, out);
                }
                if !threads.is_empty() {
                    out.push(ShardEffect::Unsubscribe { threads, channel, user });
                }
            }
            Output::Snapshot { entity, snapshot } => out.push(ShardEffect::Snapshot { entity, snapshot }),
        }
    }

    fn answer(&mut self, entity: EntityKey, to: ReplyTo, answer: Result<Answer, Refusal>, out: &mut Effects<ShardEffect>) {
        let ReplyTo::Session(SessionReply { address, mut then }) = to else {
            return out.push(ShardEffect::Reply { to, answer });
        };
        let mut joined = None;
        let answer = answer.and_then(|answer| match &mut then {
            Then::Answer => Ok(answer),
            Then::Listen(listen) => {
                joined = self.listen(entity, &listen.listener)?;
                if let Some(name) = self.channels.name(entity) {
                    listen.entity.channel = Arc::clone(name);
                }
                Ok(answer)
            }
            Then::Presence => Ok(Answer::Presence(self.channels.presence(entity))),
            Then::PresenceStats => {
                let (clients, users) = self.channels.stats(entity);
                Ok(Answer::PresenceStats { clients, users })
            }
        });
        out.push(ShardEffect::Reply { to: ReplyTo::Session(SessionReply { address, then }), answer });
        if let Some(listener) = joined {
            self.say_presence(entity, &listener, true, out);
        }
    }

    /// Enters a listener; answers it when it is new and others may want to know.
    fn listen(&mut self, entity: EntityKey, listener: &Listener) -> Result<Option<Listener>, Refusal> {
        if entity.kind == EntityKind::User && self.channels.count(entity) >= self.config.connections_per_user_max {
            return Err(ErrorCode::LimitExceeded.into());
        }
        let name = self.slots.get(&entity).map(|slot| Arc::clone(&slot.name.channel));
        let Some(name) = name.or_else(|| self.channels.interested(entity).map(|(name, _)| name)) else {
            return Err(ErrorCode::Unavailable.into());
        };
        Ok(self.channels.enter(entity, &name, listener.clone()).then(|| listener.clone()))
    }

    fn publish(&mut self, entity: EntityKey, data: &Bytes, offset: u64, info: Option<&ClientInfo>, out: &mut Effects<ShardEffect>) {
        let Some((channel, threads)) = self.channels.interested(entity) else { return };
        let Ok(data) = std::str::from_utf8(data) else { return };
        let bytes = ENVELOPE_BYTES + channel.len() + data.len();
        let frame = ws_frame::text_of(bytes, |out| write_publication_push(out, &channel, data, offset, info)).into();
        out.push(ShardEffect::Publish { threads, channel, frame, offset });
    }

    pub(super) fn say_presence(&mut self, entity: EntityKey, listener: &Listener, joined: bool, out: &mut Effects<ShardEffect>) {
        let Some((channel, threads)) = self.channels.wants_presence(entity) else { return };
        let frame = ws_frame::text(presence_push(&channel, joined, &listener.info()).as_bytes()).into();
        out.push(ShardEffect::Presence { threads, channel, frame });
    }
}
