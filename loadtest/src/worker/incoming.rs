//! What frames mean for rooms: making, joining, listening, resuming; and what the server refuses.

use super::connection::Stage;
use super::engine::Engine;
use super::timers::Due;
use crate::adapter::{About, Incoming, Position, Subscribed};
use crate::clock::MS;
use crate::limits::REFUSED_WAIT_MS;

impl Engine {
    /// One thing that a frame said.
    pub(super) fn handle(&mut self, client: usize, incoming: Incoming, now: u64) {
        match incoming {
            Incoming::Ready => self.authenticated(client, now),
            Incoming::Created(slot, id) => self.room_made(client, slot as usize, &id),
            Incoming::Joined(slot) => self.joined(client, slot as usize),
            Incoming::Subscribed(subscribed) => self.subscribed(client, subscribed, now),
            Incoming::Delivery(mut delivery) => {
                if let Some(stamp) = delivery.stamp {
                    delivery.room = stamp.room;
                }
                self.deliver(client, delivery, now, true);
            }
            Incoming::Acked(message) => self.acked(client, message, now),
            Incoming::Refused { about, code, message } => self.refused(client, about, code, &message, now),
            Incoming::Unsubscribed(room) => self.unsubscribed(client, room),
        }
    }

    /// Takes the next step towards standing in a place.
    pub(super) fn enter(&mut self, client: usize, slot: usize) {
        let connection = &mut self.clients[client];
        let subscribes = self.personas[usize::from(connection.persona)].persona.subscribe;
        let members = self.adapter.has_members();
        let place = &mut connection.places[slot];
        let room = &mut self.rooms[place.room as usize];
        if members && !place.joined {
            if room.exists {
                self.adapter.join(slot as u32, room.number, &mut connection.out);
            } else if place.founder {
                self.adapter.create(slot as u32, room.number, &mut connection.out);
            } else {
                room.waiting.push((client as u32, slot as u32));
                return;
            }
            self.mark_dirty(client);
        } else if subscribes && !place.subscribed {
            // Whoever listens before the others have joined is told of each of them: n² events in a room of n.
            if members && room.joined < room.expected && !place.positioned {
                room.waiting.push((client as u32, slot as u32));
                return;
            }
            let position = place.positioned.then(|| Position { offset: place.offset, epoch: self.epochs[place.epoch as usize].clone() });
            let at_once = self.adapter.subscribe(slot as u32, room.number, position.as_ref(), &mut connection.out);
            self.mark_dirty(client);
            if at_once {
                let subscribed = Subscribed { slot: slot as u32, position: None, recovered: None, missed: Vec::new() };
                self.subscribed(client, subscribed, crate::clock::now_ns());
            }
        }
    }

    /// Lets those go on who wait for a room.
    pub(super) fn release(&mut self, room: usize) {
        for (client, slot) in std::mem::take(&mut self.rooms[room].waiting) {
            if self.clients[client as usize].stage == Stage::Entering {
                self.enter(client as usize, slot as usize);
            }
        }
    }

    fn room_made(&mut self, client: usize, slot: usize, id: &str) {
        let room = self.clients[client].places[slot].room as usize;
        let number = self.rooms[room].number;
        self.adapter.created(number, id);
        self.made.push((number, id.to_owned()));
        self.rooms[room].exists = true;
        self.joined(client, slot);
        self.release(room);
    }

    /// Other processes made these rooms.
    pub(super) fn rooms_exist(&mut self, rooms: &[(u32, String)]) {
        for (number, id) in rooms {
            let Some(room) = self.room_index.get(number).map(|index| *index as usize) else { continue };
            if !std::mem::replace(&mut self.rooms[room].exists, true) {
                self.adapter.created(*number, id);
                self.release(room);
            }
        }
    }

    fn joined(&mut self, client: usize, slot: usize) {
        let Some(place) = self.clients[client].places.get_mut(slot) else { return };
        let room = place.room as usize;
        if !std::mem::replace(&mut place.joined, true) {
            self.rooms[room].joined += 1;
        }
        self.enter(client, slot);
        if self.rooms[room].joined >= self.rooms[room].expected {
            self.release(room);
        }
        self.check_live(client);
    }

    fn subscribed(&mut self, client: usize, answer: Subscribed, now: u64) {
        let slot = answer.slot as usize;
        let Some(place) = self.clients[client].places.get_mut(slot) else { return };
        if std::mem::replace(&mut place.subscribed, true) {
            return;
        }
        let room = &mut self.rooms[place.room as usize];
        room.live += 1;
        let number = room.number;
        let resumed = answer.recovered == Some(true) && place.positioned;
        if resumed {
            self.recorder.counters.recovered += 1;
        } else {
            self.recorder.counters.unrecovered += u64::from(place.positioned);
            self.recorder.counters.loss += place.tracker.restart(&mut self.missing, client as u32, slot as u32);
            place.since_ns = now;
            place.positioned = false;
            if let Some(position) = &answer.position {
                let known = self.epochs.iter().position(|epoch| *epoch == position.epoch);
                place.epoch = known.unwrap_or_else(|| {
                    self.epochs.push(position.epoch.clone());
                    self.epochs.len() - 1
                }) as u32;
                place.offset = position.offset;
                place.positioned = true;
            }
        }
        for mut missed in answer.missed {
            missed.room = number;
            self.deliver(client, missed, now, false);
        }
        // A resume that claims to be whole but stops short of where the stream stands has a gap.
        if let (true, Some(position)) = (resumed, &answer.position) {
            let place = &mut self.clients[client].places[slot];
            self.recorder.counters.gaps += position.offset.saturating_sub(place.offset);
            place.offset = place.offset.max(position.offset);
        }
        self.check_live(client);
    }

    fn unsubscribed(&mut self, client: usize, room: u32) {
        let Some(index) = self.room_index.get(&room).copied() else { return };
        let places = &mut self.clients[client].places;
        let Some(slot) = places.iter().position(|place| place.room == index && place.subscribed) else { return };
        places[slot].subscribed = false;
        self.rooms[index as usize].live -= 1;
        self.recorder.counters.errors += 1;
        self.recorder.example("unsubscribed", || "the server ended a subscription".to_owned());
        self.clients[client].stage = Stage::Entering;
        self.enter(client, slot);
    }

    fn refused(&mut self, client: usize, about: About, code: u32, message: &str, now: u64) {
        self.recorder.counters.errors += 1;
        self.recorder.example(&format!("refused {code}"), || format!("{about:?}: {message}"));
        let About::Send(message) = about else {
            return self.attempt_failed(client, &format!("{about:?} was refused: {code} {message}"));
        };
        let Some(sender) = &mut self.clients[client].sender else { return };
        let index = sender.in_flight.iter().position(|flying| flying.message == message);
        let Some(flying) = index.and_then(|index| sender.in_flight.remove(index)) else { return };
        sender.streams[flying.place as usize].excuse(flying.seq);
        sender.not_before_ns = now + REFUSED_WAIT_MS * MS;
        self.timers.at(sender.not_before_ns, Due::Resume(client as u32));
    }
}
