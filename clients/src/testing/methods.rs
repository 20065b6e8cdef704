//! What each rpc method does.

use rialto_protocol::event::{
    ConversationEvent, InboxEvent, Membership, MessageDeleted, MessageEdited, MessageSent, Reaction, ReadUpTo, SettingsChanged, Typing,
};
use rialto_protocol::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, TYPING_HOLDS_MS};
use rialto_protocol::reply::{Publication, RawJson};
use rialto_protocol::rpc::{
    Appended, BrowseConversations, Command, ConversationKind, Invite, ListMessages, MarkRead, Marked, Member, Page, Profile,
    PublicConversation, Request, Role,
};
use rialto_protocol::{Channel, ClientId, ConversationId, ErrorCode, Refusal, UserId};
use serde::Serialize;

use super::world::World;

type Answer = Result<RawJson, Refusal>;

fn json<T: Serialize>(value: &T) -> RawJson {
    RawJson::new(serde_json::value::to_raw_value(value).expect("answers are JSON"))
}

impl World {
    /// Answers a checked request.
    pub(super) fn call(&mut self, user: UserId, request: Request) -> Answer {
        match request {
            Request::ConversationCreate(create) => {
                let id = self.create(user, &create)?;
                Ok(json(&self.conversation(id)?.seen_by(user)))
            }
            Request::ConversationList(list) => {
                let mine = self.conversations.values().filter(|conversation| conversation.has(user)).rev();
                Ok(json(&page(mine.map(|conversation| conversation.seen_by(user)).collect(), list.limit, list.cursor.as_deref())))
            }
            Request::ConversationBrowse(browse) => Ok(json(&self.browse(&browse))),
            Request::ConversationGet(one) => {
                let conversation = self.conversation(one.conversation)?;
                if conversation.kind != ConversationKind::Public {
                    conversation.role_of(user)?;
                }
                Ok(json(&conversation.seen_by(user)))
            }
            Request::ConversationMembers(list) => {
                let conversation = self.conversation(list.conversation)?;
                conversation.role_of(user)?;
                let members = conversation.members.iter().map(|&(user, role)| Member { user, role }).collect();
                Ok(json(&page(members, list.limit, list.cursor.as_deref())))
            }
            Request::ConversationMessages(list) => self.messages(user, &list),
            Request::ConversationMarkRead(mark) => self.mark_read(user, &mark),
            Request::ConversationTyping(one) => {
                self.conversation(one.conversation)?.role_of(user)?;
                let typing = ConversationEvent::Typing(Typing { user, until: self.now() + TYPING_HOLDS_MS });
                let publication = Publication { data: json(&typing), info: None, offset: 0 };
                self.broadcast(&Channel::Conversation(one.conversation).to_string(), &publication);
                Ok(json(&serde_json::Map::new()))
            }
            Request::ConversationCommands(one) => self.commands_in(user, one.conversation),
            Request::BotSetCommands(set) => {
                self.commands.insert(user, set.commands);
                Ok(json(&serde_json::Map::new()))
            }
            Request::UserMe => Ok(json(self.profile(user)?)),
            Request::UserGet(get) => Ok(json(self.profile(get.user)?)),
            Request::UserFind(find) => {
                let found = self.users.values().find(|profile| profile.username.eq_ignore_ascii_case(&find.username));
                found.map(json::<Profile>).ok_or_else(|| ErrorCode::NotFound.into())
            }
            Request::UserSet(set) => {
                let profile = self.users.get_mut(&user).ok_or(ErrorCode::NotFound)?;
                profile.display_name = set.display_name;
                Ok(json(profile))
            }
            appends => self.append_as(user, appends).map(|appended| json(&appended)),
        }
    }

    /// Everything that becomes a row.
    fn append_as(&mut self, user: UserId, request: Request) -> Result<Appended, Refusal> {
        let by = user;
        let (id, client_id, event) = match request {
            Request::ConversationSend(send) => {
                self.conversation(send.conversation)?.role_of(user)?;
                let (id, client_id, time) = (send.conversation, send.client_id, self.now());
                let sent = MessageSent { sender: user, client_id: client_id.clone(), text: send.text, time, reply_to: send.reply_to };
                (id, client_id, ConversationEvent::Message(sent))
            }
            Request::ConversationEdit(edit) => {
                if self.conversation(edit.conversation)?.message(edit.target)?.sender != user {
                    return Err(ErrorCode::Forbidden.into());
                }
                let edited = MessageEdited { target: edit.target, text: edit.text, by };
                (edit.conversation, edit.client_id, ConversationEvent::MessageEdited(edited))
            }
            Request::ConversationDelete(delete) => {
                if self.conversation(delete.conversation)?.message(delete.target)?.sender != user {
                    self.needs(delete.conversation, user, Role::Admin)?;
                }
                let deleted = MessageDeleted { target: delete.target, by };
                (delete.conversation, delete.client_id, ConversationEvent::MessageDeleted(deleted))
            }
            Request::ConversationReact(react) => {
                let target = self.reacts(react.conversation, user, react.target)?;
                (react.conversation, react.client_id, ConversationEvent::ReactionAdded(Reaction { target, emoji: react.emoji, user }))
            }
            Request::ConversationUnreact(react) => {
                let target = self.reacts(react.conversation, user, react.target)?;
                (react.conversation, react.client_id, ConversationEvent::ReactionRemoved(Reaction { target, emoji: react.emoji, user }))
            }
            Request::ConversationJoin(join) => {
                let conversation = self.conversation(join.conversation)?;
                if conversation.kind != ConversationKind::Public {
                    conversation.role_of(user)?;
                }
                let joined = Membership { user, role: Some(Role::Member), by };
                (join.conversation, join.client_id, ConversationEvent::MemberJoined(joined))
            }
            Request::ConversationLeave(leave) => {
                self.conversation(leave.conversation)?.role_of(user)?;
                (leave.conversation, leave.client_id, ConversationEvent::MemberLeft(Membership { user, role: None, by }))
            }
            Request::ConversationInvite(invite) => return self.invite(user, &invite),
            Request::ConversationRemove(remove) => {
                self.needs(remove.conversation, by, Role::Admin)?;
                let removed = Membership { user: remove.user, role: None, by };
                (remove.conversation, remove.client_id, ConversationEvent::MemberRemoved(removed))
            }
            Request::ConversationSetRole(set) => {
                self.needs(set.conversation, by, Role::Owner)?;
                let changed = Membership { user: set.user, role: Some(set.role), by };
                (set.conversation, set.client_id, ConversationEvent::RoleChanged(changed))
            }
            Request::ConversationSet(set) => {
                self.needs(set.conversation, by, Role::Admin)?;
                (set.conversation, set.client_id, ConversationEvent::SettingsChanged(SettingsChanged { title: set.title, by }))
            }
            _ => return Err(ErrorCode::MethodNotFound.into()),
        };
        self.append(id, user, &client_id, &event)
    }

