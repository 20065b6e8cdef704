//! Which layers there are, who reads at which commit, and what waits to be written to the tree.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use ::redb::{Database, Error};

use super::journal::Mark;
use super::kv::Engine;
use super::overlay::Overlay;
use super::view::{View, base};

/// The layers in front of the tree, shared by the writer, the checkpointer and the readers.
pub(crate) struct Layers {
    state: Mutex<State>,
    changed: Condvar,
    /// Commits that readers are at.
    readers: Arc<Mutex<BTreeMap<u64, usize>>>,
}

#[derive(Default)]
struct State {
    /// What the writer writes to.
    active: Arc<Overlay>,
    /// What is on its way to the tree.
    frozen: Option<Frozen>,
    /// The newest durable commit.
    published: u64,
    /// The journal's mark.
    mark: Mark,
    /// Counts changes of the layers.
    generation: u64,
    failed: Option<Error>,
    closed: bool,
}

/// An overlay that is written to no more.
#[derive(Clone)]
pub(crate) struct Frozen {
    pub(crate) overlay: Arc<Overlay>,
    /// What the tree says of the journal once this is in it.
    pub(crate) mark: Mark,
    /// Whether the checkpointer may begin.
    requested: bool,
    /// Whether there is time for it: see [`super::paced`].
    pub(crate) has_time: bool,
}

/// A reader's place: versions of its commit are kept until it is dropped.
pub(crate) struct Ticket {
    seq: u64,
    readers: Arc<Mutex<BTreeMap<u64, usize>>>,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = readers.get_mut(&self.seq) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.seq);
            }
        }
    }
}

impl Layers {
    /// Layers with what the journal held when it was opened, up to commit `published`.
    pub(crate) fn new(replayed: Overlay, published: u64, mark: Mark) -> Self {
        let layers = Self { state: Mutex::default(), changed: Condvar::new(), readers: Arc::default() };
        layers.reset(replayed, published, mark);
        layers
    }

    /// Begins anew, after the journal was opened again. What it held is written to the tree when [`Self::settle`] asks for it.
    pub(crate) fn reset(&self, replayed: Overlay, published: u64, mark: Mark) {
        let mut state = self.state();
        let frozen = (!replayed.is_empty()).then(|| Frozen {
            overlay: Arc::new(replayed),
            mark: mark.at(published),
            requested: false,
            has_time: false,
        });
        *state = State { frozen, published, mark, generation: state.generation + 1, closed: state.closed, ..State::default() };
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader's view of the newest durable commit.
    pub(crate) fn view(&self, database: &Database) -> Engine<View> {
        let state = self.state();
        let seq = state.published;
        *self.readers.lock().unwrap_or_else(PoisonError::into_inner).entry(seq).or_default() += 1;
        let ticket = Some(Ticket { seq, readers: Arc::clone(&self.readers) });
        view(&state, database, ticket)
    }

    /// Brings the writer's view up to date; answers the oldest commit that a reader is or may come to be at.
    pub(crate) fn refresh(&self, mine: &mut Option<(u64, View)>, database: &Database) -> Engine<u64> {
        let state = self.state();
        if mine.as_ref().is_none_or(|(generation, _)| *generation != state.generation) {
            *mine = Some((state.generation, view(&state, database, None)?));
        }
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(readers.first_key_value().map_or(state.published, |(seq, _)| *seq))
    }

    /// A commit is durable: readers that come now see it.
    pub(crate) fn publish(&self, seq: u64) {
        self.state().published = seq;
    }

    /// Whether the writer's overlay holds anything, and whether nothing is on its way to the tree.
    pub(crate) fn is_due(&self) -> bool {
        let state = self.state();
        state.frozen.is_none() && !state.active.is_empty()
    }

    /// Has what is frozen written to the tree and waits for it. Fails with what kept it from being written.
    pub(crate) fn settle(&self) -> Engine<()> {
        self.request();
        let mut state = self.state();
        loop {
            if let Some(error) = state.failed.take() {
                return Err(error);
            }
            if state.frozen.is_none() {
                return Ok(());
            }
            if state.closed {
                return Err(Error::DatabaseClosed);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Has what is frozen written to the tree, without waiting.
    pub(crate) fn request(&self) {
        if let Some(frozen) = &mut self.state().frozen {
            frozen.requested = true;
        }
        self.changed.notify_all();
    }

    /// What kept a checkpoint from being written since the last look.
    pub(crate) fn take_failure(&self) -> Option<Error> {
        self.state().failed.take()
    }

    /// Puts an empty overlay in front; the one before is written to the tree from now on, slowly if it has time. Nothing else may be frozen.
    pub(crate) fn rotate(&self, has_time: bool) {
        let mut state = self.state();
        debug_assert!(state.frozen.is_none(), "one checkpoint at a time");
        let overlay = std::mem::take(&mut state.active);
        state.frozen = Some(Frozen { overlay, mark: state.mark.at(state.published), requested: true, has_time });
        state.generation += 1;
        self.changed.notify_all();
    }

    /// What the checkpointer is to write next; waits for it; `None` when the store closes.
    pub(crate) fn next_frozen(&self) -> Option<Frozen> {
        let mut state = self.state();
        loop {
            if state.closed {
                return None;
            }
            if let Some(frozen) = state.frozen.as_ref().filter(|frozen| frozen.requested && state.failed.is_none()) {
                return Some(frozen.clone());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What became of a checkpoint. An overlay that was given up meanwhile is none of anybody's business.
    pub(crate) fn checkpointed(&self, frozen: &Frozen, outcome: Engine<()>) {
        let mut state = self.state();
        if !state.frozen.as_ref().is_some_and(|stands| Arc::ptr_eq(&stands.overlay, &frozen.overlay)) {
            return;
        }
        match outcome {
            Ok(()) => {
                state.frozen = None;
                state.generation += 1;
            }
            Err(error) => {
                // Asked for again by the writer only, once it has opened the store again.
                state.failed = Some(error);
                if let Some(stands) = &mut state.frozen {
                    stands.requested = false;
                }
            }
        }
        self.changed.notify_all();
    }

    /// The journal's mark with everything published in the tree.
    pub(crate) fn mark(&self) -> Mark {
        let state = self.state();
        state.mark.at(state.published)
    }

    /// Ends the checkpointer.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_all();
    }
}

fn view(state: &State, database: &Database, ticket: Option<Ticket>) -> Engine<View> {
    let frozen = state.frozen.as_ref().map(|frozen| Arc::clone(&frozen.overlay));
    Ok(View { active: Arc::clone(&state.active), frozen, base: base(database)?, seq: state.published, _ticket: ticket })
}
