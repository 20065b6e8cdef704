//! One node's actors put together: shards and gateways on every thread, and the way in for HTTP.

use std::rc::Rc;
use std::sync::Arc;

use rialto_protocol::rpc::Request;
use rialto_protocol::{ErrorCode, Refusal};
use rialto_storage::Store;

use crate::accounts::Accounts;
use crate::entity::{Answer, Ask, Caller, EntityFactory};
use crate::gateway::link::GatewayLinks;
use crate::gateway::{FlushHook, Gateway, GatewayParts};
use crate::kernel::{Clock, Handle, Shell};
use crate::route::{self, Target};
use crate::router::{Router, SHARDS};
use crate::session::SessionConfig;
use crate::shard::perform::ShardPerformer;
use crate::shard::progress::Progress;
use crate::shard::{Shard, ShardConfig, ShardInput};

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
}

/// What one thread contributes: the handles of its shards, by number.
pub type ThreadShards = Vec<(u16, Handle<ShardInput>)>;

impl Node {
    /// A node without running actors.
    #[must_use]
    pub fn new(parts: NodeParts) -> Self {
        let links = GatewayLinks::new(parts.threads);
        Self { parts, router: Router::default(), links, progress: Progress::default() }
    }

    /// Starts this thread's share of the shards. Call it on the thread's arbiter.
    #[must_use]
    pub fn start_shards(&self, thread: u16) -> ThreadShards {
        let factory = (self.parts.factory)();
        let mine = (0..SHARDS).filter(|number| number % self.parts.threads == thread);
        mine.map(|number| (number, self.start_shard(number, Rc::clone(&factory)))).collect()
    }

    fn start_shard(&self, number: u16, factory: Rc<dyn EntityFactory>) -> Handle<ShardInput> {
        let (config, shape, generation) = (self.parts.shards, self.parts.store.log_shape, Arc::clone(&self.parts.store.generation));
        let remake = Box::new(move || Shard::new(config, shape, Arc::clone(&generation), Rc::clone(&factory)));
        let machine = remake();
        let (store, links, router) = (self.parts.store.clone(), self.links.clone(), self.router.clone());
        let progress = self.progress.clone();
        let performer = ShardPerformer { number, store, links, router, remake, progress };
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
            accounts: self.parts.accounts.clone(),
            config: Arc::clone(&self.parts.sessions),
            clock: self.clock(),
            outbox_bytes_max: self.parts.outbox_bytes_max,
        };
        Gateway::new(parts, hook)
    }

    /// A clock that agrees with those of all threads.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::new(self.parts.started)
    }

    /// The accounts.
    #[must_use]
    pub fn accounts(&self) -> &Accounts {
        &self.parts.accounts
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
        match route::target(&request, caller.user, self.clock().now()) {
            Target::Accounts => about_users(&self.parts.accounts, caller, request).await,
            Target::Entity(entity) => self.router.request(entity, caller.clone(), Ask::Request(Box::new(request))).await,
        }
    }
}

/// Answers the requests that are about users and not about an entity.
pub(crate) async fn about_users(accounts: &Accounts, caller: &Caller, request: Request) -> Result<Answer, Refusal> {
    let profile = match request {
        Request::UserMe => accounts.profile(caller.user).await,
        Request::UserGet(get) => accounts.profile(get.user).await,
        Request::UserFind(find) => accounts.find(&find.username).await,
        Request::UserSet(set) => accounts.set_profile(caller.user, &set.display_name).await,
        _ => Err(ErrorCode::Internal.into()),
    };
    profile.map(Answer::Profile)
}
