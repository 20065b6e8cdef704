//! The machine of a connection: lifecycle here, replies in [`replies`], channels in [`channels`].

mod channels;
mod replies;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use rialto_protocol::command::{self, CommandKind, Connect, Recover};

use crate::connection::backoff::{Random, pause_ms};
use crate::connection::input::{Effect, Input, Settings};
use crate::connection::request::{Requests, Retry};
use crate::connection::subscription::Subscription;
use crate::error::Error;
use crate::limits::{CONNECT_WITHIN_MS, REFRESH_RETRY_MS, TOKEN_WITHIN_MS};
use crate::state::{ConnectionState, Position, Reason};
use crate::token::{TokenError, TokenKind};

/// How the server knows this SDK.
const SDK_NAME: &str = "rialto-rust";

/// A connection with all that waits on it.
#[derive(Debug)]
pub(crate) struct Connection {
    settings: Settings,
    phase: Phase,
    address: usize,
    attempt: u32,
    random: Random,
    token: Option<String>,
    refresh: Refresh,
    next_id: u32,
    own: HashMap<u32, Own>,
    requests: Requests,
    channels: BTreeMap<String, Subscription>,
    by_server: BTreeMap<String, Option<Position>>,
    closing_until_ms: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Pausing { until_ms: u64 },
    FetchingToken { until_ms: u64 },
    Opening { until_ms: u64 },
    Connecting { until_ms: u64 },
    Connected { since_ms: u64, heard_ms: u64, ping_ms: u64, pong: bool },
    Closed,
}

/// When the connection's token is renewed.
#[derive(Debug, Default)]
struct Refresh {
    at_ms: Option<u64>,
    fetching: bool,
}

/// A command that the connection sent for itself.
#[derive(Clone, Debug)]
enum Own {
    Connect,
    Subscribe { channel: String },
    Unsubscribe,
    Refresh,
    SubscriptionRefresh { channel: String },
}

