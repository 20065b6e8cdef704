//! What owners do, one statement at a time, and what the store does with their writes.

use crate::rules::Rule;
use crate::state::{BUCKET_ROWS, Bucket, NOBODY, Owner, Phase, Row, State, Write, entity_of, is_dense};

/// What becomes of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// Carried out, if its condition holds, and answered.
    Answered,
    /// Carried out, if its condition holds, but nobody says so.
    Unanswered,
    /// Nobody says anything; it may land at any time, or never.
    Late,
}

/// The protocol with at most one rule switched off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    pub(crate) off: Option<Rule>,
    /// Claims of one owner at most.
    pub(crate) claims_max: u8,
}

impl Protocol {
    fn is_off(self, rule: Rule) -> bool {
        self.off == Some(rule)
    }

    /// Carries a write out; whether its condition held.
    pub(crate) fn land(self, state: &mut State, write: &Write) -> bool {
        match write {
            Write::Claim { bucket, seen, new, cursor } => {
                let bucket = &mut state.buckets[*bucket];
                let holds = bucket.fence == *seen && !bucket.sealed;
                if holds {
                    bucket.fence = *new;
                    bucket.cursor = cursor.unwrap_or(bucket.cursor);
                }
                holds
            }
            Write::Append { bucket, fence, cursor, wseq, row } => {
                let bucket = &mut state.buckets[*bucket];
                let forward = bucket.cursor <= *cursor || self.is_off(Rule::CursorNeverGoesBack);
                let holds = bucket.fence == *fence && !bucket.sealed && forward;
                if holds {
                    bucket.cursor = *cursor;
                    bucket.rows.extend(row.map(|row| (*wseq, row)));
                }
                holds
            }
            Write::Seal { bucket, fence } => {
                let bucket = &mut state.buckets[*bucket];
                let holds = bucket.fence == *fence && !bucket.sealed;
                bucket.sealed |= holds;
                holds
            }
            Write::Consume(row) => {
                state.entity_rows.insert((row.entity(), row.seq), row.message);
                true
            }
            Write::Truncate(bucket) => {
                state.buckets[*bucket].rows.clear();
                if self.is_off(Rule::SealStays) {
                    state.buckets[*bucket] = Bucket::default();
                }
                true
            }
        }
    }

    /// Sends a write: what its caller is told, `None` if nothing.
    fn send(self, state: &mut State, write: Write, fate: Fate) -> Option<bool> {
        match fate {
            Fate::Answered => Some(self.land(state, &write)),
            Fate::Unanswered => {
                self.land(state, &write);
                None
            }
            Fate::Late => {
                state.late.push(write);
                state.late.sort();
                None
            }
        }
    }

    /// Whether an owner's next step sends a write.
    pub(crate) fn writes(self, state: &State, number: usize) -> bool {
        let owner = &state.owners[number];
        match owner.phase {
            Phase::Claim { .. } | Phase::Seal | Phase::Open => true,
            Phase::Serve => owner.flight.is_some(),
            _ => false,
        }
    }

    /// An owner's next step; false when it has none.
    pub(crate) fn step(self, state: &mut State, number: usize, fate: Fate) -> bool {
        let Owner { phase, fence, bucket: at, .. } = state.owners[number];
        if at >= state.buckets.len() {
            return false;
        }
        let next = match phase {
            Phase::Find { carried } => self.find(state, number, carried),
            Phase::Claim { seen, carried } => match self.claim(state, number, (seen, carried), fate) {
                Some(next) => next,
                None => return false,
            },
            Phase::ClaimUnknown { .. } if state.buckets[at].fence == fence => Phase::Load,
            Phase::ClaimUnknown { carried } => Phase::Find { carried },
            Phase::Load => self.load(state, number, fence),
            Phase::Serve | Phase::AppendUnknown => match self.append(state, (number, fence), phase, fate) {
                Some(next) => next,
                None => return false,
            },
            Phase::Seal if self.is_off(Rule::Seal) => Phase::Open,
            Phase::Seal => match self.send(state, Write::Seal { bucket: at, fence }, fate) {
                Some(true) => Phase::Open,
                Some(false) => Phase::Fenced,
                None => Phase::SealUnknown,
            },
            Phase::SealUnknown if state.buckets[at].fence != fence => Phase::Fenced,
            Phase::SealUnknown if state.buckets[at].sealed => Phase::Open,
            Phase::SealUnknown => Phase::Seal,
            Phase::Open | Phase::OpenUnknown => self.open(state, (number, fence), phase, fate),
            Phase::Fenced => return false,
        };
        state.owners[number].phase = next;
        true
    }

