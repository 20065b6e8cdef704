//! Commands that wait for a look-up, in one line per user: a second copy of an id waits for the first, and nobody's messages overtake each other.

use std::collections::{HashMap, VecDeque};

use rialto_protocol::UserId;
use rialto_protocol::rpc::Request;

use super::command::{Facts, Need};
use super::limits::{LOOKUPS_MAX, WAITING_MAX, WAITING_PER_USER_MAX};
use crate::reply_to::ReplyTo;

/// A command that is not decided yet.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) request: Request,
    pub(crate) reply: ReplyTo,
    pub(crate) facts: Facts,
    /// Look-ups made for it so far.
    pub(crate) num_lookups: u8,
}

/// The lines. Only the head of a line has a look-up under way, and at most [`LOOKUPS_MAX`] heads have one.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    lines: HashMap<UserId, VecDeque<Pending>>,
    /// Look-ups under way by token, with the row up to which the store showed everything.
    under_way: HashMap<u64, (UserId, Need, u64)>,
    /// Heads that wait for a place.
    ready: VecDeque<(UserId, Need)>,
    count: usize,
}

impl Waiting {
    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether something of this user waits: then whatever comes next waits behind it.
    pub(crate) fn has_line(&self, user: UserId) -> bool {
        self.lines.contains_key(&user)
    }

    /// Whether one more command of this user may wait.
    pub(crate) fn has_room(&self, user: UserId) -> bool {
        self.count < WAITING_MAX && self.lines.get(&user).is_none_or(|line| line.len() < WAITING_PER_USER_MAX)
    }

    /// A new command takes its place at the end of the user's line.
    pub(crate) fn push_back(&mut self, user: UserId, pending: Pending) {
        self.count += 1;
        self.lines.entry(user).or_default().push_back(pending);
    }

    /// The head of a line comes back to wait for another fact.
    pub(crate) fn push_front(&mut self, user: UserId, pending: Pending) {
        self.count += 1;
        self.lines.entry(user).or_default().push_front(pending);
    }

    /// Takes the head of a line.
    pub(crate) fn pop(&mut self, user: UserId) -> Option<Pending> {
        let line = self.lines.get_mut(&user)?;
        let head = line.pop_front();
        if line.is_empty() {
            self.lines.remove(&user);
        }
        self.count -= usize::from(head.is_some());
        head
    }

    /// The head of this line wants a fact.
    pub(crate) fn want(&mut self, user: UserId, need: Need) {
        self.ready.push_back((user, need));
    }

    /// The next look-up to begin, while there is a place.
    pub(crate) fn begin(&mut self, token: u64, as_of: u64) -> Option<Need> {
        if self.under_way.len() >= LOOKUPS_MAX {
            return None;
        }
        let (user, need) = self.ready.pop_front()?;
        self.under_way.insert(token, (user, need.clone(), as_of));
        Some(need)
    }

    /// A look-up has ended.
    pub(crate) fn end(&mut self, token: u64) -> Option<(UserId, Need, u64)> {
        self.under_way.remove(&token)
    }
}
