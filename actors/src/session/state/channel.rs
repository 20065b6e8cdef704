//! Commands on channels: subscribe, unsubscribe, publish, presence, history, and what a topic's rule lets whom do.

use std::sync::Arc;

use rialto_protocol::channel::InvalidChannel;
use rialto_protocol::command::{History, Subscribe};
use rialto_protocol::reply::{ClientInfo, Empty, RawJson, RefreshResult, ReplyBody};
use rialto_protocol::rpc::{Request, SendMessage};
use rialto_protocol::{Channel, ClientId, CloseCode, ConversationId, ErrorCode, Refusal};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{ReplyKind, Session, SessionEffect, Subscription, Term, leave, refuse, refuse_with, send, ttl};
use crate::accounts::{SubscriptionToken, TokenProblem};
use crate::entity::{Ask, EntityName, StreamPosition, SubscribeAsk};
use crate::kernel::{Effects, Moment};
use crate::router::entity_of;
use crate::topic_rules::{Access, Rule};

/// Value 2 of `flag`: refuse instead of answering `recovered: false`.
const REJECT_UNRECOVERED: u32 = 2;

/// Body of a `publish` on a conversation: that of `conversation.send` without its name.
#[derive(Deserialize)]
struct PublishedMessage {
    client_id: ClientId,
    text: String,
    #[serde(default)]
    reply_to: Option<u64>,
}

impl Session {
    pub(super) fn subscribe(&mut self, now: Moment, id: u32, subscribe: Subscribe, out: &mut Effects<SessionEffect>) {
        let Some(channel) = self.channel(id, &subscribe.channel, out) else { return };
        if self.find(&subscribe.channel).is_some() {
            return refuse(id, ErrorCode::AlreadySubscribed, out);
        }
        if self.subscriptions.len() >= self.config.subscriptions_max {
            return refuse(id, ErrorCode::LimitExceeded, out);
        }
        let grant = match self.granted(now, &subscribe.channel, &subscribe.token) {
            Ok(grant) => grant,
            Err(code) => return refuse(id, code, out),
        };
        let mut ask = SubscribeAsk {
            recover: subscribe.recover.then_some(StreamPosition { offset: subscribe.offset, epoch: subscribe.epoch }),
            strict: subscribe.flag & REJECT_UNRECOVERED != 0,
            long: true,
            rule: None,
            recoverable: true,
        };
        let mut join_leave = subscribe.join_leave;
        if let Channel::Topic(name) = &channel {
            let Some(rule) = self.allowed_rule(name, |rule| rule.subscribe, grant.is_some()) else {
                return refuse(id, ErrorCode::PermissionDenied, out);
            };
            ask.rule = Some(rule.topic());
            ask.recoverable = rule.recover;
            join_leave &= self.allows(rule.join_leave, grant.is_some());
        }
        let entity = entity_of(&channel);
        let (expires_ms, chan_info) = grant.as_ref().map_or((None, None), |grant| (grant.expires_ms, grant.info.clone()));
        let term = grant.as_ref().map_or(Term::RULES, |grant| Term::of(grant.expires_ms));
        self.subscriptions.push(Subscription { channel: Arc::clone(&entity.channel), term });
        let kind = ReplyKind::Subscribe { join_leave, ttl: expires_ms.map_or(0, |at| ttl(at, now)) };
        out.push(SessionEffect::Ask { command: id, kind, entity, caller: self.caller(), ask: Ask::Subscribe(ask), chan_info });
    }

    pub(super) fn unsubscribe(&mut self, id: u32, channel: &str, out: &mut Effects<SessionEffect>) {
        if channel.is_empty() {
            return self.close(CloseCode::BadRequest, out);
        }
        if let Some(at) = self.find(channel) {
            leave(self.subscriptions.remove(at), out);
        }
        send(id, &ReplyBody::Unsubscribe(Empty {}), out);
    }

    pub(super) fn publish(&mut self, now: Moment, id: u32, channel: &str, data: Box<RawValue>, out: &mut Effects<SessionEffect>) {
        match self.channel(id, channel, out) {
            None => {}
            Some(Channel::User(_)) => refuse(id, ErrorCode::PermissionDenied, out),
            Some(Channel::Conversation(conversation)) => match as_message(conversation, &data) {
                Ok(request) => self.request(now, id, Box::new(request), ReplyKind::Publish, out),
                Err(refusal) => refuse_with(id, &refusal, out),
            },
            Some(Channel::Topic(name)) => {
                let by_token = self.subscribed_by_token(channel);
                let Some(rule) = self.allowed_rule(&name, |rule| rule.publish, by_token) else {
                    return refuse(id, ErrorCode::PermissionDenied, out);
                };
                if let Err(refusal) = self.may_speak(now) {
                    return refuse_with(id, &refusal, out);
                }
                let ask = Ask::Publish { data: RawJson::new(data), info: Some(Box::new(self.info())), rule: rule.topic() };
                self.ask(id, ReplyKind::Publish, entity_of(&Channel::Topic(name)), ask, out);
            }
        }
    }

