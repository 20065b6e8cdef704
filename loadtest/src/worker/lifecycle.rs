//! How clients come and go.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use mio::{Interest, Token};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::connection::Stage;
use super::engine::Engine;
use super::timers::Due;
use crate::clock::{self, MS};
use crate::ipc::Tokens;
use crate::limits::{CONNECT_ATTEMPTS_MAX, RETRY_WAIT_MS};
use crate::sample::Action;
use crate::wire;

/// Last byte of the first source address: 127.0.0.2, so that 127.0.0.1 stays free for others.
const FIRST_SOURCE: usize = 2;
/// First source port, and how many there are of each address: below those that the kernel gives out.
const FIRST_PORT: u32 = 10_000;
pub(super) const PORTS: u32 = 20_000;
/// Sources tried for one socket, and the step after one that is taken: so many steps lead out of any other run's sources.
const BIND_TRIES: u32 = 64;
const BIND_STEP: u32 = 613;

/// The source of a process's connection number `number`: each process has an address 127.0.0.x of its own, and no pair of address and port comes again
/// before the kernel has forgotten the connection that had it. The kernel's own search for a free port takes a millisecond once most are in use.
fn source(worker: usize, number: u32) -> SocketAddr {
    let last = u8::try_from(FIRST_SOURCE + worker).unwrap_or(u8::MAX);
    let [.., third] = (number / PORTS).to_be_bytes();
    let port = u16::try_from(FIRST_PORT + number % PORTS).unwrap_or(0);
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, third, last)), port)
}

impl Engine {
    /// Begins one attempt.
    pub(super) fn connect(&mut self, client: usize) {
        if !matches!(self.clients[client].stage, Stage::Down) {
            return;
        }
        let now = clock::now_ns();
        match self.open_socket(client) {
            Ok(stream) => {
                let connection = &mut self.clients[client];
                connection.stream = Some(stream);
                connection.stage = Stage::Opening;
                connection.began_ns = now;
                let deadline = now + self.setup.scenario.run.connect_timeout_ms * MS;
                self.timers.at(deadline, Due::Deadline(client as u32, self.clients[client].generation));
            }
            Err(error) => self.attempt_failed(client, &format!("{error:#}")),
        }
    }

