//! What comes from shards: answers become replies, publications go into rooms.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rialto_protocol::reply::{self, Empty, ReplyBody, SubscribeResult};
use rialto_protocol::{Channel, CloseCode, ErrorCode, Refusal, UnsubscribeCode, UserId, ws_frame};

use super::hub::{Flush, Flushed};
use super::link::FromShard;
use super::recovery::{LARGE_ANSWER_BYTES, overloaded};
use super::slots::UnderWay;
use super::{Gateway, SessionId, State};
use crate::entity::Answer;
use crate::kernel::guarded;
use crate::reply_to::{Listen, SessionReply, Then};
use crate::router::shard_of;
use crate::session::{ReplyKind, SessionInput};

/// Messages from shards for which memory is kept from one turn to the next.
const MESSAGES_KEPT_MAX: usize = 1024;
/// Milliseconds after which leaves that a full shard refused are said again.
const LEAVES_AGAIN_MS: u64 = 50;

impl Gateway {
    /// Takes in what shards send, for ever. One turn handles everything that waits, then gives each room's listeners what gathered.
    pub async fn run(&self) {
        let (links, thread) = (self.0.parts.links.clone(), self.0.parts.thread);
        loop {
            let leaves = !self.0.state.borrow().leaves.is_empty();
            if leaves {
                let _ = tokio::time::timeout(Duration::from_millis(LEAVES_AGAIN_MS), links.wait(thread)).await;
            } else {
                links.wait(thread).await;
            }
            // What concerns one session is contained in the turn; were this task to end, nobody on the thread would hear anything any more.
            if let Err(panic) = guarded(|| self.turn()) {
                self.crashed(None, &panic);
            }
        }
    }

    /// One turn of [`Gateway::run`].
    pub(super) fn turn(&self) {
        let mut messages = self.0.messages.take();
        let lagged = self.0.parts.links.take(self.0.parts.thread, &mut messages);
        let asker = Cell::new(None);
        // A panic costs the message that it happened with, and its asker.
        while let Err(panic) = guarded(|| {
            while let Some(message) = messages.pop_front() {
                asker.set(message.asker());
                self.take(message);
            }
        }) {
            self.crashed(asker.get(), &panic);
        }
        if messages.capacity() <= MESSAGES_KEPT_MAX {
            self.0.messages.set(messages);
        }
        self.flush_hub(Flush::Prompt);
        if self.0.state.borrow().hub.has_gathered() {
            self.0.hook.rooms_gathered();
        }
        for channel in lagged {
            self.lagged(&channel);
        }
        self.leaves_again();
    }

    fn take(&self, message: FromShard) {
        match message {
            FromShard::Answer { reply, answer } => self.answer(reply, answer),
            FromShard::Publication { channel, frame, .. } => self.0.state.borrow_mut().hub.publish(&channel, frame),
            FromShard::Presence { channel, frame } => self.presence(&channel, &frame),
            FromShard::Missed { channel } => {
                self.flush_rooms();
                self.lagged(&channel);
            }
            FromShard::Lost { shard } => {
                self.flush_rooms();
                self.lost(shard);
            }
            FromShard::Unsubscribe { channel, user } => self.unsubscribe(&channel, user),
        }
    }

    /// Gives all rooms' listeners what gathered. The socket side calls it when it has been told that rooms have gathered and its sockets are free for it.
    pub fn flush_rooms(&self) {
        self.flush_hub(Flush::All);
    }

    fn flush_hub(&self, flush: Flush) {
        let limit = self.0.parts.outbox_bytes_max;
        let mut slow = Vec::new();
        let Flushed { deliveries, panics } = {
            let mut state = self.0.state.borrow_mut();
            let State { hub, slots, .. } = &mut *state;
            hub.flush(flush, |id, chunk| {
                let Some(slot) = slots.get_mut(id) else { return };
                match (slot.outbox.publish(chunk, limit), flush) {
                    (true, Flush::All) => self.0.hook.wake_with_room(id),
                    (true, Flush::Prompt) => self.0.hook.wake(id),
                    (false, _) => slow.push(id),
                }
            })
        };
        if deliveries > 0 {
            self.0.meters.deliveries.increment(deliveries);
        }
        for id in slow {
            self.slow(id);
        }
        for (id, panic) in panics {
            self.crashed(Some(id), &panic);
        }
    }

