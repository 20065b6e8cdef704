//! The ways between clients, nodes and the store: how long things take, and what gets lost.

use std::collections::BTreeMap;

use rialto_actors::entity::Query;
use rialto_actors::shard::ShardInput;
use rialto_actors::shard::backlog::{Batch, Consumer, Work};
use rialto_actors::shard::log::{LogAnswer, LogCall};
use rialto_protocol::EntityKey;
use rialto_storage::entity_rows::Snapshot;
use rialto_storage::shard_log::Outcome;
use rialto_storage::{ErrorKind, Row, StorageError};

use crate::node::Place;
use crate::plan::{between, percent};
use crate::rules::Rule;
use crate::world::{Event, World};

/// Milliseconds after which the driver gives a statement up.
const TIMEOUT_MS: (u64, u64) = (60, 400);
/// Milliseconds by which a late statement comes after that.
const LATE_MS: (u64, u64) = (1, 4_000);

/// What is asked of the store.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Log(LogCall),
    Load {
        entity: EntityKey,
        activation: u64,
    },
    Read {
        entity: EntityKey,
        activation: u64,
        token: u64,
        query: Query,
    },
    Snapshot {
        entity: EntityKey,
        snapshot: Snapshot,
    },
    Consume(Batch),
    /// A row of a batch whose rest has another fate.
    Row(Consumer, Box<Row>),
    Truncate {
        bucket: u64,
    },
}

/// A statement on its way to the store.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) from: Place,
    pub(crate) call: Call,
    /// Milliseconds until its answer is back; `None` when nobody waits any more.
    pub(crate) answer_ms: Option<u64>,
    /// Its caller has been told that nobody knows.
    pub(crate) late: bool,
}

/// What becomes of a statement.
enum Fate {
    Done,
    /// Carried out, but the answer is lost.
    Unanswered,
    Never,
    Late,
    Refused,
}

/// A connection between a client and a node.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) client: usize,
    pub(crate) node: usize,
    pub(crate) life: u32,
    /// When the last frame arrives: frames keep their order.
    up_ms: u64,
    down_ms: u64,
    /// Neither end has closed it.
    pub(crate) open: bool,
    /// What was under way when it broke is lost.
    pub(crate) lost: bool,
}

/// All connections that ever were, by number.
#[derive(Debug, Default)]
pub(crate) struct Connections(BTreeMap<u32, Connection>);

impl Connections {
    /// A new one.
    pub(crate) fn open(&mut self, client: usize, node: usize, life: u32) -> u32 {
        let number = u32::try_from(self.0.len()).expect("few connections") + 1;
        self.0.insert(number, Connection { client, node, life, up_ms: 0, down_ms: 0, open: true, lost: false });
        number
    }

    pub(crate) fn get(&self, number: u32) -> Option<&Connection> {
        self.0.get(&number)
    }

    pub(crate) fn node(&self, number: u32) -> Option<usize> {
        self.0.get(&number).map(|connection| connection.node)
    }

    /// The open connections of one life of a node.
    pub(crate) fn of_node(&self, node: usize) -> Vec<u32> {
        self.0.iter().filter(|(_, one)| one.node == node && one.open).map(|(number, _)| *number).collect()
    }
}

impl World {
    /// A node asks the store.
    pub(crate) fn call(&mut self, from: Place, call: Call) {
        let Some(call) = self.rule_on_call(from, call) else { return };
        let answered = between(&mut self.dice, 1, 6);
        let there_ms = between(&mut self.dice, 1, 6);
        let timeout_ms = between(&mut self.dice, TIMEOUT_MS.0, TIMEOUT_MS.1);
        let request = |answer_ms, late| Event::Engine(Box::new(Request { from, call: call.clone(), answer_ms, late }));
        match self.fate(from.node) {
            Fate::Done => self.after(there_ms, request(Some(answered), false)),
            Fate::Refused => {
                self.coverage.refused += 1;
                let error = StorageError::new(ErrorKind::Overloaded, "ask the store", "its queue is full");
                self.after(there_ms, answer(from, &call, &error));
            }
            fate if matches!(call, Call::Consume(_)) => self.consume_in_part(from, &call, &fate, timeout_ms),
            Fate::Unanswered => {
                self.coverage.unknown_applied += 1;
                self.after(there_ms, request(None, false));
                self.nobody_knows(from, &call, timeout_ms);
            }
            Fate::Never => {
                self.coverage.unknown_never += 1;
                self.nobody_knows(from, &call, timeout_ms);
            }
            Fate::Late => {
                let late_ms = timeout_ms + between(&mut self.dice, LATE_MS.0, LATE_MS.1);
                self.after(late_ms, request(None, true));
                self.nobody_knows(from, &call, timeout_ms);
            }
        }
    }