impl Connection {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            phase: Phase::Pausing { until_ms: 0 },
            address: 0,
            attempt: 0,
            random: Random::new(settings.seed),
            token: None,
            refresh: Refresh::default(),
            next_id: 0,
            own: HashMap::new(),
            requests: Requests::default(),
            channels: BTreeMap::new(),
            by_server: BTreeMap::new(),
            closing_until_ms: None,
            settings,
        }
    }

    /// Takes one input. Every invariant holds again when it returns: what can be sent is sent, a close that waits for nothing ends.
    pub(crate) fn apply(&mut self, now_ms: u64, input: Input<'_>, out: &mut Vec<Effect>) {
        match input {
            Input::Start => self.begin(now_ms, out),
            Input::Opened => self.opened(now_ms, out),
            Input::OpenFailed(text) => self.open_failed(now_ms, text, out),
            Input::Lost { code, reason } => self.socket_lost(now_ms, code, reason, out),
            Input::Frame(text) => self.frame(now_ms, text, out),
            Input::Token(result) => self.token(now_ms, result, out),
            Input::SubscriptionToken { channel, result } => self.subscription_token(now_ms, channel, result, out),
            Input::Request { key, kind, retry } => self.request(now_ms, key, kind, retry, out),
            Input::Subscribe { key, channel, wish } => self.subscribe(now_ms, key, channel, wish, out),
            Input::Unsubscribe { channel } => self.unsubscribe(&channel, out),
            Input::Close => self.close(now_ms),
            Input::Tick => self.tick(now_ms, out),
        }
        self.settle(now_ms, out);
    }

    /// When [`Input::Tick`] is due at the latest.
    pub(crate) fn deadline_ms(&self) -> Option<u64> {
        let phase = match self.phase {
            Phase::Closed => return None,
            Phase::Pausing { until_ms }
            | Phase::FetchingToken { until_ms }
            | Phase::Opening { until_ms }
            | Phase::Connecting { until_ms } => Some(until_ms),
            Phase::Connected { .. } => self.silent_until_ms(),
        };
        let connected = self.is_connected();
        let channels = self.channels.values().filter_map(|channel| channel.deadline_ms(connected)).min();
        [phase, self.refresh.at_ms, self.closing_until_ms, self.requests.deadline_ms(connected), channels].into_iter().flatten().min()
    }

    fn settle(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.is_connected() {
            self.requests.flush(now_ms, self.settings.ack_ms, &mut self.next_id, out);
        }
        let done = self.requests.is_empty() || !self.is_connected();
        if self.closing_until_ms.is_some_and(|until| done || until <= now_ms) {
            self.end(Reason::new(Reason::CLOSED_BY_OWNER, "closed by its owner"), out);
        }
        debug_assert!(self.phase != Phase::Closed || self.requests.is_empty(), "a closed connection owes no answer");
    }

    fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected { .. })
    }

    fn silent_until_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Connected { heard_ms, ping_ms, .. } if ping_ms > 0 => Some(heard_ms + ping_ms + self.settings.ping_grace_ms),
            _ => None,
        }
    }

    fn begin(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        out.push(Effect::State(ConnectionState::Connecting { attempt: self.attempt }));
        if self.settings.token != TokenKind::None && self.token.is_none() {
            self.phase = Phase::FetchingToken { until_ms: now_ms + TOKEN_WITHIN_MS };
            out.push(Effect::FetchToken);
        } else {
            self.open(now_ms, out);
        }
    }

    fn open(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        self.phase = Phase::Opening { until_ms: now_ms + self.settings.open_ms };
        out.push(Effect::Open { address: self.address });
    }

    fn opened(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        self.phase = Phase::Connecting { until_ms: now_ms + CONNECT_WITHIN_MS };
        self.next_id = 0;
        let recover = |position: &Position| Recover { recover: true, epoch: position.epoch.clone(), offset: position.offset };
        let subs = self.by_server.iter().filter_map(|(name, position)| Some((name.clone(), recover(position.as_ref()?)))).collect();
        let connect = Connect {
            token: self.token.clone().unwrap_or_default(),
            subs,
            name: SDK_NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        self.write_own(Own::Connect, &CommandKind::Connect(connect), out);
    }

    /// Returns the command's id.
    fn write_own(&mut self, own: Own, kind: &CommandKind, out: &mut Vec<Effect>) -> u32 {
        self.next_id += 1;
        self.own.insert(self.next_id, own);
        out.push(Effect::Write(command::encode(self.next_id, kind)));
        self.next_id
    }

    fn open_failed(&mut self, now_ms: u64, text: String, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Opening { .. }) {
            self.next_address();
            self.pause(now_ms, Reason::new(Reason::OPEN_FAILED, text), out);
        }
    }

    fn next_address(&mut self) {
        self.address = (self.address + 1) % self.settings.addresses.max(1);
    }

    /// The socket is gone by itself.
    fn socket_lost(&mut self, now_ms: u64, code: u32, reason: &str, out: &mut Vec<Effect>) {
        if !matches!(self.phase, Phase::Connecting { .. } | Phase::Connected { .. }) {
            return;
        }
        let reason = if code == 0 { Reason::new(Reason::TRANSPORT, reason) } else { Reason::new(code, reason) };
        if Reason::is_final(reason.code) {
            return self.end(reason, out);
        }
        // A node that stops, or that is not there any more, is not the one to come back to.
        if reason.code < 3000 || reason.code == 3001 {
            self.next_address();
        }
        if reason.code == 3005 {
            self.token = None;
        }
        self.pause(now_ms, reason, out);
    }

    /// We give the socket up and make a new one.
    fn give_up(&mut self, now_ms: u64, reason: Reason, why: &'static str, out: &mut Vec<Effect>) {
        out.push(Effect::Drop { reason: why });
        self.next_address();
        self.pause(now_ms, reason, out);
    }

    /// What was under way on the socket is over; wait and begin anew.
    fn pause(&mut self, now_ms: u64, reason: Reason, out: &mut Vec<Effect>) {
        if let Phase::Connected { since_ms, .. } = self.phase
            && now_ms.saturating_sub(since_ms) >= self.settings.stable_ms
        {
            self.attempt = 0;
        }
        let Settings { backoff_min_ms, backoff_max_ms, .. } = self.settings;
        let retry_in_ms = pause_ms(&mut self.random, self.attempt, backoff_min_ms, backoff_max_ms);
        self.attempt = self.attempt.saturating_add(1);
        self.phase = Phase::Pausing { until_ms: now_ms + retry_in_ms };
        self.refresh = Refresh::default();
        self.own.clear();
        self.requests.interrupted(out);
        self.channels_interrupted();
        out.push(Effect::State(ConnectionState::Disconnected { reason, retry_in_ms }));
    }

    fn end(&mut self, reason: Reason, out: &mut Vec<Effect>) {
        self.phase = Phase::Closed;
        self.closing_until_ms = None;
        self.refresh = Refresh::default();
        let error = Error::Closed(reason.clone());
        self.requests.fail_all(&error, out);
        for subscription in std::mem::take(&mut self.channels).into_values() {
            out.extend(subscription.waiting.into_iter().map(|key| Effect::Answer { key, result: Err(error.clone()) }));
        }
        out.push(Effect::State(ConnectionState::Closed { reason }));
        out.push(Effect::End);
    }

    fn close(&mut self, now_ms: u64) {
        if self.phase != Phase::Closed && self.closing_until_ms.is_none() {
            self.closing_until_ms = Some(now_ms + self.settings.close_ms);
        }
    }

    fn request(&mut self, now_ms: u64, key: u64, kind: CommandKind, retry: Retry, out: &mut Vec<Effect>) {
        let refusal = if self.phase == Phase::Closed || self.closing_until_ms.is_some() {
            Some(Error::Closed(Reason::new(Reason::CLOSED_BY_OWNER, "closed by its owner")))
        } else if retry == Retry::Ephemeral && !self.is_connected() {
            Some(Error::NotConnected)
        } else {
            None
        };
        match refusal {
            Some(error) => out.push(Effect::Answer { key, result: Err(error) }),
            None => self.requests.add(key, kind, retry, now_ms + self.settings.request_ms),
        }
    }

    fn token(&mut self, now_ms: u64, result: Result<String, TokenError>, out: &mut Vec<Effect>) {
        let renewing = self.is_connected() && std::mem::take(&mut self.refresh.fetching);
        if !renewing && !matches!(self.phase, Phase::FetchingToken { .. }) {
            return;
        }
        match result {
            Ok(token) if renewing => {
                self.token = Some(token.clone());
                self.write_own(Own::Refresh, &CommandKind::Refresh { token }, out);
                // Until the reply says better.
                self.refresh.at_ms = Some(self.refresh_retry_ms(now_ms));
            }
            Ok(token) => {
                self.token = Some(token);
                self.open(now_ms, out);
            }
            Err(TokenError::Unauthorized(text)) => self.end(Reason::new(Reason::NO_TOKEN, text), out),
            Err(TokenError::Temporary(_)) if renewing => self.refresh.at_ms = Some(self.refresh_retry_ms(now_ms)),
            Err(TokenError::Temporary(text)) => self.pause(now_ms, Reason::new(Reason::TOKEN_FAILED, text), out),
        }
    }

    fn refresh_retry_ms(&mut self, now_ms: u64) -> u64 {
        now_ms + REFRESH_RETRY_MS + self.random.up_to(REFRESH_RETRY_MS)
    }

    fn tick(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        self.requests.expire(now_ms, out);
        match self.phase {
            Phase::Pausing { until_ms } if until_ms <= now_ms => self.begin(now_ms, out),
            Phase::FetchingToken { until_ms } if until_ms <= now_ms => {
                self.pause(now_ms, Reason::new(Reason::TOKEN_FAILED, "no token in time"), out);
            }
            Phase::Opening { until_ms } if until_ms <= now_ms => {
                self.give_up(now_ms, Reason::new(Reason::OPEN_FAILED, "no handshake in time"), "no handshake", out);
            }
            Phase::Connecting { until_ms } if until_ms <= now_ms => {
                self.give_up(now_ms, Reason::new(Reason::NO_REPLY, "no connect reply in time"), "no reply", out);
            }
            Phase::Connected { .. } if self.silent_until_ms().is_some_and(|until| until <= now_ms) => {
                self.give_up(now_ms, Reason::new(Reason::NO_PING, "no ping in time"), "no ping", out);
            }
            Phase::Connected { .. } => self.tick_connected(now_ms, out),
            _ => {}
        }
    }

    fn tick_connected(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        if self.refresh.at_ms.is_some_and(|at| at <= now_ms) {
            self.refresh = Refresh { at_ms: Some(now_ms + TOKEN_WITHIN_MS), fetching: true };
            out.push(Effect::FetchToken);
        }
        self.tick_channels(now_ms, out);
    }
}
