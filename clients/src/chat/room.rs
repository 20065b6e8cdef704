//! The user's conversations and the one that is open.

use std::collections::HashMap;

use rialto_client::{Client, Error, Event, ListPage};
use rialto_protocol::event::{ConversationEvent, InboxEvent};
use rialto_protocol::rpc::{Conversation, ConversationKind, CreateConversation, ListMessages, Profile};
use rialto_protocol::{ConversationId, UserId};

use super::command::{HELP, Line};
use super::{render, say};

/// Messages shown when a conversation is opened or more history is asked for.
const MESSAGES_SHOWN: usize = 20;
/// Names kept at most; the cache starts anew above.
const NAMES_MAX: usize = 10_000;

/// What the user sees.
pub(crate) struct Rooms {
    client: Client,
    me: Profile,
    /// As the last list showed them: `/open N` counts in it.
    listed: Vec<Conversation>,
    open: Option<Open>,
    names: HashMap<UserId, String>,
}

struct Open {
    id: ConversationId,
    title: String,
    /// The oldest offset shown.
    oldest: u64,
    /// The newest message shown: what the read marker is moved to.
    newest: u64,
}

impl Rooms {
    pub(crate) fn new(client: Client, me: Profile) -> Self {
        Self { client, me, listed: Vec::new(), open: None, names: HashMap::new() }
    }

    /// Does what a line says.
    pub(crate) async fn obey(&mut self, line: Line) -> Result<(), Error> {
        match line {
            Line::Nothing | Line::Quit => Ok(()),
            Line::Help => {
                say(HELP);
                Ok(())
            }
            Line::Say(text) => self.speak(text).await,
            Line::List => self.list().await,
            Line::Open(number) => match number.checked_sub(1).and_then(|index| self.listed.get(index)).cloned() {
                Some(conversation) => self.enter(conversation).await,
                None => wrong("no such number; /list shows them"),
            },
            Line::Direct(user) => {
                let other = self.client.find_user(user).await?.id;
                self.create(ConversationKind::Direct, None, vec![other]).await
            }
            Line::New { kind, title, users } => {
                let mut members = Vec::new();
                for user in users {
                    members.push(self.client.find_user(user).await?.id);
                }
                self.create(kind, Some(title), members).await
            }
            Line::Join(id) => {
                self.client.join(id).await?;
                let conversation = self.client.conversation(id).await?;
                self.enter(conversation).await
            }
            Line::Leave => self.leave().await,
            Line::Members => self.members().await,
            Line::History(count) => self.history(count.unwrap_or(MESSAGES_SHOWN)).await,
        }
    }

    /// Shows the list.
    pub(crate) async fn list(&mut self) -> Result<(), Error> {
        self.listed = self.client.list_all().await?;
        if self.listed.is_empty() {
            say("no conversations yet; /help shows how to begin one");
        }
        for (index, conversation) in self.listed.clone().iter().enumerate() {
            let title = self.title(conversation).await;
            say(&render::conversation(index + 1, conversation, &title));
        }
        Ok(())
    }

