//! What is due, and when: one loop per node. It hears of new rows from this node's shards, finds what it has not heard of by scans, and runs rounds, a limited number at a time.
//!
//! Where several nodes share a store, one of them delivers: the one that holds the lease. It may believe so for a moment too long; then some events are delivered twice, which
//! at-least-once allows. Cursors are compared and set, so that nothing is skipped.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use rialto_protocol::{ConversationId, Refusal, UserId};
use rialto_storage::records::RecordTable;
use rialto_storage::views::Whose;
use uuid::Uuid;

use super::Webhooks;
use super::changes::Waiting;
use super::deliver::Round;
use super::limits::{LANES_MAX, LEASE_MS, OWN_SCAN_MS, POSTS_PER_WEBHOOK_MAX, SCAN_CONVERSATIONS_MAX, SHARED_SCAN_MS, STORE_RETRY_MS};
use super::record::{Lease, OutgoingRecord, single};
use crate::accounts::refusal_of_storage;

/// A webhook in a conversation.
type Lane = (Uuid, ConversationId);
type Running = FuturesUnordered<Pin<Box<dyn Future<Output = Finished> + Send>>>;

/// What has come to its end.
enum Finished {
    Round(Lane, Result<Round, Refusal>),
    /// The conversations of a webhook's user with their highest rows.
    Scan(Uuid, Result<Vec<(ConversationId, u64)>, Refusal>),
}

/// A webhook that delivers.
#[derive(Default)]
struct Hook {
    only: Option<ConversationId>,
    /// The user's conversations.
    inside: HashSet<ConversationId>,
    running: usize,
    /// Conversations with something to deliver, with the highest row that is known to be there.
    waiting: HashMap<ConversationId, u64>,
    /// The same by the time at which each is due.
    order: BTreeSet<(u64, ConversationId)>,
    /// When it stands in [`Dispatch::ready`].
    offered_ms: Option<u64>,
}

/// What the loop knows.
#[derive(Default)]
struct Dispatch {
    hooks: HashMap<Uuid, Hook>,
    /// Webhooks with room for a post, by the time at which they want one.
    ready: BTreeSet<(u64, Uuid)>,
    /// Lanes that wait, over all webhooks.
    waiting: usize,
    busy: HashSet<Lane>,
    /// Rows that came while their lane was busy.
    since: HashMap<Lane, u64>,
    /// How far each lane has come: a scan finds nothing new there.
    done: HashMap<Lane, u64>,
    overflowed: bool,
}

impl Dispatch {
    fn add(&mut self, id: Uuid, only: Option<ConversationId>) {
        self.hooks.insert(id, Hook { only, ..Hook::default() });
    }

    /// Something is to be done in a lane, at this time at the latest.
    fn enlist(&mut self, lane: Lane, at_ms: u64, wanted: u64) {
        if self.busy.contains(&lane) {
            let since = self.since.entry(lane).or_default();
            *since = wanted.max(*since);
            return;
        }
        let Some(hook) = self.hooks.get_mut(&lane.0) else { return };
        if let Some(known) = hook.waiting.get_mut(&lane.1) {
            // A pause that runs is not cut short by more rows.
            *known = wanted.max(*known);
            return;
        }
        if self.waiting >= LANES_MAX {
            self.overflowed = true;
            return;
        }
        self.waiting += 1;
        hook.waiting.insert(lane.1, wanted);
        hook.order.insert((at_ms, lane.1));
        self.offer(lane.0);
    }

    /// Puts a webhook into `ready` if it has room and something waits.
    fn offer(&mut self, id: Uuid) {
        let Some(hook) = self.hooks.get_mut(&id) else { return };
        if let Some(at_ms) = hook.offered_ms.take() {
            self.ready.remove(&(at_ms, id));
        }
        if hook.running < POSTS_PER_WEBHOOK_MAX
            && let Some((at_ms, _)) = hook.order.first()
        {
            hook.offered_ms = Some(*at_ms);
            self.ready.insert((*at_ms, id));
        }
    }

