//! Subscriptions that the owner made: kept over all connections, resumed where they stood, healed when publications are missing.

use rialto_protocol::UnsubscribeCode;
use rialto_protocol::command::CommandKind;
use rialto_protocol::reply::{Publication, RefreshResult, SubscribeResult};

use super::replies::{recovered_events, renew_in_ms, subscribed_event, tracked};
use super::{Connection, Own};
use crate::connection::backoff::pause_ms;
use crate::connection::input::Effect;
use crate::connection::subscription::{Phase, Place, Subscription, Wish, place};
use crate::error::Error;
use crate::event::Event;
use crate::limits::{SUBSCRIBE_WITHIN_MS, SUBSCRIPTIONS_MAX, TOKEN_WITHIN_MS};
use crate::state::Reason;
use crate::token::{TokenError, TokenKind};
use crate::wire::{Ended, WireError};

/// Unsubscribe code: the position and the token are void.
const STATE_INVALIDATED: u32 = 2502;

impl Connection {
    pub(super) fn subscribe(&mut self, now_ms: u64, key: u64, channel: String, wish: Wish, out: &mut Vec<Effect>) {
        let refusal = if self.phase == super::Phase::Closed || self.closing_until_ms.is_some() {
            Some(Error::Closed(Reason::new(Reason::CLOSED_BY_OWNER, "closed by its owner")))
        } else if self.channels.contains_key(&channel) {
            Some(Error::Misuse(format!("already subscribed to {channel}")))
        } else if self.channels.len() >= SUBSCRIPTIONS_MAX {
            Some(Error::QueueFull)
        } else {
            None
        };
        if let Some(error) = refusal {
            return out.push(Effect::Answer { key, result: Err(error) });
        }
        let mut subscription = Subscription::new(wish);
        subscription.waiting.push(key);
        self.channels.insert(channel.clone(), subscription);
        if self.is_connected() {
            self.ask(now_ms, &channel, out);
        }
    }

    pub(super) fn unsubscribe(&mut self, channel: &str, out: &mut Vec<Effect>) {
        let Some(subscription) = self.channels.remove(channel) else { return };
        let reason = Reason::new(Reason::CLOSED_BY_OWNER, "unsubscribed by its owner");
        let error = Error::Closed(reason.clone());
        out.extend(subscription.waiting.into_iter().map(|key| Effect::Answer { key, result: Err(error.clone()) }));
        if self.is_connected() && matches!(subscription.phase, Phase::Live | Phase::Subscribing { .. }) {
            self.write_own(Own::Unsubscribe, &CommandKind::Unsubscribe { channel: channel.to_owned() }, out);
        }
        out.push(Effect::Emit(Event::Unsubscribed { channel: channel.to_owned(), reason, will_retry: false }));
    }

    pub(super) fn channels_interrupted(&mut self) {
        for subscription in self.channels.values_mut() {
            subscription.phase = Phase::Idle;
            subscription.refresh_at_ms = None;
        }
    }

    pub(super) fn resume_channels(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        for channel in self.channels.keys().cloned().collect::<Vec<_>>() {
            self.ask(now_ms, &channel, out);
        }
    }

    /// Subscribes, or fetches the token for it first.
    fn ask(&mut self, now_ms: u64, channel: &str, out: &mut Vec<Effect>) {
        let Some(subscription) = self.channels.get_mut(channel) else { return };
        if subscription.wants_token() {
            subscription.phase = Phase::FetchingToken { until_ms: now_ms + TOKEN_WITHIN_MS };
            return out.push(Effect::FetchSubscriptionToken { channel: channel.to_owned() });
        }
        let request = CommandKind::Subscribe(subscription.request(channel));
        let id = self.write_own(Own::Subscribe { channel: channel.to_owned() }, &request, out);
        if let Some(subscription) = self.channels.get_mut(channel) {
            subscription.phase = Phase::Subscribing { id, until_ms: now_ms + SUBSCRIBE_WITHIN_MS };
        }
    }

