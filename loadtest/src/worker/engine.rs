//! The state of a generator process, and the way of bytes between sockets and frames.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};

use anyhow::Result;
use mio::Registry;
use mio::event::Event;
use rialto_protocol::ws_frame;

use super::Beat;
use super::connection::{Connection, Place, Sender, Stage};
use super::phase::{Activity, own_memory};
use super::recorder::Recorder;
use super::timers::{Dice, Timers};
use super::tracker::{Missing, Tracker};
use crate::adapter::{Acks, Adapter, FrameCache, Incoming, adapter};
use crate::clock;
use crate::ipc::{Note, Setup, Tokens};
use crate::limits::{LAG_TICK_MS, READ_BUFFER_BYTES, REPORT_INTERVAL_MS};
use crate::scenario::{Layout, Persona};
use crate::users::Mint;
use crate::wire;

/// Bytes that a buffer may keep when it is empty.
const KEEP_BYTES: usize = 4 * 1024;

/// All of a generator process.
pub(super) struct Engine {
    pub(super) setup: Setup,
    pub(super) personas: Vec<PersonaState>,
    pub(super) clients: Vec<Connection>,
    pub(super) rooms: Vec<Room>,
    /// Places of rooms in `rooms` by number.
    pub(super) room_index: HashMap<u32, u32>,
    pub(super) adapter: Box<dyn Adapter>,
    pub(super) acks: Acks,
    pub(super) cache: FrameCache,
    pub(super) mint: Option<Mint>,
    pub(super) registry: Registry,
    pub(super) timers: Timers,
    pub(super) dice: Dice,
    pub(super) recorder: Recorder,
    pub(super) missing: Missing,
    pub(super) epochs: Vec<String>,
    pub(super) activity: Activity,
    pub(super) lag_beat: Beat,
    pub(super) report_beat: Beat,
    pub(super) notes: Vec<Note>,
    /// Conversations made since the last note.
    pub(super) made: Vec<(u32, String)>,
    /// Clients with something to write.
    pub(super) dirty: Vec<u32>,
    /// Closed-loop senders that may have room for another message.
    pub(super) pumping: Vec<u32>,
    pub(super) text: Vec<u8>,
    /// Number of the last connection, for its source address.
    pub(super) sources: u32,
    /// Resident bytes before the first client was thought of.
    pub(super) memory_before: u64,
    buffer: Vec<u8>,
    incoming: Vec<Incoming>,
}

/// A persona with its local clients.
pub(super) struct PersonaState {
    pub(super) name: String,
    pub(super) persona: Persona,
    pub(super) clients: std::ops::Range<u32>,
}

/// A room as far as this process knows it.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) number: u32,
    /// Whether it stands on the server.
    pub(super) exists: bool,
    /// Local members that are to come, and those that have.
    pub(super) expected: u32,
    pub(super) joined: u32,
    /// Local subscribers.
    pub(super) live: u32,
    /// Places that wait for the room, or for its members.
    pub(super) waiting: Vec<(u32, u32)>,
    /// Local clients by sender number; `u32::MAX` lives elsewhere.
    pub(super) senders: Vec<u32>,
}

impl Engine {
    pub(super) fn new(setup: Setup, registry: Registry) -> Result<Self> {
        let mint = match &setup.tokens {
            Tokens::Mint { key, issuer } => Some(Mint::new(key, issuer.clone())?),
            _ => None,
        };
        let adapter = adapter(&setup.scenario.target, &setup.tag);
        let mut dice = Dice::new(clock::now_ns() ^ (setup.worker as u64) << 48);
        let mut engine = Self {
            acks: adapter.acks(),
            adapter,
            mint,
            registry,
            personas: Vec::new(),
            clients: Vec::new(),
            rooms: Vec::new(),
            room_index: HashMap::new(),
            cache: FrameCache::new(),
            timers: Timers::default(),
            sources: dice.between(0, u64::from(super::lifecycle::PORTS)) as u32,
            dice,
            recorder: Recorder::new(setup.scenario.personas.len()),
            missing: Missing::default(),
            epochs: Vec::new(),
            activity: Activity::default(),
            lag_beat: Beat::new(LAG_TICK_MS),
            report_beat: Beat::new(REPORT_INTERVAL_MS),
            notes: Vec::new(),
            made: Vec::new(),
            dirty: Vec::new(),
            pumping: Vec::new(),
            text: Vec::new(),
            memory_before: own_memory(),
            buffer: vec![0; READ_BUFFER_BYTES],
            incoming: Vec::new(),
            setup,
        };
        engine.place_clients();
        Ok(engine)
    }

