//! Everything that the test server knows, behind one lock: nothing in here waits.

use std::collections::{BTreeMap, HashMap};

use rialto_protocol::event::{ConversationChanged, ConversationCreated, ConversationEvent, ConversationNamed, InboxEvent};
use rialto_protocol::reply::{ClientInfo, Publication, RawJson, presence_push, unsubscribe_push, write_publication_push};
use rialto_protocol::rpc::{Appended, BotCommand, ConversationKind, CreateConversation, Profile};
use rialto_protocol::{Channel, ClientId, ConversationId, ErrorCode, Refusal, UnsubscribeCode, UserId};
use uuid::Uuid;

use super::conversation::TestConversation;
use super::peer::{Decide, Peer};
use super::stream::Stream;
use crate::clock::ServerClock;

pub(super) struct World {
    pub(super) users: BTreeMap<UserId, Profile>,
    pub(super) conversations: BTreeMap<ConversationId, TestConversation>,
    /// What bots have said that they understand.
    pub(super) commands: HashMap<UserId, Vec<BotCommand>>,
    pub(super) peers: BTreeMap<u64, Peer>,
    /// Decides what befalls each command.
    pub(super) decide: Option<Decide>,
    creations: HashMap<(UserId, ClientId), ConversationId>,
    streams: HashMap<String, Stream>,
    clock: ServerClock,
    counter: u64,
}

impl World {
    pub(super) fn new(decide: Option<Decide>) -> Self {
        Self {
            users: BTreeMap::new(),
            conversations: BTreeMap::new(),
            commands: HashMap::new(),
            peers: BTreeMap::new(),
            decide,
            creations: HashMap::new(),
            streams: HashMap::new(),
            clock: ServerClock::told(0),
            counter: 0,
        }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.clock.now_ms()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.counter += 1;
        self.counter
    }

