//! Senders and subscribers that live through crashes, and write down what they saw for the history checker.

mod sender;
mod subscriber;

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::sync::watch;

use crate::history::{Record, Row};
use crate::{Closed, Pick as _, Refusal, User, Wire, clock};

pub use sender::Sender;
pub use subscriber::Subscriber;

/// The record that all tasks of one run write into.
pub type Shared = Arc<Mutex<Record>>;

/// What the tasks of a run share: the conversation, where the node is now, and whether to go on.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The conversation.
    pub conversation: String,
    /// The node's address; it changes with each start.
    pub address: watch::Receiver<String>,
    /// Says `true` when senders shall stop after the message in hand.
    pub stop: watch::Receiver<bool>,
    /// The record.
    pub record: Shared,
}

impl Scene {
    /// The conversation's channel.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("conversation:{}", self.conversation)
    }

    /// Connects `user` to wherever the node is now, as often as it takes.
    ///
    /// # Panics
    /// When the token is refused, or nothing answers within the deadline.
    pub async fn connect(&self, user: &User) -> Wire {
        let connecting = async {
            loop {
                if let Some(wire) = self.try_connect(user).await {
                    return wire;
                }
                clock::look_again().await;
            }
        };
        clock::within("a node to connect to", connecting).await
    }

    async fn try_connect(&self, user: &User) -> Option<Wire> {
        let address = self.address.borrow().clone();
        let mut wire = Wire::try_open(&address).await.ok()?;
        match wire.try_call("connect", serde_json::json!({"token": user.token})).await {
            Ok(Ok(_hello)) => Some(wire),
            Ok(Err(refusal)) if refusal.temporary => None,
            Ok(Err(refusal)) => panic!("connect refused after a crash: {refusal:?}"),
            Err(_closed) => None,
        }
    }
}

/// Whether a refusal only asks for patience, which load and a starting node may do.
fn is_patience(refusal: &Refusal) -> bool {
    refusal.temporary || matches!(refusal.code, 407 | 408)
}

/// A publication as a row of the record.
#[must_use]
pub fn row(publication: &Value) -> Row {
    let data = &publication["data"];
    let client_id = (data["type"] == "message").then(|| data.text("client_id"));
    Row { offset: publication.number("offset"), client_id }
}

/// Pages through the log of `channel` behind `since`, oldest first, up to its top.
///
/// # Errors
/// When the connection ends.
///
/// # Panics
/// When the log refuses to be read.
pub async fn read_log(wire: &mut Wire, channel: &str, since: u64) -> Result<Vec<Row>, Closed> {
    let mut rows: Vec<Row> = Vec::new();
    let mut after = since;
    loop {
        let body = serde_json::json!({"channel": channel, "limit": 300, "since": {"offset": after}});
        let page = match wire.try_call("history", body).await? {
            Ok(page) => page,
            Err(refusal) if is_patience(&refusal) => {
                clock::look_again().await;
                continue;
            }
            Err(refusal) => panic!("history of {channel}: {refusal:?}"),
        };
        let publications = page.list("publications");
        rows.extend(publications.iter().map(row));
        let top = page.number("offset");
        match rows.last() {
            Some(last) if last.offset < top && !publications.is_empty() => after = last.offset,
            _ => return Ok(rows),
        }
    }
}
