//! What time does to a session: deadlines, pings, expiry.

use rialto_protocol::reply::{PING, unsubscribe_push};
use rialto_protocol::{CloseCode, UnsubscribeCode};

use super::{Phase, Session, SessionEffect, Subscription, leave};
use crate::kernel::{Effects, Moment};

impl Session {
    pub(super) fn pong(&mut self, now: Moment, out: &mut Effects<SessionEffect>) {
        if !std::mem::take(&mut self.awaiting_pong) {
            return self.close(CloseCode::BadRequest, out);
        }
        // The interval counts from the ping: a slow answer does not stretch it.
        self.due_ms = (self.due_ms - self.config.pong_within_ms + self.config.ping_interval_ms).max(now.mono_ms + 1);
    }

    pub(super) fn woken(&mut self, now: Moment, out: &mut Effects<SessionEffect>) {
        self.wake_ms = u64::MAX;
        if self.due_ms <= now.mono_ms {
            match (&self.phase, self.awaiting_pong) {
                (Phase::Closing, _) => return,
                (Phase::Live, true) => return self.close(CloseCode::NoPong, out),
                (Phase::Live, false) => {
                    out.push(SessionEffect::Send(PING.to_owned()));
                    self.awaiting_pong = true;
                    self.due_ms = now.mono_ms + self.config.pong_within_ms;
                }
                _ => return self.close(CloseCode::Stale, out),
            }
        }
        if self.expiry().is_some_and(|at| at <= now.wall_ms) {
            return self.close(CloseCode::ConnectionExpired, out);
        }
        self.expire_subscriptions(now, out);
    }

    /// Wall-clock time at which the connection ends unless refreshed.
    fn expiry(&self) -> Option<u64> {
        let expires_ms = self.identity.as_ref()?.expires_ms?;
        matches!(self.phase, Phase::Live).then_some(expires_ms + self.config.expiry_grace_ms)
    }

    fn expire_subscriptions(&mut self, now: Moment, out: &mut Effects<SessionEffect>) {
        let grace = self.config.expiry_grace_ms;
        let is_over = |one: &Subscription| one.term.expires_ms().is_some_and(|at| at + grace <= now.wall_ms);
        while let Some(at) = self.subscriptions.iter().position(is_over) {
            let subscription = self.subscriptions.remove(at);
            let push = unsubscribe_push(&subscription.channel, UnsubscribeCode::SubscriptionExpired);
            leave(subscription, out);
            out.push(SessionEffect::Send(push));
        }
    }

    /// Keeps one wish to be woken: at the earliest of all deadlines.
    pub(super) fn settle(&mut self, now: Moment, out: &mut Effects<SessionEffect>) {
        if matches!(self.phase, Phase::Closing) {
            return;
        }
        let grace = self.config.expiry_grace_ms;
        let subscriptions = self.subscriptions.iter().filter_map(|one| one.term.expires_ms()).map(|at| at + grace);
        let wall = subscriptions.chain(self.expiry()).min().map(|at| now.mono_ms + at.saturating_sub(now.wall_ms).max(1));
        let wake_ms = wall.map_or(self.due_ms, |at| at.min(self.due_ms));
        // Deadlines that move away (a pong came) leave the earlier wish standing: it finds nothing due and settles again.
        if wake_ms < self.wake_ms {
            self.wake_ms = wake_ms;
            out.push(SessionEffect::WakeAt { mono_ms: wake_ms });
        }
    }
}
