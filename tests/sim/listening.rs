//! What a client does with what it hears: it takes the next row, heals a gap by recovering, and never sees a position twice.

use rialto_protocol::ConversationId;
use rialto_protocol::reply::{ConnectResult, HistoryResult, Publication, SubscribeResult};
use rialto_protocol::rpc::Appended;
use rialto_tests::history::Ack;
use rialto_tests::json;
use serde::Deserialize;

use crate::check::named;
use crate::client::{Asked, TOPIC};
use crate::record::Slice;
use crate::world::World;

/// A subscription to a conversation.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) room: ConversationId,
    /// The epoch, once known.
    epoch: Option<String>,
    live: bool,
    asked: bool,
    /// What was seen without a gap so far; the last one is still growing.
    slices: Vec<(u64, Vec<(u64, String)>)>,
}

impl Listening {
    pub(crate) fn new(room: ConversationId) -> Self {
        Self { room, epoch: None, live: false, asked: false, slices: Vec::new() }
    }

    /// The connection is gone.
    pub(crate) fn interrupted(&mut self) {
        (self.live, self.asked) = (false, false);
    }

    /// The last position seen.
    pub(crate) fn top(&self) -> u64 {
        self.slices.last().map_or(0, |(from, rows)| rows.last().map_or(*from, |(offset, _)| *offset))
    }

    fn take(&mut self, publication: &Publication) {
        if let Some((_, rows)) = self.slices.last_mut() {
            rows.push((publication.offset, publication.data.get().to_owned()));
        }
    }

    pub(crate) fn take_slices(&mut self, who: &str) -> Vec<Slice> {
        let slice = |(from, rows)| Slice { who: who.to_owned(), room: self.room, from, rows };
        std::mem::take(&mut self.slices).into_iter().map(slice).collect()
    }
}

/// A subscription to a stream that lives in memory.
#[derive(Debug, Default)]
pub(crate) struct InMemory {
    /// Offset and epoch.
    pub(crate) position: Option<(u64, String)>,
    pub(crate) live: bool,
    asked: bool,
}

/// Any frame of a server.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Frame {
    id: u32,
    error: Option<WireError>,
    connect: Option<ConnectResult>,
    subscribe: Option<SubscribeResult>,
    history: Option<HistoryResult>,
    rpc: Option<Rpc>,
    push: Option<Push>,
}

#[derive(Deserialize)]
struct WireError {
    message: String,
}

#[derive(Deserialize)]
struct Rpc {
    data: Box<serde_json::value::RawValue>,
}

#[derive(Deserialize)]
struct Push {
    channel: String,
    #[serde(rename = "pub")]
    publication: Option<Publication>,
    unsubscribe: Option<serde_json::Value>,
}

impl World {
    /// Subscribes to something that the client does not listen to yet; false when it listens to everything.
    pub(crate) fn subscribe_next(&mut self, number: usize) -> bool {
        let client = &mut self.clients[number];
        if !client.topic.live && !client.topic.asked {
            client.topic.asked = true;
            let mut subscribe = json!({ "channel": TOPIC });
            if let Some((offset, epoch)) = &client.topic.position {
                subscribe = json!({ "channel": TOPIC, "recover": true, "offset": offset, "epoch": epoch });
            }
            let from = client.topic.position.as_ref().map(|(offset, _)| *offset);
            self.ask(number, Asked::Topic { from }, "subscribe", subscribe);
            return true;
        }
        let Some(index) = client.rooms.iter().position(|room| !room.live && !room.asked) else { return false };
        let room = &mut client.rooms[index];
        room.asked = true;
        let channel = format!("conversation:{}", room.room);
        let (subscribe, from) = match &room.epoch {
            Some(epoch) => {
                let offset = room.top();
                (json!({ "channel": channel, "recover": true, "offset": offset, "epoch": epoch }), Some(offset))
            }
            None => (json!({ "channel": channel }), None),
        };
        self.ask(number, Asked::Room { index, from }, "subscribe", subscribe);
        true
    }