    pub(super) fn presence(&mut self, id: u32, channel: &str, kind: ReplyKind, out: &mut Effects<SessionEffect>) {
        let Some(parsed) = self.channel(id, channel, out) else { return };
        if let Channel::Topic(name) = &parsed
            && self.allowed_rule(name, |rule| rule.presence, self.subscribed_by_token(channel)).is_none()
        {
            return refuse(id, ErrorCode::PermissionDenied, out);
        }
        self.ask(id, kind, entity_of(&parsed), Ask::Presence, out);
    }

    pub(super) fn history(&mut self, id: u32, history: History, out: &mut Effects<SessionEffect>) {
        let Some(parsed) = self.channel(id, &history.channel, out) else { return };
        if let Channel::Topic(name) = &parsed {
            match self.allowed_rule(name, |rule| rule.subscribe, self.subscribed_by_token(&history.channel)) {
                None => return refuse(id, ErrorCode::PermissionDenied, out),
                Some(rule) if rule.history_size == 0 => return refuse(id, ErrorCode::NotAvailable, out),
                Some(_) => {}
            }
        }
        self.ask(id, ReplyKind::History, entity_of(&parsed), Ask::History(history), out);
    }

    pub(super) fn sub_refresh(&mut self, now: Moment, id: u32, channel: &str, token: &str, out: &mut Effects<SessionEffect>) {
        if channel.is_empty() {
            return self.close(CloseCode::BadRequest, out);
        }
        let Some(at) = self.find(channel) else { return refuse(id, ErrorCode::PermissionDenied, out) };
        match self.granted(now, channel, token) {
            Ok(Some(grant)) => {
                self.subscriptions[at].term = Term::of(grant.expires_ms);
                let result = RefreshResult {
                    client: String::new(),
                    expires: grant.expires_ms.is_some(),
                    ttl: grant.expires_ms.map_or(0, |at| ttl(at, now)),
                };
                send(id, &ReplyBody::SubRefresh(result), out);
            }
            Ok(None) => refuse(id, ErrorCode::BadRequest, out),
            Err(code) => refuse(id, code, out),
        }
    }

    fn ask(&mut self, command: u32, kind: ReplyKind, entity: EntityName, ask: Ask, out: &mut Effects<SessionEffect>) {
        out.push(SessionEffect::Ask { command, kind, entity, caller: self.caller(), ask, chan_info: None });
    }

    /// Parses a command's channel; a missing one is a violation, a wrong one an error.
    fn channel(&mut self, id: u32, name: &str, out: &mut Effects<SessionEffect>) -> Option<Channel> {
        if name.is_empty() {
            self.close(CloseCode::BadRequest, out);
            return None;
        }
        match Channel::parse(name) {
            Ok(channel) => Some(channel),
            Err(InvalidChannel::Malformed) => {
                refuse(id, ErrorCode::BadRequest, out);
                None
            }
            Err(InvalidChannel::Unknown) => {
                refuse(id, ErrorCode::UnknownChannel, out);
                None
            }
        }
    }

    pub(super) fn find(&self, channel: &str) -> Option<usize> {
        self.subscriptions.iter().position(|one| &*one.channel == channel)
    }

    fn subscribed_by_token(&self, channel: &str) -> bool {
        self.find(channel).is_some_and(|at| self.subscriptions[at].term != Term::RULES)
    }

    /// The grant of a subscription token: none without a token; an error unless it is for this channel and this user.
    fn granted(&self, now: Moment, channel: &str, token: &str) -> Result<Option<SubscriptionToken>, ErrorCode> {
        if token.is_empty() {
            return Ok(None);
        }
        match self.config.verifier.verify_subscription(token, now.wall_ms) {
            Ok(grant) if grant.admits(self.user(), channel) => Ok(Some(grant)),
            Err(TokenProblem::Expired) => Err(ErrorCode::TokenExpired),
            Ok(_) | Err(TokenProblem::Invalid | TokenProblem::Revoked) => Err(ErrorCode::PermissionDenied),
        }
    }

    /// The topic's rule if it lets this session do the thing.
    fn allowed_rule(&self, topic: &str, thing: impl Fn(&Rule) -> Access, by_token: bool) -> Option<&Rule> {
        self.config.topics.find(topic).filter(|rule| self.allows(thing(rule), by_token))
    }

    fn allows(&self, access: Access, by_token: bool) -> bool {
        match access {
            Access::Anyone => true,
            Access::User => !self.is_anonymous(),
            Access::Token => by_token,
            Access::Nobody => false,
        }
    }

    fn info(&self) -> ClientInfo {
        ClientInfo {
            user: if self.is_anonymous() { String::new() } else { self.user().to_string() },
            client: self.client.to_string(),
            conn_info: self.claims().and_then(|claims| claims.info.clone()),
            chan_info: None,
        }
    }
}

fn as_message(conversation: ConversationId, data: &RawValue) -> Result<Request, Refusal> {
    let message: PublishedMessage = serde_json::from_str(data.get())
        .map_err(|_| Refusal::because(ErrorCode::InvalidArgument, "data is the body of conversation.send"))?;
    let PublishedMessage { client_id, text, reply_to } = message;
    let request = Request::ConversationSend(SendMessage { conversation, client_id, text, reply_to });
    request.check()?;
    Ok(request)
}
