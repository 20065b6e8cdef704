//! One entity: its rows one by one, the index over them, and what follows from them.

use std::collections::{BTreeMap, HashMap};

use rialto_protocol::event::EventTag;
use rialto_protocol::{ConversationId, EntityKey, EntityKind, UserId};
use uuid::Uuid;

use super::super::blobs;
use super::super::codec::decode_row;
use super::super::core::Core;
use super::super::projections::{Cells, collect};
use super::super::rows::{snapshots, stored_rows};
use super::super::scan::{Scan, patiently};
use super::super::value::{Values, big, entity, unsigned};
use super::{Done, cells};
use crate::backup::Problems;
use crate::entity_rows::RowRange;
use crate::{ErrorKind, Row};

/// Rows that are read at once.
const PAGE_ROWS: usize = 256;

/// What was seen of an entity.
pub(super) struct Seen {
    pub(super) of: EntityKey,
    /// The highest seq.
    pub(super) top: u64,
    pub(super) rows: u64,
    pub(super) dedupe_entries: u64,
    pub(super) cells: u64,
    pub(super) blobs: u64,
    pub(super) problems: Problems,
    /// A row above the highest, from which something follows already.
    pub(super) newer: Option<u64>,
}

impl Seen {
    /// Something follows from this row, which was not read.
    pub(super) fn follows(&mut self, seq: u64) {
        self.newer = self.newer.max(Some(seq));
    }
}

/// Sender and id → seq and row time.
type Index = BTreeMap<(Uuid, String), (u64, u64)>;

struct Fold<'a> {
    core: &'a Core,
    of: EntityKey,
    seen: Seen,
    seq: u64,
    time_ms: u64,
    ordinal: u64,
    own: HashMap<UserId, u64>,
    cells: Cells,
    index: Index,
}

/// Checks an entity's rows up to `upto`, and what follows from them.
pub(super) async fn check(core: &Core, of: EntityKey, upto: u64) -> Done<Seen> {
    let seen = Seen { of, top: 0, rows: 0, dedupe_entries: 0, cells: 0, blobs: 0, problems: Problems::default(), newer: None };
    let (own, cells, index) = (HashMap::new(), Cells::new(), Index::new());
    let mut fold = Fold { core, of, seen, seq: 0, time_ms: 0, ordinal: 0, own, cells, index };
    let listed = fold.listed().await?;
    for part in 0..=listed.last().map_or(0, |(part, _)| *part) {
        let began = fold.part(part, upto).await?;
        let stands = listed.iter().find(|(of, _)| *of == part).map(|(_, began)| *began);
        if began.is_some() && stands != began {
            fold.seen.problems.add(format_args!("{of:?}: the beginning of part {part} is not as its rows say"));
        }
    }
    fold.snapshots().await?;
    let Fold { seen, seq, cells, .. } = fold;
    let mut seen = Seen { top: seq, ..seen };
    if of.kind == EntityKind::Conversation {
        Box::pin(cells::compare(core, ConversationId(of.id), cells, &mut seen)).await?;
    }
    Ok(seen)
}

