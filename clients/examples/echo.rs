//! The example bot `echo`: answers every message of every conversation that it is in. Invite it, and it speaks.
//!
//! ```text
//! RIALTO_PASSWORD=… cargo run -p rialto-client --example echo -- --url http://127.0.0.1:8080 --user echo --register
//! ```
//!
//! It never answers twice, whatever happens: the id of an answer is made from the place of the message that it answers, so the server knows a
//! repeat, and the read marker says where to go on after a restart. It never answers itself or another echo.

use std::collections::HashMap;

use anyhow::{Context, Result};
use clap::Parser;
use futures_util::StreamExt;
use rialto_client::http::Http;
use rialto_client::protocol::command::History;
use rialto_client::protocol::event::{ConversationEvent, InboxEvent};
use rialto_client::protocol::limits::TEXT_BYTES_MAX;
use rialto_client::protocol::rpc::{Conversation, ConversationKind, ListMessages, SendMessage};
use rialto_client::protocol::{Channel, ClientId, ConversationId, UserId};
use rialto_client::{Client, ConnectionState, Error, Event, Events, Position, Reason, SubscribeOptions};

/// What every answer begins with.
const PREFIX: &str = "echo: ";
/// What the id of every answer begins with: other echoes know it by this.
const ID_PREFIX: &str = "echo-";

#[derive(Parser)]
struct Arguments {
    /// Where the server listens; may be given several times
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    url: Vec<String>,
    /// The bot's user name
    #[arg(long, default_value = "echo")]
    user: String,
    /// A file with its password; otherwise the environment variable RIALTO_PASSWORD
    #[arg(long)]
    password_file: Option<std::path::PathBuf>,
    /// Make the account if there is none
    #[arg(long)]
    register: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    let password = match &arguments.password_file {
        Some(file) => std::fs::read_to_string(file).context("read the password file")?.trim_end().to_owned(),
        None => std::env::var("RIALTO_PASSWORD").context("give --password-file or RIALTO_PASSWORD")?,
    };
    let http = Http::new(arguments.url.first().context("give --url")?)?;
    let session = match arguments.register {
        true => http.register_or_login(&arguments.user, &password).await?,
        false => http.login(&arguments.user, &password).await?,
    };
    let me = session.user().id;
    tracing::info!(user = %me, "logged in");
    let (client, events) = Client::builder(arguments.url).token(session.token_source()).start()?;
    answer_all(client, me, events).await
}

/// Runs until the client is closed; an error when somebody else closed it.
pub(crate) async fn answer_all(client: Client, me: UserId, events: Events) -> Result<()> {
    Echo { client, me, heard: HashMap::new() }.run(events).await
}

struct Echo {
    client: Client,
    me: UserId,
    /// The last offset that was dealt with, for each conversation listened to.
    heard: HashMap<ConversationId, u64>,
}

impl Echo {
    async fn run(mut self, mut events: Events) -> Result<()> {
        self.client.connected().await?;
        self.listen_to_all().await?;
        while let Some(event) = events.next().await {
            match self.event(event).await {
                Ok(()) => {}
                Err(Error::Closed(reason)) => anyhow::bail!("closed: {reason}"),
                Err(error) => tracing::warn!(%error, "left out"),
            }
        }
        match self.client.state() {
            ConnectionState::Closed { reason } if reason.code != Reason::CLOSED_BY_OWNER => anyhow::bail!("closed: {reason}"),
            _ => Ok(()),
        }
    }

