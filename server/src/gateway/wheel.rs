//! The timing wheel: all deadlines of one thread, inserted and cancelled in constant time.
//!
//! Three levels of 64 slots of 100 ms, 6.4 s and 6.8 min; a later level's slot is spread over the earlier ones when
//! its time comes. Entries are linked by index within one slab. Time is an argument, so a test drives it.

/// Length of a slot, in milliseconds: the resolution.
pub const SLOT_MS: u64 = 100;
const LEVEL_BITS: u32 = 6;
const SLOTS_PER_LEVEL: usize = 1 << LEVEL_BITS;
const NUM_LEVELS: usize = 3;
/// Ticks that the wheel spans; longer delays are cut to it (7.2 h, far above any deadline here).
const TICKS_MAX: u64 = (1 << (LEVEL_BITS * NUM_LEVELS as u32)) - 1;
const NIL: u32 = u32::MAX;

/// Names an entry until it fires or is cancelled; later it names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerId {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Entry<T> {
    /// `None` while the entry is free.
    value: Option<T>,
    generation: u32,
    deadline_tick: u64,
    slot: u32,
    previous: u32,
    /// Next in the slot, or next free entry.
    next: u32,
}

/// Deadlines with a value each.
#[derive(Debug)]
pub struct Wheel<T> {
    now_tick: u64,
    heads: [u32; SLOTS_PER_LEVEL * NUM_LEVELS],
    entries: Vec<Entry<T>>,
    free: u32,
    num_pending: usize,
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self { now_tick: 0, heads: [NIL; SLOTS_PER_LEVEL * NUM_LEVELS], entries: Vec::new(), free: NIL, num_pending: 0 }
    }
}

impl<T> Wheel<T> {
    /// Number of entries that wait.
    pub fn len(&self) -> usize {
        self.num_pending
    }

    /// Whether no entry waits.
    pub fn is_empty(&self) -> bool {
        self.num_pending == 0
    }

    /// Adds an entry that fires no earlier than `after_ms` from now, and at most two slots later.
    pub fn insert(&mut self, after_ms: u64, value: T) -> TimerId {
        // One slot more, because the present one has partly gone by.
        let ticks = (after_ms.div_ceil(SLOT_MS) + 1).min(TICKS_MAX);
        let deadline_tick = self.now_tick + ticks;
        let index = self.allocate(value, deadline_tick);
        self.link(index);
        self.num_pending += 1;
        TimerId { index, generation: self.entries[index as usize].generation }
    }

    /// Takes an entry back. `None` if it has fired or was cancelled.
    pub fn cancel(&mut self, id: TimerId) -> Option<T> {
        let entry = self.entries.get(id.index as usize)?;
        if entry.generation != id.generation || entry.value.is_none() {
            return None;
        }
        self.unlink(id.index);
        self.release(id.index)
    }

    /// Moves time to `now_ms` since the wheel was made and appends the values of all that has come due, in order of
    /// their slots. Going backwards does nothing.
    pub fn advance(&mut self, now_ms: u64, due: &mut Vec<T>) {
        let target_tick = now_ms / SLOT_MS;
        while self.now_tick < target_tick {
            if self.num_pending == 0 {
                self.now_tick = target_tick;
                return;
            }
            self.now_tick += 1;
            for level in (1..NUM_LEVELS as u32).rev() {
                if self.now_tick & ((1 << (LEVEL_BITS * level)) - 1) == 0 {
                    self.cascade(level);
                }
            }
            self.fire(due);
        }
    }

    fn fire(&mut self, due: &mut Vec<T>) {
        let slot = slot_of(0, self.now_tick);
        let mut index = std::mem::replace(&mut self.heads[slot], NIL);
        while index != NIL {
            let next = self.entries[index as usize].next;
            due.extend(self.release(index));
            index = next;
        }
    }

