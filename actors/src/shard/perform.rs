//! Carries out what a shard wants: store calls, answers, fan-out to gateway threads, words to other shards.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::sync::Arc;

use rialto_protocol::EntityKey;
use rialto_storage::consumers::Parked;
use rialto_storage::{StorageError, Store};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Span;

use super::backlog::{Batch, Consumer, Work};
use super::log::{LogAnswer, LogCall};
use super::progress::Progress;
use super::{Shard, ShardEffect, ShardInput};
use crate::entity::{Found, Query};
use crate::gateway::link::{FromShard, GatewayLinks};
use crate::kernel::{Acts, Clock, PanicReport, Performer};
use crate::load::{ThreadLoad, room_published};
use crate::reply_to::ReplyTo;
use crate::router::Router;
use crate::webhooks::Changes;

/// What makes a new machine after a panic of the shard itself.
pub type Remake = Box<dyn Fn() -> Shard>;

/// Performs the effects of one shard.
pub struct ShardPerformer {
    /// The shard's number.
    pub number: u16,
    /// The store.
    pub store: Store,
    /// The gateway threads.
    pub links: GatewayLinks,
    /// The other shards.
    pub router: Router,
    /// Makes the machine anew.
    pub remake: Remake,
    /// How far the consumers of all shards are.
    pub progress: Progress,
    /// Who wants to hear of new rows.
    pub changes: Changes,
    /// The thread that it runs on.
    pub load: Arc<ThreadLoad>,
    /// For how long things take.
    pub clock: Clock,
    /// Its place among the appends under way, while an append gathers.
    pub place: Rc<Cell<Option<OwnedSemaphorePermit>>>,
}

impl Performer<Shard> for ShardPerformer {
    fn perform(&mut self, effect: ShardEffect, acts: &mut Acts<'_, Shard, Self>) {
        match effect {
            ShardEffect::Log(call) => self.log(call, acts),
            ShardEffect::Gather => self.gather(acts),
            ShardEffect::GiveUpPlace => drop(self.place.take()),
            ShardEffect::Consume(batch) => self.consume(batch, acts),
            ShardEffect::Truncate { bucket } => {
                let Some(consumers) = &self.store.consumers else { return };
                let pending = consumers.truncate(self.number, bucket);
                acts.later(async move { ShardInput::Truncated { bucket, outcome: pending.await } });
            }
            ShardEffect::Progress { applied, consumed } => self.progress.report(self.number, applied, consumed),
            ShardEffect::Load { entity, activation } => {
                let pending = self.store.rows.activate(entity);
                acts.later(async move { ShardInput::Loaded { entity, activation, result: pending.await } });
            }
            ShardEffect::Read { entity, activation, token, query } => {
                let caught_up = matches!(query, Query::List { .. }).then(|| self.progress.caught_up());
                let store = self.store.clone();
                let answer = async move {
                    if let Some(caught_up) = caught_up {
                        caught_up.await;
                    }
                    read(&store, entity, query).await
                };
                acts.later(async move { ShardInput::Answered { entity, activation, token, answer: answer.await } });
            }
            ShardEffect::Snapshot { entity, snapshot } => {
                let pending = self.store.rows.put_snapshot(entity, snapshot);
                // Nobody waits: an older snapshot serves too, with more rows to read.
                acts.detach(async move {
                    if let Err(error) = pending.await {
                        tracing::warn!(entity = %entity.id, %error, "snapshot not stored");
                    }
                });
            }
            ShardEffect::Reply { to, answer } => match to {
                ReplyTo::Session(reply) => self.links.send(reply.address.thread, FromShard::Answer { reply, answer }),
                ReplyTo::Task(waiting) => drop(waiting.send(answer)),
                ReplyTo::Test(_) => {}
            },
            ShardEffect::Publish { threads, channel, frame, offset } => {
                self.load.published();
                room_published(&channel);
                for thread in threads {
                    self.links.send(thread, FromShard::Publication { channel: channel.clone(), frame: frame.clone(), offset });
                }
            }
            ShardEffect::Presence { threads, channel, frame } => {
                for thread in threads {
                    self.links.send(thread, FromShard::Presence { channel: channel.clone(), frame: frame.clone() });
                }
            }
            ShardEffect::Missed { threads, channel } => {
                for thread in threads {
                    self.links.send(thread, FromShard::Missed { channel: channel.clone() });
                }
            }
            ShardEffect::Unsubscribe { threads, channel, user } => {
                for thread in threads {
                    self.links.send(thread, FromShard::Unsubscribe { channel: channel.clone(), user });
                }
            }
            ShardEffect::Tell { user, tell } => self.router.tell(user, tell),
            ShardEffect::WakeAt { mono_ms } => acts.wake_at(mono_ms, || ShardInput::Woken),
        }
    }

    /// Its work is an entity's, which has a span of its own.
    fn crash_span(&self) -> Span {
        tracing::error_span!("shard", shard = self.number)
    }

    fn rebuild(&mut self, _panic: &PanicReport) -> Option<(Shard, ShardInput)> {
        let shard = self.number;
        self.place.take();
        self.links.send_all(|| FromShard::Lost { shard });
        Some(((self.remake)(), ShardInput::Start))
    }
}