    /// A client reads a frame.
    pub(crate) fn frame_at_client(&mut self, connection: u32, text: &str) {
        let Some(one) = self.connections.get(connection).filter(|one| !one.lost) else { return };
        let number = one.client;
        let current = self.clients[number].link.as_mut().filter(|link| link.connection == connection);
        let Some(link) = current else { return };
        self.trace.say(self.now_ms, || format!("down    {connection}: {text}"));
        if text == "{}" {
            return self.send_up(connection, "{}".to_owned());
        }
        let frame: Frame = match serde_json::from_str(text) {
            Ok(frame) => frame,
            Err(error) => return self.history.violations.push(format!("a frame that no client can read: {error}: {text}")),
        };
        if let Some(push) = frame.push {
            return self.pushed(number, push);
        }
        let Some(asked) = link.asked.remove(&frame.id) else {
            return self.history.violations.push(format!("an answer to nothing: {text}"));
        };
        self.answered(number, asked, frame);
    }

    fn answered(&mut self, number: usize, asked: Asked, frame: Frame) {
        match (asked, frame) {
            (Asked::Connect, Frame { connect: Some(result), .. }) => self.connected(number, &result),
            (Asked::Connect, _) => {
                let connection = self.clients[number].link.as_ref().map(|link| link.connection);
                self.break_connection(connection.expect("just heard from"), true);
            }
            (Asked::Message { room, client_id }, Frame { rpc: Some(rpc), .. }) => self.acked(number, room, &client_id, rpc.data.get()),
            (Asked::Message { client_id, .. }, Frame { error: Some(error), .. }) => {
                self.coverage.refusals += 1;
                if error.message == "invalid_argument" {
                    self.history.violations.push(format!("a good message is called {}", error.message));
                }
                self.refused(number, &client_id);
            }
            (Asked::Room { index, from }, Frame { subscribe: Some(result), .. }) => self.entered(number, index, from, &result),
            (Asked::Room { index, .. }, _) => self.clients[number].rooms[index].asked = false,
            (Asked::Topic { from }, Frame { subscribe: Some(result), .. }) => {
                let topic = &mut self.clients[number].topic;
                (topic.live, topic.asked) = (true, false);
                self.entered_memory(number, TOPIC, from, &result);
            }
            (Asked::Topic { .. }, _) => self.clients[number].topic.asked = false,
            (Asked::History { index }, Frame { history: Some(history), .. }) => self.read(number, index, history),
            (Asked::Message { client_id, .. }, _) => self.history.violations.push(format!("no proper answer to {client_id}")),
            (Asked::History { .. } | Asked::Other, _) => {}
        }
    }

    fn acked(&mut self, number: usize, room: ConversationId, client_id: &str, data: &str) {
        let Ok(appended) = serde_json::from_str::<Appended>(data) else {
            return self.history.violations.push(format!("an acknowledgement that no client can read: {data}"));
        };
        self.coverage.acks += 1;
        self.coverage.duplicates += u64::from(appended.duplicate);
        let Appended { offset, epoch, duplicate, .. } = appended;
        let ack = Ack { client_id: named(self.user_of(number), client_id), offset, epoch, duplicate };
        self.history.acks.entry(room).or_default().push(ack);
        self.acknowledged(number, room, client_id, offset);
    }

    fn connected(&mut self, number: usize, result: &ConnectResult) {
        let channel = format!("user:{}", self.user_of(number));
        let client = &mut self.clients[number];
        if let Some(link) = &mut client.link {
            link.live = true;
        }
        client.inbox.live = true;
        let from = client.inbox.position.as_ref().map(|(offset, _)| *offset);
        match result.subs.get(&channel) {
            Some(result) => self.entered_memory(number, &channel, from, result),
            None => self.history.violations.push(format!("client {number} was not subscribed to its inbox")),
        }
    }