    pub(super) fn subscription_token(&mut self, now_ms: u64, channel: &str, result: Result<String, TokenError>, out: &mut Vec<Effect>) {
        let Some(subscription) = self.channels.get_mut(channel) else { return };
        let first = matches!(subscription.phase, Phase::FetchingToken { .. });
        match result {
            Ok(token) if first => {
                subscription.token = Some(token);
                self.ask(now_ms, channel, out);
            }
            Ok(token) if subscription.phase == Phase::Live => {
                subscription.token = Some(token.clone());
                let channel = channel.to_owned();
                self.write_own(Own::SubscriptionRefresh { channel: channel.clone() }, &CommandKind::SubRefresh { channel, token }, out);
            }
            Ok(_) => {}
            Err(TokenError::Unauthorized(text)) => self.refused(channel, Reason::new(Reason::NO_TOKEN, text), None, out),
            Err(TokenError::Temporary(_)) if first => self.pause_channel(now_ms, channel),
            Err(TokenError::Temporary(_)) => subscription.refresh_at_ms = Some(now_ms + TOKEN_WITHIN_MS),
        }
    }

    pub(super) fn subscribe_reply(
        &mut self,
        now_ms: u64,
        id: u32,
        channel: &str,
        result: Result<String, WireError>,
        out: &mut Vec<Effect>,
    ) {
        let awaited =
            |subscription: &&mut Subscription| matches!(subscription.phase, Phase::Subscribing { id: awaited, .. } if awaited == id);
        let Some(subscription) = self.channels.get_mut(channel).filter(awaited) else { return };
        match result {
            Ok(body) => match serde_json::from_str::<SubscribeResult>(&body) {
                Ok(result) => {
                    let renewable = result.expires && result.ttl > 0 && subscription.wish.token == TokenKind::Renewable;
                    subscription.refresh_at_ms = renewable.then(|| now_ms + renew_in_ms(result.ttl));
                    subscription.phase = Phase::Live;
                    subscription.attempts = 0;
                    subscription.position = tracked(&result);
                    out.push(Effect::Emit(subscribed_event(channel, &result, false)));
                    out.extend(subscription.waiting.drain(..).map(|key| Effect::Answer { key, result: Ok(body.clone()) }));
                    recovered_events(channel, result, &mut subscription.position, out);
                }
                Err(_) => self.refused(channel, Reason::new(Reason::NO_REPLY, "subscribe reply not understood"), None, out),
            },
            Err(error) if error.may_pass() => {
                if error.token_expired() {
                    subscription.token = None;
                    if subscription.wish.token != TokenKind::Renewable {
                        return self.refused(channel, Reason::new(error.code, error.message.clone()), Some(error), out);
                    }
                }
                self.pause_channel(now_ms, channel);
            }
            Err(error) => self.refused(channel, Reason::new(error.code, error.message.clone()), Some(error), out),
        }
    }

    pub(super) fn subscription_refresh_reply(
        &mut self,
        now_ms: u64,
        channel: &str,
        result: Result<String, WireError>,
        out: &mut Vec<Effect>,
    ) {
        let Some(subscription) = self.channels.get_mut(channel) else { return };
        match result {
            Ok(body) => {
                let refreshed: RefreshResult = serde_json::from_str(&body).unwrap_or_default();
                let again = refreshed.expires && refreshed.ttl > 0;
                subscription.refresh_at_ms = again.then(|| now_ms + renew_in_ms(refreshed.ttl));
            }
            Err(error) if error.may_pass() => subscription.refresh_at_ms = Some(now_ms + TOKEN_WITHIN_MS),
            Err(error) => self.refused(channel, Reason::new(error.code, error.message.clone()), Some(error), out),
        }
    }

    /// The subscription is over for good.
    fn refused(&mut self, channel: &str, reason: Reason, error: Option<WireError>, out: &mut Vec<Effect>) {
        let Some(subscription) = self.channels.remove(channel) else { return };
        let error = match error {
            Some(WireError { code, message, temporary }) => Error::Refused { code, message, temporary },
            None => Error::Closed(reason.clone()),
        };
        out.extend(subscription.waiting.into_iter().map(|key| Effect::Answer { key, result: Err(error.clone()) }));
        out.push(Effect::Emit(Event::Unsubscribed { channel: channel.to_owned(), reason, will_retry: false }));
    }

