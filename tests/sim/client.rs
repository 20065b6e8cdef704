//! A client: it sends messages in lanes until each is acknowledged, retries elsewhere with the same id, listens, and recovers by offset.

use std::collections::BTreeMap;

use rialto_protocol::{ConversationId, UserId};
use rialto_tests::history::Sent;
use rialto_tests::{Value, json};
use uuid::Uuid;

use crate::check::named;
use crate::listening::{InMemory, Listening};
use crate::plan::{Plan, START_MS, between, percent, pick};
use crate::record::{Slice, user};
use crate::world::{Event, World};

/// The free topic that everybody listens to.
pub(crate) const TOPIC: &str = "news";
/// Milliseconds between two looks of a client.
const TICK_MS: (u64, u64) = (5, 60);
/// Milliseconds after which a client no longer believes that an answer will come.
const PATIENCE_MS: (u64, u64) = (250, 1_500);

/// What a command was, while its answer is awaited.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    Connect,
    /// A message of the user with this id.
    Message {
        room: ConversationId,
        client_id: String,
    },
    /// A subscription to a room, with the position to recover from.
    Room {
        index: usize,
        from: Option<u64>,
    },
    Topic {
        from: Option<u64>,
    },
    History {
        index: usize,
    },
    Other,
}

/// A connection as the client sees it.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) connection: u32,
    pub(crate) live: bool,
    since_ms: u64,
    num_commands: u32,
    pub(crate) asked: BTreeMap<u32, Asked>,
}

/// A message that is not acknowledged yet.
#[derive(Clone, Debug)]
struct Message {
    client_id: String,
    method: &'static str,
    body: Value,
    /// It is under way since then.
    sent_ms: Option<u64>,
    /// If it is not, it is sent again then.
    retry_ms: u64,
    patience_ms: u64,
}

/// Messages that are sent one after the other.
#[derive(Debug)]
struct Lane {
    room: ConversationId,
    next: u64,
    total: u64,
    current: Option<Message>,
    /// A message of this lane that stands.
    own: Option<u64>,
}

/// A client.
pub(crate) struct Client {
    number: usize,
    user: UserId,
    pub(crate) link: Option<Link>,
    reconnect_ms: u64,
    pub(crate) rooms: Vec<Listening>,
    pub(crate) inbox: InMemory,
    pub(crate) topic: InMemory,
    lanes: Vec<Lane>,
    /// Some messages that are acknowledged: they are sent again now and then, as by somebody who lost the answer.
    done: Vec<(ConversationId, Message)>,
}

impl Client {
    pub(crate) fn new(number: usize, plan: &Plan, rooms: &[ConversationId]) -> Self {
        let lane =
            |index: usize| Lane { room: rooms[(number + index) % rooms.len()], next: 0, total: plan.messages, current: None, own: None };
        Self {
            number,
            user: user(number as u128),
            link: None,
            reconnect_ms: 0,
            rooms: rooms.iter().map(|room| Listening::new(*room)).collect(),
            inbox: InMemory::default(),
            topic: InMemory::default(),
            lanes: (0..plan.lanes).map(lane).collect(),
            done: Vec::new(),
        }
    }

    /// Whether every message is acknowledged.
    pub(crate) fn is_done(&self) -> bool {
        self.lanes.iter().all(|lane| lane.next == lane.total && lane.current.is_none())
    }

    /// What it still waits for.
    pub(crate) fn state(&self) -> String {
        let waiting: Vec<_> = self.lanes.iter().filter_map(|lane| lane.current.as_ref()).map(|message| &message.client_id).collect();
        format!("client {} never got its answers: {waiting:?} of {} lanes", self.number, self.lanes.len())
    }

    /// What it saw.
    pub(crate) fn take_slices(&mut self) -> Vec<Slice> {
        let who = format!("client {}", self.number);
        self.rooms.iter_mut().flat_map(|room| room.take_slices(&who)).collect()
    }

    /// A new command on the connection: its id.
    fn command(&mut self, asked: Asked) -> Option<(u32, u32)> {
        let link = self.link.as_mut()?;
        link.num_commands += 1;
        link.asked.insert(link.num_commands, asked);
        Some((link.connection, link.num_commands))
    }

