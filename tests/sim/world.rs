//! One run: a queue of events in virtual time, and everything that they happen to. No threads, no clock, no random source but the seed's.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use rialto_actors::gateway::link::FromShard;
use rialto_actors::kernel::Moment;
use rialto_actors::session::SessionInput;
use rialto_actors::shard::ShardInput;
use rialto_tests::Dice;

use crate::client::Client;
use crate::coverage::Coverage;
use crate::engine::Engine;
use crate::entities::Watch;
use crate::faults::Fault;
use crate::freshness::Freshness;
use crate::mutate::{Claims, Fences};
use crate::network::{Connections, Request};
use crate::node::{Node, Place};
use crate::plan::{Plan, START_MS, entropy};
use crate::record::History;
use crate::rules::Rule;
use crate::trace::Trace;

/// Events of one run at most: more means that something goes round in circles.
const EVENTS_MAX: u64 = 400_000;
/// Milliseconds after the storm within which every client must have got its answers.
const CALM_MS: u64 = 120_000;

/// Something that will happen.
#[derive(Debug)]
pub(crate) enum Event {
    /// A statement reaches the store.
    Engine(Box<Request>),
    /// A shard gets an input.
    Shard(Place, Box<ShardInput>),
    /// The time that a shard asked for has come.
    ShardTimer(Place, u64),
    /// A gateway gets something from a shard.
    Gateway { node: usize, life: u32, message: Box<FromShard> },
    /// A session gets an input.
    Session(u32, Box<SessionInput>),
    /// The time that a session asked for has come.
    SessionTimer(u32, u64),
    /// A frame reaches a node.
    ToNode(u32, String),
    /// A frame reaches a client.
    ToClient(u32, String),
    /// A node learns that a connection is gone.
    GoneAtNode(u32),
    /// A client learns that its connection is gone.
    GoneAtClient(u32),
    /// A client looks around.
    Tick(usize),
    /// Something goes wrong, or right again.
    Fault(Fault),
}

/// Orders events by time, then by when they were thought of.
pub(crate) struct Due {
    at_ms: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_ms, self.number).cmp(&(other.at_ms, other.number))
    }
}

/// Everything there is.
pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) dice: Dice,
    pub(crate) now_ms: u64,
    queue: BinaryHeap<Reverse<Due>>,
    num_planned: u64,
    num_events: u64,
    pub(crate) engine: Engine,
    pub(crate) nodes: Vec<Node>,
    pub(crate) connections: Connections,
    pub(crate) clients: Vec<Client>,
    pub(crate) history: History,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) watch: Rc<Watch>,
    pub(crate) fences: Fences,
    pub(crate) claims: Claims,
    pub(crate) freshness: Freshness,
    /// Whether things still go wrong.
    pub(crate) stormy: bool,
    /// The store is down until then.
    pub(crate) down_until_ms: u64,
}

impl World {
    /// The world of a seed before anything has happened.
    pub(crate) fn new(seed: u64, off: Option<Rule>, traced: bool) -> Self {
        let mut dice = Dice::from_seed(seed);
        let plan = Plan::of(&mut dice.fork(), off);
        let watch = Rc::new(Watch::new(&plan, dice.fork()));
        let mut world = Self {
            dice,
            now_ms: 0,
            queue: BinaryHeap::new(),
            num_planned: 0,
            num_events: 0,
            engine: Engine::new(plan.shape, plan.part_rows, plan.off),
            nodes: Vec::new(),
            connections: Connections::default(),
            clients: Vec::new(),
            history: History::default(),
            coverage: Coverage::default(),
            trace: Trace::new(traced),
            watch,
            fences: Fences::new(),
            claims: Claims::new(),
            freshness: Freshness::default(),
            stormy: true,
            down_until_ms: 0,
            plan,
        };
        world.found();
        world
    }

    /// The rooms that exist from the beginning, the nodes, the clients, and the first of each kind of event.
    fn found(&mut self) {
        let rooms = crate::record::rooms(self.plan.rooms);
        for room in &rooms {
            let row = crate::record::founding_row(*room, self.plan.clients);
            self.engine.project(row.clone());
            self.engine.consume(0, row);
        }
        for node in 0..self.plan.nodes {
            self.nodes.push(Node::new());
            self.start(node);
        }
        for client in 0..self.plan.clients {
            self.clients.push(Client::new(client, &self.plan, &rooms));
            self.at(0, Event::Tick(client));
        }
        self.plan_fault();
        let storm_ms = self.plan.storm_ms;
        self.at(storm_ms, Event::Fault(Fault::Calm));
    }

    /// Runs to the end; what is wrong with what happened.
    pub(crate) fn run(&mut self) -> Vec<String> {
        let end_ms = self.plan.storm_ms + CALM_MS;
        while let Some(Reverse(due)) = self.queue.pop() {
            self.num_events += 1;
            if due.at_ms > end_ms || self.num_events > EVENTS_MAX || !self.history.violations.is_empty() {
                break;
            }
            self.now_ms = self.now_ms.max(due.at_ms);
            self.happen(due.event);
            if !self.stormy && self.clients.iter().all(Client::is_done) {
                break;
            }
        }
        self.coverage.events += self.num_events;
        self.coverage.panics += self.watch.made_to_panic.borrow().values().map(|times| u64::from(*times)).sum::<u64>();
        self.verdict()
    }

    /// After this many milliseconds.
    pub(crate) fn after(&mut self, ms: u64, event: Event) {
        self.at(self.now_ms + ms, event);
    }

    /// At this time.
    pub(crate) fn at(&mut self, at_ms: u64, event: Event) {
        self.num_planned += 1;
        self.queue.push(Reverse(Due { at_ms, number: self.num_planned, event }));
    }

    fn happen(&mut self, event: Event) {
        if let Some(node) = self.node_of(&event)
            && self.nodes[node].paused
        {
            self.nodes[node].backlog.push(event);
            return;
        }
        match event {
            Event::Engine(request) => self.at_engine(*request),
            Event::Shard(place, input) => self.shard(place, *input),
            Event::ShardTimer(place, at_ms) => self.shard_timer(place, at_ms),
            Event::Gateway { node, life, message } => self.gateway(node, life, *message),
            Event::Session(session, input) => self.session(session, *input),
            Event::SessionTimer(session, at_ms) => self.session_timer(session, at_ms),
            Event::ToNode(session, text) => self.frame_at_node(session, &text),
            Event::ToClient(session, text) => self.frame_at_client(session, &text),
            Event::GoneAtNode(session) => self.gone_at_node(session),
            Event::GoneAtClient(session) => self.gone_at_client(session),
            Event::Tick(client) => self.tick(client),
            Event::Fault(fault) => self.fault(fault),
        }
    }

    /// The node in whose process an event happens: while that is stopped, it waits.
    fn node_of(&self, event: &Event) -> Option<usize> {
        match event {
            Event::Shard(place, _) | Event::ShardTimer(place, _) => Some(place.node),
            Event::Gateway { node, .. } => Some(*node),
            Event::Session(session, _) | Event::SessionTimer(session, _) | Event::ToNode(session, _) | Event::GoneAtNode(session) => {
                self.connections.node(*session)
            }
            _ => None,
        }
    }

    /// The moment as a node's machines see it.
    pub(crate) fn moment(&mut self, node: usize) -> Moment {
        let wall_ms = START_MS.saturating_add_signed(self.nodes[node].skew_ms) + self.now_ms;
        Moment { wall_ms, mono_ms: self.now_ms, entropy: entropy(&mut self.dice) }
    }
}
