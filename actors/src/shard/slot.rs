//! One entity's place in its shard.

use std::collections::VecDeque;

use rialto_protocol::UserId;
use rialto_storage::Row;
use smallvec::SmallVec;
use uuid::Uuid;

use crate::entity::{EntityInput, EntityMachine, EntityName};
use crate::kernel::CrashBudget;
use crate::reply_to::CommandAddress;

/// Inputs that wait for one entity while it is loaded. Above: `overloaded`.
pub(super) const WAITING_FOR_LOAD_MAX: usize = 1024;

/// An entity in memory, or on its way.
pub(super) struct Slot {
    pub(super) name: EntityName,
    /// Counts activations: a completion for an earlier one is dropped.
    pub(super) activation: u64,
    pub(super) body: Body,
    /// Monotonic time of its wish to be woken.
    pub(super) wake_ms: Option<u64>,
    /// Monotonic time of its last input.
    pub(super) used_ms: u64,
    /// It said that nothing is pending in it since its last input.
    pub(super) idle: bool,
    /// `wseq` of its newest row.
    pub(super) last_wseq: u64,
    pub(super) budget: CrashBudget,
    /// Commands that it holds unanswered: they are refused when it crashes.
    pub(super) open: SmallVec<[CommandAddress; 1]>,
}

pub(super) enum Body {
    /// Not in memory; the next input loads it.
    Absent,
    /// The store is reading it.
    Loading(Box<Loading>),
    /// In memory.
    Live(Box<EntityMachine>),
    /// Crashed too often: refused until then.
    Down { until_ms: u64 },
}

/// What waits for the store.
pub(super) struct Loading {
    pub(super) waiting: VecDeque<EntityInput>,
    /// Its rows that were not durable when the load began: the read may have missed them.
    pub(super) memory: Vec<Row>,
}

impl Slot {
    pub(super) fn new(name: EntityName, mono_ms: u64) -> Self {
        Self {
            name,
            activation: 0,
            body: Body::Absent,
            wake_ms: None,
            used_ms: mono_ms,
            idle: false,
            last_wseq: 0,
            budget: CrashBudget::default(),
            open: SmallVec::new(),
        }
    }

    /// The command is answered: the entity no longer holds it.
    pub(super) fn answered(&mut self, address: CommandAddress) {
        if let Some(at) = self.open.iter().position(|open| *open == address) {
            self.open.swap_remove(at);
        }
        if self.open.is_empty() && self.open.spilled() {
            self.open = SmallVec::new();
        }
    }

    /// Whether it may leave memory as far as the entity itself and its rows are concerned.
    pub(super) fn may_leave(&self, applied: u64) -> bool {
        let resting = match &self.body {
            Body::Live(_) => self.idle,
            Body::Absent => true,
            Body::Loading(_) | Body::Down { .. } => false,
        };
        resting && self.last_wseq <= applied && self.open.is_empty()
    }
}

/// Who asked, for logs.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asker {
    pub(super) user: Option<UserId>,
    pub(super) connection: Option<Uuid>,
}

impl Asker {
    pub(super) fn of(input: &EntityInput) -> Self {
        match input {
            EntityInput::Asked { caller, .. } => Self { user: Some(caller.user), connection: caller.client },
            _ => Self::default(),
        }
    }
}

/// The name of an input for logs: what it was, never what it carried.
pub(super) fn input_kind(input: &EntityInput) -> &'static str {
    match input {
        EntityInput::Activated { .. } => "activated",
        EntityInput::Asked { ask, .. } => match ask {
            crate::entity::Ask::Request(_) => "request",
            crate::entity::Ask::Subscribe(_) => "subscribe",
            crate::entity::Ask::History(_) => "history",
            crate::entity::Ask::Presence => "presence",
            crate::entity::Ask::Among(_) => "among",
            crate::entity::Ask::Publish { .. } => "publish",
        },
        EntityInput::Told(_) => "told",
        EntityInput::Answered { .. } => "answered",
        EntityInput::Applied { .. } => "applied",
        EntityInput::Woken => "woken",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_small() {
        assert!(size_of::<Slot>() <= 160, "{} bytes", size_of::<Slot>());
    }
}
