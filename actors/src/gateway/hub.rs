//! Who on this thread listens to which channel, and the room buffers: what a channel publishes until its next flush is put together once and shared by
//! all its listeners.
//!
//! One write to a socket costs the kernel far more than anything here, so a room of many gathers while the sockets are busy with the flush before: see
//! [`Hub::flush`].

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use super::SessionId;
use crate::kernel::{PanicReport, guarded};
use crate::load::room_delivered;

/// Listeners from which a room is large: a flush of it takes so long (some 0.5 ms) that gathering what comes meanwhile pays. Smaller ones never wait.
pub const LARGE_ROOM_LISTENERS_MIN: usize = 200;
/// Bytes that a large room gathers at most while its flush waits. Above, it is flushed at once into the outboxes, whose limit counts from there.
pub const ROOM_BYTES_GATHERED_MAX: usize = 256 * 1024;

#[derive(Clone, Copy, Debug)]
struct HubListener {
    session: SessionId,
    join_leave: bool,
    /// Bytes at the begin of what the room gathers that are not for this listener: they came before it.
    skip: u32,
}

/// There are as many rooms as users, and most have one listener and nothing to say.
#[derive(Debug, Default)]
struct Room {
    listeners: SmallVec<[HubListener; 1]>,
    gathered: Option<Box<Gathered>>,
}

/// What a room has gathered since the flush before.
#[derive(Debug, Default)]
struct Gathered {
    frames: SmallVec<[Bytes; 1]>,
    /// Bytes of all frames.
    bytes: usize,
}

/// Which rooms a flush takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Those that never wait: small ones, and those that have gathered [`ROOM_BYTES_GATHERED_MAX`].
    Prompt,
    /// All.
    All,
}

/// What a flush has done.
#[derive(Debug, Default)]
pub struct Flushed {
    /// Chunks given.
    pub deliveries: u64,
    /// Listeners whose delivery panicked.
    pub panics: Vec<(SessionId, PanicReport)>,
}

/// The rooms of one thread.
#[derive(Debug, Default)]
pub struct Hub {
    rooms: HashMap<Arc<str>, Room>,
    dirty: Vec<Arc<str>>,
}

impl Room {
    fn bytes(&self) -> usize {
        self.gathered.as_ref().map_or(0, |gathered| gathered.bytes)
    }

    fn is_due(&self, flush: Flush) -> bool {
        flush == Flush::All || self.listeners.len() < LARGE_ROOM_LISTENERS_MIN || self.bytes() >= ROOM_BYTES_GATHERED_MAX
    }

    /// What has gathered, as one chunk: a single frame as it is, several copied behind each other, which costs one slice per socket instead of one per
    /// frame and socket.
    fn together(&self) -> Option<Bytes> {
        let Gathered { frames, bytes } = self.gathered.as_deref()?;
        if let [frame] = frames.as_slice() {
            return Some(frame.clone());
        }
        let mut chunk = BytesMut::with_capacity(*bytes);
        for frame in frames {
            chunk.extend_from_slice(frame);
        }
        (!chunk.is_empty()).then(|| chunk.freeze())
    }
}

impl Hub {
    /// Enters a session. It gets what the channel publishes from now on; what the room has gathered so far is not for it.
    pub fn enter(&mut self, channel: &Arc<str>, session: SessionId, join_leave: bool) {
        let room = self.rooms.entry(Arc::clone(channel)).or_default();
        if !room.listeners.iter().any(|one| one.session == session) {
            let skip = u32::try_from(room.bytes()).expect("a room gathers less than 4 GiB");
            if room.listeners.len() == room.listeners.capacity() {
                room.listeners.reserve_exact(room.listeners.len() / 2 + 1);
            }
            room.listeners.push(HubListener { session, join_leave, skip });
        }
    }