    fn place_clients(&mut self) {
        let scenario = self.setup.scenario.clone();
        for (number, (name, persona)) in (0_u16..).zip(&scenario.personas) {
            let first = self.clients.len() as u32;
            let share = scenario.share(persona, self.setup.worker, self.setup.workers);
            let sends = scenario.phases.iter().any(|phase| phase.send.contains_key(name));
            for index in share {
                let mut client = Connection::new(number, index);
                client.sender = sends.then(Box::<Sender>::default);
                self.clients.push(client);
            }
            let clients = first..self.clients.len() as u32;
            self.personas.push(PersonaState { name: name.clone(), persona: persona.clone(), clients });
        }
        let mut founded = vec![false; scenario.run.rooms as usize];
        let mut places: Vec<Vec<Place>> = self.clients.iter().map(|_| Vec::new()).collect();
        Layout::new(&scenario).each(|persona, index, _, slot| {
            let founder = !std::mem::replace(&mut founded[slot.room as usize], true);
            let state = &self.personas[persona];
            let share = scenario.share(&state.persona, self.setup.worker, self.setup.workers);
            if !share.contains(&index) {
                return;
            }
            let client = state.clients.start + index - share.start;
            let next = self.rooms.len() as u32;
            let room = *self.room_index.entry(slot.room).or_insert(next);
            if room == next {
                self.rooms.push(Room {
                    number: slot.room,
                    exists: false,
                    expected: 0,
                    joined: 0,
                    live: 0,
                    waiting: Vec::new(),
                    senders: Vec::new(),
                });
            }
            if self.clients[client as usize].sender.is_some() {
                let senders = &mut self.rooms[room as usize].senders;
                senders.resize(senders.len().max(slot.ordinal as usize + 1), u32::MAX);
                senders[slot.ordinal as usize] = client;
            }
            places[client as usize].push(Place::new(room, slot.ordinal, founder));
        });
        for (client, places) in self.clients.iter_mut().zip(places) {
            if let Some(sender) = &mut client.sender {
                sender.streams.resize_with(places.len(), Default::default);
            }
            client.places = places.into_boxed_slice();
        }
    }

    /// The kernel says that a socket can be read or written.
    pub(super) fn ready(&mut self, client: usize, event: &Event) {
        if client >= self.clients.len() || self.clients[client].stream.is_none() {
            return;
        }
        if event.is_writable() && self.clients[client].stage == Stage::Opening {
            self.opened(client);
        } else if event.is_writable() && !self.clients[client].out.is_empty() {
            self.flush(client);
        }
        if event.is_readable() && self.clients[client].reading {
            self.read(client, event.is_read_closed());
        }
    }