    async fn event(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::Conversation { conversation, offset: Some(offset), event: ConversationEvent::Message(message) } => {
                self.answer(conversation, offset, message.sender, &message.client_id, &message.text).await
            }
            Event::Inbox { event: InboxEvent::ConversationAdded(added), .. } => {
                let conversation = self.client.conversation(added.conversation).await?;
                self.listen(&conversation).await
            }
            Event::Inbox { event: InboxEvent::ConversationRemoved(removed), .. } => self.forget(removed.conversation).await,
            Event::Subscribed { channel, was_recovering: true, recovered: false, by_server, .. } => {
                if by_server {
                    self.listen_to_all().await
                } else {
                    self.catch_up_in(&channel).await
                }
            }
            Event::Gap { .. } => self.listen_to_all().await,
            Event::Lagged { .. } => {
                self.listen_to_all().await?;
                for conversation in self.heard.keys().copied().collect::<Vec<_>>() {
                    self.catch_up(conversation).await?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn listen_to_all(&mut self) -> Result<(), Error> {
        for conversation in self.client.list_all().await? {
            self.listen(&conversation).await?;
        }
        Ok(())
    }

    async fn listen(&mut self, conversation: &Conversation) -> Result<(), Error> {
        if self.heard.contains_key(&conversation.id) {
            return Ok(());
        }
        let begin = self.begin(conversation).await?;
        self.heard.insert(conversation.id, begin);
        let since = Some(Position { offset: begin, epoch: conversation.epoch.clone() });
        let options = SubscribeOptions { since, ..SubscribeOptions::default() };
        // What cannot be recovered comes as `recovered: false`, and is read page by page then.
        match self.client.subscribe(channel(conversation.id), options).await {
            Ok(_) | Err(Error::Misuse(_)) => Ok(()),
            Err(error) => {
                self.heard.remove(&conversation.id);
                Err(error)
            }
        }
    }

    /// Where to begin: behind the read marker, and where there is none yet, where the bot came in.
    async fn begin(&self, conversation: &Conversation) -> Result<u64, Error> {
        if conversation.read > 0 || conversation.kind == ConversationKind::Direct {
            return Ok(conversation.read);
        }
        let newest = History { channel: channel(conversation.id), limit: -1, reverse: true, ..History::default() };
        let rows = self.client.history(newest).await?.publications;
        let came_in = rows.iter().find(|row| match serde_json::from_str(row.data.get()) {
            Ok(ConversationEvent::MemberJoined(joined)) => joined.user == self.me,
            Ok(ConversationEvent::ConversationCreated(created)) => created.members.contains(&self.me),
            _ => false,
        });
        Ok(came_in.map_or(conversation.offset, |row| row.offset))
    }

    async fn forget(&mut self, conversation: ConversationId) -> Result<(), Error> {
        self.heard.remove(&conversation);
        self.client.unsubscribe(channel(conversation)).await
    }

    async fn catch_up_in(&mut self, name: &str) -> Result<(), Error> {
        match Channel::parse(name) {
            Ok(Channel::Conversation(conversation)) => self.catch_up(conversation).await,
            _ => Ok(()),
        }
    }

    async fn catch_up(&mut self, conversation: ConversationId) -> Result<(), Error> {
        while let Some(after) = self.heard.get(&conversation).copied() {
            let list = ListMessages { conversation, before: None, after: Some(after), limit: None };
            let page = self.client.messages(&list).await?;
            for message in &page.items {
                if message.deleted {
                    self.heard.insert(conversation, message.offset);
                } else {
                    self.answer(conversation, message.offset, message.sender, &message.client_id, &message.text).await?;
                }
            }
            if page.next.is_none() || page.items.is_empty() {
                break;
            }
        }
        Ok(())
    }

    async fn answer(&mut self, conversation: ConversationId, offset: u64, sender: UserId, id: &ClientId, text: &str) -> Result<(), Error> {
        if self.heard.get(&conversation).is_none_or(|heard| offset <= *heard) {
            return Ok(());
        }
        if sender != self.me && !id.as_str().starts_with(ID_PREFIX) {
            let client_id = ClientId::new(&format!("{ID_PREFIX}{conversation}-{offset}")).expect("62 visible characters at most");
            let answer = SendMessage { conversation, client_id, text: shortened(text), reply_to: Some(offset) };
            self.say(&answer).await?;
            self.client.mark_read(conversation, offset).await?;
        }
        self.heard.insert(conversation, offset);
        Ok(())
    }

    /// Until there is an answer: an outcome that is not known is asked for again under the same id.
    async fn say(&self, answer: &SendMessage) -> Result<(), Error> {
        loop {
            match self.client.send_message(answer).await {
                Ok(stored) => {
                    tracing::info!(conversation = %answer.conversation, offset = stored.offset, duplicate = stored.duplicate, "answered");
                    return Ok(());
                }
                Err(Error::Timeout { .. } | Error::Refused { temporary: true, .. }) => {}
                Err(error @ Error::Refused { .. }) => {
                    tracing::warn!(%error, conversation = %answer.conversation, "not answered");
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

fn channel(conversation: ConversationId) -> String {
    Channel::Conversation(conversation).to_string()
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX - PREFIX.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{PREFIX}{}", &text[..end])
}
