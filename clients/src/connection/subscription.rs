//! One channel that the owner listens to, for as long as the owner wants, over all connections.

use rialto_protocol::command::Subscribe;

use crate::state::Position;
use crate::token::TokenKind;

/// How the owner wants to listen.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) token: TokenKind,
    pub(crate) since: Option<Position>,
    pub(crate) join_leave: bool,
}

/// Where a subscription stands on the present connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing was sent on this connection.
    Idle,
    /// Waiting for the owner's token callback.
    FetchingToken { until_ms: u64 },
    /// Waiting for the reply with this id; one to an earlier subscribe on the channel does not count.
    Subscribing { id: u32, until_ms: u64 },
    /// Publications come.
    Live,
    /// Refused for now.
    Pausing { until_ms: u64 },
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) wish: Wish,
    pub(crate) token: Option<String>,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    /// Where the owner has seen the stream; `None` for channels without one.
    pub(crate) position: Option<Position>,
    /// When its token is renewed.
    pub(crate) refresh_at_ms: Option<u64>,
    /// Requests that wait for the first answer.
    pub(crate) waiting: Vec<u64>,
}

impl Subscription {
    pub(crate) fn new(wish: Wish) -> Self {
        let position = wish.since.clone();
        Self { wish, token: None, phase: Phase::Idle, attempts: 0, position, refresh_at_ms: None, waiting: Vec::new() }
    }

    pub(crate) fn request(&self, channel: &str) -> Subscribe {
        let position = self.position.clone();
        Subscribe {
            channel: channel.to_owned(),
            token: self.token.clone().unwrap_or_default(),
            recover: position.is_some(),
            offset: position.as_ref().map_or(0, |position| position.offset),
            epoch: position.map_or_else(String::new, |position| position.epoch),
            positioned: true,
            recoverable: true,
            join_leave: self.wish.join_leave,
            flag: 0,
        }
    }

    pub(crate) fn wants_token(&self) -> bool {
        self.wish.token != TokenKind::None && self.token.is_none()
    }

    pub(crate) fn deadline_ms(&self, connected: bool) -> Option<u64> {
        match self.phase {
            _ if !connected => None,
            Phase::FetchingToken { until_ms } | Phase::Subscribing { until_ms, .. } | Phase::Pausing { until_ms } => Some(until_ms),
            Phase::Live => self.refresh_at_ms,
            Phase::Idle => None,
        }
    }
}

/// What a publication's offset says about the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The next one, or one of a stream without numbers.
    Next,
    /// Seen already.
    Repeat,
    /// Some before it are missing.
    Gap { after: u64 },
}

/// Compares and moves the position on unless there is a gap.
pub(crate) fn place(position: &mut Option<Position>, offset: u64) -> Place {
    let Some(position) = position.as_mut().filter(|_| offset != 0) else { return Place::Next };
    if offset <= position.offset {
        return Place::Repeat;
    }
    if offset > position.offset + 1 {
        return Place::Gap { after: position.offset };
    }
    position.offset = offset;
    Place::Next
}
