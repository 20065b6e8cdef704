//! A subscriber that comes back after each crash and asks for exactly what it missed.

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{Scene, is_patience, read_log, row};
use crate::history::{Row, Stream};
use crate::{Closed, Pick as _, User, Wire, clock};

/// What one subscriber has seen, and how it healed.
#[derive(Debug)]
pub struct Subscriber {
    user: User,
    scene: Scene,
    stream: Stream,
    epoch: String,
    /// How often the server healed the stream within the subscribe reply.
    pub recovered: u64,
    /// How often the gap was too wide for that, and the log was read instead.
    pub reloaded: u64,
}

impl Subscriber {
    /// A subscriber that wants everything from the beginning.
    #[must_use]
    pub const fn new(name: String, user: User, scene: Scene) -> Self {
        let stream = Stream { subscriber: name, from: 0, rows: Vec::new() };
        Self { user, scene, stream, epoch: String::new(), recovered: 0, reloaded: 0 }
    }

    /// What it saw, for the checker.
    #[must_use]
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// The position up to which it has seen everything.
    fn position(&self) -> u64 {
        self.stream.rows.last().map_or(self.stream.from, |row| row.offset)
    }

    /// Follows the conversation through crashes until it has seen the offset that `until` names in the end.
    pub async fn run(mut self, until: watch::Receiver<Option<u64>>) -> Self {
        loop {
            let mut wire = self.scene.connect(&self.user).await;
            match self.follow(&mut wire, &until).await {
                Ok(()) => return self,
                Err(_crash) => {}
            }
        }
    }

    async fn follow(&mut self, wire: &mut Wire, until: &watch::Receiver<Option<u64>>) -> Result<(), Closed> {
        self.catch_up(wire).await?;
        let channel = self.scene.channel();
        let mut until = until.clone();
        loop {
            let end = *until.borrow_and_update();
            if end.is_some_and(|end| self.position() >= end) {
                return Ok(());
            }
            tokio::select! {
                told = until.changed() => told.expect("the run outlives its subscribers"),
                push = next_news(wire, &channel) => {
                    let push = push?;
                    if push["unsubscribe"].is_object() {
                        // The server could not go on and says so: what was missed is asked for.
                        self.catch_up(wire).await?;
                    } else if push["pub"]["offset"].is_u64() {
                        self.stream.rows.push(row(&push["pub"]));
                    }
                }
            }
        }
    }

    async fn catch_up(&mut self, wire: &mut Wire) -> Result<(), Closed> {
        let channel = self.scene.channel();
        let reply = loop {
            let body = json!({"channel": channel, "recover": true, "offset": self.position(), "epoch": self.epoch});
            match wire.try_call("subscribe", body).await? {
                Ok(reply) => break reply,
                Err(refusal) if is_patience(&refusal) => clock::look_again().await,
                Err(refusal) => panic!("{} may not return: {refusal:?}", self.stream.subscriber),
            }
        };
        assert!(self.epoch.is_empty() || self.epoch == reply.text("epoch"), "a crash keeps the epoch: {reply}");
        self.epoch = reply.text("epoch");
        if reply.flag("recovered") {
            self.recovered += 1;
            self.stream.rows.extend(reply.list("publications").iter().map(row));
            return Ok(());
        }
        // Not healed in the reply: the log itself has everything up to the position of the subscription.
        self.reloaded += 1;
        let top = reply.number("offset");
        let missed: Vec<Row> = read_log(wire, &channel, self.position()).await?;
        self.stream.rows.extend(missed.into_iter().filter(|row| row.offset <= top));
        Ok(())
    }
}

/// The next publication, or the end of the subscription, without a deadline: the conversation may be quiet while the node is down.
/// Dropping it half-way loses nothing, since whole frames are filed before anything is given out.
async fn next_news(wire: &mut Wire, channel: &str) -> Result<Value, Closed> {
    let news = |push: &Value| push["pub"].is_object() || push["unsubscribe"].is_object();
    wire.any_push(|push| push["channel"] == channel && news(push)).await
}
