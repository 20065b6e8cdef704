//! What the server says.

use rialto_protocol::reply::{ConnectResult, RefreshResult, SubscribeResult};

use super::{Connection, Own, Phase};
use crate::connection::input::Effect;
use crate::event::Event;
use crate::limits::REFRESH_AHEAD_MS_MAX;
use crate::state::{ConnectionState, Position, Reason};
use crate::token::TokenKind;
use crate::wire::{self, Heard, Push, WireError};

impl Connection {
    pub(super) fn frame(&mut self, now_ms: u64, text: &str, out: &mut Vec<Effect>) {
        if let Phase::Connected { heard_ms, .. } = &mut self.phase {
            *heard_ms = now_ms;
        }
        for line in text.split('\n').filter(|line| !line.trim_ascii().is_empty()) {
            if !matches!(self.phase, Phase::Connecting { .. } | Phase::Connected { .. }) {
                return;
            }
            match wire::read(line) {
                Some(Heard::Ping) => self.ping(out),
                Some(Heard::Reply { id, result }) => self.reply(now_ms, id, result, out),
                Some(Heard::Push(push)) => self.push(now_ms, *push, out),
                None => tracing::warn!(bytes = line.len(), "server message not understood"),
            }
        }
    }

    fn ping(&self, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Connected { pong: true, .. }) {
            out.push(Effect::Write("{}".to_owned()));
        }
    }

    fn reply(&mut self, now_ms: u64, id: u32, result: Result<String, WireError>, out: &mut Vec<Effect>) {
        match self.own.remove(&id) {
            Some(Own::Connect) => self.connect_reply(now_ms, result, out),
            Some(Own::Subscribe { channel }) => self.subscribe_reply(now_ms, id, &channel, result, out),
            Some(Own::Refresh) => self.refresh_reply(now_ms, result, out),
            Some(Own::SubscriptionRefresh { channel }) => self.subscription_refresh_reply(now_ms, &channel, result, out),
            Some(Own::Unsubscribe) => {}
            None => {
                if !self.requests.answered(id, result, now_ms, &mut self.random, out) {
                    tracing::debug!(id, "reply that nobody waits for");
                }
            }
        }
    }

    fn connect_reply(&mut self, now_ms: u64, result: Result<String, WireError>, out: &mut Vec<Effect>) {
        match result {
            Ok(body) => match serde_json::from_str(&body) {
                Ok(result) => self.connected(now_ms, result, out),
                Err(_) => self.give_up(now_ms, Reason::new(Reason::NO_REPLY, "connect reply not understood"), "bad reply", out),
            },
            Err(error) => {
                let reason = Reason::new(error.code, error.message.clone());
                let retry = error.may_pass() && (!error.token_expired() || self.settings.token == TokenKind::Renewable);
                if error.token_expired() {
                    self.token = None;
                }
                if retry {
                    out.push(Effect::Drop { reason: "connect refused" });
                    self.pause(now_ms, reason, out);
                } else {
                    self.end(reason, out);
                }
            }
        }
    }

    fn connected(&mut self, now_ms: u64, result: ConnectResult, out: &mut Vec<Effect>) {
        let ping_ms = u64::from(result.ping) * 1000;
        self.phase = Phase::Connected { since_ms: now_ms, heard_ms: now_ms, ping_ms, pong: result.pong };
        self.schedule_refresh(now_ms, result.expires, result.ttl);
        out.push(Effect::ServerTime { ms: result.time });
        out.push(Effect::State(ConnectionState::Connected { client: result.client }));
        let gone: Vec<String> = self.by_server.keys().filter(|name| !result.subs.contains_key(*name)).cloned().collect();
        for channel in gone {
            self.by_server.remove(&channel);
            let reason = Reason::new(2000, "server unsubscribe");
            out.push(Effect::Emit(Event::Unsubscribed { channel, reason, will_retry: false }));
        }
        for (channel, subscribed) in result.subs {
            self.subscribed_by_server(channel, subscribed, out);
        }
        self.resume_channels(now_ms, out);
    }

    fn schedule_refresh(&mut self, now_ms: u64, expires: bool, ttl_s: u32) {
        let renewable = expires && ttl_s > 0 && self.settings.token == TokenKind::Renewable;
        self.refresh.at_ms = renewable.then(|| now_ms + renew_in_ms(ttl_s));
    }

    fn refresh_reply(&mut self, now_ms: u64, result: Result<String, WireError>, out: &mut Vec<Effect>) {
        match result {
            Ok(body) => {
                let refreshed: RefreshResult = serde_json::from_str(&body).unwrap_or_default();
                self.schedule_refresh(now_ms, refreshed.expires, refreshed.ttl);
            }
            Err(error) if error.may_pass() => self.refresh.at_ms = Some(self.refresh_retry_ms(now_ms)),
            Err(error) => self.end(Reason::new(error.code, error.message), out),
        }
    }

    fn push(&mut self, now_ms: u64, push: Push, out: &mut Vec<Effect>) {
        let Push { channel, publication, join, leave, unsubscribe, subscribe, message, disconnect } = push;
        if let Some(publication) = publication {
            self.publication(now_ms, &channel, publication, out);
        } else if let Some(join) = join {
            out.push(Effect::Emit(Event::Joined { channel, info: join.info }));
        } else if let Some(leave) = leave {
            out.push(Effect::Emit(Event::Left { channel, info: leave.info }));
        } else if let Some(ended) = unsubscribe {
            self.unsubscribed(now_ms, channel, ended, out);
        } else if let Some(result) = subscribe {
            self.subscribed_by_server(channel, result, out);
        } else if let Some(message) = message {
            out.push(Effect::Emit(Event::Message { data: rialto_protocol::reply::RawJson::new(message.data) }));
        } else if let Some(ended) = disconnect {
            out.push(Effect::Drop { reason: "disconnect push" });
            self.socket_lost(now_ms, ended.code, &ended.reason, out);
        } else {
            tracing::debug!(channel, "push of an unknown kind");
        }
    }

    fn subscribed_by_server(&mut self, channel: String, result: SubscribeResult, out: &mut Vec<Effect>) {
        let mut position = tracked(&result);
        out.push(Effect::Emit(subscribed_event(&channel, &result, true)));
        recovered_events(&channel, result, &mut position, out);
        self.by_server.insert(channel, position);
    }
}

/// Milliseconds until a token with this life is renewed: early enough that the new one is there before the old one ends.
pub(super) fn renew_in_ms(ttl_s: u32) -> u64 {
    let ttl_ms = u64::from(ttl_s) * 1000;
    ttl_ms - (ttl_ms / 10).min(REFRESH_AHEAD_MS_MAX)
}

/// Where the stream stands, for a channel that has one.
pub(super) fn tracked(result: &SubscribeResult) -> Option<Position> {
    (result.recoverable || result.positioned).then(|| Position { offset: result.offset, epoch: result.epoch.clone() })
}

pub(super) fn subscribed_event(channel: &str, result: &SubscribeResult, by_server: bool) -> Event {
    Event::Subscribed {
        channel: channel.to_owned(),
        was_recovering: result.was_recovering,
        recovered: result.recovered,
        position: Position { offset: result.offset, epoch: result.epoch.clone() },
        by_server,
    }
}

/// What was missed, in order; moves the position on.
pub(super) fn recovered_events(channel: &str, result: SubscribeResult, position: &mut Option<Position>, out: &mut Vec<Effect>) {
    for publication in result.publications {
        if let Some(position) = position {
            position.offset = position.offset.max(publication.offset);
        }
        out.push(Effect::Emit(Event::of(channel, publication)));
    }
}