    /// Removes a session and answers what the room has gathered for it, often nothing; `None` when it was not there.
    pub fn leave(&mut self, channel: &str, session: SessionId) -> Option<Bytes> {
        let room = self.rooms.get_mut(channel)?;
        let at = room.listeners.iter().position(|one| one.session == session)?;
        let listener = room.listeners.swap_remove(at);
        let gathered = room.together().map(|chunk| chunk.slice(listener.skip as usize..));
        if room.listeners.is_empty() {
            self.rooms.remove(channel);
        }
        Some(gathered.unwrap_or_default())
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

    /// Every channel that somebody here listens to.
    #[must_use]
    pub fn channels(&self) -> Vec<Arc<str>> {
        self.rooms.keys().cloned().collect()
    }

    /// Puts a frame into a room's buffer.
    pub fn publish(&mut self, channel: &Arc<str>, frame: Bytes) {
        let Some(room) = self.rooms.get_mut(channel) else { return };
        let gathered = room.gathered.get_or_insert_default();
        if gathered.frames.is_empty() {
            self.dirty.push(Arc::clone(channel));
        }
        gathered.bytes += frame.len();
        gathered.frames.push(frame);
    }

    /// Takes what the rooms have gathered: for each room one shared chunk and who gets it. A panic in `deliver` costs the one listener that it happened
    /// with: the others get the chunk, once.
    pub fn flush(&mut self, flush: Flush, mut deliver: impl FnMut(SessionId, Bytes)) -> Flushed {
        let mut flushed = Flushed::default();
        let rooms = &mut self.rooms;
        self.dirty.retain(|channel| {
            let Some(room) = rooms.get_mut(channel) else { return false };
            if !room.is_due(flush) {
                return true;
            }
            let Some(chunk) = room.together() else { return false };
            room.gathered = None;
            let num_listeners = room.listeners.len();
            let (mut num_empty, mut panics) = (0, Vec::new());
            let mut listeners = room.listeners.iter_mut();
            while let Err(panic) = guarded(|| {
                for listener in &mut listeners {
                    let chunk = if listener.skip == 0 { chunk.clone() } else { chunk.slice(listener.skip as usize..) };
                    listener.skip = 0;
                    if chunk.is_empty() {
                        num_empty += 1;
                    } else {
                        deliver(listener.session, chunk);
                    }
                }
            }) {
                panics.push((num_listeners - listeners.len() - 1, panic));
            }
            let delivered = (num_listeners - num_empty) as u64;
            flushed.deliveries += delivered;
            room_delivered(channel, delivered);
            flushed.panics.extend(panics.into_iter().map(|(at, panic)| (room.listeners[at].session, panic)));
            false
        });
        flushed
    }

    /// Whether rooms hold what waits for a flush of all.
    #[must_use]
    pub fn has_gathered(&self) -> bool {
        !self.dirty.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn session(index: u32) -> SessionId {
        SessionId { index, generation: 0 }
    }

    fn delivered(hub: &mut Hub) -> Vec<(u32, Bytes)> {
        let mut all = Vec::new();
        hub.flush(Flush::All, |session, chunk| all.push((session.index, chunk)));
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
        assert_eq!(hub.leave("room", session(1)), Some("x".into()), "what was published while it listened is its own");
        assert_eq!(hub.leave("room", session(1)), None);
        assert!(hub.is_empty());
        assert!(delivered(&mut hub).is_empty());
        hub.publish(&room, Bytes::from_static(b"y"));
        assert!(delivered(&mut hub).is_empty());
    }

    #[test]
    fn a_large_room_gathers_and_whoever_comes_meanwhile_gets_what_follows() {
        let mut hub = Hub::default();
        let (large, small): (Arc<str>, Arc<str>) = ("large".into(), "small".into());
        let members = u32::try_from(LARGE_ROOM_LISTENERS_MIN).unwrap();
        (0..members).for_each(|index| hub.enter(&large, session(index), false));
        hub.enter(&small, session(0), false);
        hub.publish(&large, Bytes::from_static(b"a"));
        hub.publish(&small, Bytes::from_static(b"s"));
        let mut prompt = Vec::new();
        hub.flush(Flush::Prompt, |session, chunk| prompt.push((session.index, chunk)));
        assert_eq!(prompt, [(0, "s".into())]);
        assert!(hub.has_gathered());
        hub.enter(&large, session(members), false);
        hub.enter(&large, session(members + 1), false);
        hub.publish(&large, Bytes::from_static(b"bc"));
        assert_eq!(hub.leave("large", session(0)), Some("abc".into()));
        assert_eq!(hub.leave("large", session(members)), Some("bc".into()));
        let all = delivered(&mut hub);
        assert_eq!(all.len(), LARGE_ROOM_LISTENERS_MIN);
        assert!(all.iter().all(|(index, chunk)| chunk == if *index > members { "bc" } else { "abc" }));
        hub.publish(&large, Bytes::from_static(b"d"));
        assert!(delivered(&mut hub).iter().all(|(_, chunk)| chunk == "d"), "what came before is behind all");
        assert!(!hub.has_gathered());
    }

    #[test]
    fn a_large_room_gathers_so_much_and_no_more() {
        let mut hub = Hub::default();
        let room: Arc<str> = "room".into();
        (0..u32::try_from(LARGE_ROOM_LISTENERS_MIN).unwrap()).for_each(|index| hub.enter(&room, session(index), false));
        let frame = Bytes::from_static(&[0; 64 * 1024]);
        for _ in 0..ROOM_BYTES_GATHERED_MAX / frame.len() {
            assert_eq!(hub.flush(Flush::Prompt, |_, _| {}).deliveries, 0);
            hub.publish(&room, frame.clone());
        }
        assert_eq!(hub.flush(Flush::Prompt, |_, _| {}).deliveries, LARGE_ROOM_LISTENERS_MIN as u64);
    }

    #[test]
    fn a_panic_costs_one_listener_and_the_others_hear_everything_once() {
        let mut hub = Hub::default();
        let room: Arc<str> = "room".into();
        (0..5).for_each(|index| hub.enter(&room, session(index), false));
        hub.publish(&room, Bytes::from_static(b"x"));
        let mut heard = Vec::new();
        let flushed = hub.flush(Flush::All, |session, _| {
            assert!(![1, 4].contains(&session.index), "poison");
            heard.push(session.index);
        });
        assert_eq!(heard, [0, 2, 3]);
        assert_eq!(
            flushed.panics.iter().map(|(session, panic)| (session.index, &*panic.message)).collect::<Vec<_>>(),
            [(1, "poison"), (4, "poison")]
        );
        assert!(delivered(&mut hub).is_empty(), "nothing comes twice");
    }
}