    /// A batch of plain writes is no unit: of one that fails each row has a fate of its own.
    fn consume_in_part(&mut self, from: Place, call: &Call, fate: &Fate, timeout_ms: u64) {
        if let Call::Consume(Batch { consumer, work: Work::Write(rows), .. }) = call {
            for row in rows {
                let number = self.dice.below(4);
                let never = matches!(fate, Fate::Never) && number > 0 || number == 3;
                if !never {
                    let late = matches!(fate, Fate::Late) || number == 2;
                    let wait_ms = if late { timeout_ms + between(&mut self.dice, LATE_MS.0, LATE_MS.1) } else { 1 + number };
                    let call = Call::Row(*consumer, Box::new(row.clone()));
                    self.coverage.rows_late += u64::from(late);
                    self.after(wait_ms, Event::Engine(Box::new(Request { from, call, answer_ms: None, late: false })));
                }
            }
        }
        self.nobody_knows(from, call, timeout_ms);
    }

    fn consume(&mut self, consumer: Consumer, row: Row) {
        match consumer {
            Consumer::Rows => self.engine.consume(self.now_ms, row),
            Consumer::Projections => self.engine.project(row),
        }
    }

    fn fate(&mut self, node: usize) -> Fate {
        let (unknown, refused) = if self.stormy { (self.plan.faults.unknown, self.plan.faults.refused) } else { (0, 0) };
        let node = &self.nodes[node];
        if node.cut_there {
            return if self.dice.one_in(3) { Fate::Late } else { Fate::Never };
        }
        if node.cut_back {
            return Fate::Unanswered;
        }
        if percent(&mut self.dice, unknown) {
            return match self.dice.below(2) {
                _ if percent(&mut self.dice, self.plan.faults.late) => Fate::Late,
                0 => Fate::Unanswered,
                _ => Fate::Never,
            };
        }
        if percent(&mut self.dice, refused) { Fate::Refused } else { Fate::Done }
    }

    fn nobody_knows(&mut self, from: Place, call: &Call, after_ms: u64) {
        let error = StorageError::new(ErrorKind::Unavailable, "ask the store", "no answer in time");
        let event = match call {
            Call::Log(LogCall::Append(_) | LogCall::Claim { .. } | LogCall::Seal { .. }) if self.dice.one_in(2) => {
                Event::Shard(from, Box::new(ShardInput::Log(LogAnswer::Outcome(Ok(Outcome::Unknown)))))
            }
            call => answer(from, call, &error),
        };
        self.after(after_ms, self.rule_on_unknown(call, event));
    }