    fn pause_channel(&mut self, now_ms: u64, channel: &str) {
        let Some(subscription) = self.channels.get_mut(channel) else { return };
        let pause = pause_ms(&mut self.random, subscription.attempts, self.settings.backoff_min_ms, self.settings.backoff_max_ms);
        subscription.attempts = subscription.attempts.saturating_add(1);
        subscription.phase = Phase::Pausing { until_ms: now_ms + pause };
    }

    pub(super) fn unsubscribed(&mut self, now_ms: u64, channel: String, ended: Ended, out: &mut Vec<Effect>) {
        let will_retry = ended.code >= UnsubscribeCode::RETRY_MIN && self.channels.contains_key(&channel);
        let reason = Reason::new(ended.code, ended.reason);
        if self.by_server.remove(&channel).is_none() && !self.channels.contains_key(&channel) {
            return;
        }
        out.push(Effect::Emit(Event::Unsubscribed { channel: channel.clone(), reason: reason.clone(), will_retry }));
        if !will_retry {
            let waiting = self.channels.remove(&channel).map_or_else(Vec::new, |subscription| subscription.waiting);
            return out.extend(waiting.into_iter().map(|key| Effect::Answer { key, result: Err(Error::Closed(reason.clone())) }));
        }
        if let Some(subscription) = self.channels.get_mut(&channel).filter(|_| reason.code == STATE_INVALIDATED) {
            subscription.position = None;
            subscription.token = None;
        }
        self.ask(now_ms, &channel, out);
    }

    pub(super) fn publication(&mut self, now_ms: u64, channel: &str, publication: Publication, out: &mut Vec<Effect>) {
        if let Some(position) = self.by_server.get_mut(channel) {
            match place(position, publication.offset) {
                Place::Repeat => return,
                Place::Next => {}
                Place::Gap { after } => {
                    let before = publication.offset;
                    *position = position.take().map(|position| crate::state::Position { offset: before, ..position });
                    out.push(Effect::Emit(Event::Gap { channel: channel.to_owned(), after, before }));
                }
            }
            return out.push(Effect::Emit(Event::of(channel, publication)));
        }
        let Some(subscription) = self.channels.get_mut(channel) else { return };
        if subscription.phase != Phase::Live {
            // What has a number comes again with the subscribe reply.
            if publication.offset == 0 {
                out.push(Effect::Emit(Event::of(channel, publication)));
            }
            return;
        }
        match place(&mut subscription.position, publication.offset) {
            Place::Next => out.push(Effect::Emit(Event::of(channel, publication))),
            Place::Repeat => {}
            Place::Gap { after } => {
                tracing::warn!(channel, after, before = publication.offset, "publications are missing, recovering");
                self.write_own(Own::Unsubscribe, &CommandKind::Unsubscribe { channel: channel.to_owned() }, out);
                self.ask(now_ms, channel, out);
            }
        }
    }

    pub(super) fn tick_channels(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let due: Vec<String> = self
            .channels
            .iter()
            .filter(|(_, sub)| sub.deadline_ms(true).is_some_and(|at| at <= now_ms))
            .map(|(name, _)| name.clone())
            .collect();
        for channel in due {
            let Some(subscription) = self.channels.get_mut(&channel) else { continue };
            match subscription.phase {
                Phase::Subscribing { until_ms, .. } if until_ms <= now_ms => {
                    let reason = Reason::new(Reason::NO_REPLY, "no subscribe reply in time");
                    return self.give_up(now_ms, reason, "no reply", out);
                }
                Phase::FetchingToken { until_ms } if until_ms <= now_ms => self.pause_channel(now_ms, &channel),
                Phase::Pausing { until_ms } if until_ms <= now_ms => self.ask(now_ms, &channel, out),
                Phase::Live => {
                    subscription.refresh_at_ms = Some(now_ms + TOKEN_WITHIN_MS);
                    out.push(Effect::FetchSubscriptionToken { channel });
                }
                _ => {}
            }
        }
    }
}
