//! The handle: cheap to clone, every method a request to the one task that owns the connection.

mod channels;
mod conversations;

use std::sync::Arc;
use std::time::Duration;

use rialto_protocol::ClientId;
use rialto_protocol::command::CommandKind;
use rialto_protocol::limits::{FRAME_BYTES_MAX, METHOD_BYTES_MAX};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

pub use self::channels::{SubscribeOptions, Subscribed};
pub use self::conversations::ListPage;
use crate::builder::Builder;
use crate::connection::{Command, Retry, Shared};
use crate::error::Error;
use crate::event::{Events, Hub};
use crate::state::{ConnectionState, Reason};

/// What a command's envelope (id, names) takes of a frame beside method or channel and data.
const ENVELOPE_BYTES: usize = 64;

/// A connection to a Rialto server. Clones share it; when the last one is dropped, the connection closes.
#[derive(Clone, Debug)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    places: Arc<Semaphore>,
    shared: watch::Receiver<Shared>,
    hub: Hub,
    request_ms: u64,
}

impl Client {
    /// Begins to build a client for these addresses (`http://host:port` or `ws://host:port`): the next one is taken when one fails.
    pub fn builder<I, S>(addresses: I) -> Builder
    where
        I: IntoIterator<Item = S>,
        S: Into<String>,
    {
        Builder::new(addresses.into_iter().map(Into::into).collect())
    }

    pub(crate) fn new(
        commands: mpsc::Sender<Command>,
        places: Arc<Semaphore>,
        shared: watch::Receiver<Shared>,
        hub: Hub,
        request_ms: u64,
    ) -> Self {
        Self { commands, places, shared, hub, request_ms }
    }

    /// Another stream of all events from now on.
    #[must_use]
    pub fn events(&self) -> Events {
        self.hub.listen()
    }

    /// Where the connection stands now.
    #[must_use]
    pub fn state(&self) -> ConnectionState {
        self.shared.borrow().state.clone()
    }

    /// Waits until connected, however often it takes.
    ///
    /// # Errors
    /// [`Error::Closed`] when that will never be.
    pub async fn connected(&self) -> Result<(), Error> {
        let mut shared = self.shared.clone();
        let settled = shared.wait_for(|shared| shared.state.is_connected() || !shared.state.will_retry()).await;
        match settled.as_deref() {
            Ok(shared) if shared.state.is_connected() => Ok(()),
            _ => Err(self.closed()),
        }
    }

    /// Waits until the connection is closed and will not be made again, and says why.
    pub async fn closed_for_good(&self) -> Reason {
        let mut shared = self.shared.clone();
        // An error means that the task has ended, and with it the connection.
        let _ = shared.wait_for(|shared| !shared.state.will_retry()).await;
        self.closed_because()
    }

    /// Lets requests that are under way end (up to [`crate::limits::CLOSE_WITHIN_MS`]), then closes the connection. Further calls fail. Clones are closed too.
    pub async fn close(&self) {
        let (done, wait) = oneshot::channel();
        if self.commands.send(Command::Close { done }).await.is_ok() {
            // An error means that the task has ended already.
            let _ = wait.await;
        }
    }

    /// A new id for something that appends: a UUIDv7 dated by the server's clock. Waits for the first connection, which tells that clock.
    ///
    /// # Errors
    /// [`Error::Timeout`] without a connection in time, [`Error::Closed`] when there will be none.
    pub async fn new_client_id(&self) -> Result<ClientId, Error> {
        let mut shared = self.shared.clone();
        let told = shared.wait_for(|shared| shared.clock.is_some() || !shared.state.will_retry());
        let told = timeout(Duration::from_millis(self.request_ms), told).await.map_err(|_| Error::Timeout { sent: false })?;
        let clock = told.ok().and_then(|shared| shared.clock).ok_or_else(|| self.closed())?;
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|error| Error::Misuse(format!("no randomness: {error}")))?;
        let id = uuid::Builder::from_unix_timestamp_millis(clock.now_ms(), &random).into_uuid();
        Ok(ClientId::new(&id.as_hyphenated().to_string()).expect("36 visible characters"))
    }

    /// Calls any rpc method once: when the connection breaks before the answer, the call fails with [`Error::Interrupted`].
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rpc<B: Serialize, A: DeserializeOwned>(&self, method: &str, body: &B) -> Result<A, Error> {
        self.rpc_with(self.place()?, method, body, Retry::Once).await
    }

    /// Calls any rpc method, and again when no answer comes. Only for what reads, or carries a `client_id`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn rpc_idempotent<B: Serialize, A: DeserializeOwned>(&self, method: &str, body: &B) -> Result<A, Error> {
        self.rpc_with(self.place()?, method, body, Retry::Safe).await
    }

    async fn rpc_with<B: Serialize, A: DeserializeOwned>(
        &self,
        place: OwnedSemaphorePermit,
        method: &str,
        body: &B,
        retry: Retry,
    ) -> Result<A, Error> {
        #[derive(Deserialize)]
        struct Answer<T> {
            data: T,
        }
        if method.len() > METHOD_BYTES_MAX {
            return Err(Error::Misuse("method name too long".to_owned()));
        }
        let kind = CommandKind::Rpc { method: method.to_owned(), data: raw(body)? };
        let answer: Answer<A> = read(&self.request(place, kind, retry).await?)?;
        Ok(answer.data)
    }

    /// A place in the request queue, given back with the answer.
    fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::QueueFull)
    }

    async fn request(&self, place: OwnedSemaphorePermit, kind: CommandKind, retry: Retry) -> Result<String, Error> {
        let bytes = match &kind {
            CommandKind::Rpc { method, data } => method.len() + data.get().len(),
            CommandKind::Publish { channel, data } => channel.len() + data.get().len(),
            _ => 0,
        };
        if bytes + ENVELOPE_BYTES > FRAME_BYTES_MAX {
            return Err(Error::TooLarge);
        }
        let (answer, wait) = oneshot::channel();
        self.hand_over(Command::Request { kind, retry, answer: (answer, place) }, wait).await
    }

    async fn hand_over(&self, command: Command, wait: oneshot::Receiver<Result<String, Error>>) -> Result<String, Error> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::QueueFull,
            mpsc::error::TrySendError::Closed(_) => self.closed(),
        })?;
        wait.await.unwrap_or_else(|_| Err(self.closed()))
    }

    fn closed(&self) -> Error {
        Error::Closed(self.closed_because())
    }

    fn closed_because(&self) -> Reason {
        match self.state() {
            ConnectionState::Closed { reason } => reason,
            _ => Reason::new(Reason::CLOSED_BY_OWNER, "the connection's task is gone"),
        }
    }
}

fn raw<B: Serialize>(body: &B) -> Result<Box<RawValue>, Error> {
    serde_json::value::to_raw_value(body).map_err(|error| Error::Misuse(error.to_string()))
}

fn read<A: DeserializeOwned>(body: &str) -> Result<A, Error> {
    serde_json::from_str(body).map_err(|error| Error::BadAnswer(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_the_time_that_it_was_made_at() {
        let id = uuid::Builder::from_unix_timestamp_millis(1_790_000_000_000, &[7; 10]).into_uuid();
        assert_eq!(ClientId::new(&id.to_string()).expect("fits").dated_ms(), Some(1_790_000_000_000));
    }
}
