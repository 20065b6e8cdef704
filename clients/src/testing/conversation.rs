//! One conversation of the test server: its rows, and everything else as a fold of them.

use std::collections::HashMap;

use rialto_protocol::event::ConversationEvent;
use rialto_protocol::reply::RawJson;
use rialto_protocol::rpc::{Appended, Conversation, ConversationKind, Message, Role};
use rialto_protocol::{ClientId, ConversationId, ErrorCode, Refusal, UserId};

use super::stream::Stream;

pub(super) struct TestConversation {
    pub(super) id: ConversationId,
    pub(super) kind: ConversationKind,
    pub(super) stream: Stream,
    /// In the order in which they came.
    pub(super) members: Vec<(UserId, Role)>,
    pub(super) messages: Vec<Message>,
    pub(super) read: HashMap<UserId, u64>,
    pub(super) title: Option<String>,
    created: u64,
    appended: HashMap<(UserId, ClientId), Appended>,
}

impl TestConversation {
    pub(super) fn new(id: ConversationId, kind: ConversationKind, epoch: String, created: u64) -> Self {
        let (stream, title) = (Stream::new(epoch), None);
        let (members, messages) = (Vec::new(), Vec::new());
        Self { id, kind, stream, members, messages, read: HashMap::new(), title, created, appended: HashMap::new() }
    }

    pub(super) fn has(&self, user: UserId) -> bool {
        self.members.iter().any(|(member, _)| *member == user)
    }

    /// The caller's role; refuses whoever is no member.
    pub(super) fn role_of(&self, user: UserId) -> Result<Role, Refusal> {
        let code = if self.kind == ConversationKind::Public { ErrorCode::NotAMember } else { ErrorCode::NotFound };
        self.members.iter().find(|(member, _)| *member == user).map(|(_, role)| *role).ok_or_else(|| code.into())
    }

    /// Appends an event once for each sender and id; the row's data when it is new.
    pub(super) fn append(&mut self, by: UserId, id: &ClientId, time: u64, event: &ConversationEvent) -> (Appended, Option<RawJson>) {
        if let Some(known) = self.appended.get(&(by, id.clone())) {
            return (Appended { duplicate: true, ..known.clone() }, None);
        }
        let data = RawJson::new(serde_json::value::to_raw_value(event).expect("an event is JSON"));
        let offset = self.stream.push(data.clone(), None).offset;
        self.fold(offset, event);
        let appended = Appended { offset, epoch: self.stream.epoch.clone(), time, duplicate: false };
        self.appended.insert((by, id.clone()), appended.clone());
        (appended, Some(data))
    }

    pub(super) fn message(&self, offset: u64) -> Result<&Message, Refusal> {
        let found = self.messages.iter().find(|message| message.offset == offset && !message.deleted);
        found.ok_or_else(|| ErrorCode::NotFound.into())
    }

    pub(super) fn unread(&self, user: UserId) -> u64 {
        let marker = self.read.get(&user).copied().unwrap_or(0);
        self.messages.iter().filter(|message| message.offset > marker && message.sender != user).count() as u64
    }

    pub(super) fn seen_by(&self, user: UserId) -> Conversation {
        Conversation {
            id: self.id,
            kind: self.kind,
            title: self.title.clone(),
            role: self.role_of(user).ok(),
            members: self.members.iter().map(|(member, _)| *member).collect(),
            member_count: self.members.len() as u64,
            created: self.created,
            epoch: self.stream.epoch.clone(),
            offset: self.stream.top(),
            unread: self.unread(user),
            read: self.read.get(&user).copied().unwrap_or(0),
            last: self.messages.last().cloned(),
        }
    }

    fn fold(&mut self, offset: u64, event: &ConversationEvent) {
        match event {
            ConversationEvent::ConversationCreated(created) => {
                self.title.clone_from(&created.title);
                let owns = |user| user == created.by && self.kind != ConversationKind::Direct;
                self.members = created.members.iter().map(|&user| (user, if owns(user) { Role::Owner } else { Role::Member })).collect();
            }
            ConversationEvent::Message(sent) => self.messages.push(Message {
                offset,
                sender: sent.sender,
                client_id: sent.client_id.clone(),
                text: sent.text.clone(),
                time: sent.time,
                edited: false,
                deleted: false,
                reply_to: sent.reply_to,
                reactions: Default::default(),
            }),
            ConversationEvent::MessageEdited(edited) => self.change(edited.target, |message| {
                message.text.clone_from(&edited.text);
                message.edited = true;
            }),
            ConversationEvent::MessageDeleted(deleted) => self.change(deleted.target, |message| {
                message.text.clear();
                message.reactions.clear();
                message.deleted = true;
            }),
            ConversationEvent::ReactionAdded(reaction) => self.change(reaction.target, |message| {
                let users = message.reactions.entry(reaction.emoji.clone()).or_default();
                users.retain(|user| *user != reaction.user);
                users.push(reaction.user);
            }),
            ConversationEvent::ReactionRemoved(reaction) => self.change(reaction.target, |message| {
                if let Some(users) = message.reactions.get_mut(&reaction.emoji) {
                    users.retain(|user| *user != reaction.user);
                }
                message.reactions.retain(|_, users| !users.is_empty());
            }),
            ConversationEvent::MemberJoined(joined) | ConversationEvent::RoleChanged(joined) => {
                let role = joined.role.unwrap_or(Role::Member);
                match self.members.iter_mut().find(|(member, _)| *member == joined.user) {
                    Some(member) => member.1 = role,
                    None => self.members.push((joined.user, role)),
                }
            }
            ConversationEvent::MemberLeft(left) | ConversationEvent::MemberRemoved(left) => {
                self.members.retain(|(member, _)| *member != left.user);
            }
            ConversationEvent::SettingsChanged(changed) => self.title = changed.title.clone().or_else(|| self.title.take()),
            ConversationEvent::Typing(_) => {}
        }
    }

    fn change(&mut self, target: u64, edit: impl FnOnce(&mut Message)) {
        if let Some(message) = self.messages.iter_mut().find(|message| message.offset == target) {
            edit(message);
        }
    }
}