    /// The next lane that is due and whose webhook has room, with the highest row known there.
    fn next(&mut self, now_ms: u64) -> Option<(Lane, u64)> {
        let (_, id) = *self.ready.first().filter(|(at_ms, _)| *at_ms <= now_ms)?;
        let hook = self.hooks.get_mut(&id)?;
        let (_, conversation) = hook.order.pop_first()?;
        let wanted = hook.waiting.remove(&conversation)?;
        hook.running += 1;
        self.waiting -= 1;
        self.busy.insert((id, conversation));
        self.offer(id);
        Some(((id, conversation), wanted))
    }

    fn next_at_ms(&self) -> Option<u64> {
        self.ready.first().map(|(at_ms, _)| *at_ms)
    }

    /// Rows have come.
    fn changed(&mut self, waiting: Waiting, now_ms: u64) {
        self.overflowed |= waiting.overflowed;
        for (conversation, change) in waiting.changed {
            let touched = self.hooks.iter().filter(|(_, hook)| match hook.only {
                Some(only) => only == conversation,
                None => change.may_add || hook.inside.contains(&conversation),
            });
            let lanes: Vec<Lane> = touched.map(|(id, _)| (*id, conversation)).collect();
            for lane in lanes {
                self.enlist(lane, now_ms, change.seq);
            }
        }
    }

    fn finished(&mut self, lane: Lane, round: Result<Round, Refusal>, now_ms: u64) {
        self.busy.remove(&lane);
        let since = self.since.remove(&lane);
        let Some(hook) = self.hooks.get_mut(&lane.0) else { return };
        hook.running = hook.running.saturating_sub(1);
        hook.inside.insert(lane.1);
        match round {
            Ok(Round::Done(seq)) => {
                if self.done.len() >= LANES_MAX {
                    self.done.clear();
                }
                self.done.insert(lane, seq);
                if let Some(wanted) = since.filter(|wanted| *wanted > seq) {
                    self.enlist(lane, now_ms, wanted);
                }
            }
            Ok(Round::More) => self.enlist(lane, now_ms, since.unwrap_or_default()),
            Ok(Round::Later(after_ms)) => self.enlist(lane, now_ms + after_ms, since.unwrap_or_default()),
            Ok(Round::Outside) => {
                hook.inside.remove(&lane.1);
                if let Some(wanted) = since {
                    // They may have come in meanwhile.
                    self.enlist(lane, now_ms, wanted);
                }
            }
            Ok(Round::Over) => self.forget(lane.0),
            Err(refusal) => {
                tracing::warn!(webhook = %lane.0, %refusal, "webhook round not done");
                self.enlist(lane, now_ms + STORE_RETRY_MS, since.unwrap_or_default());
            }
        }
        self.offer(lane.0);
    }

    fn forget(&mut self, id: Uuid) {
        let Some(hook) = self.hooks.remove(&id) else { return };
        if let Some(at_ms) = hook.offered_ms {
            self.ready.remove(&(at_ms, id));
        }
        self.waiting -= hook.waiting.len();
        self.done.retain(|lane, _| lane.0 != id);
    }

    /// What a scan found.
    fn scanned(&mut self, id: Uuid, found: Vec<(ConversationId, u64)>, now_ms: u64) {
        let Some(hook) = self.hooks.get_mut(&id) else { return };
        // Beside those that came in while the scan ran.
        hook.inside.extend(found.iter().map(|(conversation, _)| *conversation));
        for (conversation, seq) in found {
            if self.done.get(&(id, conversation)).is_none_or(|done| *done < seq) {
                self.enlist((id, conversation), now_ms, seq);
            }
        }
    }
}