    fn find(self, state: &mut State, number: usize, carried: usize) -> Phase {
        let owner = &mut state.owners[number];
        let bucket = &state.buckets[owner.bucket];
        if bucket.sealed {
            owner.bucket += 1;
            return Phase::Find { carried: bucket.cursor };
        }
        Phase::Claim { seen: bucket.fence, carried: if bucket.fence == NOBODY { carried } else { bucket.cursor.max(carried) } }
    }

    /// `None` when the owner has claimed often enough: the model is bounded.
    fn claim(self, state: &mut State, number: usize, (seen, carried): (u8, usize), fate: Fate) -> Option<Phase> {
        let owner = &mut state.owners[number];
        if owner.claims >= self.claims_max {
            return None;
        }
        owner.claims += 1;
        let (bucket, first) = (owner.bucket, u8::try_from(number).expect("few owners") * self.claims_max + 1);
        let own = if self.is_off(Rule::EveryClaimHasItsOwnFence) { 0 } else { owner.claims - 1 };
        owner.fence = first + own;
        let fence = owner.fence;
        let value = if self.is_off(Rule::CursorIsCarried) { 0 } else { carried };
        let cursor = (seen == NOBODY || self.is_off(Rule::ClaimLeavesTheCursor)).then_some(value);
        Some(match self.send(state, Write::Claim { bucket, seen, new: fence, cursor }, fate) {
            Some(true) => Phase::Load,
            Some(false) => Phase::Find { carried },
            None => Phase::ClaimUnknown { carried },
        })
    }

    fn load(self, state: &mut State, number: usize, fence: u8) -> Phase {
        let bucket = state.owners[number].bucket;
        let cursor = state.buckets[bucket].cursor;
        let tail = state.log_from(cursor, bucket);
        if state.buckets[bucket].fence != fence || state.buckets[bucket].sealed {
            return Phase::Fenced;
        }
        if !is_dense(&tail, cursor) {
            state.broken = Some("a hole in the tail of an owner that holds the fence");
        }
        let owner = &mut state.owners[number];
        (owner.cursor, owner.consumed, owner.next) = (cursor, cursor, cursor + tail.len());
        owner.tail = tail;
        Phase::Serve
    }

    fn append(self, state: &mut State, (number, fence): (usize, u8), phase: Phase, fate: Fate) -> Option<Phase> {
        let owner = &state.owners[number];
        let (bucket, wseq) = (owner.bucket, owner.next);
        let Some((row, cursor)) = owner.flight else {
            return (owner.next / BUCKET_ROWS > bucket).then_some(Phase::Seal);
        };
        let known = if phase == Phase::Serve {
            match self.send(state, Write::Append { bucket, fence, cursor, wseq, row }, fate) {
                Some(true) => Some(cursor),
                Some(false) => return Some(Phase::Fenced),
                None if self.is_off(Rule::UnknownIsNoSuccess) => Some(cursor),
                None if self.is_off(Rule::UnknownIsNoFailure) => {
                    state.owners[number].flight = None;
                    return Some(Phase::Serve);
                }
                None => return Some(Phase::AppendUnknown),
            }
        } else {
            let place = &state.buckets[bucket];
            let stands = place.rows.get(&wseq).copied();
            let there = match row {
                Some(_) => stands == row || stands.is_some() && self.is_off(Rule::RowsCarryTheFence),
                // Whether it landed or not: the cursor that stands is the one read.
                None => place.fence == fence && !place.sealed,
            };
            // The cursor that is durable is the one read, not the one that would be sent now.
            match (there, place.fence == fence && !place.sealed) {
                (true, _) => Some(place.cursor),
                (false, true) => None,
                (false, false) => return Some(Phase::Fenced),
            }
        };
        if let Some(cursor) = known {
            let owner = &mut state.owners[number];
            owner.flight = None;
            owner.cursor = owner.cursor.max(cursor);
            if let Some(row) = row {
                owner.next = wseq + 1;
                owner.tail.insert(wseq, row);
                state.acknowledge(row.message, row.seq);
            }
        }
        Some(Phase::Serve)
    }

