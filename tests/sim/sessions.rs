//! The gateway of a simulated node: sessions with their commands under way, and who listens to what. It does what the product's does, without threads and outboxes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rialto_actors::accounts::{KeyMaterial, KeyRing, Verified, Verifier};
use rialto_actors::entity::Answer;
use rialto_actors::gateway::SessionId;
use rialto_actors::gateway::link::FromShard;
use rialto_actors::kernel::{Effects, Machine as _};
use rialto_actors::reply_to::{CommandAddress, Infos, Listener, ReplyTo, SessionReply, Then};
use rialto_actors::session::{ReplyKind, Session, SessionConfig, SessionEffect, SessionInput};
use rialto_actors::shard::ShardInput;
use rialto_actors::topic_rules::{Access, Rule, TopicRules};
use rialto_protocol::command::commands;
use rialto_protocol::reply::{self, Empty, ReplyBody, SubscribeResult};
use rialto_protocol::{Channel, CloseCode, ErrorCode, Refusal, UnsubscribeCode, UserId};
use rialto_storage::accounts::AccountRole;
use uuid::Uuid;

use crate::node::{Place, shard_of};
use crate::plan::START_MS;
use crate::record::user;
use crate::world::{Event, World};

/// A command that waits for its answer.
pub(crate) struct UnderWay {
    command: u32,
    kind: ReplyKind,
    channel: Arc<str>,
}

pub(crate) struct SessionPlace {
    machine: Session,
    client: Uuid,
    under_way: BTreeMap<u32, UnderWay>,
    num_commands: u32,
    wake_ms: Option<u64>,
    /// Publications that came before the connect reply; `None` once that has left.
    early: Option<Vec<String>>,
}

/// What all sessions share.
pub(crate) fn session_config() -> Arc<SessionConfig> {
    let rule = Rule {
        pattern: "*".into(),
        subscribe: Access::User,
        publish: Access::User,
        presence: Access::User,
        join_leave: Access::User,
        history_size: 20,
        history_ttl_ms: 60_000,
        recover: true,
    };
    // Nobody brings a subscription token: the keys are never asked.
    let keys = KeyRing::new(&KeyMaterial::generate(START_MS)).expect("fresh keys are good");
    let verifier = Verifier::new(keys, Vec::new(), false);
    Arc::new(SessionConfig::new(Arc::new(TopicRules::new(true, vec![rule])), verifier, "sim".into()))
}

impl World {
    /// A client's socket reaches a node.
    pub(crate) fn accept(&mut self, connection: u32, node: usize) {
        let now = self.moment(node);
        let client = uuid::Builder::from_random_bytes(now.entropy.to_be_bytes()).into_uuid();
        let machine = Session::new(Arc::clone(&self.watch.sessions), client, now);
        let place = SessionPlace { machine, client, under_way: BTreeMap::new(), num_commands: 0, wake_ms: None, early: Some(Vec::new()) };
        self.nodes[node].sessions.insert(connection, place);
        self.after(0, Event::Session(connection, Box::new(SessionInput::Opened)));
    }

    /// The place of a session, if it still is.
    fn session_place(&mut self, connection: u32) -> Option<(Place, &mut SessionPlace)> {
        let one = self.connections.get(connection)?;
        let node = &mut self.nodes[one.node];
        let place = Place { node: one.node, life: one.life, shard: 0 };
        if node.life != one.life {
            return None;
        }
        Some((place, node.sessions.get_mut(&connection)?))
    }

    pub(crate) fn frame_at_node(&mut self, connection: u32, text: &str) {
        if self.connections.get(connection).is_none_or(|one| one.lost) {
            return;
        }
        self.say(|| format!("up      {connection}: {text}"));
        self.session(connection, SessionInput::Commands(commands(text).collect()));
    }

    pub(crate) fn gone_at_node(&mut self, connection: u32) {
        self.session(connection, SessionInput::Closed);
    }

    pub(crate) fn session(&mut self, connection: u32, input: SessionInput) {
        let Some(node) = self.connections.node(connection) else { return };
        let now = self.moment(node);
        let Some((place, session)) = self.session_place(connection) else { return };
        let mut effects = Effects::default();
        session.machine.apply(now, input, &mut effects);
        for effect in effects.drain() {
            self.perform_session(place, connection, effect);
        }
    }

    pub(crate) fn session_timer(&mut self, connection: u32, at_ms: u64) {
        let Some((_, session)) = self.session_place(connection) else { return };
        if session.wake_ms == Some(at_ms) {
            session.wake_ms = None;
            self.session(connection, SessionInput::Woken);
        }
    }

