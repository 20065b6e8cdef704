//! Channels: listening to conversations and topics, publishing, presence, history.

use std::collections::BTreeMap;

use rialto_protocol::ConversationId;
use rialto_protocol::command::{CommandKind, History};
use rialto_protocol::limits::CHANNEL_BYTES_MAX;
use rialto_protocol::reply::{ClientInfo, HistoryResult, SubscribeResult};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::{Client, raw, read};
use crate::connection::{Command, Retry, Wish};
use crate::error::Error;
use crate::state::Position;
use crate::token::TokenSource;

/// How to listen to a channel.
#[derive(Clone, Debug, Default)]
pub struct SubscribeOptions {
    /// For channels that want a subscription token.
    pub token: TokenSource,
    /// Begin behind this position instead of now: what came since then is brought as events, or `recovered` is false.
    pub since: Option<Position>,
    /// Be told who else subscribes and leaves, where the channel offers it.
    pub join_leave: bool,
}

/// How a first subscribe went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// Whether `since` was given, so that a resume was tried.
    pub was_recovering: bool,
    /// Whether nothing is missing since then.
    pub recovered: bool,
    /// Where the stream stands: behind what was asked for on success, else at its top.
    pub position: Position,
}

impl Client {
    /// Listens to a conversation from now on. Its events come as [`crate::Event::Conversation`].
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Misuse`] when it is listened to already.
    pub async fn watch(&self, conversation: ConversationId) -> Result<Subscribed, Error> {
        self.subscribe(format!("conversation:{conversation}"), SubscribeOptions::default()).await
    }

    /// Listens to any channel, for as long as the client lives or until [`Client::unsubscribe`]: on every new connection it resumes where it stood.
    /// Returns at the first answer. Dropping the future does not end the subscription.
    ///
    /// # Errors
    /// See [`Error`]; after an error the channel is not listened to.
    pub async fn subscribe(&self, channel: impl Into<String>, options: SubscribeOptions) -> Result<Subscribed, Error> {
        let channel = named(channel)?;
        let (answer, wait) = oneshot::channel();
        let wish = Wish { token: options.token.kind(), since: options.since, join_leave: options.join_leave };
        let command = Command::Subscribe { channel, wish, token: options.token, answer: (answer, self.place()?) };
        let result: SubscribeResult = read(&self.hand_over(command, wait).await?)?;
        Ok(Subscribed {
            was_recovering: result.was_recovering,
            recovered: result.recovered,
            position: Position { offset: result.offset, epoch: result.epoch },
        })
    }

    /// Listens no more. Nothing happens for a channel that is not listened to.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn unsubscribe(&self, channel: impl Into<String>) -> Result<(), Error> {
        let channel = named(channel)?;
        self.commands.send(Command::Unsubscribe { channel }).await.map_err(|_| self.closed())
    }

    /// Publishes into a topic. Not repeated by itself: a topic has no ids to tell a repeat by.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Interrupted`] when the connection broke before the answer.
    pub async fn publish<B: Serialize>(&self, channel: impl Into<String>, data: &B) -> Result<(), Error> {
        let kind = CommandKind::Publish { channel: named(channel)?, data: raw(data)? };
        self.request(self.place()?, kind, Retry::Once).await.map(drop)
    }

    /// Who is on a channel: connection id → who.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn presence(&self, channel: impl Into<String>) -> Result<BTreeMap<String, ClientInfo>, Error> {
        #[derive(Deserialize)]
        struct Presence {
            #[serde(default)]
            presence: BTreeMap<String, ClientInfo>,
        }
        let kind = CommandKind::Presence { channel: named(channel)? };
        let answer: Presence = read(&self.request(self.place()?, kind, Retry::Safe).await?)?;
        Ok(answer.presence)
    }

    /// How many connections and how many different users are on a channel.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn presence_stats(&self, channel: impl Into<String>) -> Result<(u32, u32), Error> {
        #[derive(Deserialize)]
        struct Stats {
            #[serde(default)]
            num_clients: u32,
            #[serde(default)]
            num_users: u32,
        }
        let kind = CommandKind::PresenceStats { channel: named(channel)? };
        let stats: Stats = read(&self.request(self.place()?, kind, Retry::Safe).await?)?;
        Ok((stats.num_clients, stats.num_users))
    }

    /// Reads a channel's stream; [`History`] says which part.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn history(&self, history: History) -> Result<HistoryResult, Error> {
        named(history.channel.as_str())?;
        read(&self.request(self.place()?, CommandKind::History(history), Retry::Safe).await?)
    }
}

/// A command without a channel's name would cost the connection.
fn named(channel: impl Into<String>) -> Result<String, Error> {
    let channel = channel.into();
    if channel.is_empty() || channel.len() > CHANNEL_BYTES_MAX {
        return Err(Error::Misuse(format!("a channel's name has 1 to {CHANNEL_BYTES_MAX} bytes")));
    }
    Ok(channel)
}