    /// A subscription to a room begins: with everything missed, or honestly without.
    fn entered(&mut self, number: usize, index: usize, from: Option<u64>, result: &SubscribeResult) {
        let room = &mut self.clients[number].rooms[index];
        (room.live, room.asked) = (true, false);
        if room.epoch.as_ref().is_some_and(|epoch| *epoch != result.epoch) {
            self.history.violations.push(format!("client {number}: the epoch of {} changed", room.room));
            return;
        }
        room.epoch = Some(result.epoch.clone());
        match from {
            Some(_) if result.recovered => {
                self.coverage.recovered += 1;
                self.coverage.rows_recovered += result.publications.len() as u64;
                result.publications.iter().for_each(|publication| room.take(publication));
            }
            from => {
                self.coverage.not_recovered += u64::from(from.is_some());
                room.slices.push((result.offset, Vec::new()));
            }
        }
    }

    fn entered_memory(&mut self, number: usize, channel: &str, from: Option<u64>, result: &SubscribeResult) {
        for publication in &result.publications {
            self.history.saw_in_memory(channel, &result.epoch, publication.offset, publication.data.get().to_owned());
        }
        let client = &mut self.clients[number];
        let place = if channel == TOPIC { &mut client.topic } else { &mut client.inbox };
        let offset = match from.filter(|_| result.recovered) {
            Some(from) => {
                let dense = result.publications.iter().zip(from + 1..).all(|(publication, expected)| publication.offset == expected);
                if !dense || place.position.as_ref().is_some_and(|(_, epoch)| *epoch != result.epoch) {
                    self.history.violations.push(format!("client {number}: a false recovery of {channel}"));
                }
                from + result.publications.len() as u64
            }
            None => result.offset,
        };
        place.position = Some((offset, result.epoch.clone()));
    }

    fn pushed(&mut self, number: usize, push: Push) {
        if push.unsubscribe.is_some() && push.channel == TOPIC {
            return self.clients[number].topic.live = false;
        }
        if push.unsubscribe.is_some() {
            let room = self.clients[number].rooms.iter_mut().find(|room| push.channel.ends_with(&room.room.to_string()));
            return room.into_iter().for_each(Listening::interrupted);
        }
        let Some(publication) = push.publication else { return };
        if push.channel.starts_with("conversation:") {
            self.heard(number, &push.channel, &publication);
        } else {
            self.heard_in_memory(number, &push.channel, &publication);
        }
    }

    fn heard(&mut self, number: usize, channel: &str, publication: &Publication) {
        let Some(room) = self.clients[number].rooms.iter_mut().find(|room| channel.ends_with(&room.room.to_string())) else { return };
        if !room.live || publication.offset == 0 {
            return;
        }
        let expected = room.top() + 1;
        if publication.offset == expected {
            self.coverage.published += 1;
            return room.take(publication);
        }
        if publication.offset < expected {
            let offset = publication.offset;
            return self.history.violations.push(format!("client {number}: {channel} published {offset} after {}", expected - 1));
        }
        // Another owner has appended what this one never published: leave, and come back with one's position.
        room.interrupted();
        let channel = channel.to_owned();
        self.ask(number, Asked::Other, "unsubscribe", json!({ "channel": channel }));
    }

    fn heard_in_memory(&mut self, number: usize, channel: &str, publication: &Publication) {
        let client = &mut self.clients[number];
        let place = if channel == TOPIC { &mut client.topic } else { &mut client.inbox };
        let Some((offset, epoch)) = &mut place.position else { return };
        if publication.offset != *offset + 1 {
            let expected = *offset + 1;
            return self.history.violations.push(format!("client {number}: {channel} published {} and not {expected}", publication.offset));
        }
        *offset = publication.offset;
        let epoch = epoch.clone();
        if channel == TOPIC {
            self.coverage.topic_publications += 1;
        } else {
            self.coverage.inbox_events += 1;
        }
        self.history.saw_in_memory(channel, &epoch, publication.offset, publication.data.get().to_owned());
    }

    /// A part of the stream, newest first.
    fn read(&mut self, number: usize, index: usize, mut history: HistoryResult) {
        self.coverage.histories += 1;
        history.publications.reverse();
        let Some(first) = history.publications.first() else { return };
        let from = first.offset - 1;
        let rows = history.publications.iter().map(|publication| (publication.offset, publication.data.get().to_owned())).collect();
        let room = self.clients[number].rooms[index].room;
        self.history.slices.push(Slice { who: format!("client {number} by history"), room, from, rows });
    }
}
