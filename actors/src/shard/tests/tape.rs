//! The smallest entity: it appends what it is told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use rialto_protocol::event::{ConversationEvent, EventTag, MessageSent};
use rialto_protocol::rpc::{Appended, Request, SendMessage};
use rialto_protocol::{Channel, UserId};
use rialto_storage::entity_rows::RowRange;
use rialto_storage::{Row, RowSender};

use crate::entity::{Answer, Ask, EntityEffect, EntityFactory, EntityInput, EntityMachine, EntityName, Found, Query};
use crate::kernel::{Effects, Machine, Moment};
use crate::reply_to::ReplyTo;
use crate::user::User;

/// Makes them, and counts how often.
pub(super) struct Tapes {
    activations: Rc<RefCell<HashMap<EntityName, usize>>>,
}

impl Tapes {
    pub(super) fn new(activations: Rc<RefCell<HashMap<EntityName, usize>>>) -> Self {
        Self { activations }
    }
}

impl EntityFactory for Tapes {
    fn create(&self, entity: &EntityName) -> Box<EntityMachine> {
        *self.activations.borrow_mut().entry(entity.clone()).or_default() += 1;
        match Channel::parse(&entity.channel) {
            Ok(Channel::User(user)) => Box::new(User::new(user)),
            _ => Box::new(Tape { name: entity.clone(), top: 0, reading: Vec::new() }),
        }
    }
}

/// An entity that appends what it is told, and panics at the word "poison".
struct Tape {
    name: EntityName,
    top: u64,
    reading: Vec<ReplyTo>,
}

impl Machine for Tape {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, input: EntityInput, out: &mut Effects<EntityEffect>) {
        match input {
            EntityInput::Activated { activation, .. } => self.top = activation.rows.last().map_or(0, |row| row.seq),
            EntityInput::Asked { caller, ask: Ask::Request(request), reply } => {
                tracing::debug!("taken");
                let Request::ConversationSend(send) = *request else { panic!("unexpected request") };
                assert_ne!(send.text, "poison", "poison");
                self.top += 1;
                out.push(EntityEffect::Append(self.row(now, caller.user, send)));
                out.push(EntityEffect::Reply { to: reply, answer: Ok(appended(self.top, now.wall_ms)) });
            }
            EntityInput::Asked { ask: Ask::History(_), reply, .. } => {
                self.reading.push(reply);
                let query = Query::Rows(RowRange { from: 1, to: u64::MAX, limit: 1_000, reverse: false });
                out.push(EntityEffect::Read { token: self.reading.len() as u64 - 1, query });
            }
            EntityInput::Answered { token, answer: Ok(Found::Rows(rows)) } => {
                let reply = self.reading.remove(token as usize);
                out.push(EntityEffect::Reply { to: reply, answer: Ok(appended(rows.len() as u64, 0)) });
            }
            EntityInput::Asked { reply, .. } => out.push(EntityEffect::Reply { to: reply, answer: Ok(appended(self.top, 0)) }),
            _ => {}
        }
        out.push(EntityEffect::Idle);
    }
}

impl Tape {
    fn row(&self, now: Moment, user: UserId, send: SendMessage) -> Row {
        let event = ConversationEvent::Message(MessageSent {
            sender: user,
            client_id: send.client_id.clone(),
            text: send.text,
            time: now.wall_ms,
            reply_to: None,
        });
        Row {
            entity: self.name.key,
            seq: self.top,
            time_ms: now.wall_ms,
            sender: RowSender { user, client_id: send.client_id },
            remaining: 0,
            event: EventTag::Message,
            target: 0,
            ordinal: self.top,
            sender_ordinal: self.top,
            body: Bytes::from(serde_json::to_vec(&event).unwrap()),
        }
    }
}

fn appended(offset: u64, time: u64) -> Answer {
    Answer::Appended(Appended { offset, epoch: String::new(), time, duplicate: false })
}
