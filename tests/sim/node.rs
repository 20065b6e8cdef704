//! One node: its shards, its sessions, and what stands in for the actors around them. Everything that decides is the product's; what is here carries effects out.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use rialto_actors::gateway::link::FromShard;
use rialto_actors::kernel::{Effects, Machine as _};
use rialto_actors::reply_to::ReplyTo;
use rialto_actors::shard::log::LogCall;
use rialto_actors::shard::{Shard, ShardEffect, ShardInput};
use rialto_protocol::EntityKey;

use crate::entities::Factory;
use crate::network::Call;
use crate::plan::SHARDS;
use crate::sessions::SessionPlace;
use crate::world::{Event, World};

/// The identity of the simulated store's timeline.
const GENERATION: &str = "sim";

/// A shard in one life of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) node: usize,
    pub(crate) life: u32,
    pub(crate) shard: u16,
}

/// The shard of an entity.
pub(crate) fn shard_of(entity: EntityKey) -> u16 {
    u16::from(entity.id.as_bytes()[15]) % SHARDS
}

pub(crate) struct ShardPlace {
    machine: Shard,
    effects: Effects<ShardEffect>,
    wake_ms: Option<u64>,
}

/// A node.
pub(crate) struct Node {
    /// Counts its processes.
    pub(crate) life: u32,
    pub(crate) shards: Vec<ShardPlace>,
    pub(crate) sessions: BTreeMap<u32, SessionPlace>,
    /// Who listens to which channel.
    pub(crate) rooms: BTreeMap<Arc<str>, Vec<u32>>,
    pub(crate) paused: bool,
    /// What happened while it was stopped.
    pub(crate) backlog: Vec<Event>,
    /// Statements do not reach the store.
    pub(crate) cut_there: bool,
    /// Answers do not come back.
    pub(crate) cut_back: bool,
    /// How far its wall clock is off.
    pub(crate) skew_ms: i64,
    /// It does not come back.
    pub(crate) gone: bool,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self {
            life: 0,
            shards: Vec::new(),
            sessions: BTreeMap::new(),
            rooms: BTreeMap::new(),
            paused: false,
            backlog: Vec::new(),
            cut_there: false,
            cut_back: false,
            skew_ms: 0,
            gone: false,
        }
    }

    /// Whether its process lives, stopped or not.
    pub(crate) fn is_up(&self) -> bool {
        !self.shards.is_empty()
    }
}

impl World {
    /// A node's process begins: every shard claims its log.
    pub(crate) fn start(&mut self, number: usize) {
        if self.nodes[number].is_up() || self.nodes[number].gone {
            return;
        }
        let (config, shape, sizes) = (self.plan.shard, self.plan.shape, self.plan.sizes);
        let watch = Rc::clone(&self.watch);
        let node = &mut self.nodes[number];
        node.life += 1;
        let life = node.life;
        node.shards = (0..SHARDS)
            .map(|shard| {
                let place = Place { node: number, life, shard };
                let factory = Rc::new(Factory { place, sizes, watch: Rc::clone(&watch) });
                let machine = Shard::new(config, shape, Arc::from(GENERATION), factory);
                ShardPlace { machine, effects: Effects::default(), wake_ms: None }
            })
            .collect();
        self.say(|| format!("node    {number} begins life {life}"));
        for shard in 0..SHARDS {
            self.after(0, Event::Shard(Place { node: number, life, shard }, Box::new(ShardInput::Start)));
        }
    }

    /// A node's process ends without a word.
    pub(crate) fn crash(&mut self, number: usize) {
        if !self.nodes[number].is_up() {
            return;
        }
        self.coverage.crashes += 1;
        self.say(|| format!("fault   node {number} crashes"));
        for connection in self.connections.of_node(number) {
            self.break_connection(connection, true);
        }
        let node = &mut self.nodes[number];
        node.life += 1;
        node.shards.clear();
        node.sessions.clear();
        node.rooms.clear();
        node.backlog.clear();
        node.paused = false;
    }

