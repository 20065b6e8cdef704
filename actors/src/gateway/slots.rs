//! The sessions of one thread, each in a numbered slot.

use std::sync::Arc;

use rialto_protocol::UserId;
use uuid::Uuid;

use super::names::NameId;
use super::outbox::Outbox;
use super::{COMMANDS_UNDER_WAY_MAX, SessionId};
use crate::session::{ReplyKind, Session};

/// A command whose answer is awaited.
#[derive(Debug)]
pub(super) struct UnderWay {
    /// Our number of it.
    pub(super) number: u32,
    /// The client's id of it.
    pub(super) command: u32,
    /// When it came, monotonic microseconds.
    pub(super) began_us: u64,
    /// How its answer is written.
    pub(super) kind: ReplyKind,
    /// Whose presence it asks for, if it does.
    pub(super) channel: Option<Arc<str>>,
}

/// One session, and what its gateway keeps for it.
pub(super) struct Slot {
    /// `None` once it has panicked: its socket is closing.
    pub(super) session: Option<Session>,
    pub(super) outbox: Outbox,
    under_way: Vec<UnderWay>,
    /// Bytes of large answers that the socket has not taken yet.
    large_bytes: u32,
    next_number: u32,
    /// When it came, seconds since the process began.
    pub(super) since_s: u32,
    /// What the client calls itself.
    pub(super) name: NameId,
    pub(super) paused: bool,
}

impl Slot {
    /// Who it is; nil for anonymous ones and while it is not known.
    pub(super) fn user(&self) -> UserId {
        self.session.as_ref().map_or(UserId(Uuid::nil()), Session::user)
    }

    /// What a revocation names.
    pub(super) fn grant(&self) -> Option<Uuid> {
        self.session.as_ref().and_then(Session::grant)
    }

    /// Forgets the session, and that it waits for answers: subscriptions among them are then given back to their shards.
    pub(super) fn crash(&mut self) {
        self.session = None;
        self.under_way = Vec::new();
    }

    /// Bytes of large answers that the socket has not taken yet.
    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes as usize
    }

    pub(super) fn is_busy(&self) -> bool {
        self.under_way.len() >= COMMANDS_UNDER_WAY_MAX
    }

    pub(super) fn is_settled(&self) -> bool {
        self.under_way.is_empty()
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() <= COMMANDS_UNDER_WAY_MAX / 2
    }

    /// Notes a command under way; answers our number of it.
    pub(super) fn begin(&mut self, command: u32, began_us: u64, kind: ReplyKind, channel: Option<Arc<str>>) -> u32 {
        self.next_number = self.next_number.wrapping_add(1);
        self.under_way.push(UnderWay { number: self.next_number, command, began_us, kind, channel });
        self.next_number
    }

    /// What a command is about, and how it is to be answered.
    pub(super) fn asked(&self, number: u32) -> Option<(Arc<str>, ReplyKind)> {
        self.under_way.iter().find(|one| one.number == number).and_then(|one| Some((one.channel.clone()?, one.kind.clone())))
    }

    /// Takes a command that is answered.
    pub(super) fn finish(&mut self, number: u32) -> Option<UnderWay> {
        let at = self.under_way.iter().position(|one| one.number == number)?;
        let done = self.under_way.swap_remove(at);
        if self.under_way.is_empty() {
            // An idle session owns no buffer.
            self.under_way = Vec::new();
        }
        Some(done)
    }
}

/// All slots of a thread.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<(u32, Option<Box<Slot>>)>,
    free: Vec<u32>,
    /// Of all sessions.
    large_bytes: usize,
}

impl Slots {
    /// Opens a slot, for a session unless a test needs none.
    pub(super) fn open(&mut self, session: impl Into<Option<Session>>, since_s: u32) -> SessionId {
        let slot = Box::new(Slot {
            session: session.into(),
            outbox: Outbox::default(),
            under_way: Vec::new(),
            large_bytes: 0,
            next_number: 0,
            since_s,
            name: 0,
            paused: false,
        });
        match self.free.pop() {
            Some(index) => {
                let (generation, place) = &mut self.slots[index as usize];
                *place = Some(slot);
                SessionId { index, generation: *generation }
            }
            None => {
                let index = u32::try_from(self.slots.len()).expect("a process holds fewer sockets than 2^32");
                self.slots.push((0, Some(slot)));
                SessionId { index, generation: 0 }
            }
        }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Slot> {
        let (generation, slot) = self.slots.get(id.index as usize)?;
        if *generation == id.generation { slot.as_deref() } else { None }
    }

    pub(super) fn get_mut(&mut self, id: SessionId) -> Option<&mut Slot> {
        let (generation, slot) = self.slots.get_mut(id.index as usize)?;
        if *generation == id.generation { slot.as_deref_mut() } else { None }
    }

    /// Frees a slot; true when it was in use.
    pub(super) fn release(&mut self, id: SessionId) -> bool {
        let Some((generation, place)) = self.slots.get_mut(id.index as usize) else { return false };
        if *generation != id.generation {
            return false;
        }
        let Some(slot) = place.take() else { return false };
        self.large_bytes -= slot.large_bytes as usize;
        *generation = generation.wrapping_add(1);
        self.free.push(id.index);
        true
    }

    /// Bytes of large answers that sockets have not taken yet.
    pub(super) fn large_bytes(&self) -> usize {
        self.large_bytes
    }

    /// Queues a large answer, whose bytes count until the socket has taken them.
    pub(super) fn push_large(&mut self, id: SessionId, frame: Vec<u8>) {
        let bytes = frame.len();
        let counted = u32::try_from(bytes).expect("an answer has less than 4 GiB, and few wait");
        let Some(slot) = self.get_mut(id) else { return };
        slot.large_bytes += counted;
        slot.outbox.push_apart(frame);
        self.large_bytes += bytes;
    }

    /// A socket has taken bytes; which of them were a large answer's is not looked at.
    pub(super) fn written(&mut self, id: SessionId, bytes: usize) {
        if self.large_bytes == 0 {
            return;
        }
        let Some(slot) = self.get_mut(id) else { return };
        let taken = slot.large_bytes.min(u32::try_from(bytes).unwrap_or(u32::MAX));
        slot.large_bytes -= taken;
        self.large_bytes -= taken as usize;
    }

    /// Bytes that wait for all sockets.
    pub(super) fn outbox_bytes(&self) -> usize {
        self.slots.iter().filter_map(|(_, slot)| slot.as_deref()).map(|slot| slot.outbox.bytes()).sum()
    }

    pub(super) fn ids_where(&self, matches: impl Fn(&Slot) -> bool) -> Vec<SessionId> {
        let all = self.slots.iter().zip(0_u32..);
        all.filter(|((_, slot), _)| slot.as_deref().is_some_and(&matches))
            .map(|((generation, _), index)| SessionId { index, generation: *generation })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a session costs its gateway thread, beside its place in the rooms: a size class of the allocator's.
    #[test]
    fn a_session_is_small() {
        assert!(size_of::<Session>() <= 208, "{} bytes", size_of::<Session>());
        assert!(size_of::<Slot>() <= 320, "{} bytes", size_of::<Slot>());
    }
}
