//! The session machine. Connecting and refreshing are in `connect`, commands on channels in `channel`, what time does in `time`.

mod channel;
mod connect;
mod time;

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Arc;

use rialto_protocol::command::{Command, CommandKind, InvalidCommand};
use rialto_protocol::limits::{
    COMMANDS_BURST_MAX, COMMANDS_PER_FRAME_MAX, COMMANDS_PER_SECOND_MAX, CONNECT_WITHIN_MS, EXPIRY_GRACE_MS, PING_INTERVAL_MS,
    PONG_WITHIN_MS, SUBSCRIPTIONS_PER_CONNECTION_MAX,
};
use rialto_protocol::reply::{self, RawJson, ReplyBody, SubscribeResult};
use rialto_protocol::rpc::Request;
use rialto_protocol::{Channel, CloseCode, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use smallvec::SmallVec;
use uuid::Uuid;

use super::effect::{ReplyKind, SessionEffect};
use super::input::SessionInput;
use super::rate::Bucket;
use super::user_rates::UserRates;
use crate::accounts::{Mutes, Verified, Verifier};
use crate::entity::{Ask, Caller};
use crate::kernel::{Effects, Machine, Moment};
use crate::route::{self, Target};
use crate::topic_rules::TopicRules;

/// Commands that may wait for the connect reply. SDKs send their subscriptions along with `connect`. Above: close 3501.
pub const BACKLOG_MAX: usize = COMMANDS_PER_FRAME_MAX;

/// What the operator decides about sessions; shared by all of a node.
#[derive(Clone)]
pub struct SessionConfig {
    /// Commands per second.
    pub commands_per_second: u32,
    /// Commands at once.
    pub commands_burst: u32,
    /// What each user may send over all connections.
    pub user_rates: Arc<UserRates>,
    /// Subscriptions per connection.
    pub subscriptions_max: usize,
    /// Milliseconds from the upgrade to an accepted connect.
    pub connect_within_ms: u64,
    /// Milliseconds between pings.
    pub ping_interval_ms: u64,
    /// Milliseconds within which a ping is answered.
    pub pong_within_ms: u64,
    /// Milliseconds after expiry in which a refresh still counts.
    pub expiry_grace_ms: u64,
    /// Whether one may connect without a token.
    pub anonymous: bool,
    /// The free topics.
    pub topics: Arc<TopicRules>,
    /// Checks subscription tokens: a pure function of token, keys and time.
    pub verifier: Verifier,
    /// Who may not speak for a time.
    pub mutes: Mutes,
    /// The node's name in connect replies.
    pub node: Arc<str>,
}

impl SessionConfig {
    /// The defaults of `protocol::limits`.
    #[must_use]
    pub fn new(topics: Arc<TopicRules>, verifier: Verifier, node: Arc<str>) -> Self {
        Self {
            commands_per_second: COMMANDS_PER_SECOND_MAX,
            commands_burst: COMMANDS_BURST_MAX,
            user_rates: Arc::default(),
            subscriptions_max: SUBSCRIPTIONS_PER_CONNECTION_MAX,
            connect_within_ms: CONNECT_WITHIN_MS,
            ping_interval_ms: PING_INTERVAL_MS,
            pong_within_ms: PONG_WITHIN_MS,
            expiry_grace_ms: EXPIRY_GRACE_MS,
            anonymous: false,
            topics,
            verifier,
            mutes: Mutes::default(),
            node,
        }
    }
}

/// Where a session is on its way.
enum Phase {
    /// Nothing said yet, or the last connect was refused.
    Fresh,
    /// The token is being checked.
    Authenticating(Box<Connecting>),
    /// Server-side subscriptions are being made.
    Subscribing(Box<Connecting>),
    /// Connected.
    Live,
    /// A close is on its way: nothing counts any more.
    Closing,
}

/// What is only needed until the connect reply.
#[derive(Default)]
struct Connecting {
    command: u32,
    /// Positions of server-side subscriptions to recover.
    recover: BTreeMap<String, rialto_protocol::command::Recover>,
    /// Subscriptions without a result so far.
    missing: usize,
    results: BTreeMap<String, SubscribeResult>,
    backlog: VecDeque<Command>,
}

/// One subscription.
struct Subscription {
    channel: Arc<str>,
    term: Term,
}

/// By what right a subscription stands: the rules, or a token until its end in wall-clock time. Eight bytes, because there are so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Term(u64);

impl Term {
    /// The rules let everybody, or this user, listen.
    const RULES: Self = Self(0);
    /// A token lets this session listen, without an end.
    const TOKEN: Self = Self(u64::MAX);

    /// The term that a token's grant gives.
    fn of(expires_ms: Option<u64>) -> Self {
        expires_ms.map_or(Self::TOKEN, |at| Self(at.clamp(1, u64::MAX - 1)))
    }

    fn expires_ms(self) -> Option<u64> {
        (self != Self::RULES && self != Self::TOKEN).then_some(self.0)
    }
}

/// What a verified token says, as far as the session needs it later.
struct Identity {
    user: UserId,
    role: AccountRole,
    expires_ms: Option<u64>,
    /// What a revocation names: refresh family, bot token or `jti`.
    grant: Option<Uuid>,
    claims: Option<Box<Claims>>,
}

/// What few tokens say.
struct Claims {
    info: Option<RawJson>,
    scopes: Option<Vec<String>>,
}

impl Identity {
    /// Keeps what is needed of a verdict.
    fn of(verified: &mut Verified) -> Self {
        let Verified { user, role, expires_ms, session, info, scopes, .. } = verified;
        let claims = Claims { info: info.take(), scopes: scopes.take() };
        let says_something = claims.info.is_some() || claims.scopes.is_some();
        Self { user: *user, role: *role, expires_ms: *expires_ms, grant: *session, claims: says_something.then(|| Box::new(claims)) }
    }

    /// Whoever has no token.
    fn nobody() -> Self {
        Self { user: UserId(Uuid::nil()), role: AccountRole::User, expires_ms: None, grant: None, claims: None }
    }
}

/// The machine of one connection.
pub struct Session {
    config: Arc<SessionConfig>,
    client: Uuid,
    phase: Phase,
    /// `None` until a token was accepted.
    identity: Option<Identity>,
    /// The inbox and one room need no memory of their own.
    subscriptions: SmallVec<[Subscription; 2]>,
    bucket: Bucket,
    /// Monotonic: the connect deadline, then the next ping, or while one is unanswered the pong's deadline.
    due_ms: u64,
    awaiting_pong: bool,
    /// Commands taken from the user's bucket and not used yet.
    user_tokens: u8,
    /// The standing wish to be woken.
    wake_ms: u64,
}

impl Session {
    /// A session whose socket has just been upgraded. `client` is the connection's id.
    #[must_use]
    pub fn new(config: Arc<SessionConfig>, client: Uuid, now: Moment) -> Self {
        let (bucket, due_ms) = (Bucket::full(config.commands_burst, now.mono_ms), now.mono_ms + config.connect_within_ms);
        Self {
            config,
            client,
            phase: Phase::Fresh,
            identity: None,
            subscriptions: SmallVec::new(),
            bucket,
            due_ms,
            awaiting_pong: false,
            user_tokens: 0,
            wake_ms: u64::MAX,
        }
    }

    /// The connection's id.
    #[must_use]
    pub fn client(&self) -> Uuid {
        self.client
    }

    /// Who it is; nil for anonymous ones and while it is not known.
    #[must_use]
    pub fn user(&self) -> UserId {
        self.identity.as_ref().map_or(UserId(Uuid::nil()), |identity| identity.user)
    }

    /// What a revocation names: refresh family, bot token or `jti`.
    #[must_use]
    pub fn grant(&self) -> Option<Uuid> {
        self.identity.as_ref().and_then(|identity| identity.grant)
    }

    /// When its token ends, milliseconds since 1970; `None` when never, or while it is not known.
    #[must_use]
    pub fn expires_ms(&self) -> Option<u64> {
        self.identity.as_ref().and_then(|identity| identity.expires_ms)
    }

    /// Channels that it listens to.
    pub fn channels(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        self.subscriptions.iter().map(|one| Arc::clone(&one.channel))
    }

    fn claims(&self) -> Option<&Claims> {
        self.identity.as_ref().and_then(|identity| identity.claims.as_deref())
    }

    fn is_anonymous(&self) -> bool {
        self.user().0.is_nil()
    }

    fn caller(&self) -> Caller {
        Caller {
            user: self.user(),
            client: Some(self.client),
            role: self.identity.as_ref().map_or(AccountRole::User, |identity| identity.role),
            info: self.claims().and_then(|claims| claims.info.clone()),
        }
    }

    /// Bot tokens carry scopes: method names, or prefixes that end with `.*`.
    fn in_scope(&self, method: &str) -> bool {
        let Some(scopes) = self.claims().and_then(|claims| claims.scopes.as_ref()) else { return true };
        scopes.iter().any(|scope| match scope.strip_suffix('*') {
            Some(prefix) => method.starts_with(prefix),
            None => scope == method,
        })
    }

    fn close(&mut self, code: CloseCode, out: &mut Effects<SessionEffect>) {
        if !matches!(self.phase, Phase::Closing) {
            self.phase = Phase::Closing;
            out.push(SessionEffect::Close(code));
        }
    }

    fn commands(&mut self, now: Moment, commands: SmallVec<[Result<Command, InvalidCommand>; 1]>, out: &mut Effects<SessionEffect>) {
        for command in commands {
            match command {
                Ok(command) => self.command(now, command, out),
                Err(_) => self.close(CloseCode::BadRequest, out),
            }
        }
    }

    fn command(&mut self, now: Moment, command: Command, out: &mut Effects<SessionEffect>) {
        let is_connect = matches!(command.kind, CommandKind::Connect(_));
        match &mut self.phase {
            Phase::Closing => {}
            Phase::Fresh if is_connect => self.connect(now, command, out),
            Phase::Live if matches!(command.kind, CommandKind::Pong) => self.pong(now, out),
            Phase::Live if !is_connect => self.live(now, command, out),
            Phase::Authenticating(connecting) | Phase::Subscribing(connecting)
                if !is_connect && !matches!(command.kind, CommandKind::Pong) && connecting.backlog.len() < BACKLOG_MAX =>
            {
                connecting.backlog.push_back(command);
            }
            _ => self.close(CloseCode::BadRequest, out),
        }
    }

    /// Whether the user may send one more command; anonymous connections have no user to count for.
    fn user_may(&mut self, mono_ms: u64) -> bool {
        let user = self.user();
        if user.0.is_nil() {
            return true;
        }
        if self.user_tokens == 0 {
            self.user_tokens = self.config.user_rates.take(user, mono_ms);
        }
        let may = self.user_tokens > 0;
        self.user_tokens -= u8::from(may);
        may
    }

    fn live(&mut self, now: Moment, command: Command, out: &mut Effects<SessionEffect>) {
        let Command { id, kind } = command;
        if !self.bucket.take(self.config.commands_per_second, self.config.commands_burst, now.mono_ms) || !self.user_may(now.mono_ms) {
            if id != 0 {
                refuse(id, ErrorCode::TooManyRequests, out);
            }
            return;
        }
        match kind {
            CommandKind::Request(request) => self.request(now, id, request, ReplyKind::Rpc, out),
            CommandKind::Rpc { method, data } => self.rpc(now, id, &method, data.get(), out),
            CommandKind::Publish { channel, data } => self.publish(now, id, &channel, data, out),
            CommandKind::Subscribe(subscribe) => self.subscribe(now, id, subscribe, out),
            CommandKind::Unsubscribe { channel } => self.unsubscribe(id, &channel, out),
            CommandKind::Presence { channel } => self.presence(id, &channel, ReplyKind::Presence, out),
            CommandKind::PresenceStats { channel } => self.presence(id, &channel, ReplyKind::PresenceStats, out),
            CommandKind::History(history) => self.history(id, history, out),
            CommandKind::Refresh { token } => out.push(SessionEffect::Verify { command: id, refresh: true, token }),
            CommandKind::SubRefresh { channel, token } => self.sub_refresh(now, id, &channel, &token, out),
            // A message without answer has no meaning of ours yet; it counts against the rate.
            CommandKind::Send | CommandKind::Pong | CommandKind::Connect(_) => {}
        }
    }

    fn rpc(&mut self, now: Moment, id: u32, method: &str, data: &str, out: &mut Effects<SessionEffect>) {
        match Request::parse(method, data) {
            Ok(request) => self.request(now, id, Box::new(request), ReplyKind::Rpc, out),
            Err(refusal) => refuse_with(id, &refusal, out),
        }
    }

    fn request(&mut self, now: Moment, id: u32, request: Box<Request>, kind: ReplyKind, out: &mut Effects<SessionEffect>) {
        if self.is_anonymous() {
            return refuse(id, ErrorCode::Unauthorized, out);
        }
        if !self.in_scope(request.method()) {
            return refuse(id, ErrorCode::Forbidden, out);
        }
        if route::speaks(&request)
            && let Err(refusal) = self.may_speak(now)
        {
            return refuse_with(id, &refusal, out);
        }
        let caller = self.caller();
        out.push(match route::target(&request, caller.user, now) {
            Target::Entity(entity) => SessionEffect::Ask { command: id, kind, entity, caller, ask: Ask::Request(request), chan_info: None },
            Target::Accounts | Target::Commands => SessionEffect::Accounts { command: id, caller, request },
        });
    }

    /// Whether an operator lets the user speak.
    fn may_speak(&self, now: Moment) -> Result<(), Refusal> {
        self.config.mutes.check(self.user(), now.wall_ms)
    }

    fn ended(&mut self, out: &mut Effects<SessionEffect>) {
        self.phase = Phase::Closing;
        for subscription in std::mem::take(&mut self.subscriptions) {
            leave(subscription, out);
        }
        out.push(SessionEffect::Gone);
    }
}

impl Machine for Session {
    type Input = SessionInput;
    type Effect = SessionEffect;

    fn apply(&mut self, now: Moment, input: SessionInput, out: &mut Effects<SessionEffect>) {
        match input {
            SessionInput::Opened => {}
            SessionInput::Commands(commands) => self.commands(now, commands, out),
            SessionInput::Binary => self.close(CloseCode::InappropriateProtocol, out),
            SessionInput::Verified { command, refresh: false, verdict } => self.authenticated(now, command, verdict, out),
            SessionInput::Verified { command, refresh: true, verdict } => self.refreshed(now, command, verdict, out),
            SessionInput::Subscribed { channel, result } => self.subscribed(now, &channel, result, out),
            SessionInput::Unsubscribed { channel } => self.subscriptions.retain(|one| one.channel != channel),
            SessionInput::Woken => self.woken(now, out),
            SessionInput::End(code) => self.close(code, out),
            SessionInput::Closed => return self.ended(out),
        }
        self.settle(now, out);
    }
}

fn refuse(id: u32, code: ErrorCode, out: &mut Effects<SessionEffect>) {
    refuse_with(id, &code.into(), out);
}

fn refuse_with(id: u32, refusal: &Refusal, out: &mut Effects<SessionEffect>) {
    metrics::counter!("rialto_errors_total", "code" => refusal.code.word()).increment(1);
    send(id, &ReplyBody::from(refusal), out);
}

fn send(id: u32, body: &ReplyBody, out: &mut Effects<SessionEffect>) {
    out.push(SessionEffect::Send(reply::reply(id, body)));
}

/// Gives a subscription up.
fn leave(subscription: Subscription, out: &mut Effects<SessionEffect>) {
    // A channel that was subscribed to has a name that parses.
    if let Ok(parsed) = Channel::parse(&subscription.channel) {
        out.push(SessionEffect::Leave { entity: parsed.entity(), channel: subscription.channel });
    }
}

/// Whole seconds until a wall-clock time, rounded up, at least 1: SDKs take 0 for "never".
fn ttl(expires_ms: u64, now: Moment) -> u32 {
    u32::try_from(expires_ms.saturating_sub(now.wall_ms).div_ceil(1000)).unwrap_or(u32::MAX).max(1)
}