    fn perform_session(&mut self, place: Place, connection: u32, effect: SessionEffect) {
        match effect {
            SessionEffect::Send(text) => self.send_down(connection, text),
            SessionEffect::Connected { reply } => {
                let early = self.session_place(connection).and_then(|(_, session)| session.early.take());
                self.send_down(connection, reply);
                for text in early.unwrap_or_default() {
                    self.send_down(connection, text);
                }
            }
            SessionEffect::Verify { command, refresh, token } => {
                let verdict = verified(&token).map(Box::new);
                self.after(1, Event::Session(connection, Box::new(SessionInput::Verified { command, refresh, verdict })));
            }
            SessionEffect::Ask { .. } => self.ask_shard(place, connection, effect),
            SessionEffect::Accounts { .. } => unreachable!("no client asks about users"),
            SessionEffect::Named(_) => {}
            SessionEffect::Leave { entity, channel } => {
                self.leave_room(place.node, connection, &channel);
                let Some((_, session)) = self.session_place(connection) else { return };
                let input = ShardInput::Leave { entity, client: session.client };
                self.after(0, Event::Shard(Place { shard: shard_of(entity), ..place }, Box::new(input)));
            }
            SessionEffect::WakeAt { mono_ms } => {
                let at_ms = mono_ms.max(self.now_ms);
                if let Some((_, session)) = self.session_place(connection) {
                    session.wake_ms = Some(at_ms);
                }
                self.at(at_ms, Event::SessionTimer(connection, at_ms));
            }
            SessionEffect::Close(code) => {
                self.say(|| format!("down    {connection}: close {code:?}"));
                self.break_connection(connection, true);
            }
            SessionEffect::Gone => {
                let node = &mut self.nodes[place.node];
                node.sessions.remove(&connection);
                node.rooms.values_mut().for_each(|listeners| listeners.retain(|one| *one != connection));
            }
        }
    }

    fn ask_shard(&mut self, place: Place, connection: u32, effect: SessionEffect) {
        let SessionEffect::Ask { command, kind, entity, caller, ask, chan_info } = effect else { return };
        let Some((_, session)) = self.session_place(connection) else { return };
        session.num_commands += 1;
        let number = session.num_commands;
        let listener = |join_leave| Listener {
            client: session.client,
            thread: 0,
            user: caller.user,
            join_leave,
            infos: Infos::of(caller.info.clone(), chan_info.clone()),
        };
        let listen = |join_leave| Then::listen(entity.clone(), listener(join_leave));
        let then = match &kind {
            ReplyKind::Subscribe { join_leave, .. } => listen(*join_leave),
            ReplyKind::ServerSubscribe => listen(false),
            ReplyKind::Presence => Then::Presence,
            ReplyKind::PresenceStats => Then::PresenceStats,
            ReplyKind::Rpc | ReplyKind::Publish | ReplyKind::History => Then::Answer,
        };
        session.under_way.insert(number, UnderWay { command, kind, channel: Arc::clone(&entity.channel) });
        let address = CommandAddress { thread: 0, session: SessionId { index: connection, generation: 0 }, command: number };
        let reply = ReplyTo::Session(SessionReply { address, then });
        let to = Place { shard: shard_of(entity.key), ..place };
        self.after(0, Event::Shard(to, Box::new(ShardInput::Ask { entity, caller, ask, reply })));
    }

    /// A gateway takes what a shard sends.
    pub(crate) fn gateway(&mut self, node: usize, life: u32, message: FromShard) {
        if self.nodes[node].life != life {
            return;
        }
        match message {
            FromShard::Answer { reply, answer } => self.answer(Place { node, life, shard: 0 }, reply, answer),
            FromShard::Publication { channel, frame, .. } => self.publish(node, &channel, &frame),
            // Nobody asks for join and leave pushes.
            FromShard::Presence { .. } => {}
            FromShard::Missed { channel } => self.missed(Place { node, life, shard: 0 }, &channel),
            // No shard panics here.
            FromShard::Lost { .. } => {}
            FromShard::Unsubscribe { channel, user } => self.unsubscribe(node, &channel, user),
        }
    }

    fn answer(&mut self, place: Place, reply: SessionReply, answer: Result<Answer, Refusal>) {
        let connection = reply.address.session.index;
        let done = self.session_place(connection).and_then(|(_, session)| session.under_way.remove(&reply.address.command));
        let Some(UnderWay { command, kind, channel }) = done else {
            if let (Then::Listen(listen), Ok(_)) = (reply.then, &answer) {
                let (entity, client) = (listen.entity.key, listen.listener.client);
                self.after(0, Event::Shard(Place { shard: shard_of(entity), ..place }, Box::new(ShardInput::Leave { entity, client })));
            }
            return;
        };
        if let (ReplyKind::Subscribe { .. } | ReplyKind::ServerSubscribe, Ok(_)) = (&kind, &answer) {
            let listeners = self.nodes[place.node].rooms.entry(Arc::clone(&channel)).or_default();
            if !listeners.contains(&connection) {
                listeners.push(connection);
            }
        }
        match kind {
            ReplyKind::ServerSubscribe => {
                let result = answer.and_then(|answer| match answer {
                    Answer::Subscribed(result) => Ok(result),
                    _ => Err(ErrorCode::Internal.into()),
                });
                self.after(0, Event::Session(connection, Box::new(SessionInput::Subscribed { channel, result })));
            }
            ReplyKind::Subscribe { .. } => {
                let result = answer.as_ref().map(|_| Box::default()).map_err(Clone::clone);
                self.send_down(connection, write(command, &kind, answer));
                self.after(0, Event::Session(connection, Box::new(SessionInput::Subscribed { channel, result })));
            }
            _ => self.send_down(connection, write(command, &kind, answer)),
        }
    }