    fn open_socket(&mut self, client: usize) -> Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(self.setup.address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        let persona = &self.personas[usize::from(self.clients[client].persona)].persona;
        if let Some(bytes) = persona.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let IpAddr::V4(address) = self.setup.address.ip()
            && address.is_loopback()
        {
            self.bind(&socket)?;
        }
        match socket.connect(&SockAddr::from(self.setup.address)) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => return Err(error.into()),
            _ => {}
        }
        let mut stream = TcpStream::from_std(socket.into());
        self.registry.register(&mut stream, Token(client), Interest::READABLE | Interest::WRITABLE)?;
        Ok(stream)
    }

    /// Gives a socket the next source; those of another run on this machine are stepped over.
    fn bind(&mut self, socket: &Socket) -> Result<()> {
        let mut bound = Ok(());
        for _ in 0..BIND_TRIES {
            bound = socket.bind(&SockAddr::from(source(self.setup.worker, self.sources)));
            self.sources = self.sources.wrapping_add(if bound.is_ok() { 1 } else { BIND_STEP });
            if bound.is_ok() {
                break;
            }
        }
        bound.context("no source address is free")
    }

    /// The kernel has connected, or failed to.
    pub(super) fn opened(&mut self, client: usize) {
        let connection = &mut self.clients[client];
        let Some(stream) = &mut connection.stream else { return };
        if let Ok(Some(error)) = stream.take_error() {
            return self.attempt_failed(client, &error.to_string());
        }
        if stream.peer_addr().is_err() {
            return;
        }
        // Without this small frames wait for the other side's acknowledgement.
        _ = stream.set_nodelay(true);
        connection.stage = Stage::Upgrading;
        let room = connection.places.first().map_or(0, |place| self.rooms[place.room as usize].number);
        let path = self.setup.scenario.path(room);
        connection.out = wire::upgrade_request(&self.setup.host, &path);
        self.mark_dirty(client);
    }

    /// The server speaks WebSocket.
    pub(super) fn upgraded(&mut self, client: usize, now: u64) {
        self.clients[client].stage = Stage::Greeting;
        let token = self.token(client);
        let is_ready = self.adapter.opened(token.as_deref(), &mut self.clients[client].out);
        self.mark_dirty(client);
        if is_ready {
            self.authenticated(client, now);
        }
    }

    fn token(&self, client: usize) -> Option<String> {
        let connection = &self.clients[client];
        let state = &self.personas[usize::from(connection.persona)];
        match &self.setup.tokens {
            Tokens::None => None,
            Tokens::Mint { .. } => {
                self.mint.as_ref().map(|mint| mint.token(&format!("load-{}-{}-{}", self.setup.tag, state.name, connection.index)))
            }
            Tokens::Given(tokens) => {
                let before: u32 =
                    self.setup.scenario.personas.values().take(usize::from(connection.persona)).map(|persona| persona.count).sum();
                tokens.get((before + connection.index) as usize % tokens.len().max(1)).cloned()
            }
        }
    }

    /// The server knows the client: rooms are next.
    pub(super) fn authenticated(&mut self, client: usize, now: u64) {
        let connection = &mut self.clients[client];
        connection.stage = Stage::Entering;
        let (persona, intended, began) = (usize::from(connection.persona), connection.intended_ns, connection.began_ns);
        if connection.returning {
            self.recorder.counters.reconnects += 1;
        } else {
            self.recorder.counters.connects += 1;
            self.recorder.record(persona, Action::Connect, intended, began, now);
        }
        for slot in 0..self.clients[client].places.len() {
            self.enter(client, slot);
        }
        self.check_live(client);
    }

    /// Whether all that a client wants stands.
    pub(super) fn check_live(&mut self, client: usize) {
        let connection = &mut self.clients[client];
        let persona = usize::from(connection.persona);
        let subscribes = self.personas[persona].persona.subscribe;
        let members = self.adapter.has_members();
        let stands = connection.places.iter().all(|place| (place.joined || !members) && (place.subscribed || !subscribes));
        if connection.stage != Stage::Entering || !stands {
            return;
        }
        connection.stage = Stage::Live;
        connection.attempts = 0;
        if std::mem::replace(&mut connection.returning, true) {
            let (intended, began) = (connection.intended_ns, connection.began_ns);
            self.recorder.record(persona, Action::Recover, intended, began, clock::now_ns());
        }
        self.pumping.push(client as u32);
    }

    /// An attempt failed before the client was live: another one, later, or the client is lost.
    pub(super) fn attempt_failed(&mut self, client: usize, reason: &str) {
        self.recorder.example("connect", || reason.to_owned());
        self.leave(client);
        let connection = &mut self.clients[client];
        connection.attempts += 1;
        if connection.attempts >= CONNECT_ATTEMPTS_MAX {
            return self.give_up(client);
        }
        connection.stage = Stage::Down;
        self.recorder.counters.retries += 1;
        let most = RETRY_WAIT_MS << connection.attempts.min(6);
        let wait = self.dice.between(0, most * MS);
        self.timers.at(clock::now_ns() + wait, Due::Connect(client as u32));
    }

    pub(super) fn give_up(&mut self, client: usize) {
        self.leave(client);
        self.clients[client].stage = Stage::Lost;
        self.recorder.counters.clients_lost += 1;
        // Others wait for this client's membership no longer.
        for slot in 0..self.clients[client].places.len() {
            let place = &self.clients[client].places[slot];
            let (room, joined) = (place.room as usize, place.joined);
            if !joined {
                self.rooms[room].expected = self.rooms[room].expected.saturating_sub(1);
                self.release(room);
            }
        }
    }

    /// The server, or the network, ended a connection.
    pub(super) fn ended(&mut self, client: usize, code: u16, reason: &str) {
        let connection = &self.clients[client];
        let persona = &self.personas[usize::from(connection.persona)];
        let expected = &persona.persona.expect_close;
        *self.recorder.counters.closes.entry(code).or_default() += 1;
        let name = &persona.name;
        self.recorder.example(&format!("close {code}"), || format!("{reason} ({name})"));
        let is_expected = expected.contains(&code) || (code == 1006 && (!expected.is_empty() || self.activity.restarts));
        if is_expected {
            self.recorder.counters.expected_closes += 1;
            self.come_back(client, clock::now_ns());
        } else if connection.stage == Stage::Live {
            self.give_up(client);
        } else {
            self.attempt_failed(client, &format!("closed with {code} {reason}"));
        }
    }

    /// Cuts a client off; it comes back within the scenario's spread.
    pub(super) fn come_back(&mut self, client: usize, now: u64) {
        self.leave(client);
        let connection = &mut self.clients[client];
        connection.stage = Stage::Down;
        connection.reading = true;
        connection.intended_ns = now;
        let run = &self.setup.scenario.run;
        let (least, spread) = (run.reconnect_wait_ms * MS, run.reconnect_spread_ms * MS);
        let wait = self.dice.between(least, least + spread);
        self.timers.at(now + wait, Due::Connect(client as u32));
    }

    /// Closes a client's socket and settles what hung on it.
    pub(super) fn leave(&mut self, client: usize) {
        self.clients[client].close();
        for place in &mut self.clients[client].places {
            if std::mem::replace(&mut place.subscribed, false) {
                self.rooms[place.room as usize].live -= 1;
            }
        }
        let Some(sender) = &mut self.clients[client].sender else { return };
        for message in sender.in_flight.drain(..).filter(|message| !message.acked) {
            sender.streams[message.place as usize].excuse(message.seq);
            self.recorder.counters.unresolved += 1;
        }
    }

    pub(super) fn deadline(&mut self, client: usize, generation: u32) {
        let connection = &self.clients[client];
        let waits = matches!(connection.stage, Stage::Opening | Stage::Upgrading | Stage::Greeting);
        if waits && connection.generation == generation {
            let stage = connection.stage;
            self.attempt_failed(client, &format!("not connected in time ({stage:?})"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn sources_do_not_come_again_soon() {
        let sources: HashSet<SocketAddr> = (0..3).flat_map(|worker| (0..50_000).map(move |number| source(worker, number))).collect();
        assert_eq!(sources.len(), 150_000);
        assert_eq!(source(1, 0).to_string(), "127.0.0.3:10000");
        assert_eq!(source(0, PORTS).to_string(), "127.0.1.2:10000");
    }
}