    pub(super) fn new_id(&mut self) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(self.now(), &u128::from(self.number()).to_be_bytes()[6..].try_into().expect("ten bytes"))
            .into_uuid()
    }

    // ---- people and conversations ----

    pub(super) fn person(&mut self, username: &str) -> Profile {
        if let Some(known) = self.users.values().find(|profile| profile.username == username) {
            return known.clone();
        }
        let profile = Profile { id: UserId(self.new_id()), username: username.to_owned(), display_name: username.to_owned() };
        self.users.insert(profile.id, profile.clone());
        profile
    }

    pub(super) fn profile(&self, user: UserId) -> Result<&Profile, Refusal> {
        self.users.get(&user).ok_or_else(|| ErrorCode::NotFound.into())
    }

    pub(super) fn conversation(&self, id: ConversationId) -> Result<&TestConversation, Refusal> {
        self.conversations.get(&id).ok_or_else(|| ErrorCode::NotFound.into())
    }

    pub(super) fn create(&mut self, user: UserId, create: &CreateConversation) -> Result<ConversationId, Refusal> {
        let mut members = vec![user];
        members.extend(create.members.iter().copied().filter(|member| *member != user));
        let made = ClientId::new(&self.new_id().to_string()).expect("36 visible characters");
        let creation = (user, create.client_id.clone().unwrap_or_else(|| made.clone()));
        let is_pair = |other: &&TestConversation| {
            create.kind == ConversationKind::Direct && other.kind == create.kind && members.iter().all(|member| other.has(*member))
        };
        let standing = self.creations.get(&creation).copied().or_else(|| self.conversations.values().find(is_pair).map(|pair| pair.id));
        if let Some(standing) = standing {
            return Ok(standing);
        }
        let (id, epoch) = (ConversationId(self.new_id()), format!("e{}", self.number()));
        self.conversations.insert(id, TestConversation::new(id, create.kind, epoch, self.now()));
        self.creations.insert(creation, id);
        let created = ConversationCreated { kind: create.kind, title: create.title.clone(), members, by: user };
        self.append(id, user, &made, &ConversationEvent::ConversationCreated(created))?;
        Ok(id)
    }

    pub(super) fn append(
        &mut self,
        id: ConversationId,
        by: UserId,
        client_id: &ClientId,
        event: &ConversationEvent,
    ) -> Result<Appended, Refusal> {
        let now = self.now();
        let conversation = self.conversations.get_mut(&id).ok_or(ErrorCode::NotFound)?;
        let before = conversation.members.clone();
        let (appended, data) = conversation.append(by, client_id, now, event);
        if let Some(data) = data {
            let channel = Channel::Conversation(id).to_string();
            self.broadcast(&channel, &Publication { data, info: None, offset: appended.offset });
            self.tell_members(id, before.into_iter().map(|(user, _)| user).collect());
        }
        Ok(appended)
    }

    fn tell_members(&mut self, id: ConversationId, before: Vec<UserId>) {
        let named = ConversationNamed { conversation: id };
        let conversation = &self.conversations[&id];
        let mut news = Vec::new();
        for &(user, _) in &conversation.members {
            news.push((
                user,
                if before.contains(&user) {
                    let (last, unread) = (conversation.messages.last().cloned(), conversation.unread(user));
                    InboxEvent::ConversationChanged(ConversationChanged { conversation: id, last, unread })
                } else {
                    InboxEvent::ConversationAdded(named.clone())
                },
            ));
        }
        let gone: Vec<UserId> = before.into_iter().filter(|user| !conversation.has(*user)).collect();
        for (user, event) in news {
            self.tell(user, &event);
        }
        let channel = Channel::Conversation(id).to_string();
        for user in gone {
            self.tell(user, &InboxEvent::ConversationRemoved(named.clone()));
            for peer in self.peers.values_mut().filter(|peer| peer.user == Some(user)) {
                if peer.channels.remove(&channel).is_some() {
                    peer.says(unsubscribe_push(&channel, UnsubscribeCode::ServerUnsubscribe));
                }
            }
        }
    }

    /// An event for somebody's inbox.
    pub(super) fn tell(&mut self, user: UserId, event: &InboxEvent) {
        let channel = Channel::User(user).to_string();
        let data = RawJson::new(serde_json::value::to_raw_value(event).expect("an event is JSON"));
        let publication = self.memory_stream(&channel).push(data, None);
        self.broadcast(&channel, &publication);
    }

    // ---- channels ----

    /// The stream of a channel that the user may listen to.
    pub(super) fn stream(&mut self, channel: &str, user: UserId) -> Result<&mut Stream, Refusal> {
        match Channel::parse(channel) {
            Ok(Channel::Conversation(id)) => {
                self.conversation(id)?.role_of(user)?;
                Ok(&mut self.conversations.get_mut(&id).ok_or(ErrorCode::NotFound)?.stream)
            }
            Ok(Channel::User(owner)) if owner != user => Err(ErrorCode::PermissionDenied.into()),
            Ok(_) => Ok(self.memory_stream(channel)),
            Err(_) => Err(ErrorCode::UnknownChannel.into()),
        }
    }

    fn memory_stream(&mut self, channel: &str) -> &mut Stream {
        let epoch = format!("e{}", self.number());
        self.streams.entry(channel.to_owned()).or_insert_with(|| Stream::new(epoch))
    }

    pub(super) fn broadcast(&mut self, channel: &str, publication: &Publication) {
        let mut push = Vec::new();
        write_publication_push(&mut push, channel, publication.data.get(), publication.offset, publication.info.as_ref());
        let push = String::from_utf8(push).expect("JSON is text");
        for peer in self.peers.values_mut().filter(|peer| peer.channels.contains_key(channel)) {
            peer.says(push.clone());
        }
    }

    /// Who listens to a channel.
    pub(super) fn present(&self, channel: &str) -> BTreeMap<String, ClientInfo> {
        let peers = self.peers.values().filter(|peer| peer.channels.contains_key(channel));
        peers.map(|peer| (peer.client.clone(), peer.info())).collect()
    }

    pub(super) fn joined(&mut self, channel: &str, who: &ClientInfo, is_there: bool) {
        for peer in self.peers.values_mut().filter(|peer| peer.channels.get(channel) == Some(&true)) {
            peer.says(presence_push(channel, is_there, who));
        }
    }
}
