//! Who on this thread listens to which channel, and the room buffers: what a channel publishes within one tick is put together once and shared by all its listeners.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::SessionId;

#[derive(Clone, Copy, Debug)]
struct HubListener {
    session: SessionId,
    join_leave: bool,
}

#[derive(Debug, Default)]
struct Room {
    listeners: Vec<HubListener>,
    /// Frames of this tick.
    frames: Vec<Bytes>,
}

/// The rooms of one thread.
#[derive(Debug, Default)]
pub struct Hub {
    rooms: HashMap<Arc<str>, Room>,
    dirty: Vec<Arc<str>>,
}

impl Hub {
    /// Enters a session. What the room still holds from before belongs to the others: the caller flushes first.
    pub fn enter(&mut self, channel: &Arc<str>, session: SessionId, join_leave: bool) {
        let room = self.rooms.entry(Arc::clone(channel)).or_default();
        if !room.listeners.iter().any(|one| one.session == session) {
            room.listeners.push(HubListener { session, join_leave });
        }
    }

    /// Removes a session; true when it was there.
    pub fn leave(&mut self, channel: &str, session: SessionId) -> bool {
        let Some(room) = self.rooms.get_mut(channel) else { return false };
        let Some(at) = room.listeners.iter().position(|one| one.session == session) else { return false };
        room.listeners.swap_remove(at);
        if room.listeners.is_empty() {
            self.rooms.remove(channel);
        }
        true
    }

    /// The sessions that listen to a channel.
    #[must_use]
    pub fn listeners(&self, channel: &str) -> Vec<SessionId> {
        self.rooms.get(channel).map(|room| room.listeners.iter().map(|one| one.session).collect()).unwrap_or_default()
    }

    /// The sessions that want a channel's join and leave pushes.
    #[must_use]
    pub fn join_leave_listeners(&self, channel: &str) -> Vec<SessionId> {
        let room = self.rooms.get(channel);
        room.map(|room| room.listeners.iter().filter(|one| one.join_leave).map(|one| one.session).collect()).unwrap_or_default()
    }

    /// The channels that a session listens to: looks through all rooms, for the rare case that the session itself cannot say.
    #[must_use]
    pub fn channels_of(&self, session: SessionId) -> Vec<Arc<str>> {
        let rooms = self.rooms.iter().filter(|(_, room)| room.listeners.iter().any(|one| one.session == session));
        rooms.map(|(channel, _)| Arc::clone(channel)).collect()
    }

    /// Puts a frame into a room's buffer of this tick.
    pub fn publish(&mut self, channel: &Arc<str>, frame: Bytes) {
        let Some(room) = self.rooms.get_mut(channel) else { return };
        if room.frames.is_empty() {
            self.dirty.push(Arc::clone(channel));
        }
        room.frames.push(frame);
    }

    /// Takes what the rooms hold: for each room one shared chunk and who gets it. Answers how many chunks were given.
    pub fn flush(&mut self, mut deliver: impl FnMut(SessionId, &Bytes)) -> u64 {
        let mut deliveries = 0;
        for channel in std::mem::take(&mut self.dirty) {
            let Some(room) = self.rooms.get_mut(&channel) else { continue };
            let Some(chunk) = together(&mut room.frames) else { continue };
            deliveries += room.listeners.len() as u64;
            for listener in &room.listeners {
                deliver(listener.session, &chunk);
            }
        }
        deliveries
    }

    /// Listeners of all channels.
    #[must_use]
    pub fn subscriptions(&self) -> usize {
        self.rooms.values().map(|room| room.listeners.len()).sum()
    }

    /// Channels with listeners on this thread.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rooms.len()
    }

    /// Whether nobody listens to anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }
}

/// One frame as it is, several copied behind each other: one slice per socket instead of one per frame and socket.
fn together(frames: &mut Vec<Bytes>) -> Option<Bytes> {
    match frames.len() {
        0 => None,
        1 => frames.pop(),
        _ => {
            let mut room = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
            for frame in frames.drain(..) {
                room.extend_from_slice(&frame);
            }
            Some(room.freeze())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(index: u32) -> SessionId {
        SessionId { index, generation: 0 }
    }

    fn delivered(hub: &mut Hub) -> Vec<(u32, Bytes)> {
        let mut all = Vec::new();
        hub.flush(|session, chunk| all.push((session.index, chunk.clone())));
        all
    }

    #[test]
    fn what_gathers_in_a_tick_reaches_all_listeners_as_one_shared_chunk() {
        let mut hub = Hub::default();
        let (room, other): (Arc<str>, Arc<str>) = ("room".into(), "other".into());
        hub.enter(&room, session(1), false);
        hub.enter(&room, session(2), false);
        hub.enter(&other, session(2), false);
        for frame in ["a", "b", "c"] {
            hub.publish(&room, Bytes::from_static(frame.as_bytes()));
        }
        hub.publish(&other, Bytes::from_static(b"x"));
        let all = delivered(&mut hub);
        assert_eq!(all, [(1, "abc".into()), (2, "abc".into()), (2, "x".into())]);
        assert_eq!(all[0].1.as_ptr(), all[1].1.as_ptr(), "the bytes are shared");
        assert!(delivered(&mut hub).is_empty());
    }

    #[test]
    fn who_leaves_hears_nothing_and_an_empty_room_is_forgotten() {
        let mut hub = Hub::default();
        let room: Arc<str> = "room".into();
        hub.enter(&room, session(1), true);
        hub.enter(&room, session(1), true);
        assert_eq!(hub.join_leave_listeners("room"), [session(1)], "entering twice is entering once");
        hub.publish(&room, Bytes::from_static(b"x"));
        assert!(hub.leave("room", session(1)));
        assert!(!hub.leave("room", session(1)));
        assert!(hub.is_empty());
        assert!(delivered(&mut hub).is_empty());
        hub.publish(&room, Bytes::from_static(b"y"));
        assert!(delivered(&mut hub).is_empty());
    }
}