    /// A statement reaches the store, is carried out, and its answer goes back.
    pub(crate) fn at_engine(&mut self, request: Request) {
        let Request { from, call, answer_ms, late } = request;
        if self.now_ms < self.down_until_ms {
            // Whoever still waits learns no more than that.
            let timeout_ms = between(&mut self.dice, TIMEOUT_MS.0, TIMEOUT_MS.1);
            if answer_ms.is_some() {
                self.nobody_knows(from, &call, timeout_ms);
            }
            return;
        }
        self.coverage.applied_late += u64::from(late);
        let shard = from.shard;
        let input = match call {
            Call::Log(call) => {
                let said = self.trace_call(&call);
                let takes_over = matches!(&call, LogCall::Claim { seen: Some(_), .. });
                let rolls = matches!(&call, LogCall::Seal { .. });
                let mut answered = self.engine.log(shard, call.clone());
                if let LogAnswer::First(Ok(first)) = &mut answered {
                    // May be stale: too low, never too high.
                    *first -= self.dice.below(*first + 1);
                }
                self.count_log(&answered, takes_over, rolls, late);
                self.say(|| {
                    format!(
                        "store   shard {shard} of node {}: {said}{} -> {}",
                        from.node,
                        if late { " (late)" } else { "" },
                        short(&answered)
                    )
                });
                ShardInput::Log(self.rule_on_answer(from, &call, answered))
            }
            Call::Load { entity, activation } => {
                let loaded = self.engine.activate(entity);
                self.coverage.loads_with_snapshot += u64::from(loaded.snapshot.is_some());
                self.watch.loaded(from, entity, &loaded);
                ShardInput::Loaded { entity, activation, result: Ok(loaded) }
            }
            Call::Read { entity, activation, token, query } => {
                let is_look_up = matches!(query, Query::Find { .. });
                let mut answer = self.engine.read(entity, query);
                if is_look_up {
                    self.coverage.look_ups += 1;
                    self.coverage.look_ups_found += u64::from(matches!(answer, Ok(rialto_actors::entity::Found::Position(Some(_)))));
                    if self.plan.is_off(Rule::Index) {
                        answer = Ok(rialto_actors::entity::Found::Position(None));
                    }
                }
                ShardInput::Answered { entity, activation, token, answer }
            }
            Call::Consume(Batch { consumer, serial, work }) => {
                if let Work::Write(rows) = work {
                    rows.into_iter().for_each(|row| self.consume(consumer, row));
                }
                ShardInput::Consumed { consumer, serial, result: Ok(()) }
            }
            Call::Row(consumer, row) => return self.consume(consumer, *row),
            Call::Truncate { bucket } => {
                self.coverage.truncations += 1;
                let outcome = self.engine.truncate(shard, bucket);
                self.say(|| format!("store   shard {shard} of node {}: truncate {bucket} -> {outcome:?}", from.node));
                ShardInput::Truncated { bucket, outcome: Ok(outcome) }
            }
            Call::Snapshot { entity, snapshot } => {
                self.coverage.snapshots += 1;
                self.engine.put_snapshot(entity, snapshot);
                return;
            }
        };
        if let Some(answer_ms) = answer_ms {
            self.after(answer_ms, Event::Shard(from, Box::new(input)));
        }
    }

    fn trace_call(&self, call: &LogCall) -> String {
        if self.trace.is_on() { short_call(call) } else { String::new() }
    }

    fn count_log(&mut self, answer: &LogAnswer, takes_over: bool, rolls: bool, late: bool) {
        let LogAnswer::Outcome(Ok(outcome)) = answer else { return };
        match outcome {
            Outcome::Applied => {
                self.coverage.takeovers += u64::from(takes_over);
                self.coverage.rolls += u64::from(rolls);
            }
            Outcome::Fenced => {
                self.coverage.fencings += 1;
                self.coverage.late_fenced += u64::from(late);
            }
            Outcome::Unknown | Outcome::Full => {}
        }
    }

    /// Sends a frame to a node; frames of one connection keep their order.
    pub(crate) fn send_up(&mut self, connection: u32, text: String) {
        let delay_ms = between(&mut self.dice, 1, 15);
        let Some(one) = self.connections.0.get_mut(&connection).filter(|one| one.open) else { return };
        one.up_ms = (self.now_ms + delay_ms).max(one.up_ms);
        let at_ms = one.up_ms;
        self.at(at_ms, Event::ToNode(connection, text));
    }