impl ShardPerformer {
    /// Where the store takes so many appends at a time, rows gather until there is a place for this one.
    fn gather(&mut self, acts: &mut Acts<'_, Shard, Self>) {
        let held = self.place.take();
        let place = Rc::clone(&self.place);
        let appends = self.store.appends.clone().filter(|_| held.is_none());
        place.set(held);
        let Some(appends) = appends else { return acts.after_round(ShardInput::Gathered) };
        acts.later(async move {
            place.set(appends.acquire_owned().await.ok());
            tokio::task::yield_now().await;
            ShardInput::Gathered
        });
    }

    /// The place that the shard holds; one that did not gather takes its turn now.
    fn place(&self) -> impl Future<Output = Option<OwnedSemaphorePermit>> + 'static {
        let (held, appends) = (self.place.take(), self.store.appends.clone());
        async move {
            match (held, appends) {
                (None, Some(appends)) => appends.acquire_owned().await.ok(),
                (held, _) => held,
            }
        }
    }

    fn consume(&mut self, batch: Batch, acts: &mut Acts<'_, Shard, Self>) {
        let Some(consumers) = &self.store.consumers else { return };
        let Batch { consumer, serial, work } = batch;
        let pending = match (work, consumer) {
            (Work::Write(rows), Consumer::Rows) => consumers.write_rows(rows),
            (Work::Write(rows), Consumer::Projections) => consumers.project(rows),
            (Work::Park { wseq, row, cause }, _) => consumers.park(Parked { shard: self.number, wseq, row: *row, cause }),
        };
        acts.later(async move { ShardInput::Consumed { consumer, serial, result: pending.await } });
    }

    fn log(&mut self, call: LogCall, acts: &mut Acts<'_, Shard, Self>) {
        let (log, shard) = (&self.store.log, self.number);
        if !matches!(call, LogCall::Append(_)) {
            self.place.take();
        }
        match call {
            LogCall::First => {
                let pending = self.store.consumers.as_ref().map(|consumers| consumers.first_bucket(shard));
                acts.later(async move {
                    let first = match pending {
                        Some(pending) => pending.await,
                        None => Ok(0),
                    };
                    ShardInput::Log(LogAnswer::First(first))
                });
            }
            LogCall::Head { bucket } => {
                let pending = log.head(shard, bucket);
                acts.later(async move { ShardInput::Log(LogAnswer::Head(pending.await)) });
            }
            LogCall::Claim { bucket, seen, new, cursor } => {
                let pending = log.claim(shard, bucket, seen, new, cursor);
                acts.later(async move { ShardInput::Log(LogAnswer::Outcome(pending.await)) });
            }
            LogCall::Tail { bucket, from_wseq } => {
                let pending = log.tail(shard, bucket, from_wseq);
                acts.later(async move { ShardInput::Log(LogAnswer::Tail(pending.await)) });
            }
            LogCall::Append(append) => {
                let changed = Changes::of_rows(&append.rows);
                let (began_us, clock, load) = (self.clock.mono_us(), self.clock.clone(), Arc::clone(&self.load));
                let (place, log, changes) = (self.place(), Arc::clone(log), self.changes.clone());
                acts.later(async move {
                    let place = place.await;
                    let outcome = log.append(shard, append).await;
                    drop(place);
                    load.appends.record_us(clock.mono_us().saturating_sub(began_us));
                    // Whatever the outcome: who hears of a row that is not there finds none.
                    changes.note(changed);
                    ShardInput::Log(LogAnswer::Outcome(outcome))
                });
            }
            LogCall::Seal { bucket, fence } => {
                let pending = log.seal(shard, bucket, fence);
                acts.later(async move { ShardInput::Log(LogAnswer::Outcome(pending.await)) });
            }
            LogCall::RetryAt { mono_ms } => acts.wake_at(mono_ms, || ShardInput::Woken),
        }
    }
}

/// Asks the store an entity's question. The call is made at once, the answer is awaited.
pub fn read(store: &Store, entity: EntityKey, query: Query) -> impl Future<Output = Result<Found, StorageError>> + 'static {
    use futures_util::FutureExt;
    let conversation = rialto_protocol::ConversationId(entity.id);
    let (rows, views) = (&store.rows, &store.views);
    match query {
        Query::Rows(range) => rows.read(entity, range).map(|found| found.map(Found::Rows)).boxed_local(),
        Query::Find { sender, not_before_ms } => {
            rows.find(entity, sender, not_before_ms).map(|found| found.map(Found::Position)).boxed_local()
        }
        Query::Messages(range) => views.messages(conversation, range).map(|found| found.map(Found::Messages)).boxed_local(),
        Query::Users(users) => store.accounts.existing(users).map(|found| found.map(Found::Users)).boxed_local(),
        Query::List { whose, after, limit } => {
            views.list(whose, after, limit).map(|found| found.map(|(entries, more)| Found::List(entries, more))).boxed_local()
        }
        Query::Mark { user, conversation } => views.mark(user, conversation).map(|found| found.map(Found::Mark)).boxed_local(),
        Query::Advance { user, conversation, mark } => {
            views.advance(user, conversation, mark).map(|found| found.map(Found::Mark)).boxed_local()
        }
    }
}
