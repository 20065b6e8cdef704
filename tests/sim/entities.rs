//! The product's entities, each within a wrapper that notices panics, and that breaks the one rule that a run is to break.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rialto_actors::conversation::{Conversation, ConversationSizes};
use rialto_actors::entity::{Answer, Ask, EntityEffect, EntityFactory, EntityInput, EntityMachine, EntityName, Query};
use rialto_actors::kernel::supervise::CRASHES_FORGIVEN;
use rialto_actors::kernel::{Effects, Machine, Moment};
use rialto_actors::reply_to::{ReplyTo, SessionReply, Then};
use rialto_actors::session::SessionConfig;
use rialto_actors::topic::Topic;
use rialto_actors::user::User;
use rialto_protocol::rpc::Request;
use rialto_protocol::{ClientId, ConversationId, EntityKey, EntityKind, Refusal, UserId};
use rialto_storage::RowSender;
use rialto_storage::entity_rows::{Activation, Snapshot};
use rialto_tests::Dice;
use uuid::Uuid;

use crate::network::Call;
use crate::node::Place;
use crate::plan::{Plan, percent};
use crate::rules::Rule;
use crate::sessions::session_config;
use crate::world::World;

/// What left an entity past the gate of its shard, because a rule is switched off.
enum Leak {
    Reply(SessionReply, Result<Answer, Refusal>),
    Snapshot(EntityKey, Snapshot),
}

/// What the wrappers of one run share.
pub(crate) struct Watch {
    pub(crate) sessions: Arc<SessionConfig>,
    off: Option<Rule>,
    /// Panics of entities that nobody meant.
    pub(crate) panics: Cell<u32>,
    /// Percent of inputs at which an entity is made to panic.
    percent: u64,
    dice: RefCell<Dice>,
    /// How often each entity of each process was made to.
    pub(crate) made_to_panic: RefCell<BTreeMap<(Place, EntityKey), u32>>,
    leaks: RefCell<Vec<Leak>>,
    /// Ids that were seen before.
    seen: RefCell<BTreeSet<(UserId, String)>>,
    /// Ids that stand for others, because deduplication is switched off.
    pub(crate) aliases: RefCell<BTreeMap<String, String>>,
    /// The highest row that the store gave for an entity's newest activation.
    loaded: RefCell<BTreeMap<(Place, EntityKey), u64>>,
}

impl Watch {
    pub(crate) fn new(plan: &Plan, dice: Dice) -> Self {
        static SESSIONS: OnceLock<Arc<SessionConfig>> = OnceLock::new();
        Self {
            // Rates are counted anew in each run.
            sessions: Arc::new(SessionConfig { user_rates: Arc::default(), ..SessionConfig::clone(SESSIONS.get_or_init(session_config)) }),
            off: plan.off,
            panics: Cell::new(0),
            percent: plan.panics,
            dice: RefCell::new(dice),
            made_to_panic: RefCell::default(),
            leaks: RefCell::default(),
            seen: RefCell::default(),
            aliases: RefCell::default(),
            loaded: RefCell::default(),
        }
    }

    /// Now and then, as often as the supervisor forgives.
    fn panics_now(&self, place: Place, entity: EntityKey) -> bool {
        if !percent(&mut self.dice.borrow_mut(), self.percent) {
            return false;
        }
        let mut made = self.made_to_panic.borrow_mut();
        let times = made.entry((place, entity)).or_default();
        *times += 1;
        *times <= CRASHES_FORGIVEN
    }

    /// The store has given this for an activation.
    pub(crate) fn loaded(&self, place: Place, entity: EntityKey, loaded: &Activation) {
        let snapshot = loaded.snapshot.as_ref().map_or(0, |snapshot| snapshot.seq);
        let top = loaded.rows.last().map_or(snapshot, |row| row.seq);
        self.loaded.borrow_mut().insert((place, entity), top);
    }

    /// An id that nobody has used, of the same date.
    fn alias(&self, id: &ClientId) -> ClientId {
        let mut aliases = self.aliases.borrow_mut();
        let number = aliases.len() as u128 + 1;
        let text = match Uuid::try_parse(id.as_str()) {
            Ok(uuid) => Uuid::from_u128(uuid.as_u128() ^ (number << 8)).to_string(),
            Err(_) => format!("{}#{number}", id.as_str()),
        };
        aliases.insert(text.clone(), id.as_str().to_owned());
        ClientId::new(&text).expect("as good as the one before")
    }
}

/// Makes wrapped entities for one shard.
pub(crate) struct Factory {
    pub(crate) place: Place,
    pub(crate) sizes: ConversationSizes,
    pub(crate) watch: std::rc::Rc<Watch>,
}