    fn disconnected(&mut self, reconnect_ms: u64) {
        self.link = None;
        self.reconnect_ms = reconnect_ms;
        self.rooms.iter_mut().for_each(Listening::interrupted);
        (self.topic.live, self.inbox.live) = (false, false);
        for message in self.lanes.iter_mut().filter_map(|lane| lane.current.as_mut()) {
            message.sent_ms = None;
        }
    }
}

impl World {
    /// A client looks around and does one thing.
    pub(crate) fn tick(&mut self, number: usize) {
        let wait_ms = between(&mut self.dice, TICK_MS.0, TICK_MS.1);
        self.after(wait_ms, Event::Tick(number));
        let now_ms = self.now_ms;
        let client = &mut self.clients[number];
        match &client.link {
            None if now_ms >= client.reconnect_ms => self.connect(number),
            None => {}
            Some(link) if link.live => self.act(number),
            Some(link) if now_ms > link.since_ms + PATIENCE_MS.1 => self.hang_up(number),
            Some(_) => {}
        }
    }

    fn connect(&mut self, number: usize) {
        let node = pick(&mut self.dice, self.plan.nodes);
        let retry_ms = self.now_ms + between(&mut self.dice, 20, 200);
        if !self.nodes[node].is_up() {
            self.clients[number].reconnect_ms = retry_ms;
            return;
        }
        let connection = self.connections.open(number, node, self.nodes[node].life);
        self.say(|| format!("client  {number} connects to node {node}: {connection}"));
        self.accept(connection, node);
        let since_ms = self.now_ms;
        let client = &mut self.clients[number];
        client.link = Some(Link { connection, live: false, since_ms, num_commands: 0, asked: BTreeMap::new() });
        let mut connect = json!({ "token": number.to_string() });
        if let Some((offset, epoch)) = &client.inbox.position {
            let channel = format!("user:{}", client.user);
            connect["subs"] = json!({ channel: { "recover": true, "offset": offset, "epoch": epoch } });
        }
        self.ask(number, Asked::Connect, "connect", connect);
    }

    /// Sends a command.
    pub(crate) fn ask(&mut self, number: usize, asked: Asked, kind: &str, body: Value) {
        if let Some((connection, id)) = self.clients[number].command(asked) {
            self.send_up(connection, json!({ "id": id, kind: body }).to_string());
        }
    }

    /// The client gives its connection up; the node learns of it later.
    fn hang_up(&mut self, number: usize) {
        let reconnect_ms = self.now_ms + between(&mut self.dice, 0, 100);
        let Some(link) = &self.clients[number].link else { return };
        let connection = link.connection;
        self.break_connection(connection, false);
        self.clients[number].disconnected(reconnect_ms);
    }

    pub(crate) fn gone_at_client(&mut self, connection: u32) {
        let Some(number) = self.connections.get(connection).map(|one| one.client) else { return };
        let reconnect_ms = self.now_ms + between(&mut self.dice, 0, 200);
        if self.clients[number].link.as_ref().is_some_and(|link| link.connection == connection) {
            self.clients[number].disconnected(reconnect_ms);
        }
    }

    fn act(&mut self, number: usize) {
        if self.subscribe_next(number) {
            return;
        }
        match self.dice.below(30) {
            0 => self.send_again(number),
            1 => {
                let index = pick(&mut self.dice, self.plan.rooms);
                let channel = format!("conversation:{}", self.clients[number].rooms[index].room);
                self.ask(number, Asked::History { index }, "history", json!({ "channel": channel, "limit": 12, "reverse": true }));
            }
            2 => self.ask(number, Asked::Other, "publish", json!({ "channel": TOPIC, "data": { "by": number, "at": self.now_ms } })),
            3 => {
                let index = pick(&mut self.dice, self.plan.rooms);
                let room = &self.clients[number].rooms[index];
                let body = json!({ "conversation": room.room, "offset": room.top().max(1) });
                self.ask(number, Asked::Other, "rpc", json!({ "method": "conversation.mark_read", "data": body }));
            }
            _ => {
                let lane = pick(&mut self.dice, self.plan.lanes);
                self.drive(number, lane);
            }
        }
    }