    /// A shard takes an input; what it wants is carried out.
    pub(crate) fn shard(&mut self, place: Place, input: ShardInput) {
        let now = self.moment(place.node);
        let node = &self.nodes[place.node];
        if node.life != place.life {
            return;
        }
        if !node.is_up() {
            return;
        }
        self.note_ask(&input);
        let shard = &mut self.nodes[place.node].shards[usize::from(place.shard)];
        shard.machine.apply(now, input, &mut shard.effects);
        let effects: Vec<ShardEffect> = shard.effects.drain().collect();
        self.leaked(place);
        for effect in effects {
            self.perform(place, effect);
        }
    }

    pub(crate) fn shard_timer(&mut self, place: Place, at_ms: u64) {
        let node = &mut self.nodes[place.node];
        let shard = node.shards.get_mut(usize::from(place.shard)).filter(|_| node.life == place.life);
        if let Some(shard) = shard
            && shard.wake_ms == Some(at_ms)
        {
            shard.wake_ms = None;
            self.shard(place, ShardInput::Woken);
        }
    }

    fn perform(&mut self, place: Place, effect: ShardEffect) {
        match effect {
            ShardEffect::Log(LogCall::RetryAt { mono_ms }) | ShardEffect::WakeAt { mono_ms } => self.wake_shard(place, mono_ms),
            ShardEffect::Log(call) => self.call(place, Call::Log(call)),
            ShardEffect::Gather => self.after(0, Event::Shard(place, Box::new(ShardInput::Gathered))),
            // Every append has a place at once.
            ShardEffect::GiveUpPlace => {}
            ShardEffect::Load { entity, activation } => self.call(place, Call::Load { entity, activation }),
            ShardEffect::Read { entity, activation, token, query } => {
                self.call(place, Call::Read { entity, activation, token, query });
            }
            ShardEffect::Consume(batch) => self.call(place, Call::Consume(batch)),
            ShardEffect::Truncate { bucket } => self.call(place, Call::Truncate { bucket }),
            // No list is asked for: nobody waits for it.
            ShardEffect::Progress { .. } => {}
            ShardEffect::Snapshot { entity, snapshot } => self.call(place, Call::Snapshot { entity, snapshot }),
            ShardEffect::Reply { to: ReplyTo::Session(reply), answer } => {
                self.note_answer(&reply, &answer);
                self.send_to_gateway(place, FromShard::Answer { reply, answer });
            }
            ShardEffect::Reply { .. } => unreachable!("only sessions ask"),
            ShardEffect::Publish { channel, frame, offset, .. } => {
                self.send_to_gateway(place, FromShard::Publication { channel, frame, offset });
            }
            ShardEffect::Presence { channel, frame, .. } => self.send_to_gateway(place, FromShard::Presence { channel, frame }),
            ShardEffect::Missed { channel, .. } => self.send_to_gateway(place, FromShard::Missed { channel }),
            ShardEffect::Unsubscribe { channel, user, .. } => self.send_to_gateway(place, FromShard::Unsubscribe { channel, user }),
            ShardEffect::Tell { user, tell } => {
                let to = Place { shard: shard_of(EntityKey::from(user)), ..place };
                self.after(0, Event::Shard(to, Box::new(ShardInput::Tell { user, tell })));
            }
        }
    }

    /// One timer: an earlier wish replaces the standing one, a later one does not.
    fn wake_shard(&mut self, place: Place, mono_ms: u64) {
        let at_ms = mono_ms.max(self.now_ms);
        let shard = &mut self.nodes[place.node].shards[usize::from(place.shard)];
        if shard.wake_ms.is_some_and(|standing| standing <= at_ms) {
            return;
        }
        shard.wake_ms = Some(at_ms);
        self.at(at_ms, Event::ShardTimer(place, at_ms));
    }

    pub(crate) fn send_to_gateway(&mut self, place: Place, message: FromShard) {
        self.after(0, Event::Gateway { node: place.node, life: place.life, message: Box::new(message) });
    }

    /// Says a line of the trace.
    pub(crate) fn say(&mut self, line: impl FnOnce() -> String) {
        self.trace.say(self.now_ms, line);
    }
}
