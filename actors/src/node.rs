//! One node's actors put together: shards and gateways on every thread, and the way in for HTTP.

use std::rc::Rc;
use std::sync::Arc;

use rialto_protocol::rpc::Request;
use rialto_protocol::{ErrorCode, Refusal};
use rialto_storage::Store;

use crate::accounts::Accounts;
use crate::commands::Commands;
use crate::entity::{Answer, Ask, Caller, EntityFactory};
use crate::gateway::link::GatewayLinks;
use crate::gateway::operator::Desk;
use crate::gateway::{FlushHook, Gateway, GatewayParts};
use crate::kernel::{Clock, Handle, Shell};
use crate::load::Loads;
use crate::presence::Board;
use crate::route::{self, Target};
use crate::router::{Router, SHARDS};
use crate::session::SessionConfig;
use crate::shard::backlog::NodeLag;
use crate::shard::perform::ShardPerformer;
use crate::shard::progress::Progress;
use crate::shard::{Shard, ShardConfig, ShardInput};
use crate::webhooks::Changes;

/// Inputs that one shard's mailbox holds. Above: `overloaded`.
pub const SHARD_MAILBOX: usize = 4096;

/// Makes the product's entities, or a test binary's: called once per thread.
pub type FactoryMaker = Arc<dyn Fn() -> Rc<dyn EntityFactory> + Send + Sync>;

/// What a node's actors are made of; the same for all threads.
#[derive(Clone)]
pub struct NodeParts {
    /// Where everything durable goes.
    pub store: Store,
    /// Who people are.
    pub accounts: Accounts,
    /// What the operator decides about sessions.
    pub sessions: Arc<SessionConfig>,
    /// What the operator decides about shards.
    pub shards: ShardConfig,
    /// Bytes that may wait for one socket.
    pub outbox_bytes_max: usize,
    /// Who listens on other nodes, where nodes share that.
    pub presence: Option<Board>,
    /// Makes entities.
    pub factory: FactoryMaker,
    /// When the process began.
    pub started: std::time::Instant,
    /// Gateway threads.
    pub threads: u16,
}

/// One node. Cheap to clone, reached from any thread.
#[derive(Clone)]
pub struct Node {
    parts: NodeParts,
    router: Router,
    links: GatewayLinks,
    progress: Progress,
    lag: NodeLag,
    beside: Beside,
    changes: Changes,
    loads: Loads,
    desk: Desk,
}

/// What one thread contributes: the handles of its shards, by number.
pub type ThreadShards = Vec<(u16, Handle<ShardInput>)>;

impl Node {
    /// A node without running actors.
    #[must_use]
    pub fn new(parts: NodeParts) -> Self {
        let (links, loads, desk) = (GatewayLinks::new(parts.threads), Loads::new(parts.threads), Desk::new(parts.threads));
        let router = Router::default();
        let commands = Commands::new(parts.store.records.clone(), parts.accounts.clone(), router.clone());
        let beside = Beside { accounts: parts.accounts.clone(), commands };
        let (progress, lag) = (Progress::default(), NodeLag::default());
        Self { parts, router, links, progress, lag, beside, changes: Changes::default(), loads, desk }
    }

    /// Starts this thread's share of the shards. Call it on the thread's arbiter.
    #[must_use]
    pub fn start_shards(&self, thread: u16) -> ThreadShards {
        let factory = (self.parts.factory)();
        let mine = (0..SHARDS).filter(|number| number % self.parts.threads == thread);
        mine.map(|number| (number, self.start_shard(number, thread, Rc::clone(&factory)))).collect()
    }

