//! Somebody at a test server, who acts at once and needs no client.

use rialto_protocol::rpc::{ConversationKind, Message, Profile};
use rialto_protocol::{ConversationId, UserId};
use serde_json::{Value, json};

use super::server::TestServer;

/// Somebody at a test server, who acts at once and needs no client.
///
/// # Panics
/// What a person may not do panics: the server's refusal is in the message.
#[derive(Clone)]
pub struct Person {
    server: TestServer,
    profile: Profile,
}

impl Person {
    pub(super) fn new(server: TestServer, profile: Profile) -> Self {
        Self { server, profile }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> UserId {
        self.profile.id
    }

    /// The user name.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.profile.username
    }

    /// The access token.
    #[must_use]
    pub fn token(&self) -> String {
        format!("test:{}", self.profile.id)
    }

    /// Makes a conversation.
    #[must_use]
    pub fn creates(&self, kind: ConversationKind, title: Option<&str>, others: &[&Person]) -> ConversationId {
        let members: Vec<UserId> = others.iter().map(|other| other.id()).collect();
        let made = self.does("create", json!({"kind": kind, "title": title, "members": members}));
        serde_json::from_value(made["id"].clone()).expect("a conversation has an id")
    }

    /// Says something; the message's offset.
    pub fn says(&self, conversation: ConversationId, text: &str) -> u64 {
        self.appends("send", json!({"conversation": conversation, "text": text}))
    }

    /// Answers the message at an offset; the answer's own.
    pub fn replies(&self, conversation: ConversationId, to: u64, text: &str) -> u64 {
        self.appends("send", json!({"conversation": conversation, "text": text, "reply_to": to}))
    }

    /// Reacts to the message at an offset.
    pub fn reacts(&self, conversation: ConversationId, target: u64, emoji: &str) {
        self.appends("react", json!({"conversation": conversation, "target": target, "emoji": emoji}));
    }

    /// Adds members.
    pub fn invites(&self, conversation: ConversationId, others: &[&Person]) {
        let users: Vec<UserId> = others.iter().map(|other| other.id()).collect();
        self.appends("invite", json!({"conversation": conversation, "users": users}));
    }

    /// Removes a member.
    pub fn removes(&self, conversation: ConversationId, other: &Person) {
        self.appends("remove", json!({"conversation": conversation, "user": other.id()}));
    }

    /// Everything that stands in a conversation.
    #[must_use]
    pub fn reads(&self, conversation: ConversationId) -> Vec<Message> {
        self.server.world().conversation(conversation).expect("a conversation").messages.clone()
    }

    /// Waits for a message of somebody else whose text fits.
    pub async fn hears(&self, conversation: ConversationId, fits: impl Fn(&str) -> bool) -> Message {
        let is_it = |message: &&Message| message.sender != self.id() && fits(&message.text);
        let find = || self.server.world().conversation(conversation).ok()?.messages.iter().find(is_it).cloned();
        self.server.until("somebody says what is waited for", find).await
    }

    fn appends(&self, verb: &str, mut body: Value) -> u64 {
        let number = self.server.world().number();
        body["client_id"] = json!(format!("person-{number}"));
        self.does(verb, body)["offset"].as_u64().expect("a row has an offset")
    }

    fn does(&self, verb: &str, body: Value) -> Value {
        let answer = self.server.call(self.id(), &format!("conversation.{verb}"), &body);
        answer.unwrap_or_else(|refusal| panic!("{} may not {verb}: {refusal}", self.profile.username))
    }
}
