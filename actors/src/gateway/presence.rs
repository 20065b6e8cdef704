//! Who listens here, for the other nodes, and who listens there, for those who ask here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rialto_protocol::reply::ClientInfo;

use super::{Gateway, SessionId};
use crate::entity::Answer;
use crate::kernel::detach;
use crate::presence::Board;
use crate::reply_to::{Listener, SessionReply, Then};
use crate::session::{ReplyKind, Session};

impl Gateway {
    /// A session listens from now on.
    pub(super) fn note_listener(&self, channel: &Arc<str>, listener: &Listener) {
        if let Some(board) = &self.0.parts.presence {
            board.enter(channel, listener);
        }
    }

    /// A session listens no more.
    pub(super) fn forget_listener(&self, id: SessionId, channel: &str) {
        let Some(board) = &self.0.parts.presence else { return };
        let client = self.0.state.borrow().slots.get(id).and_then(|slot| slot.session.as_ref()).map(Session::client);
        if let Some(client) = client {
            board.leave(channel, client);
        }
    }

    /// Answers who is there with those of other nodes, once these are known.
    pub(super) fn answer_with_others(&self, board: &Board, reply: SessionReply, here: BTreeMap<String, ClientInfo>) {
        let SessionReply { address, .. } = reply;
        let asked = self.0.state.borrow().slots.get(address.session).and_then(|slot| slot.asked(address.command));
        let Some((channel, kind)) = asked else { return };
        let (gateway, board) = (self.clone(), board.clone());
        detach(async move {
            let all = board.with_others(&channel, here).await;
            let answer = match kind {
                ReplyKind::PresenceStats => stats(&all),
                _ => Answer::Presence(all),
            };
            gateway.answer(SessionReply { address, then: Then::Answer }, Ok(answer));
        });
    }
}

fn stats(all: &BTreeMap<String, ClientInfo>) -> Answer {
    let users: BTreeSet<&str> = all.values().map(|info| info.user.as_str()).collect();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Answer::PresenceStats { clients: count(all.len()), users: count(users.len()) }
}