    fn invite(&mut self, by: UserId, invite: &Invite) -> Result<Appended, Refusal> {
        self.conversation(invite.conversation)?.role_of(by)?;
        let mut last = Err(Refusal::from(ErrorCode::InvalidArgument));
        for (number, &user) in invite.users.iter().enumerate() {
            let id = ClientId::new(&format!("{}-{number}", invite.client_id.as_str())).map_err(|_| ErrorCode::InvalidArgument)?;
            let joined = ConversationEvent::MemberJoined(Membership { user, role: Some(Role::Member), by });
            last = Ok(self.append(invite.conversation, by, &id, &joined)?);
        }
        last
    }

    fn needs(&self, conversation: ConversationId, user: UserId, role: Role) -> Result<(), Refusal> {
        if self.conversation(conversation)?.role_of(user)? >= role { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
    }

    fn reacts(&self, conversation: ConversationId, user: UserId, target: u64) -> Result<u64, Refusal> {
        let conversation = self.conversation(conversation)?;
        conversation.role_of(user)?;
        conversation.message(target).map(|message| message.offset)
    }

    fn messages(&self, user: UserId, list: &ListMessages) -> Answer {
        let conversation = self.conversation(list.conversation)?;
        conversation.role_of(user)?;
        let (before, after) = (list.before.unwrap_or(u64::MAX), list.after.unwrap_or(0));
        let range: Vec<_> = conversation.messages.iter().filter(|message| message.offset < before && message.offset > after).collect();
        let count = list.limit.unwrap_or(PAGE_ITEMS_DEFAULT).min(PAGE_ITEMS_MAX).min(range.len());
        let items = if after > 0 { &range[..count] } else { &range[range.len() - count..] };
        let edge = if after > 0 { items.last() } else { items.first() };
        let next = edge.filter(|_| count < range.len()).map(|message| message.offset.to_string());
        Ok(json(&Page { items: items.to_vec(), next }))
    }

    fn mark_read(&mut self, user: UserId, mark: &MarkRead) -> Answer {
        let conversation = self.conversations.get_mut(&mark.conversation).ok_or(ErrorCode::NotFound)?;
        conversation.role_of(user)?;
        let top = conversation.stream.top();
        let marker = conversation.read.entry(user).or_insert(0);
        *marker = mark.offset.min(top).max(*marker);
        let offset = *marker;
        let unread = conversation.unread(user);
        self.tell(user, &InboxEvent::Read(ReadUpTo { conversation: mark.conversation, offset }));
        Ok(json(&Marked { offset, unread }))
    }

    fn commands_in(&self, user: UserId, conversation: ConversationId) -> Answer {
        let conversation = self.conversation(conversation)?;
        conversation.role_of(user)?;
        let of = |bot: UserId| {
            self.commands.get(&bot).into_iter().flatten().map(move |command| Command {
                bot,
                name: command.name.clone(),
                description: command.description.clone(),
                options: command.options.clone(),
            })
        };
        let mut items: Vec<Command> = conversation.members.iter().flat_map(|(bot, _)| of(*bot)).collect();
        items.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(json(&Page { items, next: None }))
    }

    fn browse(&self, browse: &BrowseConversations) -> Page<PublicConversation> {
        let wanted = browse.title.as_deref().unwrap_or("").to_lowercase();
        let all = self.conversations.values().rev().filter(|conversation| {
            conversation.kind == ConversationKind::Public && conversation.title.as_deref().unwrap_or("").to_lowercase().contains(&wanted)
        });
        let shown = all.map(|conversation| PublicConversation {
            id: conversation.id,
            title: conversation.title.clone(),
            member_count: conversation.members.len() as u64,
            active: self.now(),
        });
        page(shown.collect(), browse.limit, browse.cursor.as_deref())
    }
}

/// Cursors are the index of the next item.
fn page<T>(items: Vec<T>, limit: Option<usize>, cursor: Option<&str>) -> Page<T> {
    let from = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or(0_usize);
    let to = from.saturating_add(limit.unwrap_or(PAGE_ITEMS_DEFAULT).min(PAGE_ITEMS_MAX));
    let next = (to < items.len()).then(|| to.to_string());
    Page { items: items.into_iter().skip(from).take(to - from).collect(), next }
}
