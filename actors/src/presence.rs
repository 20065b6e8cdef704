//! Who listens on this node, told to the other nodes, and what they tell: presence over all nodes, through what they share.
//!
//! Each node tells of its own listeners, again and again, so that those of a node that has died are gone soon. Nothing waits for that: a gateway notes who
//! comes and goes, and [`Board::run`] tells it. While what nodes share is away, everybody sees who is on their own node; when it is back, everything is told anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::iter;
use rialto_protocol::reply::ClientInfo;
use rialto_storage::StorageError;
use rialto_storage::shared::Presences;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::accounts::TimeSource;
use crate::reply_to::Listener;

/// Milliseconds that a listener is believed to be there since its node has said so: how long those of a node that died are still seen.
pub const PRESENCE_TTL_MS: u64 = 45_000;
/// Milliseconds after which everything is told again; twice, before it is no longer believed.
const TELL_ALL_MS: u64 = 20_000;
/// Time for which who comes and goes is gathered.
const GATHER: Duration = Duration::from_millis(50);
/// Who came or went and is not told yet, over all channels. Above, everything is told again instead.
const CHANGES_MAX: usize = 65_536;
/// Clients told in one call.
const CLIENTS_TOLD_MAX: usize = 256;
/// Calls under way at a time.
const CALLS_MAX: usize = 32;

/// One node's board. Cheap to clone, shared by all threads.
#[derive(Clone)]
pub struct Board(Arc<Inner>);

struct Inner {
    shared: Arc<dyn Presences>,
    /// Tells what this process has told from what others, or an earlier process, have.
    node: Uuid,
    now: TimeSource,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    channels: HashMap<Arc<str>, HashMap<Uuid, Listener>>,
    changes: HashMap<Arc<str>, HashSet<Uuid>>,
    num_changes: usize,
    /// Monotonic time of the next telling of everything.
    all_at_ms: u64,
}

/// What other nodes read.
#[derive(Serialize, Deserialize)]
struct Entry {
    node: Uuid,
    info: ClientInfo,
}

/// What one call tells.
enum Told {
    Here(Vec<(Uuid, Bytes)>),
    Gone(Vec<Uuid>),
}

impl Board {
    /// A board that tells and hears through these.
    #[must_use]
    pub fn new(shared: Arc<dyn Presences>, now: TimeSource) -> Self {
        Self(Arc::new(Inner { shared, node: Uuid::new_v4(), now, state: Mutex::default() }))
    }

    /// Somebody listens from now on.
    pub fn enter(&self, channel: &Arc<str>, listener: &Listener) {
        let mut state = self.state();
        state.channels.entry(Arc::clone(channel)).or_default().insert(listener.client, listener.clone());
        state.changed(channel, listener.client);
    }

    /// Somebody listens no more.
    pub fn leave(&self, channel: &str, client: Uuid) {
        let mut state = self.state();
        let Some((name, there)) = state.channels.get_key_value(channel).map(|(name, there)| (Arc::clone(name), there.len())) else {
            return;
        };
        let gone = state.channels.get_mut(channel).is_some_and(|there| there.remove(&client).is_some());
        if gone && there == 1 {
            state.channels.remove(channel);
        }
        if gone {
            state.changed(&name, client);
        }
    }

    /// Adds whoever listens on other nodes to who listens here; nobody while these cannot be asked.
    pub async fn with_others(&self, channel: &str, mut here: BTreeMap<String, ClientInfo>) -> BTreeMap<String, ClientInfo> {
        let told = self.0.shared.list(channel.to_owned(), (self.0.now)().wall_ms).await.unwrap_or_default();
        for (_, entry) in told {
            // What cannot be read is of another version.
            let Ok(entry) = serde_json::from_slice::<Entry>(&entry) else { continue };
            if entry.node != self.0.node {
                here.entry(entry.info.client.clone()).or_insert(entry.info);
            }
        }
        here
    }

    /// Tells the others, for as long as it is polled.
    pub async fn run(&self) {
        let mut ticks = tokio::time::interval(GATHER);
        loop {
            ticks.tick().await;
            self.round().await;
        }
    }

    /// One round of [`Self::run`].
    pub async fn round(&self) {
        let mono_ms = (self.0.now)().mono_ms;
        let news = {
            let mut state = self.state();
            let tells_all = mono_ms >= state.all_at_ms;
            if tells_all {
                state.all_at_ms = mono_ms + TELL_ALL_MS;
            }
            self.news(&mut state, tells_all)
        };
        if self.tell(news).await.is_err() {
            // Told again once somebody listens: who went meanwhile is forgotten by itself.
            self.state().all_at_ms = 0;
        }
    }

    /// Says that nobody is here any more, before the process ends.
    pub async fn close(&self) {
        let gone = {
            let mut state = self.state();
            for (channel, there) in std::mem::take(&mut state.channels) {
                state.changes.entry(channel).or_default().extend(there.into_keys());
            }
            self.news(&mut state, false)
        };
        // What is not said is forgotten by itself.
        let _said = self.tell(gone).await;
    }

    /// Who came and who went, or everybody who is there.
    fn news(&self, state: &mut State, tells_all: bool) -> Vec<(Arc<str>, Told)> {
        let changes = std::mem::take(&mut state.changes);
        state.num_changes = 0;
        let mut news = Vec::new();
        for (channel, clients) in changes {
            let there = state.channels.get(&channel);
            let (here, gone): (Vec<Uuid>, Vec<Uuid>) =
                clients.into_iter().partition(|client| there.is_some_and(|there| there.contains_key(client)));
            if !gone.is_empty() {
                news.push((Arc::clone(&channel), Told::Gone(gone)));
            }
            if let Some(there) = there.filter(|_| !tells_all) {
                self.say_here(&channel, here.iter().filter_map(|client| there.get(client)), &mut news);
            }
        }
        if tells_all {
            for (channel, there) in &state.channels {
                self.say_here(channel, there.values(), &mut news);
            }
        }
        news
    }

    fn say_here<'a>(&self, channel: &Arc<str>, there: impl Iterator<Item = &'a Listener>, news: &mut Vec<(Arc<str>, Told)>) {
        let entries: Vec<(Uuid, Bytes)> = there
            .filter_map(|listener| {
                let entry = Entry { node: self.0.node, info: listener.info() };
                Some((listener.client, serde_json::to_vec(&entry).ok()?.into()))
            })
            .collect();
        news.extend(entries.chunks(CLIENTS_TOLD_MAX).map(|some| (Arc::clone(channel), Told::Here(some.to_vec()))));
    }

    async fn tell(&self, news: Vec<(Arc<str>, Told)>) -> Result<(), StorageError> {
        let until_ms = (self.0.now)().wall_ms + PRESENCE_TTL_MS;
        let mut calls = iter(news)
            .map(|(channel, told)| match told {
                Told::Here(clients) => self.0.shared.put(channel.to_string(), clients, until_ms),
                Told::Gone(clients) => self.0.shared.remove(channel.to_string(), clients),
            })
            .buffer_unordered(CALLS_MAX);
        while let Some(told) = calls.next().await {
            told?;
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn changed(&mut self, channel: &Arc<str>, client: Uuid) {
        if self.num_changes >= CHANGES_MAX {
            self.changes = HashMap::new();
            self.num_changes = 0;
            self.all_at_ms = 0;
        }
        self.num_changes += usize::from(self.changes.entry(Arc::clone(channel)).or_default().insert(client));
    }
}

#[cfg(test)]
mod tests;