    /// Ends a session's part in a room. What the room has gathered for it, it still gets.
    pub(super) fn leave_room(&self, id: SessionId, channel: &str) {
        self.forget_listener(id, channel);
        let limit = self.0.parts.outbox_bytes_max;
        let fits = {
            let mut state = self.0.state.borrow_mut();
            let State { hub, slots, .. } = &mut *state;
            match (hub.leave(channel, id), slots.get_mut(id)) {
                (Some(gathered), Some(slot)) if !gathered.is_empty() => slot.outbox.publish(gathered, limit),
                _ => return,
            }
        };
        if fits { self.wake(id) } else { self.slow(id) }
    }

    /// Writes an answer as the reply that its command wants.
    pub(super) fn answer(&self, reply: SessionReply, answer: Result<Answer, Refusal>) {
        let answer = match (&self.0.parts.presence, &reply.then, answer) {
            (Some(board), Then::Presence, Ok(Answer::Presence(here))) => return self.answer_with_others(board, reply, here),
            (_, _, answer) => answer,
        };
        let id = reply.address.session;
        let done = self.0.state.borrow_mut().slots.get_mut(id).and_then(|slot| slot.finish(reply.address.command));
        if let Err(refusal) = &answer {
            // Not registered ahead: there are dozens of codes, and a refused command is not the hot path.
            metrics::counter!("rialto_errors_total", "code" => refusal.code.word()).increment(1);
        }
        let Some(UnderWay { command, kind, began_us, .. }) = done else {
            if answer.is_ok() {
                self.nobody_listens(reply.then);
            }
            return;
        };
        self.0.parts.load.commands.record_us(self.0.parts.clock.mono_us().saturating_sub(began_us));
        match reply.then {
            Then::Listen(listen) => self.subscribed(id, command, &kind, listen, answer),
            _ => self.send_answer(id, self.fitted(id, command, &kind, answer).0),
        }
        self.resume_if_idle(id);
    }

    /// A subscription began, or was refused. From this answer on the session listens: what the room gathered before it is already in the answer.
    fn subscribed(&self, id: SessionId, command: u32, kind: &ReplyKind, listen: Box<Listen>, answer: Result<Answer, Refusal>) {
        // The shard's name of the channel: one for all who listen.
        let channel = Arc::clone(&listen.entity.channel);
        let result = if let ReplyKind::Subscribe { join_leave, .. } = kind {
            let failed = answer.as_ref().err().cloned();
            let (frame, late) = self.fitted(id, command, kind, answer);
            if failed.is_none() && late.is_none() {
                self.note_listener(&channel, &listen.listener);
            }
            let failed = failed.or_else(|| late.inspect(|_| self.nobody_listens(Then::Listen(listen))));
            if failed.is_none() {
                self.0.state.borrow_mut().hub.enter(&channel, id, *join_leave);
            }
            self.send_answer(id, frame);
            failed.map_or_else(|| Ok(Box::default()), Err)
        } else {
            if matches!(answer, Ok(Answer::Subscribed(_))) {
                self.0.state.borrow_mut().hub.enter(&channel, id, false);
                self.note_listener(&channel, &listen.listener);
            }
            answer.and_then(|answer| match answer {
                Answer::Subscribed(result) => Ok(result),
                _ => Err(ErrorCode::Internal.into()),
            })
        };
        self.tell(id, SessionInput::Subscribed { channel, result });
    }

    /// The reply's frame. Large answers that were asked for faster than the socket takes them are refused for now, and the connection goes on.
    fn fitted(&self, id: SessionId, command: u32, kind: &ReplyKind, answer: Result<Answer, Refusal>) -> (Vec<u8>, Option<Refusal>) {
        let frame = frame_of(command, kind, answer);
        if frame.len() < LARGE_ANSWER_BYTES || self.takes_large(id, frame.len()) {
            return (frame, None);
        }
        self.0.meters.answers_refused.increment(1);
        let refusal = overloaded();
        (frame_of(command, kind, Err(refusal.clone())), Some(refusal))
    }