    fn start_shard(&self, number: u16, thread: u16, factory: Rc<dyn EntityFactory>) -> Handle<ShardInput> {
        let (config, shape, generation) = (self.parts.shards, self.parts.store.log_shape, Arc::clone(&self.parts.store.generation));
        let lag = self.lag.clone();
        let remake = Box::new(move || Shard::new(config, shape, Arc::clone(&generation), Rc::clone(&factory)).sharing(lag.clone()));
        let machine = remake();
        let (store, links, router) = (self.parts.store.clone(), self.links.clone(), self.router.clone());
        let progress = self.progress.clone();
        let (load, clock, changes) = (self.loads.of(thread), self.clock(), self.changes.clone());
        let performer = ShardPerformer { number, store, links, router, remake, progress, changes, load, clock, place: Rc::default() };
        let handle = Shell::start("shard", machine, performer, self.clock(), SHARD_MAILBOX);
        if handle.offer(ShardInput::Start).is_err() {
            tracing::error!(shard = number, "a new shard does not take its first input");
        }
        handle
    }

    /// Opens the way to the shards: after every thread has started its own.
    pub fn open(&self, mut shards: ThreadShards) {
        shards.sort_unstable_by_key(|(number, _)| *number);
        self.router.open(shards.into_iter().map(|(_, handle)| handle).collect());
    }

    /// Starts this thread's gateway. Call it on the thread's arbiter.
    #[must_use]
    pub fn start_gateway(&self, thread: u16, hook: Rc<dyn FlushHook>) -> Gateway {
        let parts = GatewayParts {
            thread,
            links: self.links.clone(),
            router: self.router.clone(),
            beside: self.beside.clone(),
            config: Arc::clone(&self.parts.sessions),
            clock: self.clock(),
            outbox_bytes_max: self.parts.outbox_bytes_max,
            presence: self.parts.presence.clone(),
            load: self.loads.of(thread),
        };
        Gateway::new(parts, hook)
    }

    /// A clock that agrees with those of all threads.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.parts.started)
    }

    /// How busy the threads are.
    #[must_use]
    pub fn loads(&self) -> &Loads {
        &self.loads
    }

    /// The way to the gateway threads, for operators.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// How many inputs wait in each shard's mailbox.
    pub fn mailboxes(&self) -> impl Iterator<Item = usize> + '_ {
        self.router.mailboxes()
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.parts.accounts
    }

    /// What bots understand.
    #[must_use]
    pub fn commands(&self) -> &Commands {
        &self.beside.commands
    }

    /// Where shards say which conversations have new rows.
    #[must_use]
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.parts.store
    }

    /// Carries out a request that is not a session's: HTTP.
    ///
    /// # Errors
    /// What the request's entity refuses, `overloaded`, or `unavailable` when it is not known whether it was carried out.
    pub async fn request(&self, caller: &Caller, request: Request) -> Result<Answer, Refusal> {
        request.check()?;
        let now = self.clock().now();
        if route::speaks(&request) {
            self.parts.accounts.mutes().check(caller.user, now.wall_ms)?;
        }
        match route::target(&request, caller.user, now) {
            Target::Accounts | Target::Commands => self.beside.request(caller, request).await,
            Target::Entity(entity) => self.router.request(entity, caller.clone(), Ask::Request(Box::new(request))).await,
        }
    }
}

/// What answers requests beside the entities. Cheap to clone.
#[derive(Clone)]
pub struct Beside {
    /// Who people are.
    pub accounts: Accounts,
    /// What bots understand.
    pub commands: Commands,
}

impl Beside {
    /// Answers a request that is not an entity's.
    ///
    /// # Errors
    /// What it is refused with.
    pub async fn request(&self, caller: &Caller, request: Request) -> Result<Answer, Refusal> {
        let accounts = &self.accounts;
        let profile = match request {
            Request::UserMe => accounts.profile(caller.user).await,
            Request::UserGet(get) => accounts.profile(get.user).await,
            Request::UserFind(find) => accounts.find(&find.username).await,
            Request::UserSet(set) => accounts.set_profile(caller.user, &set.display_name).await,
            Request::ConversationCommands(one) => return self.commands.of(caller, one.conversation).await.map(Answer::Commands),
            Request::BotSetCommands(set) => return self.commands.set_own(caller, set).await.map(|()| Answer::Done),
            _ => Err(ErrorCode::Internal.into()),
        };
        profile.map(Answer::Profile)
    }
}