    /// A lane sends its next message, or does something about the one that it waits for.
    fn drive(&mut self, number: usize, lane: usize) {
        let now_ms = self.now_ms;
        let at = &self.clients[number].lanes[lane];
        match &at.current {
            None if at.next < at.total => {
                self.compose(number, lane);
                self.send(number, lane);
            }
            None => {}
            Some(message) => match message.sent_ms {
                None if now_ms >= message.retry_ms => {
                    self.coverage.retries += 1;
                    self.send(number, lane);
                }
                None => {}
                Some(sent_ms) if now_ms > sent_ms + message.patience_ms => {
                    if self.dice.one_in(2) {
                        self.coverage.retries += 1;
                        self.send(number, lane);
                    } else {
                        self.hang_up(number);
                    }
                }
                // A second copy while the first is under way.
                Some(_) if percent(&mut self.dice, 15) => self.send(number, lane),
                Some(_) => {}
            },
        }
    }

    fn compose(&mut self, number: usize, lane: usize) {
        let patience_ms = between(&mut self.dice, PATIENCE_MS.0, PATIENCE_MS.1);
        let edits = percent(&mut self.dice, 20);
        let dated = !self.plan.undated || self.dice.one_in(2);
        let random = self.dice.below(1 << 40);
        let wall_ms = START_MS + self.now_ms;
        let client = &mut self.clients[number];
        let at = &mut client.lanes[lane];
        let client_id = if dated {
            let bits = (u128::from(wall_ms) << 80) | (7 << 76) | (2 << 62) | u128::from(random);
            Uuid::from_u128(bits).to_string()
        } else {
            format!("c{number}.{lane}.{}", at.next)
        };
        let text = format!("{number}.{lane}.{}", at.next);
        let (method, body) = match at.own.filter(|_| edits) {
            Some(target) => {
                ("conversation.edit", json!({ "conversation": at.room, "client_id": client_id, "target": target, "text": text }))
            }
            None => ("conversation.send", json!({ "conversation": at.room, "client_id": client_id, "text": text })),
        };
        let sent = Sent { lane: format!("{number}.{lane}"), number: at.next, client_id: named(client.user, &client_id) };
        at.next += 1;
        at.current = Some(Message { client_id, method, body, sent_ms: None, retry_ms: 0, patience_ms });
        self.history.sent.entry(at.room).or_default().push(sent);
    }

    fn send(&mut self, number: usize, lane: usize) {
        let now_ms = self.now_ms;
        let at = &mut self.clients[number].lanes[lane];
        let Some(message) = &mut at.current else { return };
        message.sent_ms = Some(message.sent_ms.unwrap_or(now_ms));
        let asked = Asked::Message { room: at.room, client_id: message.client_id.clone() };
        let body = json!({ "method": message.method, "data": message.body });
        self.ask(number, asked, "rpc", body);
    }

    /// Sends something again that stands already.
    fn send_again(&mut self, number: usize) {
        let num_done = self.clients[number].done.len();
        if num_done > 0 {
            let (room, message) = self.clients[number].done[pick(&mut self.dice, num_done)].clone();
            let asked = Asked::Message { room, client_id: message.client_id };
            self.ask(number, asked, "rpc", json!({ "method": message.method, "data": message.body }));
        }
    }

    /// A message stands.
    pub(crate) fn acknowledged(&mut self, number: usize, room: ConversationId, client_id: &str, offset: u64) {
        let client = &mut self.clients[number];
        for lane in client.lanes.iter_mut().filter(|lane| lane.room == room) {
            if lane.current.as_ref().is_some_and(|message| message.client_id == *client_id) {
                let message = lane.current.take().expect("just looked at");
                if message.method == "conversation.send" {
                    lane.own = Some(offset);
                }
                client.done.push((room, message));
                return;
            }
        }
    }

    /// A message was refused: it is sent again later, perhaps elsewhere.
    pub(crate) fn refused(&mut self, number: usize, client_id: &str) {
        let retry_ms = self.now_ms + between(&mut self.dice, 20, 400);
        let elsewhere = percent(&mut self.dice, 30);
        let mut current = self.clients[number].lanes.iter_mut().filter_map(|lane| lane.current.as_mut());
        let Some(message) = current.find(|message| message.client_id == *client_id) else { return };
        message.sent_ms = None;
        message.retry_ms = retry_ms;
        if elsewhere {
            self.hang_up(number);
        }
    }

    /// The user of a client.
    pub(crate) fn user_of(&self, number: usize) -> UserId {
        self.clients[number].user
    }
}
