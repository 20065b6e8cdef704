//! What a conversation is: a fold of its rows. [`State::fold_event`] is the only way in which it changes, whether a row is new, read at activation, or behind a snapshot.

use std::collections::BTreeMap;

use bytes::Bytes;
use crdts::LWWReg;
use rialto_protocol::UserId;
use rialto_protocol::event::{ConversationCreated, ConversationEvent, Membership};
use rialto_protocol::rpc::{ConversationKind, Role};
use rialto_storage::entity_rows::Snapshot;
use rialto_storage::{Row, RowSender};
use serde::{Deserialize, Serialize};

use super::message::{BadRow, FoldedMessage, event_of};
use super::person::Person;

/// The form of a snapshot. Another number is not read.
const SNAPSHOT_FORM: u8 = 1;

/// The folded rows of one conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) kind: ConversationKind,
    /// Who created it, under which id.
    pub(crate) creator: RowSender,
    /// Row time of the first row: part of the epoch.
    pub(crate) created_ms: u64,
    title: LWWReg<Option<String>, u64>,
    people: BTreeMap<UserId, Person>,
    pub(crate) member_count: u64,
    /// The newest row.
    pub(crate) top: u64,
    /// Its time: no later row is older.
    pub(crate) time_ms: u64,
    /// Messages so far.
    pub(crate) ordinal: u64,
    pub(crate) last: Option<FoldedMessage>,
}

impl State {
    /// Folds a stored row.
    pub(crate) fn fold(state: &mut Option<Self>, row: &Row) -> Result<(), BadRow> {
        Self::fold_event(state, row, event_of(row)?)
    }

    /// Folds a row whose event is at hand.
    pub(crate) fn fold_event(state: &mut Option<Self>, row: &Row, event: ConversationEvent) -> Result<(), BadRow> {
        let bad = |what| BadRow { seq: row.seq, what };
        match (state.as_mut(), event) {
            (None, ConversationEvent::ConversationCreated(created)) if row.seq == 1 => *state = Some(Self::created(row, created)),
            (None, _) => return Err(bad("the first row is no creation")),
            (Some(_), ConversationEvent::ConversationCreated(_)) => return Err(bad("created twice")),
            (Some(current), _) if row.seq != current.top + 1 => return Err(bad("not the next row")),
            (Some(current), event) => current.advance(row, event),
        }
        Ok(())
    }

    fn created(row: &Row, created: ConversationCreated) -> Self {
        let mut people = BTreeMap::<UserId, Person>::new();
        for (place, user) in (0_u32..).zip(created.members) {
            let owns = user == created.by && created.kind != ConversationKind::Direct;
            let person = people.entry(user).or_default();
            person.set_role(Some(if owns { Role::Owner } else { Role::Member }), row.seq);
            person.joined = (row.seq, place);
        }
        Self {
            kind: created.kind,
            creator: row.sender.clone(),
            created_ms: row.time_ms,
            title: LWWReg { val: created.title, marker: row.seq },
            member_count: people.len() as u64,
            people,
            top: row.seq,
            time_ms: row.time_ms,
            ordinal: row.ordinal,
            last: None,
        }
    }

    fn advance(&mut self, row: &Row, event: ConversationEvent) {
        self.top = row.seq;
        self.time_ms = self.time_ms.max(row.time_ms);
        self.ordinal = row.ordinal;
        match event {
            ConversationEvent::Message(sent) => {
                let person = self.people.entry(row.sender.user).or_default();
                person.own = row.sender_ordinal;
                person.last_own = row.seq;
                self.last = Some(FoldedMessage::begin(row.seq, sent));
            }
            ConversationEvent::MemberJoined(joined) => self.joined(row.seq, &joined),
            ConversationEvent::MemberLeft(left) => self.gone(row.seq, left.user, false),
            ConversationEvent::MemberRemoved(removed) => self.gone(row.seq, removed.user, self.kind == ConversationKind::Public),
            ConversationEvent::RoleChanged(change) => {
                if let Some(person) = self.people.get_mut(&change.user).filter(|person| person.role().is_some()) {
                    person.set_role(change.role, row.seq);
                }
            }
            ConversationEvent::SettingsChanged(change) => {
                if let Some(title) = change.title {
                    self.title.update(Some(title).filter(|title| !title.is_empty()), row.seq);
                }
            }
            event => {
                if let Some(last) = &mut self.last {
                    last.overlay(row.seq, &event);
                }
            }
        }
    }

    fn joined(&mut self, seq: u64, joined: &Membership) {
        let person = self.people.entry(joined.user).or_default();
        if person.role().is_none() {
            self.member_count += 1;
            person.joined = (seq, 0);
        }
        person.set_role(Some(joined.role.unwrap_or(Role::Member)), seq);
        person.lift_ban(seq);
    }

    fn gone(&mut self, seq: u64, user: UserId, ban: bool) {
        let Some(person) = self.people.get_mut(&user) else { return };
        if person.role().is_some() {
            self.member_count = self.member_count.saturating_sub(1);
        }
        person.set_role(None, seq);
        if ban {
            person.set_ban(seq);
        }
        if person.is_forgettable() {
            self.people.remove(&user);
        }
    }

    /// What is known of a user.
    pub(crate) fn person(&self, user: UserId) -> Option<&Person> {
        self.people.get(&user)
    }

    /// The user's role; `None` when not a member.
    pub(crate) fn role(&self, user: UserId) -> Option<Role> {
        self.person(user).and_then(Person::role)
    }

    /// How many messages the user has sent.
    pub(crate) fn own(&self, user: UserId) -> u64 {
        self.person(user).map_or(0, |person| person.own)
    }

    /// The title, if any.
    pub(crate) fn title(&self) -> Option<&str> {
        self.title.val.as_deref()
    }

    /// Members in order of id, behind `after`.
    pub(crate) fn members(&self, after: Option<UserId>) -> impl Iterator<Item = (UserId, Role, &Person)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let range = self.people.range((after.map_or(Unbounded, Excluded), Unbounded));
        range.filter_map(|(user, person)| person.role().map(|role| (*user, role, person)))
    }

    /// Whether this user is the only owner.
    pub(crate) fn is_last_owner(&self, user: UserId) -> bool {
        self.role(user) == Some(Role::Owner) && !self.members(None).any(|(other, role, _)| role == Role::Owner && other != user)
    }

    /// Who owns it when this user is gone: the oldest admin, else the oldest member.
    pub(crate) fn heir(&self, leaving: UserId) -> Option<UserId> {
        let others = self.members(None).filter(|(user, _, _)| *user != leaving);
        others.min_by_key(|(_, role, person)| (*role != Role::Admin, person.joined)).map(|(user, _, _)| user)
    }

    /// The state as the store keeps it.
    pub(crate) fn snapshot(&self) -> Option<Snapshot> {
        let state = postcard::to_stdvec(&(SNAPSHOT_FORM, self)).ok()?;
        Some(Snapshot { seq: self.top, state: Bytes::from(state) })
    }

    /// Reads a snapshot.
    pub(crate) fn restore(snapshot: &Snapshot) -> Result<Self, BadRow> {
        let bad = |what| BadRow { seq: snapshot.seq, what };
        let (form, state): (u8, Self) = postcard::from_bytes(&snapshot.state).map_err(|_| bad("snapshot does not parse"))?;
        if form != SNAPSHOT_FORM || state.top != snapshot.seq {
            return Err(bad("snapshot of another form or row"));
        }
        Ok(state)
    }
}
