//! Carries out what a session wants.

use std::sync::Arc;

use bytes::Bytes;
use rialto_protocol::{CloseCode, EntityKey, UserId, ws_frame};
use tracing::Span;
use uuid::Uuid;

use super::{Gateway, SessionId};
use crate::kernel::{Acts, PanicReport, Performer};
use crate::node::about_users;
use crate::reply_to::{CommandAddress, Listener, ReplyTo, SessionReply, Then};
use crate::session::{ReplyKind, Session, SessionEffect, SessionInput};

/// Performs the effects of one session.
pub(super) struct SessionPerformer {
    pub(super) gateway: Gateway,
    pub(super) id: SessionId,
    /// The connection's id, for logs.
    pub(super) client: Uuid,
    /// Who it is, for logs; nil until known.
    pub(super) user: UserId,
}

impl Performer<Session> for SessionPerformer {
    fn perform(&mut self, effect: SessionEffect, acts: &mut Acts<'_, Session, Self>) {
        let (gateway, id) = (&self.gateway, self.id);
        match effect {
            SessionEffect::Consumed => gateway.consumed(id),
            SessionEffect::Send(text) => gateway.send(id, frame(&text)),
            SessionEffect::Connected { reply } => gateway.connected(id, frame(&reply)),
            SessionEffect::Verify { command, refresh, token } => {
                let accounts = gateway.0.parts.accounts.clone();
                acts.later(async move {
                    let verdict = accounts.authenticate(&token).await.map(Box::new);
                    SessionInput::Verified { command, refresh, verdict }
                });
            }
            SessionEffect::Identify { user, grant } => {
                self.user = user;
                if let Some(slot) = gateway.0.state.borrow_mut().slots.get_mut(id) {
                    slot.user = user;
                    slot.grant = grant;
                }
            }
            SessionEffect::Ask { .. } => self.ask(effect),
            SessionEffect::Accounts { command, caller, request } => {
                let Some(address) = gateway.begin(id, command, ReplyKind::Rpc, Arc::from("")) else { return };
                let (accounts, gateway) = (gateway.0.parts.accounts.clone(), gateway.clone());
                acts.detach(async move {
                    let answer = about_users(&accounts, &caller, *request).await;
                    gateway.answer(SessionReply { address, then: Then::Answer }, answer);
                });
            }
            SessionEffect::Leave { entity, channel } => gateway.leave(id, entity, &channel),
            SessionEffect::WakeAt { mono_ms } => gateway.0.hook.set_timer(id, Some(mono_ms.saturating_sub(acts.mono_ms))),
            SessionEffect::Close(code) => gateway.close(id, code),
            SessionEffect::Gone => {
                if gateway.0.state.borrow_mut().slots.release(id).is_some() {
                    gateway.0.meters.sessions.decrement(1.0);
                }
                acts.stop();
            }
        }
    }

    fn span(&self) -> Span {
        tracing::debug_span!("session", connection = %self.client, user = %self.user)
    }

    fn crash_span(&self) -> Span {
        tracing::error_span!("session", connection = %self.client, user = %self.user)
    }

    fn rebuild(&mut self, _panic: &PanicReport) -> Option<(Session, SessionInput)> {
        // A session is not rebuilt: its client comes back and recovers. What it listened to is given up here, as it can no longer say so itself.
        let channels = self.gateway.0.state.borrow().hub.channels_of(self.id);
        for channel in channels {
            if let Ok(parsed) = rialto_protocol::Channel::parse(&channel) {
                self.gateway.leave(self.id, parsed.entity(), &channel);
            }
        }
        self.gateway.close(self.id, CloseCode::InternalError);
        None
    }
}

impl SessionPerformer {
    fn ask(&self, effect: SessionEffect) {
        let SessionEffect::Ask { command, kind, entity, caller, ask, chan_info } = effect else { return };
        let gateway = &self.gateway;
        let join_leave = matches!(kind, ReplyKind::Subscribe { join_leave: true, .. });
        let Some(address) = gateway.begin(self.id, command, kind.clone(), Arc::clone(&entity.channel)) else { return };
        let then = match kind {
            ReplyKind::Subscribe { .. } | ReplyKind::ServerSubscribe => {
                let listener = Listener {
                    client: caller.client.unwrap_or_default(),
                    thread: address.thread,
                    user: caller.user,
                    conn_info: caller.info.clone(),
                    chan_info,
                    join_leave,
                };
                Then::Listen { entity: entity.clone(), listener: Box::new(listener) }
            }
            ReplyKind::Presence => Then::Presence,
            ReplyKind::PresenceStats => Then::PresenceStats,
            ReplyKind::Rpc | ReplyKind::Publish | ReplyKind::History => Then::Answer,
        };
        let reply = ReplyTo::Session(SessionReply { address, then });
        if let Err((ReplyTo::Session(reply), refusal)) = gateway.0.parts.router.ask(entity, caller, ask, reply) {
            gateway.answer(reply, Err(refusal));
        }
    }
}

impl Gateway {
    /// Notes a command under way.
    fn begin(&self, id: SessionId, command: u32, kind: ReplyKind, channel: Arc<str>) -> Option<CommandAddress> {
        let mut state = self.0.state.borrow_mut();
        let number = state.slots.get_mut(id)?.begin(command, kind, channel);
        Some(CommandAddress { thread: self.0.parts.thread, session: id, command: number })
    }

    fn consumed(&self, id: SessionId) {
        if let Some(slot) = self.0.state.borrow_mut().slots.get_mut(id) {
            slot.frames_waiting = slot.frames_waiting.saturating_sub(1);
        }
        self.resume_if_idle(id);
    }

    fn connected(&self, id: SessionId, reply: Bytes) {
        let limit = self.0.parts.outbox_bytes_max;
        let fits = self.0.state.borrow_mut().slots.get_mut(id).is_none_or(|slot| slot.outbox.connected(reply, limit));
        if fits { self.wake(id) } else { self.slow(id) }
    }

    pub(super) fn leave(&self, id: SessionId, entity: EntityKey, channel: &Arc<str>) {
        self.leave_room(id, channel);
        let mut state = self.0.state.borrow_mut();
        let Some(client) = state.slots.get(id).map(|slot| slot.client) else { return };
        if !self.0.parts.router.leave(entity, client) {
            state.leaves.push((entity, client));
        }
    }
}

fn frame(text: &str) -> Bytes {
    ws_frame::text(text.as_bytes()).into()
}