    fn cascade(&mut self, level: u32) {
        let slot = slot_of(level, self.now_tick);
        let mut index = std::mem::replace(&mut self.heads[slot], NIL);
        while index != NIL {
            let next = self.entries[index as usize].next;
            self.link(index);
            index = next;
        }
    }

    fn allocate(&mut self, value: T, deadline_tick: u64) -> u32 {
        if self.free == NIL {
            let index = u32::try_from(self.entries.len()).expect("fewer timers than sockets can exist");
            self.entries.push(Entry { value: Some(value), generation: 0, deadline_tick, slot: 0, previous: NIL, next: NIL });
            return index;
        }
        let index = self.free;
        let entry = &mut self.entries[index as usize];
        self.free = entry.next;
        entry.value = Some(value);
        entry.deadline_tick = deadline_tick;
        index
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let entry = &mut self.entries[index as usize];
        entry.generation = entry.generation.wrapping_add(1);
        entry.next = self.free;
        self.free = index;
        self.num_pending -= 1;
        entry.value.take()
    }

    fn link(&mut self, index: u32) {
        let deadline_tick = self.entries[index as usize].deadline_tick;
        let distance = deadline_tick - self.now_tick;
        let level = (1..NUM_LEVELS as u32).rev().find(|level| distance >> (LEVEL_BITS * level) != 0).unwrap_or(0);
        let slot = slot_of(level, deadline_tick);
        let next = std::mem::replace(&mut self.heads[slot], index);
        if next != NIL {
            self.entries[next as usize].previous = index;
        }
        let entry = &mut self.entries[index as usize];
        entry.slot = slot as u32;
        entry.previous = NIL;
        entry.next = next;
    }

    fn unlink(&mut self, index: u32) {
        let Entry { slot, previous, next, .. } = self.entries[index as usize];
        match previous {
            NIL => self.heads[slot as usize] = next,
            previous => self.entries[previous as usize].next = next,
        }
        if next != NIL {
            self.entries[next as usize].previous = previous;
        }
    }
}

fn slot_of(level: u32, tick: u64) -> usize {
    let within = (tick >> (LEVEL_BITS * level)) as usize & (SLOTS_PER_LEVEL - 1);
    level as usize * SLOTS_PER_LEVEL + within
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{SLOT_MS, Wheel};

    proptest! {
        /// Against a plain list: nothing early, nothing more than two slots late, cancelled entries never.
        #[test]
        fn fires_like_a_list(
            plan in prop::collection::vec((0_u64..3_000_000, 0_u64..40_000, any::<bool>()), 1..60),
        ) {
            let mut wheel = Wheel::default();
            let mut now_ms = 0;
            let mut expected = Vec::new();
            for (number, (after_ms, step_ms, cancels)) in plan.into_iter().enumerate() {
                let id = wheel.insert(after_ms, number);
                if cancels {
                    prop_assert_eq!(wheel.cancel(id), Some(number));
                    prop_assert_eq!(wheel.cancel(id), None);
                } else {
                    expected.push((now_ms + after_ms, number));
                }
                now_ms += step_ms;
                drain(&mut wheel, now_ms, &mut expected)?;
            }
            drain(&mut wheel, now_ms + 4_000_000, &mut expected)?;
            prop_assert!(expected.is_empty() && wheel.is_empty());
        }
    }

    fn drain(wheel: &mut Wheel<usize>, now_ms: u64, expected: &mut Vec<(u64, usize)>) -> Result<(), TestCaseError> {
        let mut due = Vec::new();
        wheel.advance(now_ms, &mut due);
        for number in due {
            let position = expected.iter().position(|(_, waiting)| *waiting == number).unwrap();
            let (deadline_ms, _) = expected.remove(position);
            prop_assert!(deadline_ms <= now_ms, "{number} is early");
        }
        let late = expected.iter().find(|(deadline_ms, _)| deadline_ms + 2 * SLOT_MS < now_ms);
        prop_assert!(late.is_none(), "{late:?} is late at {now_ms}");
        prop_assert_eq!(wheel.len(), expected.len());
        Ok(())
    }
}
