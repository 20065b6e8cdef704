//! Reads a whole store and checks that it is what its rows say.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::ControlFlow;

use ::redb::Error;
use rialto_protocol::event::EventTag;
use rialto_protocol::{EntityKey, UserId};

use super::apply::apply;
use super::backup::check_open;
use super::blobs::join;
use super::codec::{Carry, corrupt, decode, decode_row};
use super::keys::{self, BlobOwner, section, space};
use super::kv::{Engine, Source};
use super::open::{RedbStore, Shared};
use super::view::View;
use super::{families, records};
use crate::accounts::{Account, BotToken, IdempotentAnswer};
use crate::backup::entry::row_key;
use crate::backup::{Problems, VerifyError, VerifyReport};
use crate::derive::{Derived, derive};
use crate::views::ReadMark;

impl From<Error> for VerifyError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseClosed => Self::Closed,
            error => Self::Unreadable(error.to_string()),
        }
    }
}

impl RedbStore {
    /// Checks the state of this moment while the store goes on serving: rows dense and in order of time, ordinals, everything derived equal to what a
    /// rebuild gives, every large body whole, every small record readable. Blocks; memory grows with one entity's members and reactions, not with its rows.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn verify(&self) -> Result<VerifyReport, VerifyError> {
        let shared = self.shared();
        let guard = shared.database();
        let database = guard.as_ref().ok_or(VerifyError::Closed)?;
        let view = shared.layers.view(database)?;
        let mut check = Check {
            shared,
            view: &view,
            report: VerifyReport::default(),
            problems: Problems::default(),
            entity: None,
            dedupe_expected: 0,
            members: HashMap::new(),
        };
        check.rows()?;
        check.index()?;
        check.small()?;
        check.problems.conclude(check.report)
    }
}

/// The entity whose rows are being read.
struct Fold {
    entity: EntityKey,
    seq: u64,
    time_ms: u64,
    ordinal: u64,
    carry: Carry,
    own: HashMap<UserId, u64>,
    cells: BTreeMap<Vec<u8>, Vec<u8>>,
}

struct Check<'a> {
    shared: &'a Shared,
    view: &'a View,
    report: VerifyReport,
    problems: Problems,
    entity: Option<Fold>,
    dedupe_expected: u64,
    /// How many conversations each space of the user index should have in all.
    members: HashMap<u8, u64>,
}

