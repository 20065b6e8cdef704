//! From a session's id to its connection.

use std::cell::{Cell, RefCell};

use crate::gateway::boundary::SessionId;
use crate::gateway::slots::Key;

#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// By the id's index, with the id's generation.
    keys: RefCell<Vec<Option<(u32, Key)>>>,
    /// A timer that a session sets while it is being opened, when its id is not known here yet.
    early_timer: Cell<Option<(SessionId, u64)>>,
}

impl Sessions {
    pub(crate) fn key_of(&self, id: SessionId) -> Option<Key> {
        match self.keys.borrow().get(id.index as usize) {
            Some(Some((generation, key))) if *generation == id.generation => Some(*key),
            _ => None,
        }
    }

    /// Notes an open session, and gives the timer that it has set already.
    pub(crate) fn insert(&self, id: SessionId, key: Key) -> Option<u64> {
        let mut keys = self.keys.borrow_mut();
        let index = id.index as usize;
        if keys.len() <= index {
            keys.resize(index + 1, None);
        }
        keys[index] = Some((id.generation, key));
        self.early_timer.take().filter(|(early, _)| *early == id).map(|(_, after_ms)| after_ms)
    }

    pub(crate) fn remove(&self, id: SessionId) {
        if self.key_of(id).is_some() {
            self.keys.borrow_mut()[id.index as usize] = None;
        }
    }

    pub(crate) fn set_early_timer(&self, id: SessionId, after_ms: Option<u64>) {
        self.early_timer.set(after_ms.map(|after_ms| (id, after_ms)));
    }
}
