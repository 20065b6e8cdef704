//! One client: a socket, where it stands, and what it has seen. Without sockets' buffers: idle, it owns a few hundred bytes.

use std::collections::VecDeque;

use mio::net::TcpStream;

use super::tracker::Tracker;
use crate::limits::EXCUSED_MAX;

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Without a socket: not wanted yet, or waiting to come back.
    Down,
    /// The kernel connects.
    Opening,
    /// The upgrade is asked for.
    Upgrading,
    /// Authenticating.
    Greeting,
    /// Making, joining and subscribing rooms.
    Entering,
    /// Everything stands.
    Live,
    /// Given up.
    Lost,
}

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) stream: Option<TcpStream>,
    pub(super) stage: Stage,
    /// Number of its persona.
    pub(super) persona: u16,
    /// Failed attempts since it was last live.
    pub(super) attempts: u8,
    /// Whether it takes bytes off its socket.
    pub(super) reading: bool,
    /// Whether it is in the list of those with output.
    pub(super) dirty: bool,
    /// Whether it was live before: then it resumes.
    pub(super) returning: bool,
    /// Number within its persona.
    pub(super) index: u32,
    /// Grows with every socket, so that timers of an older one are known.
    pub(super) generation: u32,
    /// When the connection was meant to begin, or was cut.
    pub(super) intended_ns: u64,
    /// When this attempt began.
    pub(super) began_ns: u64,
    /// The beginning of a frame whose rest has not arrived.
    pub(super) partial: Vec<u8>,
    /// The frames of an unfinished message.
    pub(super) fragments: Option<Vec<u8>>,
    /// What is still to be written.
    pub(super) out: Vec<u8>,
    pub(super) places: Box<[Place]>,
    pub(super) sender: Option<Box<Sender>>,
}

/// A client's place in one room.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) room: u32,
    /// Number among the room's senders.
    pub(super) ordinal: u32,
    /// Whether this client makes the room.
    pub(super) founder: bool,
    pub(super) joined: bool,
    pub(super) subscribed: bool,
    /// Whether `offset` and `epoch` hold.
    pub(super) positioned: bool,
    /// Number of the epoch's name.
    pub(super) epoch: u32,
    pub(super) offset: u64,
    /// Since when it listens without a gap.
    pub(super) since_ns: u64,
    pub(super) tracker: Tracker,
}

/// What only senders have.
#[derive(Debug, Default)]
pub(super) struct Sender {
    pub(super) streams: Vec<Stream>,
    /// Oldest first: answers mostly come in order, so that looking one up is short.
    pub(super) in_flight: VecDeque<InFlight>,
    /// Number of the next message of this client.
    pub(super) next_message: u32,
    /// Place that the next message goes to.
    pub(super) next_place: usize,
    /// Messages sent in this phase.
    pub(super) sent: u64,
    /// Refused: not before then.
    pub(super) not_before_ns: u64,
}

/// What was sent into one room.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) sent: u32,
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) excused: Vec<u32>,
}

/// One message under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct InFlight {
    pub(super) message: u32,
    pub(super) place: u32,
    pub(super) seq: u32,
    /// Deliveries still wanted.
    pub(super) remaining: u32,
    pub(super) acked: bool,
    pub(super) intended_ns: u64,
    pub(super) sent_ns: u64,
}

impl Stream {
    /// A message that was refused, or whose fate is unknown, is no loss if nobody got it.
    pub(super) fn excuse(&mut self, seq: u32) {
        if self.excused.len() < EXCUSED_MAX {
            self.excused.push(seq);
        }
    }
}

impl Connection {
    pub(super) fn new(persona: u16, index: u32) -> Self {
        Self {
            stream: None,
            stage: Stage::Down,
            persona,
            attempts: 0,
            reading: true,
            dirty: false,
            returning: false,
            index,
            generation: 0,
            intended_ns: 0,
            began_ns: 0,
            partial: Vec::new(),
            fragments: None,
            out: Vec::new(),
            places: Box::default(),
            sender: None,
        }
    }

    /// Drops the socket and all that belongs to it.
    pub(super) fn close(&mut self) {
        self.stream = None;
        self.generation += 1;
        self.partial = Vec::new();
        self.fragments = None;
        self.out = Vec::new();
    }

    /// Whether it should be live and is on the way.
    pub(super) fn is_connecting(&self) -> bool {
        !matches!(self.stage, Stage::Live | Stage::Lost) && self.intended_ns > 0
    }
}

const _: () = assert!(size_of::<Connection>() + size_of::<Place>() * 2 <= 512, "an idle client is half a KiB at most");