impl Fold<'_> {
    /// The parts that are known, ascending, each with its first row's time.
    async fn listed(&self) -> Done<Vec<(u64, u64)>> {
        let (core, of) = (self.core, self.of);
        let found = patiently(|| core.select_all("read an entity's parts", &core.statements.parts, entity(of).into())).await?;
        let mut listed: Vec<(u64, u64)> = found.into_iter().map(|(part, began): (i64, i64)| (unsigned(part), unsigned(began))).collect();
        listed.sort_unstable();
        Ok(listed)
    }

    /// One part; answers its first row's time.
    async fn part(&mut self, part: u64, upto: u64) -> Done<Option<u64>> {
        let (core, of) = (self.core, self.of);
        let (mut from, mut began) = (1, None);
        loop {
            let range = RowRange { from, to: upto, limit: PAGE_ROWS, reverse: false };
            let found = patiently(|| stored_rows(core, of, part, range)).await?;
            let is_last = found.len() < PAGE_ROWS;
            for (seq, data) in found {
                from = unsigned(seq) + 1;
                let time_ms = self.row(unsigned(seq), &data).await?;
                began = began.or_else(|| time_ms.filter(|_| (unsigned(seq) - 1).is_multiple_of(core.options.part_rows)));
            }
            if is_last {
                break;
            }
        }
        self.close_index(part).await?;
        Ok(began)
    }

    async fn row(&mut self, seq: u64, data: &[u8]) -> Done<Option<u64>> {
        let of = self.of;
        self.seen.rows += 1;
        if seq != self.seq + 1 {
            self.seen.problems.add(format_args!("{of:?}: row {seq} follows row {}", self.seq));
        }
        self.seq = seq;
        let Ok((mut row, blob)) = decode_row(of, seq, data) else {
            self.seen.problems.add(format_args!("{of:?} row {seq}: it cannot be read"));
            return Ok(None);
        };
        if let Some(blob) = blob {
            match self.blob(blob).await? {
                Some(body) => row.body = body,
                // What follows from messages does not need their bodies.
                None => self.seen.problems.add(format_args!("{of:?} row {seq}: its body is not there, or not what was stored")),
            }
        }
        self.counts(&row);
        if row.remaining == 0 {
            self.index.insert((row.sender.user.0, row.sender.client_id.as_str().to_owned()), (seq, row.time_ms));
        }
        if let Err(error) = collect(&mut self.cells, &row, self.core.options.part_rows) {
            self.seen.problems.add(format_args!("{of:?} row {seq}: {error}"));
        }
        Ok(Some(row.time_ms))
    }

    /// A blob that is whole.
    async fn blob(&mut self, blob: Uuid) -> Done<Option<bytes::Bytes>> {
        self.seen.blobs += 1;
        match patiently(|| blobs::get(self.core, self.of, blob)).await {
            Err(error) if error.kind == ErrorKind::Corrupt => Ok(None),
            other => other,
        }
    }

    fn counts(&mut self, row: &Row) {
        let (of, seq) = (self.of, row.seq);
        if row.time_ms < self.time_ms {
            self.seen.problems.add(format_args!("{of:?} row {seq}: its time goes back"));
        }
        let message = row.event == EventTag::Message;
        let own = self.own.entry(row.sender.user).or_default();
        *own += u64::from(message);
        if row.ordinal != self.ordinal + u64::from(message) || (message && row.sender_ordinal != *own) {
            self.seen.problems.add(format_args!("{of:?} row {seq}: its ordinals do not count the messages"));
        }
        (self.time_ms, self.ordinal) = (row.time_ms, row.ordinal);
    }

    /// The index over a part's rows, in both directions.
    async fn close_index(&mut self, part: u64) -> Done<()> {
        let (core, of, top) = (self.core, self.of, self.seq);
        let mut expected = std::mem::take(&mut self.index);
        let mut values: Values = entity(of).into();
        values.push(big(part));
        let mut scan = Scan::<(Uuid, String, i64, i64)>::new("read the dedupe index", &core.statements.dedupe_part, values);
        while let Some(found) = scan.next(core).await? {
            for (sender, client_id, seq, time_ms) in found {
                let (seq, time_ms) = (unsigned(seq), unsigned(time_ms));
                self.seen.dedupe_entries += 1;
                let stands = expected.remove(&(sender, client_id));
                if seq > top {
                    self.seen.follows(seq);
                } else if stands != Some((seq, time_ms)) {
                    self.seen.problems.add(format_args!("{of:?} row {seq}: an entry of the index is not what the rows say"));
                }
            }
        }
        for (seq, _) in expected.into_values() {
            self.seen.problems.add(format_args!("{of:?} row {seq}: its id is not in the index"));
        }
        Ok(())
    }

    async fn snapshots(&mut self) -> Done<()> {
        let (core, of) = (self.core, self.of);
        for (seq, blob) in patiently(|| snapshots(core, of)).await? {
            if self.blob(blob).await?.is_none() {
                self.seen.problems.add(format_args!("{of:?}: the snapshot of row {seq} is not there, or not what was stored"));
            }
        }
        Ok(())
    }
}