impl Check<'_> {
    fn problem(&mut self, what: fmt::Arguments<'_>) {
        self.problems.add(what);
    }

    /// Every entity: its rows one by one, then its derived cells against what the rows gave.
    fn rows(&mut self) -> Engine<()> {
        let view = self.view;
        let mut from = vec![space::ENTITY];
        let end = [space::ENTITY + 1];
        while let Some(entity) = next_entity(view, &from, &end)? {
            let rows = keys::section_of(entity, section::ROW);
            view.scan_prefix(&rows, &mut |key, value| {
                check_open(self.shared)?;
                let (entity, seq) = row_key(key).ok_or_else(|| corrupt("key of a row"))?;
                self.row(entity, seq, value)?;
                Ok(ControlFlow::Continue(()))
            })?;
            self.close_entity(entity)?;
            from = keys::after_prefix(&keys::entity_prefix(entity));
        }
        Ok(())
    }

    fn row(&mut self, entity: EntityKey, seq: u64, value: &[u8]) -> Engine<()> {
        let stored = decode_row(entity, seq, value)?;
        let mut row = stored.row;
        if let Some(bytes) = stored.blob {
            self.report.blobs += 1;
            match join(self.view, entity, BlobOwner::Row(seq)) {
                Ok(Some(body)) if body.len() as u64 == u64::from(bytes) => row.body = body,
                Ok(_) => self.problem(format_args!("{entity:?} row {seq}: its body is not there")),
                Err(Error::Corrupted(what)) => self.problem(format_args!("{entity:?} row {seq}: {what}")),
                Err(error) => return Err(error),
            }
        }
        self.report.rows += 1;
        let part_rows = self.shared.options.part_rows;
        let mut fold = self.entity.take().unwrap_or_else(|| Fold {
            entity,
            seq: 0,
            time_ms: 0,
            ordinal: 0,
            carry: Carry::default(),
            own: HashMap::new(),
            cells: BTreeMap::new(),
        });
        if seq != fold.seq + 1 {
            self.problem(format_args!("{entity:?}: row {seq} follows row {}", fold.seq));
        }
        if row.time_ms < fold.time_ms {
            self.problem(format_args!("{entity:?} row {seq}: its time goes back"));
        }
        let message = row.event == EventTag::Message;
        let own = fold.own.entry(row.sender.user).or_default();
        *own += u64::from(message);
        if row.ordinal != fold.ordinal + u64::from(message) || (message && row.sender_ordinal != *own) {
            self.problem(format_args!("{entity:?} row {seq}: its ordinals do not count the messages"));
        }
        (fold.seq, fold.time_ms, fold.ordinal) = (seq, row.time_ms, row.ordinal);
        match derive(&row, part_rows) {
            Ok(derived) => self.derived(&mut fold, seq, stored.carry, derived)?,
            Err(error) => self.problem(format_args!("{error}")),
        }
        self.entity = Some(fold);
        Ok(())
    }

    fn derived(&mut self, fold: &mut Fold, seq: u64, stored: Carry, mut derived: Vec<Derived>) -> Engine<()> {
        fold.carry = fold.carry.after(&derived);
        if stored != fold.carry {
            self.problem(format_args!("{:?} row {seq}: what it says of the newest message is wrong", fold.entity));
        }
        for write in &derived {
            if let Derived::Dedupe { entity, sender, position, .. } = write {
                self.dedupe_expected += 1;
                let found = self
                    .view
                    .with(&keys::dedupe(*entity, sender.user, &sender.client_id), |value| decode::<(u64, u64)>("dedupe entry", value))?;
                match found {
                    Some((at, _)) if at > position.seq => self.dedupe_expected -= 1,
                    Some(at) if at == (position.seq, position.time_ms) => {}
                    _ => self.problem(format_args!("{entity:?} row {seq}: its id is not in the index")),
                }
            }
        }
        derived.retain(|write| !matches!(write, Derived::Dedupe { .. }));
        apply(&mut fold.cells, &derived)
    }

    /// Compares the cells in both directions.
    fn close_entity(&mut self, entity: EntityKey) -> Engine<()> {
        let mut expected = match self.entity.take() {
            Some(fold) => {
                self.report.entities += 1;
                fold.cells
            }
            None => BTreeMap::new(),
        };
        let view = self.view;
        for derived in [section::META, section::MEMBER, section::OVERLAY] {
            view.scan_prefix(&keys::section_of(entity, derived), &mut |key, value| {
                self.report.cells += 1;
                if expected.remove(key).as_deref() != Some(value) {
                    self.problem(format_args!("{entity:?}: a derived cell of section {derived} is not what its rows say"));
                }
                Ok(ControlFlow::Continue(()))
            })?;
        }
        for (key, value) in expected {
            if key.first() == Some(&space::USER_CONVERSATION) {
                *self.members.entry(space::USER_CONVERSATION).or_default() += 1;
            }
            if view.with(&key, |stored| Ok(stored == value))? != Some(true) {
                self.problem(format_args!("{entity:?}: a derived cell is not there"));
            }
        }
        view.scan_prefix(&keys::section_of(entity, section::SNAPSHOT), &mut |key, _| {
            let seq = keys::last_number(key).unwrap_or(0);
            self.blob(entity, BlobOwner::Snapshot(seq))?;
            Ok(ControlFlow::Continue(()))
        })
    }

    fn blob(&mut self, entity: EntityKey, owner: BlobOwner) -> Engine<()> {
        self.report.blobs += 1;
        match join(self.view, entity, owner) {
            Ok(Some(_)) => {}
            Ok(None) => self.problem(format_args!("{entity:?}: {owner:?} is not there")),
            Err(Error::Corrupted(what)) => self.problem(format_args!("{entity:?} {owner:?}: {what}")),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The two indexes that lie apart from their entities must not hold more than the rows gave.
    fn index(&mut self) -> Engine<()> {
        let expected = [
            (space::DEDUPE, self.dedupe_expected),
            (space::USER_CONVERSATION, self.members.remove(&space::USER_CONVERSATION).unwrap_or(0)),
        ];
        for (of, expected) in expected {
            let mut found = 0;
            self.view.scan_prefix(&[of], &mut |_, _| {
                check_open(self.shared)?;
                found += 1;
                Ok(ControlFlow::Continue(()))
            })?;
            if of == space::DEDUPE {
                self.report.dedupe_entries = found;
            }
            if found != expected {
                self.problem(format_args!("index {of:#x} has {found} entries; the rows give {expected}"));
            }
        }
        Ok(())
    }

    /// Small records can be read, names lead to their accounts, callers' blobs are whole.
    fn small(&mut self) -> Engine<()> {
        let view = self.view;
        let mut callers = Vec::new();
        view.scan(&[space::MARK], &[u8::MAX], false, &mut |key, value| {
            check_open(self.shared)?;
            let readable = match key.first().copied() {
                Some(space::ACCOUNT) => {
                    self.report.accounts += 1;
                    let account = decode::<Account>("account", value);
                    account.is_ok_and(|account| names(view, &account, key))
                }
                Some(space::MARK) => decode::<ReadMark>("read marker", value).is_ok(),
                Some(space::FAMILY) => families::read(value).is_ok(),
                Some(space::BOT) => decode::<BotToken>("bot token", value).is_ok(),
                Some(space::MUTE) => decode::<u64>("mute", value).is_ok(),
                Some(space::IDEMPOTENT) => decode::<IdempotentAnswer>("idempotency key", value).is_ok(),
                Some(space::RECORD) => records::read(value).is_ok(),
                Some(space::BLOB) => {
                    if let Some((entity, owner @ BlobOwner::Caller(_), 0)) = keys::blob_of(key) {
                        callers.push((entity, owner));
                    }
                    true
                }
                _ => true,
            };
            if !readable {
                self.problem(format_args!("a record of space {:#x} is damaged", key.first().copied().unwrap_or(0)));
            }
            for (entity, owner) in callers.drain(..) {
                self.blob(entity, owner)?;
            }
            Ok(ControlFlow::Continue(()))
        })
    }
}

/// Whether the account's name leads to it.
fn names(view: &View, account: &Account, key: &[u8]) -> bool {
    Source::get(view, &keys::username(&account.username_key)).is_ok_and(|id| id.as_deref() == key.get(1..))
}

fn next_entity(view: &View, from: &[u8], end: &[u8]) -> Engine<Option<EntityKey>> {
    let mut found = None;
    view.scan(from, end, false, &mut |key, _| {
        found = Some(keys::entity_of(key).ok_or_else(|| corrupt("key of an entity"))?);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(found)
}