    /// Reads all that is there. A read that does not fill the buffer has emptied the socket, but for an end that came before it (`to_end`): the kernel
    /// tells of that once only.
    pub(super) fn read(&mut self, client: usize, to_end: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            let connection = &mut self.clients[client];
            let Some(stream) = &mut connection.stream else { break };
            if connection.stage == Stage::Opening {
                break;
            }
            match stream.read(&mut buffer) {
                Ok(0) => self.ended(client, 1006, "the server ended the connection"),
                Ok(count) => {
                    self.recorder.counters.receives += 1;
                    self.recorder.counters.bytes_received += count as u64;
                    self.received(client, &buffer[..count]);
                    if count == buffer.len() || to_end {
                        continue;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => self.ended(client, 1006, &error.to_string()),
            }
            break;
        }
        self.buffer = buffer;
    }

    /// Bytes behind those kept. A large frame that comes in small pieces is only looked at when it is whole.
    fn received(&mut self, client: usize, bytes: &[u8]) {
        let connection = &mut self.clients[client];
        let mut kept = std::mem::take(&mut connection.partial);
        if kept.is_empty() {
            return self.bytes(client, bytes);
        }
        kept.extend_from_slice(bytes);
        if connection.stage != Stage::Upgrading && matches!(wire::frame(&kept), Ok(None)) {
            connection.partial = kept;
        } else {
            self.bytes(client, &kept);
        }
    }

    /// Takes whole frames, keeps an exact copy of the rest.
    fn bytes(&mut self, client: usize, bytes: &[u8]) {
        let now = clock::now_ns();
        let mut at = 0;
        if self.clients[client].stage == Stage::Upgrading {
            match wire::upgrade_answer(bytes) {
                Ok(Some(length)) => at = length,
                Ok(None) => return self.keep(client, bytes),
                Err(error) => return self.attempt_failed(client, &error.to_string()),
            }
            self.upgraded(client, now);
        }
        let generation = self.clients[client].generation;
        loop {
            match wire::frame(&bytes[at..]) {
                Ok(Some((frame, length))) => {
                    at += length;
                    self.frame(client, frame, now);
                }
                Ok(None) => break,
                Err(error) => return self.ended(client, 1002, &error.to_string()),
            }
            if self.clients[client].generation != generation {
                return;
            }
        }
        self.keep(client, &bytes[at..]);
    }

    fn keep(&mut self, client: usize, rest: &[u8]) {
        let partial = &mut self.clients[client].partial;
        if !rest.is_empty() || !partial.is_empty() {
            *partial = rest.to_vec();
        }
    }

    fn frame(&mut self, client: usize, frame: wire::Frame<'_>, now: u64) {
        match frame.opcode {
            ws_frame::TEXT | ws_frame::BINARY if frame.fin => self.message(client, frame.payload, now),
            ws_frame::TEXT | ws_frame::BINARY => self.clients[client].fragments = Some(frame.payload.to_vec()),
            0 => {
                let Some(mut whole) = self.clients[client].fragments.take() else { return };
                whole.extend_from_slice(frame.payload);
                if frame.fin {
                    self.message(client, &whole, now);
                } else {
                    self.clients[client].fragments = Some(whole);
                }
            }
            ws_frame::PING => {
                wire::write(ws_frame::PONG, &mut self.clients[client].out, |out| out.extend_from_slice(frame.payload));
                self.mark_dirty(client);
            }
            ws_frame::CLOSE => {
                let code = wire::close_code(frame.payload);
                let reason = String::from_utf8_lossy(frame.payload.get(2..).unwrap_or_default()).into_owned();
                self.ended(client, code, &reason);
            }
            _ => {}
        }
    }

    fn message(&mut self, client: usize, payload: &[u8], now: u64) {
        if let Some(delivery) = self.cache.find(payload) {
            return self.deliver(client, delivery, now, true);
        }
        let mut incoming = std::mem::take(&mut self.incoming);
        let connection = &mut self.clients[client];
        let decoded = self.adapter.decode(payload, &mut connection.out, &mut incoming);
        if !connection.out.is_empty() {
            self.mark_dirty(client);
        }
        if let [Incoming::Delivery(delivery)] = incoming.as_slice() {
            self.cache.insert(payload, *delivery);
        }
        let generation = self.clients[client].generation;
        for item in incoming.drain(..) {
            if self.clients[client].generation == generation {
                self.handle(client, item, now);
            }
        }
        self.incoming = incoming;
        if let Err(error) = decoded {
            self.ended(client, 1002, &format!("{error:#}"));
        }
    }

    pub(super) fn mark_dirty(&mut self, client: usize) {
        if !std::mem::replace(&mut self.clients[client].dirty, true) {
            self.dirty.push(client as u32);
        }
    }

    /// Writes what waits; what the kernel does not take stays for its next word.
    pub(super) fn flush(&mut self, client: usize) {
        let connection = &mut self.clients[client];
        connection.dirty = false;
        let Some(stream) = &mut connection.stream else { return };
        if matches!(connection.stage, Stage::Opening) {
            return;
        }
        let mut written = 0;
        let mut failure = None;
        while written < connection.out.len() {
            match stream.write(&connection.out[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    failure = Some(error.to_string());
                    break;
                }
            }
        }
        connection.out.drain(..written);
        if connection.out.is_empty() && (connection.sender.is_none() || connection.out.capacity() > KEEP_BYTES) {
            connection.out = Vec::new();
        }
        // The server may have said why before it closed: what is readable is read first.
        if let Some(failure) = failure {
            let generation = connection.generation;
            self.read(client, true);
            if self.clients[client].generation == generation {
                self.ended(client, 1006, &failure);
            }
        }
    }

    pub(super) fn take_notes(&mut self) -> Vec<Note> {
        if !self.made.is_empty() {
            self.notes.push(Note::Rooms(std::mem::take(&mut self.made)));
        }
        std::mem::take(&mut self.notes)
    }
}

impl Place {
    fn new(room: u32, ordinal: u32, founder: bool) -> Self {
        Self {
            room,
            ordinal,
            founder,
            joined: false,
            subscribed: false,
            positioned: false,
            epoch: 0,
            offset: 0,
            since_ns: 0,
            tracker: Tracker::default(),
        }
    }
}
