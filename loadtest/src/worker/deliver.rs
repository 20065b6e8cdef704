//! The hot path: a message has arrived.

use super::connection::Stage;
use super::engine::Engine;
use super::tracker::Verdict;
use crate::adapter::{Acks, Delivery};
use crate::ipc::StreamEnd;
use crate::sample::{Action, Counters};
use crate::stamp::Stamp;

impl Engine {
    /// A message for a client; `live` is false for what a resume brought later, whose latency says nothing.
    pub(super) fn deliver(&mut self, client: usize, delivery: Delivery, now: u64, live: bool) {
        let connection = &mut self.clients[client];
        let rooms = &self.rooms;
        let Some(slot) = connection.places.iter().position(|place| rooms[place.room as usize].number == delivery.room) else {
            self.recorder.counters.strays += 1;
            return;
        };
        let place = &mut connection.places[slot];
        if let (Some(offset), true) = (delivery.offset, place.positioned) {
            self.recorder.counters.gaps += offset.saturating_sub(place.offset + 1);
            place.offset = place.offset.max(offset);
        }
        let Some(stamp) = delivery.stamp else { return };
        let own = connection.sender.is_some() && stamp.sender == place.ordinal;
        let persona = usize::from(connection.persona);
        let room = place.room as usize;
        if self.personas[persona].persona.subscribe {
            match place.tracker.note(stamp.sender, stamp.seq, &mut self.missing, client as u32, slot as u32) {
                Verdict::New => {}
                Verdict::Late => self.recorder.counters.reordered += 1,
                Verdict::Duplicate => {
                    self.recorder.counters.duplicates += 1;
                    return;
                }
            }
            self.recorder.counters.deliveries += 1;
            if live {
                self.recorder.record(persona, Action::Deliver, stamp.intended_ns, stamp.sent_ns, now);
            }
            self.count_down(room, &stamp);
        }
        if own && self.acks == Acks::Echo {
            self.acked_by_echo(client, slot, stamp.seq, now);
        }
    }

    /// One local subscriber more has a message of a local sender.
    fn count_down(&mut self, room: usize, stamp: &Stamp) {
        if !self.activity.counts_deliveries {
            return;
        }
        let client = self.rooms[room].senders.get(stamp.sender as usize).copied().unwrap_or(u32::MAX);
        let Some(connection) = self.clients.get_mut(client as usize) else { return };
        let place = connection.places.iter().position(|place| place.room as usize == room);
        let (Some(place), Some(sender)) = (place, &mut connection.sender) else { return };
        let flying = sender.in_flight.iter_mut().enumerate().find(|(_, flying)| flying.seq == stamp.seq && flying.place as usize == place);
        let Some((index, flying)) = flying else { return };
        flying.remaining = flying.remaining.saturating_sub(1);
        if flying.remaining == 0 && flying.acked {
            sender.in_flight.remove(index);
            self.pumping.push(client);
        }
    }

    /// The server accepted a message.
    pub(super) fn acked(&mut self, client: usize, message: u32, now: u64) {
        let sender = self.clients[client].sender.as_ref();
        let index = sender.and_then(|sender| sender.in_flight.iter().position(|flying| flying.message == message));
        self.landed(client, index, now);
    }

    fn acked_by_echo(&mut self, client: usize, slot: usize, seq: u32, now: u64) {
        let sender = self.clients[client].sender.as_ref();
        let index = sender.and_then(|sender| sender.in_flight.iter().position(|flying| flying.seq == seq && flying.place as usize == slot));
        self.landed(client, index, now);
    }

    fn landed(&mut self, client: usize, index: Option<usize>, now: u64) {
        let connection = &mut self.clients[client];
        let (Some(sender), Some(index)) = (&mut connection.sender, index) else { return };
        let flying = &mut sender.in_flight[index];
        if std::mem::replace(&mut flying.acked, true) {
            return;
        }
        let (intended, sent, is_done) = (flying.intended_ns, flying.sent_ns, flying.remaining == 0);
        if is_done {
            sender.in_flight.remove(index);
            self.pumping.push(client as u32);
        }
        self.recorder.counters.acks += 1;
        self.recorder.record(usize::from(connection.persona), Action::Send, intended, sent, now);
    }

    /// All that this process sent.
    pub(super) fn streams(&mut self) -> Vec<StreamEnd> {
        let mut ends = Vec::new();
        for connection in &mut self.clients {
            let Some(sender) = &mut connection.sender else { continue };
            for (place, stream) in connection.places.iter().zip(&mut sender.streams).filter(|(_, stream)| stream.sent > 0) {
                stream.excused.sort_unstable();
                ends.push(StreamEnd {
                    room: self.rooms[place.room as usize].number,
                    sender: place.ordinal,
                    sent: stream.sent,
                    first_ns: stream.first_ns,
                    last_ns: stream.last_ns,
                    excused: stream.excused.clone(),
                });
            }
        }
        ends
    }

    /// Compares what live subscribers got with what all processes sent.
    pub(super) fn check(&mut self, ends: &[StreamEnd]) -> Counters {
        let mut by_room: Vec<Vec<&StreamEnd>> = self.rooms.iter().map(|_| Vec::new()).collect();
        for end in ends {
            if let Some(room) = self.room_index.get(&end.room) {
                by_room[*room as usize].push(end);
            }
        }
        let mut counters = Counters::default();
        for (client, connection) in (0_u32..).zip(&self.clients) {
            if connection.stage != Stage::Live || !connection.reading {
                continue;
            }
            for (slot, place) in (0_u32..).zip(&connection.places).filter(|(_, place)| place.subscribed) {
                let lost = |end: &&StreamEnd| place.tracker.lost(end, place.since_ns, &self.missing, client, slot);
                counters.loss += by_room[place.room as usize].iter().map(lost).sum::<u64>();
            }
        }
        counters
    }
}