    /// A subscription that the shard has made ends here: the shard must not keep it.
    fn nobody_listens(&self, then: Then) {
        let Then::Listen(listen) = then else { return };
        let (entity, client) = (listen.entity.key, listen.listener.client);
        if !self.0.parts.router.leave(entity, client) {
            self.0.state.borrow_mut().leaves.push((entity, client));
        }
    }

    /// Whoever asked for them hears of its own coming too, behind its subscribe reply, as Centrifuge clients expect.
    fn presence(&self, channel: &str, frame: &Bytes) {
        let listeners = self.0.state.borrow().hub.join_leave_listeners(channel);
        for id in listeners {
            self.send_shared(id, frame.clone());
        }
    }

    fn unsubscribe(&self, channel: &Arc<str>, user: UserId) {
        let listeners = self.0.state.borrow().hub.listeners(channel);
        for id in listeners {
            if self.0.state.borrow().slots.get(id).is_some_and(|slot| slot.user() == user) {
                self.drop_listener(id, channel, UnsubscribeCode::ServerUnsubscribe);
            }
        }
    }

    fn drop_listener(&self, id: SessionId, channel: &Arc<str>, code: UnsubscribeCode) {
        self.leave_room(id, channel);
        self.send(id, ws_frame::text(reply::unsubscribe_push(channel, code).as_bytes()));
        self.tell(id, SessionInput::Unsubscribed { channel: Arc::clone(channel) });
    }

    /// Publications of this channel did not come here: its listeners must ask for what they missed.
    fn lagged(&self, channel: &Arc<str>) {
        let Ok(parsed) = Channel::parse(channel) else { return };
        let listeners = self.0.state.borrow().hub.listeners(channel);
        for id in listeners {
            if matches!(parsed, Channel::User(_)) {
                // A server-side subscription has no way to recover but a new connection.
                self.end(id, CloseCode::InsufficientState);
                continue;
            }
            self.leave(id, parsed.entity(), channel);
            self.drop_listener(id, channel, UnsubscribeCode::InsufficientState);
        }
    }

    /// A shard has begun anew and knows of no listener any more: those of all its channels must come again.
    fn lost(&self, shard: u16) {
        let channels = self.0.state.borrow().hub.channels();
        for channel in channels {
            if Channel::parse(&channel).is_ok_and(|parsed| shard_of(parsed.entity()) == shard) {
                self.lagged(&channel);
            }
        }
    }

    fn leaves_again(&self) {
        let mut state = self.0.state.borrow_mut();
        state.leaves.retain(|(entity, client)| !self.0.parts.router.leave(*entity, *client));
    }
}

/// A reply as a frame, written where it leaves from.
fn frame_of(command: u32, kind: &ReplyKind, answer: Result<Answer, Refusal>) -> Vec<u8> {
    let body = match (kind, answer) {
        (_, Err(refusal)) => ReplyBody::from(&refusal),
        (ReplyKind::Rpc, Ok(answer)) => return answer.rpc_frame(command),
        (ReplyKind::Publish, Ok(_)) => ReplyBody::Publish(Empty {}),
        (_, Ok(Answer::History(history))) => ReplyBody::History(history),
        (_, Ok(Answer::Presence(presence))) => ReplyBody::Presence { presence },
        (_, Ok(Answer::PresenceStats { clients, users })) => ReplyBody::PresenceStats { num_clients: clients, num_users: users },
        (ReplyKind::Subscribe { ttl, .. }, Ok(Answer::Subscribed(result))) => {
            ReplyBody::Subscribe(Box::new(SubscribeResult { expires: *ttl > 0, ttl: *ttl, ..*result }))
        }
        (_, Ok(_)) => ReplyBody::from(&Refusal::from(ErrorCode::Internal)),
    };
    ws_frame::text_of(reply::ENVELOPE_BYTES, |out| reply::write_reply(out, command, &body))
}
