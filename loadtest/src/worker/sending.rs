//! When senders send: open arrivals at their intended times whatever the server does, or a closed number in flight.

use super::connection::{InFlight, Stage};
use super::engine::Engine;
use super::timers::Due;
use crate::clock::{self, MS};
use crate::limits::UNWRITTEN_BYTES_MAX;
use crate::scenario::{Complete, Send};
use crate::stamp::Stamp;

/// Messages of open arrivals sent between two looks at the sockets.
const SENDS_PER_TURN_MAX: usize = 256;

/// A persona that sends in this phase.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) persona: usize,
    pub(super) spec: Send,
    /// Time between two arrivals in this process, nanoseconds; infinite without a rate.
    pub(super) interval_ns: f64,
    /// Next arrival.
    pub(super) next_ns: f64,
    /// The sender whose turn it is.
    pub(super) cursor: u32,
}

impl Engine {
    /// Sends what is due by arrival rates.
    pub(super) fn send_arrivals(&mut self, now: u64) {
        for index in 0..self.activity.sendings.len() {
            for _ in 0..SENDS_PER_TURN_MAX {
                let sending = &mut self.activity.sendings[index];
                let clients = self.personas[sending.persona].clients.clone();
                if !sending.interval_ns.is_finite() || sending.next_ns > now as f64 || clients.is_empty() {
                    break;
                }
                let intended = sending.next_ns as u64;
                let client = clients.start + sending.cursor % (clients.end - clients.start);
                sending.cursor = sending.cursor.wrapping_add(1);
                // The time to the next arrival of a Poisson process is exponential.
                let factor = if sending.spec.poisson { -(1.0 - self.dice.share()).ln() } else { 1.0 };
                sending.next_ns += sending.interval_ns * factor;
                let sent = clock::now_ns();
                self.recorder.lag(sent.saturating_sub(intended));
                self.send_or_miss(client as usize, index, intended, sent);
            }
        }
    }

    /// A client that thinks has thought.
    pub(super) fn thought(&mut self, client: usize, intended: u64) {
        let persona = usize::from(self.clients[client].persona);
        let Some(index) = self.activity.sendings.iter().position(|sending| sending.persona == persona) else { return };
        let sent = clock::now_ns();
        self.recorder.lag(sent.saturating_sub(intended));
        self.send_or_miss(client, index, intended, sent);
        if let Some([least, most]) = self.activity.sendings[index].spec.think_ms {
            let pause = self.dice.between(least * MS, most * MS);
            self.timers.at(intended + pause, Due::Think(client as u32));
        }
    }

    fn send_or_miss(&mut self, client: usize, sending: usize, intended: u64, sent: u64) {
        let count = self.activity.sendings[sending].spec.count.unwrap_or(u64::MAX);
        let connection = &self.clients[client];
        if intended >= self.activity.end_ns || connection.sender.as_ref().is_some_and(|sender| sender.sent >= count) {
            return;
        }
        if connection.stage == Stage::Live && connection.out.len() < UNWRITTEN_BYTES_MAX {
            self.send(client, sending, intended, sent);
        } else {
            self.recorder.counters.unsent += 1;
        }
    }

    /// Fills up the messages in flight of closed-loop senders that may have room.
    pub(super) fn pump(&mut self) {
        while let Some(client) = self.pumping.pop() {
            let client = client as usize;
            let persona = usize::from(self.clients[client].persona);
            let Some(index) = self.activity.sendings.iter().position(|sending| sending.persona == persona) else { continue };
            let spec = &self.activity.sendings[index].spec;
            let (Some(depth), count) = (spec.depth, spec.count.unwrap_or(u64::MAX)) else { continue };
            let now = clock::now_ns();
            while self.may_send(client, depth, count, now) {
                self.send(client, index, now, now);
            }
        }
    }

    fn may_send(&self, client: usize, depth: u32, count: u64, now: u64) -> bool {
        let connection = &self.clients[client];
        connection.stage == Stage::Live
            && (self.activity.start_ns..self.activity.end_ns).contains(&now)
            && connection
                .sender
                .as_ref()
                .is_some_and(|sender| sender.in_flight.len() < depth as usize && sender.sent < count && now >= sender.not_before_ns)
    }

    fn send(&mut self, client: usize, sending: usize, intended_ns: u64, sent_ns: u64) {
        let spec = &self.activity.sendings[sending].spec;
        let size = spec.size.unwrap_or(self.personas[self.activity.sendings[sending].persona].persona.size);
        let waits_for_all = spec.complete == Complete::Deliver;
        let connection = &mut self.clients[client];
        let Some(sender) = &mut connection.sender else { return };
        let place = sender.next_place % connection.places.len();
        sender.next_place = place + 1;
        let (room, ordinal) = (&self.rooms[connection.places[place].room as usize], connection.places[place].ordinal);
        let stream = &mut sender.streams[place];
        let seq = stream.sent;
        stream.sent += 1;
        stream.last_ns = sent_ns;
        if seq == 0 {
            stream.first_ns = sent_ns;
        }
        let message = sender.next_message;
        sender.next_message = (message + 1) & 0x0fff_ffff;
        sender.sent += 1;
        Stamp { room: room.number, sender: ordinal, seq, intended_ns, sent_ns }.write(size, &mut self.text);
        self.adapter.publish(message, room.number, &self.text, &mut connection.out);
        let remaining = if waits_for_all { room.live } else { 0 };
        sender.in_flight.push_back(InFlight { message, place: place as u32, seq, remaining, acked: false, intended_ns, sent_ns });
        self.recorder.counters.sends += 1;
        self.mark_dirty(client);
    }

    /// Gives up messages that are under way for too long.
    pub(super) fn expire(&mut self, now: u64) {
        let longest = self.setup.scenario.run.send_timeout_ms * MS;
        for (client, connection) in (0_u32..).zip(&mut self.clients) {
            let Some(sender) = connection.sender.as_mut().filter(|sender| !sender.in_flight.is_empty()) else { continue };
            let streams = &mut sender.streams;
            let counters = &mut self.recorder.counters;
            sender.in_flight.retain(|flying| {
                let is_late = now.saturating_sub(flying.sent_ns) > longest;
                if is_late {
                    counters.timeouts += 1;
                    // Acknowledged but not delivered is a loss; without an answer nobody knows.
                    if !flying.acked {
                        streams[flying.place as usize].excuse(flying.seq);
                    }
                }
                !is_late
            });
            self.pumping.push(client);
        }
    }
}
