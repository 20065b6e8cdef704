//! `connect` and `refresh`: who is this, and for how long.

use std::sync::Arc;

use rialto_protocol::command::{Command, CommandKind, Recover};
use rialto_protocol::reply::{self, ConnectResult, RefreshResult, ReplyBody, SubscribeResult};
use rialto_protocol::{Channel, CloseCode, ErrorCode, Refusal};

use super::{Connecting, Identity, Phase, ReplyKind, Session, SessionEffect, Subscription, Term, leave, refuse_with, send, ttl};
use crate::accounts::Verified;
use crate::entity::{Ask, StreamPosition, SubscribeAsk};
use crate::kernel::{Effects, Moment};
use crate::router::entity_of;

impl Session {
    pub(super) fn connect(&mut self, now: Moment, command: Command, out: &mut Effects<SessionEffect>) {
        let CommandKind::Connect(connect) = command.kind else { return };
        let connecting = Connecting { command: command.id, recover: connect.subs, ..Connecting::default() };
        if !connect.token.is_empty() {
            self.phase = Phase::Authenticating(Box::new(connecting));
            out.push(SessionEffect::Verify { command: command.id, refresh: false, token: connect.token });
            return named(&connect.name, &connect.version, out);
        }
        if !self.config.anonymous {
            return self.close(CloseCode::InvalidToken, out);
        }
        named(&connect.name, &connect.version, out);
        self.identify(now, connecting, Identity::nobody(), Vec::new(), out);
    }

    pub(super) fn authenticated(
        &mut self,
        now: Moment,
        command: u32,
        verdict: Result<Box<Verified>, Refusal>,
        out: &mut Effects<SessionEffect>,
    ) {
        let Phase::Authenticating(connecting) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        match verdict {
            Ok(mut verified) => {
                let identity = Identity::of(&mut verified);
                self.identify(now, *connecting, identity, verified.channels, out);
            }
            // 109 makes an SDK fetch a new token; no lasting error may look like an invalid one.
            Err(refusal) if refusal.code == ErrorCode::TokenExpired || refusal.code.temporary() => refuse_with(command, &refusal, out),
            Err(_) => self.close(CloseCode::InvalidToken, out),
        }
    }

    fn identify(
        &mut self,
        now: Moment,
        mut connecting: Connecting,
        identity: Identity,
        channels: Vec<String>,
        out: &mut Effects<SessionEffect>,
    ) {
        let user = identity.user;
        self.identity = Some(identity);
        let mut wanted = Vec::new();
        if !user.0.is_nil() {
            wanted.push(Channel::User(user));
        }
        for name in channels {
            match Channel::parse(&name) {
                Ok(Channel::User(_)) | Err(_) => tracing::debug!(channel = %name, "a token's channel is none that it may grant"),
                Ok(channel) if wanted.contains(&channel) => {}
                Ok(channel) => wanted.push(channel),
            }
        }
        if wanted.len() > self.config.subscriptions_max {
            return self.close(CloseCode::ChannelLimit, out);
        }
        for channel in wanted {
            let recover = connecting.recover.remove(&channel.to_string()).filter(|recover| recover.recover);
            connecting.missing += usize::from(self.subscribe_server_side(&channel, recover, out));
        }
        self.phase = Phase::Subscribing(Box::new(connecting));
        self.connect_if_complete(now, out);
    }

    /// Asks for one server-side subscription; false when no rule lets the topic exist.
    fn subscribe_server_side(&mut self, channel: &Channel, recover: Option<Recover>, out: &mut Effects<SessionEffect>) -> bool {
        let entity = entity_of(channel);
        let rule = match channel {
            Channel::Topic(name) => match self.config.topics.find(name) {
                Some(rule) => Some(rule.topic()),
                None => return false,
            },
            _ => None,
        };
        self.subscriptions.push(Subscription { channel: Arc::clone(&entity.channel), term: Term::TOKEN });
        let ask = SubscribeAsk {
            recover: recover.map(|recover| StreamPosition { offset: recover.offset, epoch: recover.epoch }),
            strict: false,
            long: false,
            rule,
            recoverable: rule.is_none_or(|rule| rule.recover),
        };
        out.push(SessionEffect::Ask {
            command: 0,
            kind: ReplyKind::ServerSubscribe,
            entity,
            caller: self.caller(),
            ask: Ask::Subscribe(ask),
            chan_info: None,
        });
        true
    }