    fn publish(&mut self, node: usize, channel: &Arc<str>, frame: &[u8]) {
        let text = payload(frame);
        for connection in self.nodes[node].rooms.get(channel).cloned().unwrap_or_default() {
            let Some((_, session)) = self.session_place(connection) else { continue };
            match &mut session.early {
                Some(early) => early.push(text.clone()),
                None => self.send_down(connection, text.clone()),
            }
        }
    }

    fn unsubscribe(&mut self, node: usize, channel: &Arc<str>, user: UserId) {
        for connection in self.nodes[node].rooms.get(channel).cloned().unwrap_or_default() {
            if self.session_place(connection).is_some_and(|(_, session)| session.machine.user() == user) {
                self.leave_room(node, connection, channel);
                self.send_down(connection, reply::unsubscribe_push(channel, UnsubscribeCode::ServerUnsubscribe));
                let channel = Arc::clone(channel);
                self.after(0, Event::Session(connection, Box::new(SessionInput::Unsubscribed { channel })));
            }
        }
    }

    /// The shard has lost its fence, or a stream in memory is gone: whoever listens must recover.
    fn missed(&mut self, place: Place, channel: &Arc<str>) {
        let Ok(parsed) = Channel::parse(channel) else { return };
        for connection in self.nodes[place.node].rooms.get(channel).cloned().unwrap_or_default() {
            self.leave_room(place.node, connection, channel);
            let Some((_, session)) = self.session_place(connection) else { continue };
            let input = ShardInput::Leave { entity: parsed.entity(), client: session.client };
            self.after(0, Event::Shard(Place { shard: shard_of(parsed.entity()), ..place }, Box::new(input)));
            self.coverage.told_to_recover += 1;
            if matches!(parsed, Channel::User(_)) {
                // A server-side subscription has no way to recover but a new connection.
                self.after(0, Event::Session(connection, Box::new(SessionInput::End(CloseCode::InsufficientState))));
                continue;
            }
            self.send_down(connection, reply::unsubscribe_push(channel, UnsubscribeCode::InsufficientState));
            self.after(0, Event::Session(connection, Box::new(SessionInput::Unsubscribed { channel: Arc::clone(channel) })));
        }
    }

    fn leave_room(&mut self, node: usize, connection: u32, channel: &str) {
        if let Some(listeners) = self.nodes[node].rooms.get_mut(channel) {
            listeners.retain(|one| *one != connection);
        }
    }
}

/// The text within a whole WebSocket frame of a server.
fn payload(frame: &[u8]) -> String {
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    String::from_utf8(frame[header..].to_vec()).expect("text frames are UTF-8")
}

/// Whom a client's token stands for: its number.
fn verified(token: &str) -> Result<Verified, Refusal> {
    let number = token.parse().map_err(|_| ErrorCode::InvalidCredentials)?;
    Ok(Verified {
        user: user(number),
        role: AccountRole::User,
        expires_ms: None,
        session: None,
        info: None,
        channels: Vec::new(),
        external: None,
        display_name: None,
        scopes: None,
    })
}

/// A reply as text.
fn write(command: u32, kind: &ReplyKind, answer: Result<Answer, Refusal>) -> String {
    let body = match (kind, answer) {
        (_, Err(refusal)) => ReplyBody::from(&refusal),
        (ReplyKind::Rpc, Ok(answer)) => return payload(&answer.rpc_frame(command)),
        (ReplyKind::Publish, Ok(_)) => ReplyBody::Publish(Empty {}),
        (_, Ok(Answer::History(history))) => ReplyBody::History(history),
        (ReplyKind::Subscribe { ttl, .. }, Ok(Answer::Subscribed(result))) => {
            ReplyBody::Subscribe(Box::new(SubscribeResult { expires: *ttl > 0, ttl: *ttl, ..*result }))
        }
        (_, Ok(_)) => ReplyBody::from(&Refusal::from(ErrorCode::Internal)),
    };
    reply::reply(command, &body)
}
