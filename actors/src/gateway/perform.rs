//! Carries out what a session wants.

use std::sync::Arc;

use rialto_protocol::{EntityKey, ws_frame};

use super::{Gateway, SessionId};
use crate::entity::{Ask, Caller, EntityName};
use crate::kernel::detach;
use crate::reply_to::{CommandAddress, Infos, Listener, ReplyTo, SessionReply, Then};
use crate::session::{ReplyKind, Session, SessionEffect, SessionInput};

impl Gateway {
    /// Carries out one effect of a session, decided at this monotonic time. It queues, starts or hands on; it never blocks.
    pub(super) fn perform(&self, id: SessionId, mono_ms: u64, effect: SessionEffect) {
        match effect {
            SessionEffect::Send(text) => self.send(id, ws_frame::text(text.as_bytes())),
            SessionEffect::Connected { reply } => self.connected(id, ws_frame::text(reply.as_bytes())),
            SessionEffect::Verify { command, refresh, token } => {
                let (accounts, gateway) = (self.0.parts.beside.accounts.clone(), self.clone());
                detach(async move {
                    let verdict = accounts.authenticate(&token).await.map(Box::new);
                    gateway.tell(id, SessionInput::Verified { command, refresh, verdict });
                });
            }
            SessionEffect::Ask { .. } => self.ask(id, effect),
            SessionEffect::Accounts { command, caller, request } => {
                let Some(address) = self.begin(id, command, ReplyKind::Rpc, None) else { return };
                let (beside, gateway) = (self.0.parts.beside.clone(), self.clone());
                detach(async move {
                    let answer = beside.request(&caller, *request).await;
                    gateway.answer(SessionReply { address, then: Then::Answer }, answer);
                });
            }
            SessionEffect::Named(name) => {
                let mut state = self.0.state.borrow_mut();
                let name = state.names.id_of(&name);
                if let Some(slot) = state.slots.get_mut(id) {
                    slot.name = name;
                }
            }
            SessionEffect::Leave { entity, channel } => self.leave(id, entity, &channel),
            SessionEffect::WakeAt { mono_ms: at } => self.0.hook.set_timer(id, Some(at.saturating_sub(mono_ms))),
            SessionEffect::Close(code) => self.close(id, code),
            SessionEffect::Gone => self.release(id),
        }
    }

    fn ask(&self, id: SessionId, effect: SessionEffect) {
        let SessionEffect::Ask { command, kind, entity, caller, ask, chan_info } = effect else { return };
        let join_leave = matches!(kind, ReplyKind::Subscribe { join_leave: true, .. });
        let presence_of = matches!(kind, ReplyKind::Presence | ReplyKind::PresenceStats).then(|| Arc::clone(&entity.channel));
        let Some(address) = self.begin(id, command, kind.clone(), presence_of) else { return };
        let then = match kind {
            ReplyKind::Subscribe { .. } | ReplyKind::ServerSubscribe => {
                let listener = Listener {
                    client: caller.client.unwrap_or_default(),
                    user: caller.user,
                    thread: address.thread,
                    join_leave,
                    infos: Infos::of(caller.info.clone(), chan_info),
                };
                Then::listen(entity.clone(), listener)
            }
            ReplyKind::Presence => Then::Presence,
            // Who is on other nodes is counted by name.
            ReplyKind::PresenceStats if self.0.parts.presence.is_some() => Then::Presence,
            ReplyKind::PresenceStats => Then::PresenceStats,
            ReplyKind::Rpc | ReplyKind::Publish | ReplyKind::History => Then::Answer,
        };
        let reply = SessionReply { address, then };
        if matches!(&ask, Ask::Subscribe(subscribe) if subscribe.recover.is_some()) {
            return self.recover(entity, caller, ask, reply);
        }
        self.route(entity, caller, ask, reply);
    }

    /// Hands an ask to its shard.
    pub(super) fn route(&self, entity: EntityName, caller: Caller, ask: Ask, reply: SessionReply) {
        if let Err((ReplyTo::Session(reply), refusal)) = self.0.parts.router.ask(entity, caller, ask, ReplyTo::Session(reply)) {
            self.answer(reply, Err(refusal));
        }
    }

    /// Notes a command under way.
    fn begin(&self, id: SessionId, command: u32, kind: ReplyKind, channel: Option<Arc<str>>) -> Option<CommandAddress> {
        let began_us = self.0.parts.clock.mono_us();
        let mut state = self.0.state.borrow_mut();
        let number = state.slots.get_mut(id)?.begin(command, began_us, kind, channel);
        Some(CommandAddress { thread: self.0.parts.thread, session: id, command: number })
    }

    fn connected(&self, id: SessionId, reply: Vec<u8>) {
        let limit = self.0.parts.outbox_bytes_max;
        let fits = self.0.state.borrow_mut().slots.get_mut(id).is_none_or(|slot| slot.outbox.connected(reply, limit));
        if fits { self.wake(id) } else { self.slow(id) }
    }

    pub(super) fn leave(&self, id: SessionId, entity: EntityKey, channel: &Arc<str>) {
        self.leave_room(id, channel);
        let mut state = self.0.state.borrow_mut();
        let Some(client) = state.slots.get(id).and_then(|slot| slot.session.as_ref()).map(Session::client) else { return };
        if !self.0.parts.router.leave(entity, client) {
            state.leaves.push((entity, client));
        }
    }
}