    fn open(self, state: &mut State, (number, fence): (usize, u8), phase: Phase, fate: Fate) -> Phase {
        let next = state.owners[number].bucket + 1;
        let cursor = state.owners[number].consumed;
        if next >= state.buckets.len() {
            return Phase::Fenced;
        }
        let opened = if phase == Phase::Open {
            let value = if self.is_off(Rule::CursorIsCarried) { 0 } else { cursor };
            match self.send(state, Write::Claim { bucket: next, seen: NOBODY, new: fence, cursor: Some(value) }, fate) {
                Some(applied) => applied,
                None => return Phase::OpenUnknown,
            }
        } else if state.buckets[next].fence == NOBODY {
            return Phase::Open;
        } else {
            state.buckets[next].fence == fence
        };
        if !opened {
            return Phase::Fenced;
        }
        let owner = &mut state.owners[number];
        owner.bucket = next;
        owner.cursor = state.buckets[next].cursor;
        Phase::Serve
    }

    /// Whether an owner takes messages.
    pub(crate) fn takes(self, state: &State, number: usize) -> bool {
        let owner = &state.owners[number];
        owner.phase == Phase::Serve && owner.flight.is_none() && owner.next / BUCKET_ROWS == owner.bucket
    }

    /// Whether an owner has a row that is no entity row yet.
    pub(crate) fn consumes(self, state: &State, number: usize) -> bool {
        let owner = &state.owners[number];
        owner.phase != Phase::Fenced && owner.tail.contains_key(&owner.consumed)
    }

    /// The bucket that an owner may truncate.
    pub(crate) fn truncates(self, state: &State, number: usize) -> Option<usize> {
        let owner = &state.owners[number];
        let limit = if self.is_off(Rule::TruncateBelowTheCursor) { owner.next } else { owner.cursor };
        let below = |bucket: &Bucket| bucket.rows.last_key_value().is_some_and(|(wseq, _)| *wseq < limit);
        let old = state.buckets.iter().position(|bucket| bucket.sealed && below(bucket));
        old.filter(|_| owner.phase == Phase::Serve)
    }

    /// A message reaches an owner that takes it.
    pub(crate) fn take(self, state: &mut State, number: usize, message: u8) {
        let owner = &state.owners[number];
        let nothing = std::collections::BTreeMap::new();
        let tail = if self.is_off(Rule::ActivationSeesTail) { &nothing } else { &owner.tail };
        let Some(rows) = state.entity(entity_of(message), tail) else {
            state.broken = Some("two rows at one position");
            return;
        };
        let stands = rows.iter().find(|(_, stands)| **stands == message).map(|(seq, _)| *seq);
        if let Some(seq) = stands.filter(|_| !self.is_off(Rule::Deduplication)) {
            return state.acknowledge(message, seq);
        }
        let writer = owner.fence;
        let row = Row { writer, seq: u8::try_from(rows.len()).expect("few rows"), message };
        let cursor = owner.consumed;
        state.owners[number].flight = Some((Some(row), cursor));
        if self.is_off(Rule::OutputGate) {
            state.acknowledge(message, row.seq);
        }
    }

    /// An owner wants to store its cursor without a row; false when there is nothing to store.
    pub(crate) fn flush(self, state: &mut State, number: usize) -> bool {
        let owner = &mut state.owners[number];
        let wants = owner.phase == Phase::Serve && owner.flight.is_none() && owner.consumed > owner.cursor;
        if wants {
            owner.flight = Some((None, owner.consumed));
        }
        wants
    }

    /// An owner writes its oldest row that is no entity row yet.
    pub(crate) fn consume(self, state: &mut State, number: usize, fate: Fate) {
        let consumed = state.owners[number].consumed;
        let Some(row) = state.owners[number].tail.get(&consumed).copied() else { return };
        let known = self.send(state, Write::Consume(row), fate).is_some();
        if known || self.is_off(Rule::CursorBehindTheWrite) {
            let owner = &mut state.owners[number];
            owner.consumed += 1;
            owner.tail.remove(&consumed);
        }
    }

    /// Somebody removes the rows of a bucket.
    pub(crate) fn truncate(self, state: &mut State, bucket: usize, fate: Fate) {
        self.send(state, Write::Truncate(bucket), fate);
    }
}