impl Webhooks {
    /// Delivers, for as long as it is polled.
    pub async fn run(&self) {
        let is_shared = self.0.store.consumers.is_some();
        let scan_every = Duration::from_millis(if is_shared { SHARED_SCAN_MS } else { OWN_SCAN_MS });
        let node = crate::route::uuid_v7(self.0.accounts.now());
        let (mut dispatch, mut running, mut scans) = (Dispatch::default(), Running::new(), tokio::time::interval(scan_every));
        let mut rounds = 0_usize;
        loop {
            let now_ms = self.0.accounts.now().mono_ms;
            while rounds < self.0.settings.at_once_max {
                let Some((lane, wanted)) = dispatch.next(now_ms) else { break };
                let webhooks = self.clone();
                rounds += 1;
                running.push(Box::pin(async move { Finished::Round(lane, webhooks.round(lane.0, lane.1, wanted).await) }));
            }
            let is_full = rounds >= self.0.settings.at_once_max;
            let pause = dispatch
                .next_at_ms()
                .filter(|_| !is_full)
                .map_or(scan_every, |at_ms| Duration::from_millis(at_ms.saturating_sub(now_ms).max(1)));
            tokio::select! {
                Some(finished) = running.next(), if !running.is_empty() => match finished {
                    Finished::Round(lane, round) => {
                        rounds -= 1;
                        dispatch.finished(lane, round, self.0.accounts.now().mono_ms);
                    }
                    Finished::Scan(id, Ok(found)) => dispatch.scanned(id, found, self.0.accounts.now().mono_ms),
                    Finished::Scan(id, Err(refusal)) => {
                        tracing::warn!(webhook = %id, %refusal, "webhook not scanned");
                        dispatch.overflowed = true;
                    }
                },
                () = self.0.changes.wait() => dispatch.changed(self.0.changes.take(), self.0.accounts.now().mono_ms),
                () = self.0.registered.notified() => self.reload(&mut dispatch, &running, is_shared, node, false).await,
                _ = scans.tick() => {
                    let again = std::mem::take(&mut dispatch.overflowed) || is_shared;
                    self.reload(&mut dispatch, &running, is_shared, node, again).await;
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Looks which webhooks there are, and begins to scan those that are new, or all.
    async fn reload(&self, dispatch: &mut Dispatch, running: &Running, is_shared: bool, node: Uuid, again: bool) {
        let delivers = match is_shared {
            true => self.holds_lease(node).await,
            false => Ok(true),
        };
        let all = match delivers {
            Ok(true) => self.all().await,
            Ok(false) => Ok(Vec::new()),
            Err(refusal) => Err(refusal),
        };
        let all: HashMap<Uuid, OutgoingRecord> = match all {
            Ok(all) => all.into_iter().filter(|(_, hook)| hook.disabled.is_none()).collect(),
            Err(refusal) => {
                tracing::warn!(%refusal, "webhooks not read");
                dispatch.overflowed = true;
                return;
            }
        };
        // Before the scan: what is appended from now on is heard, what was before is found.
        self.0.changes.want(!all.is_empty());
        let gone: Vec<Uuid> = dispatch.hooks.keys().filter(|id| !all.contains_key(id)).copied().collect();
        for id in gone {
            dispatch.forget(id);
        }
        for (id, hook) in all {
            let is_new = !dispatch.hooks.contains_key(&id);
            if is_new {
                dispatch.add(id, hook.conversation);
            }
            if is_new || again {
                let (webhooks, user, only) = (self.clone(), hook.user, hook.conversation);
                running.push(Box::pin(async move { Finished::Scan(id, webhooks.scan(user, only).await) }));
            }
        }
    }

    /// The conversations that a webhook sees, with their highest rows as far as they show.
    async fn scan(&self, user: UserId, only: Option<ConversationId>) -> Result<Vec<(ConversationId, u64)>, Refusal> {
        let views = &self.0.store.views;
        if let Some(only) = only {
            let summary = views.summary(only, user).await.map_err(refusal_of_storage)?;
            return Ok(summary.map(|summary| (only, summary.offset)).into_iter().collect());
        }
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let (entries, more) =
                views.list(Whose::User(user), after, rialto_protocol::limits::PAGE_ITEMS_MAX).await.map_err(refusal_of_storage)?;
            after = entries.last().map(|(position, _)| *position).or(after);
            found.extend(entries.into_iter().map(|(_, summary)| (summary.conversation, summary.offset)));
            if !more || found.len() >= SCAN_CONVERSATIONS_MAX {
                return Ok(found);
            }
        }
    }

    /// Takes or renews the lease; false while another node has it.
    async fn holds_lease(&self, node: Uuid) -> Result<bool, Refusal> {
        let (key, now_ms) = (single(RecordTable::Lease, Uuid::nil()), self.0.accounts.now().wall_ms);
        let (stands, version) = self.load::<Lease>(key).await?.map_or((None, 0), |(lease, version)| (Some(lease), version));
        if stands.is_some_and(|lease| lease.node != node && lease.until_ms > now_ms) {
            return Ok(false);
        }
        self.save(key, version, &Lease { node, until_ms: now_ms + LEASE_MS }).await
    }
}

const _: () = assert!(SHARED_SCAN_MS * 2 < LEASE_MS, "a lease must be renewed before it ends");

#[cfg(test)]
mod tests {
    use super::*;

    const HOOK: Uuid = Uuid::from_u128(1);

    fn lane(number: u128) -> Lane {
        (HOOK, ConversationId(Uuid::from_u128(number)))
    }

    fn dispatch() -> Dispatch {
        let mut dispatch = Dispatch::default();
        dispatch.add(HOOK, None);
        dispatch
    }

    #[test]
    fn one_webhook_has_a_few_posts_under_way_and_the_rest_waits_without_being_due() {
        let mut dispatch = dispatch();
        for number in 0..10 {
            dispatch.enlist(lane(number), 5, 1);
        }
        assert_eq!((dispatch.next(4), dispatch.next_at_ms()), (None, Some(5)));
        let running: Vec<Lane> = std::iter::from_fn(|| dispatch.next(5)).map(|(lane, _)| lane).collect();
        assert_eq!((running.len(), dispatch.next_at_ms()), (POSTS_PER_WEBHOOK_MAX, None), "the loop must not turn while there is no room");
        dispatch.finished(running[0], Ok(Round::Done(1)), 6);
        assert!(dispatch.next(6).is_some() && dispatch.next(6).is_none());
        dispatch.forget(HOOK);
        assert_eq!((dispatch.waiting, dispatch.next(99)), (0, None));
        dispatch.finished(running[1], Ok(Round::More), 7);
        assert_eq!(dispatch.next(99), None, "it is no more");
    }

    #[test]
    fn rows_that_come_meanwhile_are_not_forgotten_and_cut_no_pause_short() {
        let mut dispatch = dispatch();
        dispatch.enlist(lane(1), 0, 1);
        assert_eq!(dispatch.next(0), Some((lane(1), 1)));
        dispatch.enlist(lane(1), 1, 2);
        assert_eq!(dispatch.next(1), None, "one round of a conversation at a time");
        dispatch.finished(lane(1), Ok(Round::Later(100)), 2);
        dispatch.enlist(lane(1), 3, 3);
        assert_eq!((dispatch.next(101), dispatch.next(102)), (None, Some((lane(1), 3))));
        dispatch.enlist(lane(1), 103, 4);
        dispatch.finished(lane(1), Ok(Round::Outside), 104);
        assert_eq!(dispatch.next(104), Some((lane(1), 4)), "the user may have come in meanwhile");
        dispatch.finished(lane(1), Ok(Round::Done(4)), 105);
        dispatch.scanned(HOOK, vec![(lane(1).1, 4)], 106);
        assert_eq!(dispatch.next(106), None, "the scan finds nothing new");
    }

    #[test]
    fn only_conversations_of_the_user_are_looked_at() {
        let mut dispatch = dispatch();
        let changed = |number, may_add| {
            let mut waiting = Waiting::default();
            waiting.changed.insert(lane(number).1, super::super::changes::Change { seq: 9, may_add });
            waiting
        };
        dispatch.changed(changed(1, false), 0);
        assert_eq!(dispatch.next(0), None);
        dispatch.changed(changed(2, true), 0);
        assert_eq!(dispatch.next(0), Some((lane(2), 9)), "somebody came in: perhaps the user");
        dispatch.scanned(HOOK, vec![(lane(1).1, 3)], 1);
        assert_eq!(dispatch.next(1), Some((lane(1), 3)));
    }
}
