//! How a client is made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};

use crate::client::Client;
use crate::connection::{Address, Driver, Settings, Shared};
use crate::error::Error;
use crate::event::{Events, Hub};
use crate::limits::{CONTROL_COMMANDS_MAX, EVENTS_MAX, REQUESTS_MAX};
use crate::state::ConnectionState;
use crate::token::TokenSource;

/// Collects what a client needs; [`Builder::start`] makes it. Defaults are in [`crate::limits`].
#[derive(Clone, Debug)]
pub struct Builder {
    addresses: Vec<String>,
    token: TokenSource,
    settings: Settings,
    requests_max: usize,
    events_max: usize,
}

impl Builder {
    pub(crate) fn new(addresses: Vec<String>) -> Self {
        Self { addresses, token: TokenSource::none(), settings: Settings::new(), requests_max: REQUESTS_MAX, events_max: EVENTS_MAX }
    }

    /// Where tokens come from: a text, or [`TokenSource::callback`].
    #[must_use]
    pub fn token(mut self, source: impl Into<TokenSource>) -> Self {
        self.token = source.into();
        self
    }

    /// How many requests may wait at once.
    #[must_use]
    pub fn requests_max(mut self, count: usize) -> Self {
        self.requests_max = count.clamp(1, Semaphore::MAX_PERMITS);
        self
    }

    /// How many events may wait in one stream.
    #[must_use]
    pub fn events_max(mut self, count: usize) -> Self {
        self.events_max = count.max(1);
        self
    }

    /// How long one attempt of a request may take before it is repeated.
    #[must_use]
    pub fn ack_within(mut self, time: Duration) -> Self {
        self.settings.ack_ms = millis(time);
        self
    }

    /// How long a request may take with all its attempts.
    #[must_use]
    pub fn request_within(mut self, time: Duration) -> Self {
        self.settings.request_ms = millis(time);
        self
    }

    /// The shortest and the longest pause before a reconnect.
    #[must_use]
    pub fn backoff(mut self, min: Duration, max: Duration) -> Self {
        self.settings.backoff_min_ms = millis(min).max(1);
        self.settings.backoff_max_ms = millis(max).max(self.settings.backoff_min_ms);
        self
    }

    /// How long a connection must hold for the next pause to be short again.
    #[must_use]
    pub fn stable_after(mut self, time: Duration) -> Self {
        self.settings.stable_ms = millis(time);
        self
    }

    /// How long beyond the announced ping interval the server may be silent.
    #[must_use]
    pub fn ping_grace(mut self, time: Duration) -> Self {
        self.settings.ping_grace_ms = millis(time);
        self
    }

    /// Makes the client and its first stream of events, and begins to connect in a task of the current tokio runtime.
    ///
    /// # Errors
    /// [`Error::Misuse`] for no or unusable addresses, or outside a tokio runtime.
    pub fn start(self) -> Result<(Client, Events), Error> {
        let addresses: Vec<Address> = self.addresses.iter().map(|text| Address::parse(text)).collect::<Result<_, _>>()?;
        if addresses.is_empty() {
            return Err(Error::Misuse("no address".to_owned()));
        }
        let runtime = tokio::runtime::Handle::try_current().map_err(|_| Error::Misuse("not inside a tokio runtime".to_owned()))?;
        let settings = Settings { addresses: addresses.len(), token: self.token.kind(), seed: seed()?, ..self.settings };
        let (commands, receiver) = mpsc::channel(self.requests_max.saturating_add(CONTROL_COMMANDS_MAX));
        let (shared, observed) = watch::channel(Shared { state: ConnectionState::Connecting { attempt: 0 }, clock: None });
        let hub = Hub::new(self.events_max);
        let events = hub.listen();
        let request_ms = settings.request_ms;
        let driver = Driver::new(settings, addresses, self.token, receiver, shared, hub.clone());
        runtime.spawn(driver.run());
        Ok((Client::new(commands, Arc::new(Semaphore::new(self.requests_max)), observed, hub, request_ms), events))
    }
}

/// Longer than 49 days is as good as for ever, and sums of such times cannot overflow.
fn millis(time: Duration) -> u64 {
    u64::from(u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
}

fn seed() -> Result<u64, Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Misuse(format!("no randomness: {error}")))?;
    Ok(u64::from_ne_bytes(bytes))
}