    /// Sends a frame to a client.
    pub(crate) fn send_down(&mut self, connection: u32, text: String) {
        let delay_ms = between(&mut self.dice, 1, 15);
        let Some(one) = self.connections.0.get_mut(&connection).filter(|one| one.open) else { return };
        one.down_ms = (self.now_ms + delay_ms).max(one.down_ms);
        let at_ms = one.down_ms;
        self.at(at_ms, Event::ToClient(connection, text));
    }

    /// A connection breaks: what is under way is lost or not, and both ends learn of it, each in its own time.
    pub(crate) fn break_connection(&mut self, connection: u32, client_notices: bool) {
        let (node_ms, client_ms) = (between(&mut self.dice, 0, 1_500), between(&mut self.dice, 0, 300));
        let lost = self.dice.one_in(2);
        let Some(one) = self.connections.0.get_mut(&connection).filter(|one| one.open) else { return };
        one.open = false;
        one.lost = lost;
        let at_ms = (self.now_ms + node_ms).max(one.up_ms);
        self.coverage.disconnects += 1;
        self.at(at_ms, Event::GoneAtNode(connection));
        if client_notices {
            self.after(client_ms, Event::GoneAtClient(connection));
        }
    }
}

/// The answer that a call failed.
fn answer(from: Place, call: &Call, error: &StorageError) -> Event {
    let error = error.clone();
    let input = match call {
        Call::Log(LogCall::First) => ShardInput::Log(LogAnswer::First(Err(error))),
        Call::Log(LogCall::Head { .. }) => ShardInput::Log(LogAnswer::Head(Err(error))),
        Call::Log(LogCall::Tail { .. }) => ShardInput::Log(LogAnswer::Tail(Err(error))),
        Call::Log(_) => ShardInput::Log(LogAnswer::Outcome(Err(error))),
        Call::Load { entity, activation } => ShardInput::Loaded { entity: *entity, activation: *activation, result: Err(error) },
        Call::Read { entity, activation, token, .. } => {
            ShardInput::Answered { entity: *entity, activation: *activation, token: *token, answer: Err(error) }
        }
        Call::Consume(batch) => ShardInput::Consumed { consumer: batch.consumer, serial: batch.serial, result: Err(error) },
        Call::Truncate { bucket } => ShardInput::Truncated { bucket: *bucket, outcome: Err(error) },
        // Nobody waits for these: an input that no shard minds.
        Call::Snapshot { .. } | Call::Row(..) => ShardInput::Woken,
    };
    Event::Shard(from, Box::new(input))
}

/// A statement in short.
fn short_call(call: &LogCall) -> String {
    match call {
        LogCall::First => "first bucket".to_owned(),
        LogCall::Head { bucket } => format!("head of {bucket}"),
        LogCall::Claim { bucket, seen, new, cursor } => {
            format!(
                "claim {bucket} as {} instead of {} cursor {cursor}",
                fence(new),
                seen.as_ref().map_or_else(|| "nobody".to_owned(), fence)
            )
        }
        LogCall::Tail { bucket, from_wseq } => format!("tail of {bucket} from {from_wseq}"),
        LogCall::Append(append) => format!(
            "append {} rows from {} to {} as {} cursor {}",
            append.rows.len(),
            append.first_wseq,
            append.bucket,
            fence(&append.fence),
            append.cursor
        ),
        LogCall::Seal { bucket, fence: mine } => format!("seal {bucket} as {}", fence(mine)),
        LogCall::RetryAt { mono_ms } => format!("retry at {mono_ms}"),
    }
}

fn fence(fence: &rialto_storage::shard_log::Fence) -> String {
    fence.0.as_simple().to_string()[..6].to_owned()
}

fn short(answer: &LogAnswer) -> String {
    match answer {
        LogAnswer::Head(Ok(head)) => {
            format!("fence {} sealed {} cursor {}", head.fence.as_ref().map_or_else(|| "none".to_owned(), fence), head.sealed, head.cursor)
        }
        LogAnswer::Tail(Ok(rows)) => format!("{} rows", rows.len()),
        LogAnswer::Outcome(Ok(outcome)) => format!("{outcome:?}"),
        other => format!("{other:?}"),
    }
}