    /// Shows an event.
    pub(crate) async fn hear(&mut self, event: Event) -> Result<(), Error> {
        let open = self.open.as_ref().map(|open| open.id);
        match event {
            Event::Conversation { conversation, offset, event } if open == Some(conversation) => self.hear_here(offset, event).await,
            Event::Inbox { event, .. } => self.hear_elsewhere(event).await,
            Event::Subscribed { channel, was_recovering: true, recovered: false, by_server, .. } => {
                say("* something was missed while away; here is how it stands now");
                if by_server || open.is_none_or(|id| channel != format!("conversation:{id}")) {
                    self.list().await
                } else {
                    self.show_newest().await
                }
            }
            Event::Lagged { .. } => {
                say("* too much at once; here is how it stands now");
                if open.is_some() { self.show_newest().await } else { self.list().await }
            }
            Event::Unsubscribed { channel, reason, will_retry: false }
                if open.is_some_and(|id| channel == format!("conversation:{id}")) =>
            {
                say(&format!("* this conversation is closed for you: {}", render::clean(&reason.to_string())));
                self.open = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn hear_here(&mut self, offset: Option<u64>, event: ConversationEvent) -> Result<(), Error> {
        let (by, whom) = match &event {
            ConversationEvent::Message(message) => (message.sender, message.sender),
            ConversationEvent::ConversationCreated(e) => (e.by, e.by),
            ConversationEvent::MessageEdited(e) => (e.by, e.by),
            ConversationEvent::MessageDeleted(e) => (e.by, e.by),
            ConversationEvent::ReactionAdded(e) | ConversationEvent::ReactionRemoved(e) => (e.user, e.user),
            ConversationEvent::MemberJoined(e)
            | ConversationEvent::MemberLeft(e)
            | ConversationEvent::MemberRemoved(e)
            | ConversationEvent::RoleChanged(e) => (e.by, e.user),
            ConversationEvent::SettingsChanged(e) => (e.by, e.by),
            ConversationEvent::Typing(e) if e.user == self.me.id => return Ok(()),
            ConversationEvent::Typing(e) => (e.user, e.user),
        };
        let (name, whom) = (self.name(by).await, self.name(whom).await);
        if let (ConversationEvent::Message(message), Some(offset)) = (&event, offset) {
            if self.open.as_ref().is_some_and(|open| offset <= open.newest) {
                return Ok(());
            }
            say(&render::message(offset, &name, &message.text, false));
            return self.read_up_to(offset).await;
        }
        if let Some(line) = render::event(&event, &name, &whom) {
            say(&line);
        }
        Ok(())
    }

    async fn hear_elsewhere(&mut self, event: InboxEvent) -> Result<(), Error> {
        match event {
            InboxEvent::ConversationChanged(changed) if self.open.as_ref().is_none_or(|open| open.id != changed.conversation) => {
                if changed.unread > 0 {
                    let title = self.title_of(changed.conversation).await;
                    say(&format!("* {} has {} unread", render::clean(&title), changed.unread));
                }
                Ok(())
            }
            InboxEvent::ConversationAdded(added) if self.open.as_ref().is_none_or(|open| open.id != added.conversation) => {
                say("* you are in a new conversation");
                self.list().await
            }
            InboxEvent::ConversationRemoved(_) => self.list().await,
            _ => Ok(()),
        }
    }

    async fn speak(&mut self, text: String) -> Result<(), Error> {
        let Some(open) = &self.open else { return wrong("open a conversation first; /help shows how") };
        self.client.send(open.id, text).await.map(drop)
    }

    async fn create(&mut self, kind: ConversationKind, title: Option<String>, members: Vec<UserId>) -> Result<(), Error> {
        let conversation = self.client.create(CreateConversation { kind, title, members, client_id: None }).await?;
        self.enter(conversation).await
    }

    async fn enter(&mut self, conversation: Conversation) -> Result<(), Error> {
        if let Some(before) = self.open.take() {
            self.client.unsubscribe(format!("conversation:{}", before.id)).await?;
        }
        let title = self.title(&conversation).await;
        // Listening first: what is said while the page is on its way comes as an event, and what both bring is shown once.
        self.client.watch(conversation.id).await?;
        say(&format!("--- {} [{}]", render::clean(&title), conversation.id));
        self.open = Some(Open { id: conversation.id, title, oldest: u64::MAX, newest: 0 });
        self.show_newest().await
    }

    async fn show_newest(&mut self) -> Result<(), Error> {
        if let Some(open) = &mut self.open {
            open.oldest = u64::MAX;
        }
        self.history(MESSAGES_SHOWN).await
    }

    async fn history(&mut self, count: usize) -> Result<(), Error> {
        let Some(open) = &self.open else { return wrong("open a conversation first") };
        let before = (open.oldest != u64::MAX).then_some(open.oldest);
        let page = self.client.messages(&ListMessages { conversation: open.id, before, after: None, limit: Some(count) }).await?;
        if page.items.is_empty() {
            say("(nothing earlier)");
        }
        for message in &page.items {
            let name = self.name(message.sender).await;
            let text = if message.deleted { "(deleted)" } else { &message.text };
            say(&render::message(message.offset, &name, text, message.edited));
        }
        let (Some(first), Some(last)) = (page.items.first(), page.items.last()) else { return Ok(()) };
        if let Some(open) = &mut self.open {
            open.oldest = open.oldest.min(first.offset);
        }
        self.read_up_to(last.offset).await
    }

    async fn read_up_to(&mut self, offset: u64) -> Result<(), Error> {
        let Some(open) = self.open.as_mut().filter(|open| offset > open.newest) else { return Ok(()) };
        open.newest = offset;
        let id = open.id;
        self.client.mark_read(id, offset).await.map(drop)
    }

    async fn leave(&mut self) -> Result<(), Error> {
        let Some(open) = self.open.take() else { return wrong("open a conversation first") };
        self.client.unsubscribe(format!("conversation:{}", open.id)).await?;
        self.client.leave(open.id).await?;
        say(&format!("* you left {}", render::clean(&open.title)));
        Ok(())
    }

    async fn members(&mut self) -> Result<(), Error> {
        let Some(id) = self.open.as_ref().map(|open| open.id) else { return wrong("open a conversation first") };
        let mut page = ListPage::default();
        loop {
            let members = self.client.members(id, page).await?;
            for member in members.items {
                let name = self.name(member.user).await;
                say(&format!("{} ({})", render::clean(&name), format!("{:?}", member.role).to_lowercase()));
            }
            if members.next.is_none() {
                return Ok(());
            }
            page = ListPage { limit: None, cursor: members.next };
        }
    }

    async fn title_of(&mut self, id: ConversationId) -> String {
        let known = self.listed.iter().find(|conversation| conversation.id == id).cloned();
        match known {
            Some(conversation) => self.title(&conversation).await,
            None => id.to_string(),
        }
    }

    /// The title; a direct conversation is called as the other one.
    async fn title(&mut self, conversation: &Conversation) -> String {
        if let Some(title) = conversation.title.clone().filter(|title| !title.is_empty()) {
            return title;
        }
        match conversation.members.iter().copied().find(|member| *member != self.me.id) {
            Some(other) => self.name(other).await,
            None => conversation.id.to_string(),
        }
    }

    /// What people call a user; the id when nobody says.
    async fn name(&mut self, user: UserId) -> String {
        if user == self.me.id {
            return self.me.username.clone();
        }
        if let Some(name) = self.names.get(&user) {
            return name.clone();
        }
        let Ok(profile) = self.client.user(user).await else { return user.to_string() };
        if self.names.len() >= NAMES_MAX {
            self.names.clear();
        }
        self.names.insert(user, profile.username.clone());
        profile.username
    }
}

fn wrong(why: &str) -> Result<(), Error> {
    Err(Error::Misuse(why.to_owned()))
}
