//! Somebody with a connected device: the vocabulary of the stories.

use serde_json::{Value, json};

use crate::user::client_id;
use crate::{Pick as _, User, Wire};

/// An account, one connection, and the conversation it is looking at.
#[derive(Debug)]
pub struct Person {
    /// The account.
    pub user: User,
    /// The connection.
    pub wire: Wire,
    room: Option<String>,
}

impl Person {
    /// Connects `user`.
    pub async fn connect(user: User) -> Self {
        let wire = Wire::connect(user.http.base(), &user.token).await;
        Self { user, wire, room: None }
    }

    /// Another device of the same person.
    pub async fn other_device(&self) -> Self {
        Self::connect(self.user.clone()).await
    }

    /// The user id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.user.id
    }

    /// The channel of the conversation this person is looking at.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("conversation:{}", self.room())
    }

    /// The id of the conversation this person is looking at.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn room(&self) -> &str {
        self.room.as_deref().expect("enters a conversation first")
    }

    /// Creates a group, looks at it, and gives its id.
    pub async fn opens_group(&mut self, title: &str, others: &[&Self]) -> String {
        self.opens("group", title, others).await
    }

    /// Creates a conversation of any kind, looks at it, and gives its id.
    pub async fn opens(&mut self, kind: &str, title: &str, others: &[&Self]) -> String {
        let members: Vec<&str> = others.iter().map(|other| other.id()).collect();
        let mut body = json!({"kind": kind, "members": members, "client_id": client_id()});
        if kind != "direct" {
            body["title"] = title.into();
        }
        let room = self.wire.ask("conversation.create", body).await.text("id");
        self.enters(&room).await;
        room
    }

    /// Opens the direct conversation with `other` once more, without looking at it, and gives its id.
    pub async fn opens_again_with(&mut self, other: &str) -> String {
        let body = json!({"kind": "direct", "members": [other], "client_id": client_id()});
        self.wire.ask("conversation.create", body).await.text("id")
    }

    /// Looks at a conversation: subscribes to its channel.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn enters(&mut self, room: &str) -> Value {
        self.room = Some(room.to_owned());
        let channel = self.channel();
        self.wire.subscribe(&channel).await.unwrap_or_else(|refusal| panic!("{channel}: {refusal:?}"))
    }

    /// Does something in the conversation; the conversation and a fresh client id are added.
    pub async fn does(&mut self, method: &str, details: Value) -> Value {
        let data = self.details(details);
        self.wire.ask(method, data).await
    }

    /// Tries something that must be refused, and gives the code.
    pub async fn may_not(&mut self, method: &str, details: Value) -> u64 {
        let data = self.details(details);
        self.wire.refused(method, data).await
    }

    fn details(&self, mut details: Value) -> Value {
        let fields = details.as_object_mut().expect("details are an object");
        fields.entry("conversation").or_insert_with(|| self.room().into());
        fields.entry("client_id").or_insert_with(|| client_id().into());
        details
    }

    /// Says something and gives its offset.
    pub async fn says(&mut self, text: &str) -> u64 {
        self.does("conversation.send", json!({"text": text})).await.number("offset")
    }

    /// Waits for the next message, which must be this one, and gives its publication.
    ///
    /// # Panics
    /// When another message comes first.
    pub async fn hears(&mut self, text: &str) -> Value {
        let channel = self.channel();
        let heard = self.wire.event(&channel, "message").await;
        assert_eq!(heard["data"]["text"], text, "{heard}");
        heard
    }

    /// Waits for an event of this type in the conversation and gives its publication.
    pub async fn sees(&mut self, kind: &str) -> Value {
        let channel = self.channel();
        self.wire.event(&channel, kind).await
    }

    /// Waits for an event of this type in the person's own inbox.
    pub async fn is_told(&mut self, kind: &str) -> Value {
        let inbox = format!("user:{}", self.id());
        self.wire.event(&inbox, kind).await
    }

    /// The messages of the conversation, as a page.
    pub async fn messages(&mut self, query: Value) -> Vec<Value> {
        let data = self.details(query);
        self.wire.ask("conversation.messages", data).await.list("items")
    }
}