impl EntityFactory for Factory {
    fn create(&self, entity: &EntityName) -> Box<EntityMachine> {
        let inner: Box<EntityMachine> = match entity.key.kind {
            EntityKind::Conversation => Box::new(Conversation::with_sizes(ConversationId(entity.key.id), self.sizes)),
            EntityKind::User => Box::new(User::new(UserId(entity.key.id))),
            EntityKind::Topic => Box::new(Topic::default()),
        };
        let watch = std::rc::Rc::clone(&self.watch);
        Box::new(Watched { place: self.place, entity: entity.key, inner, effects: Effects::default(), look_ups: BTreeMap::new(), watch })
    }
}

struct Watched {
    place: Place,
    entity: EntityKey,
    inner: Box<EntityMachine>,
    effects: Effects<EntityEffect>,
    /// Ids that are being looked up, by token.
    look_ups: BTreeMap<u64, RowSender>,
    watch: std::rc::Rc<Watch>,
}

/// Counts a panic that passes by.
struct Panics<'a>(&'a Cell<u32>);

impl Drop for Panics<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() + u32::from(std::thread::panicking()));
    }
}

impl Machine for Watched {
    type Input = EntityInput;
    type Effect = EntityEffect;

    fn apply(&mut self, now: Moment, mut input: EntityInput, effects: &mut Effects<EntityEffect>) {
        let watch = std::rc::Rc::clone(&self.watch);
        let activated = matches!(input, EntityInput::Activated { .. });
        assert!(activated || !watch.panics_now(self.place, self.entity), "made to panic");
        let _panics = Panics(&watch.panics);
        if self.watch.off.is_some() {
            self.spoil(&mut input);
        }
        self.inner.apply(now, input, &mut self.effects);
        for effect in self.effects.drain() {
            if let EntityEffect::Read { token, query: Query::Find { sender, .. } } = &effect {
                self.look_ups.insert(*token, sender.clone());
            }
            match leak(self.watch.off, self.entity, effect) {
                Ok(effect) => effects.push(effect),
                Err(leak) => self.watch.leaks.borrow_mut().push(leak),
            }
        }
    }
}

impl Watched {
    /// Changes an input so that a rule does not hold.
    fn spoil(&mut self, input: &mut EntityInput) {
        match (self.watch.off, input) {
            (Some(Rule::ActivationSeesWaitingRows), EntityInput::Activated { activation, applied, .. }) => {
                activation.rows.retain(|row| row.seq <= *applied);
            }
            (Some(Rule::ActivationSeesTail), EntityInput::Activated { activation, .. }) => {
                let loaded = self.watch.loaded.borrow().get(&(self.place, self.entity)).copied();
                activation.rows.retain(|row| loaded.is_none_or(|loaded| row.seq <= loaded));
            }
            (off, EntityInput::Asked { caller, ask: Ask::Request(request), .. }) => {
                let Some(id) = client_id(request) else { return };
                let copy = !self.watch.seen.borrow_mut().insert((caller.user, id.as_str().to_owned()));
                let looked_up = self.look_ups.values().any(|sender| sender.user == caller.user && sender.client_id == *id);
                if off == Some(Rule::Deduplication) && copy || off == Some(Rule::OneLookUpPerId) && looked_up {
                    *id = self.watch.alias(id);
                }
            }
            (_, EntityInput::Answered { token, .. }) => drop(self.look_ups.remove(token)),
            _ => {}
        }
    }
}

fn client_id(request: &mut Request) -> Option<&mut ClientId> {
    match request {
        Request::ConversationSend(send) => Some(&mut send.client_id),
        Request::ConversationEdit(edit) => Some(&mut edit.client_id),
        _ => None,
    }
}

/// What passes the gate although it should not.
fn leak(off: Option<Rule>, entity: EntityKey, effect: EntityEffect) -> Result<EntityEffect, Leak> {
    match (off, effect) {
        (Some(rule), EntityEffect::Reply { to: ReplyTo::Session(reply), answer }) => {
            let leaks = match (rule, &answer) {
                (Rule::OutputGate, _) => true,
                (Rule::GateOfDuplicates, Ok(Answer::Appended(appended))) => appended.duplicate,
                (Rule::GateOfReads, Ok(Answer::History(_))) => true,
                _ => false,
            };
            if leaks && matches!(reply.then, Then::Answer) {
                return Err(Leak::Reply(reply, answer));
            }
            Ok(EntityEffect::Reply { to: ReplyTo::Session(reply), answer })
        }
        (Some(Rule::GateOfSnapshots), EntityEffect::Snapshot(snapshot)) => Err(Leak::Snapshot(entity, snapshot)),
        (_, effect) => Ok(effect),
    }
}

impl World {
    /// Lets go at once what left an entity past the gate.
    pub(crate) fn leaked(&mut self, place: Place) {
        let leaks = std::mem::take(&mut *self.watch.leaks.borrow_mut());
        for leak in leaks {
            match leak {
                Leak::Reply(reply, answer) => {
                    self.send_to_gateway(place, rialto_actors::gateway::link::FromShard::Answer { reply, answer })
                }
                Leak::Snapshot(entity, snapshot) => self.call(place, Call::Snapshot { entity, snapshot }),
            }
        }
    }
}