    /// A subscription that this session asked for has its result.
    pub(super) fn subscribed(
        &mut self,
        now: Moment,
        channel: &Arc<str>,
        result: Result<Box<SubscribeResult>, Refusal>,
        out: &mut Effects<SessionEffect>,
    ) {
        let at = self.find(channel);
        match (at, &result) {
            (Some(at), Err(_)) => drop(self.subscriptions.remove(at)),
            // All who listen to a channel share one name of it.
            (Some(at), Ok(_)) => self.subscriptions[at].channel = Arc::clone(channel),
            // Given up while it was under way.
            (None, Ok(_)) => leave(Subscription { channel: Arc::clone(channel), term: Term::TOKEN }, out),
            (None, Err(_)) => {}
        }
        let Phase::Subscribing(connecting) = &mut self.phase else { return };
        connecting.missing = connecting.missing.saturating_sub(1);
        match result {
            Ok(result) => {
                connecting.results.insert(channel.to_string(), *result);
            }
            // Without one's inbox there is no connection; another channel of the token may be refused.
            Err(refusal) if channel.starts_with("user:") => return self.inbox_refused(&refusal, out),
            Err(_) => {}
        }
        self.connect_if_complete(now, out);
    }

    fn inbox_refused(&mut self, refusal: &Refusal, out: &mut Effects<SessionEffect>) {
        if refusal.code == ErrorCode::LimitExceeded {
            return self.close(CloseCode::ConnectionLimit, out);
        }
        let Phase::Subscribing(connecting) = std::mem::replace(&mut self.phase, Phase::Fresh) else { return };
        refuse_with(connecting.command, refusal, out);
        for subscription in std::mem::take(&mut self.subscriptions) {
            leave(subscription, out);
        }
    }

    fn connect_if_complete(&mut self, now: Moment, out: &mut Effects<SessionEffect>) {
        if !matches!(&self.phase, Phase::Subscribing(connecting) if connecting.missing == 0) {
            return;
        }
        let Phase::Subscribing(connecting) = std::mem::replace(&mut self.phase, Phase::Live) else { return };
        let expires_ms = self.identity.as_ref().and_then(|identity| identity.expires_ms);
        let result = ConnectResult {
            client: self.client.to_string(),
            version: env!("CARGO_PKG_VERSION"),
            expires: expires_ms.is_some(),
            ttl: expires_ms.map_or(0, |at| ttl(at, now)),
            subs: connecting.results,
            ping: u32::try_from(self.config.ping_interval_ms.div_ceil(1000)).unwrap_or(u32::MAX),
            pong: true,
            session: self.client.to_string(),
            node: self.config.node.to_string(),
            time: now.wall_ms,
        };
        out.push(SessionEffect::Connected { reply: reply::reply(connecting.command, &ReplyBody::Connect(Box::new(result))) });
        self.due_ms = now.mono_ms + self.config.ping_interval_ms;
        for command in connecting.backlog {
            self.command(now, command, out);
        }
    }

    pub(super) fn refreshed(
        &mut self,
        now: Moment,
        command: u32,
        verdict: Result<Box<Verified>, Refusal>,
        out: &mut Effects<SessionEffect>,
    ) {
        if !matches!(self.phase, Phase::Live) {
            return;
        }
        let mut verified = match verdict {
            Ok(verified) if verified.user == self.user() => verified,
            // SDKs take any lasting error to `refresh` as final: an expired token closes instead, so that they fetch a new one.
            Err(refusal) if refusal.code == ErrorCode::TokenExpired => return self.close(CloseCode::ConnectionExpired, out),
            Err(refusal) if refusal.code.temporary() => return refuse_with(command, &refusal, out),
            Ok(_) | Err(_) => return self.close(CloseCode::InvalidToken, out),
        };
        let expires_ms = verified.expires_ms;
        self.identity = Some(Identity::of(&mut verified));
        let result =
            RefreshResult { client: self.client.to_string(), expires: expires_ms.is_some(), ttl: expires_ms.map_or(0, |at| ttl(at, now)) };
        send(command, &ReplyBody::Refresh(result), out);
    }
}

/// What the client calls itself is kept for operators.
fn named(name: &str, version: &str, out: &mut Effects<SessionEffect>) {
    if !name.is_empty() {
        out.push(SessionEffect::Named(format!("{name} {version}").trim_end().to_owned()));
    }
}
