//! Which rooms are busy: a sketch of bounded size per thread.
//!
//! "Space saving" (Metwally, Agrawal, El Abbadi 2005): a room that is not among those counted takes the place of the least busy one and inherits its weight.
//! So a room with more than 1/[`ROOMS_COUNTED_MAX`] of the work of a second is always among them. What is shown of a room is only what was counted since it
//! came in: never more than there was.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// Rooms that a thread tells apart within one second.
pub const ROOMS_COUNTED_MAX: usize = 64;

/// What one room did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoomLoad {
    /// Its channel.
    pub channel: Arc<str>,
    /// What was published there.
    pub publications: u64,
    /// Chunks of publications given to listeners.
    pub deliveries: u64,
}

impl RoomLoad {
    pub(super) fn of(channel: Arc<str>) -> Self {
        Self { channel, publications: 0, deliveries: 0 }
    }

    /// What rooms are compared by.
    pub(super) fn work(&self) -> u64 {
        self.publications + self.deliveries
    }
}

#[derive(Default)]
struct Sketch {
    rooms: Vec<(u64, RoomLoad)>,
    places: HashMap<Arc<str>, usize, foldhash::fast::FixedState>,
}

thread_local! {
    static SKETCH: RefCell<Sketch> = RefCell::default();
}

/// Something was published in a room.
pub(crate) fn room_published(channel: &Arc<str>) {
    count(channel, 1, |room| room.publications += 1);
}

/// So many listeners of a room were given what it published.
pub(crate) fn room_delivered(channel: &Arc<str>, deliveries: u64) {
    count(channel, deliveries, |room| room.deliveries += deliveries);
}

/// Takes what was counted, to begin anew.
pub(super) fn take() -> Vec<RoomLoad> {
    SKETCH.with_borrow_mut(|sketch| {
        sketch.places.clear();
        sketch.rooms.drain(..).map(|(_, room)| room).collect()
    })
}

/// Inboxes are no rooms: each has one user.
fn count(channel: &Arc<str>, work: u64, add: impl FnOnce(&mut RoomLoad)) {
    if !channel.starts_with("user:") {
        SKETCH.with_borrow_mut(|sketch| sketch.count(channel, work, add));
    }
}

impl Sketch {
    fn count(&mut self, channel: &Arc<str>, work: u64, add: impl FnOnce(&mut RoomLoad)) {
        let place = self.places.get(channel).copied().unwrap_or_else(|| self.enter(channel));
        let (weight, room) = &mut self.rooms[place];
        *weight += work;
        add(room);
    }

    fn enter(&mut self, channel: &Arc<str>) -> usize {
        let place = if self.rooms.len() < ROOMS_COUNTED_MAX {
            self.rooms.push((0, RoomLoad::of(Arc::clone(channel))));
            self.rooms.len() - 1
        } else {
            let least = (0..self.rooms.len()).min_by_key(|place| self.rooms[*place].0).unwrap_or_default();
            let left = std::mem::replace(&mut self.rooms[least].1, RoomLoad::of(Arc::clone(channel)));
            self.places.remove(&left.channel);
            least
        };
        self.places.insert(Arc::clone(channel), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_room_is_found_among_any_number_of_others_and_inboxes_do_not_count() {
        let _before = take();
        let busy: Arc<str> = "conversation:busy".into();
        for number in 0..10 * ROOMS_COUNTED_MAX {
            room_delivered(&format!("topic-{number}").into(), 1);
            room_delivered(&busy, 2);
            room_published(&"user:somebody".into());
        }
        let rooms = take();
        assert_eq!(rooms.len(), ROOMS_COUNTED_MAX, "bounded");
        assert!(rooms.iter().all(|room| !room.channel.starts_with("user:")));
        let found = rooms.iter().find(|room| room.channel == busy).expect("it is among them");
        assert_eq!(found.deliveries, 20 * ROOMS_COUNTED_MAX as u64);
        assert!(take().is_empty());
    }
}
