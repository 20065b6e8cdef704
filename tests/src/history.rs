//! The independent history checker: what clients sent and saw, against what the log holds at the end.
//!
//! It is pure and knows nothing of the server. Its rules are the contract to users: an acknowledgement means exactly one
//! row, at the acknowledged position, for ever; one lane's messages stand in the order in which it sent them; offsets
//! are dense; every subscriber's stream is a contiguous slice of the log.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

#[cfg(test)]
mod tests;

/// A message that was sent at least once. A lane sends number n + 1 only after n was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Who sends in sequence: one task of one sender.
    pub lane: String,
    /// Its place in the lane, counting up.
    pub number: u64,
    /// Its id, the same in every retry.
    pub client_id: String,
}

/// One acknowledgement, of a first try or of a retry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// The message it answers.
    pub client_id: String,
    /// Where the server says it stands.
    pub offset: u64,
    /// In which life of the log.
    pub epoch: String,
    /// Whether the server says that it stood already.
    pub duplicate: bool,
}

/// One row of the log, read at the end. Rows that are no messages have no `client_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its position.
    pub offset: u64,
    /// The message in it.
    pub client_id: Option<String>,
}

/// What one subscriber saw, in the order in which it saw it, live or recovered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Whose.
    pub subscriber: String,
    /// The position at which it began; its first row is the next one.
    pub from: u64,
    /// What it saw.
    pub rows: Vec<Row>,
}

/// Everything that is known about one conversation's history.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// What was sent.
    pub sent: Vec<Sent>,
    /// What was acknowledged.
    pub acks: Vec<Ack>,
    /// What the log holds.
    pub rows: Vec<Row>,
    /// What subscribers saw.
    pub streams: Vec<Stream>,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    /// The log's offsets are not 1, 2, 3, …
    NotDense {
        /// What should stand at this place.
        expected: u64,
        /// What stands there.
        found: u64,
    },
    /// An acknowledged message is not in the log.
    Lost {
        /// The message.
        client_id: String,
        /// Where it should be.
        offset: u64,
    },
    /// An acknowledged message stands elsewhere than was said.
    Moved {
        /// The message.
        client_id: String,
        /// Where it was said to be.
        acked: u64,
        /// Where it is.
        found: u64,
    },
    /// A message stands in the log more than once.
    Doubled {
        /// The message.
        client_id: String,
        /// Where.
        offsets: Vec<u64>,
    },
    /// Two acknowledgements of one message disagree.
    AnsweredTwice {
        /// The message.
        client_id: String,
        /// The positions that were answered.
        offsets: Vec<u64>,
    },
    /// More than one acknowledgement claims to be the first.
    FirstTwice {
        /// The message.
        client_id: String,
    },
    /// The log holds a message that nobody sent.
    Invented {
        /// The message.
        client_id: String,
    },
    /// A lane's messages do not stand in the order in which they were sent.
    Reordered {
        /// The lane.
        lane: String,
        /// The number that comes too late.
        number: u64,
    },
    /// The log changed its identity.
    NewEpoch {
        /// The identities that were seen.
        epochs: Vec<String>,
    },
    /// A subscriber missed rows, or saw one again.
    Gap {
        /// Whose stream.
        subscriber: String,
        /// What should have come.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// A subscriber saw another row than the log holds at that position.
    Mismatch {
        /// Whose stream.
        subscriber: String,
        /// The position.
        offset: u64,
    },
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// Every broken promise in `record`, sorted; none if the history is as it should be.
#[must_use]
pub fn check(record: &Record) -> Vec<Violation> {
    let mut violations = Vec::new();
    check_dense(&record.rows, &mut violations);
    check_acks(record, &mut violations);
    check_first_answers(&record.acks, &mut violations);
    check_invented(record, &mut violations);
    check_lanes(record, &mut violations);
    for stream in &record.streams {
        check_stream(stream, &record.rows, &mut violations);
    }
    violations.sort();
    violations
}

fn check_dense(rows: &[Row], violations: &mut Vec<Violation>) {
    for (expected, row) in (1..).zip(rows) {
        if row.offset != expected {
            violations.push(Violation::NotDense { expected, found: row.offset });
            return;
        }
    }
}

/// Where each message stands; more than one place is a violation by itself.
fn places(rows: &[Row]) -> BTreeMap<&str, Vec<u64>> {
    let mut places: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for row in rows {
        if let Some(client_id) = &row.client_id {
            places.entry(client_id).or_default().push(row.offset);
        }
    }
    places
}

fn check_acks(record: &Record, violations: &mut Vec<Violation>) {
    let places = places(&record.rows);
    for (client_id, offsets) in &places {
        if offsets.len() > 1 {
            violations.push(Violation::Doubled { client_id: (*client_id).to_owned(), offsets: offsets.clone() });
        }
    }
    for (client_id, acked) in acked_offsets(&record.acks) {
        if acked.len() > 1 {
            violations.push(Violation::AnsweredTwice { client_id: client_id.to_owned(), offsets: acked.clone() });
        }
        let Some(found) = places.get(client_id) else {
            violations.push(Violation::Lost { client_id: client_id.to_owned(), offset: acked[0] });
            continue;
        };
        for &offset in acked.iter().filter(|offset| !found.contains(offset)) {
            violations.push(Violation::Moved { client_id: client_id.to_owned(), acked: offset, found: found[0] });
        }
    }
}

/// The distinct positions that were acknowledged for each message.
fn acked_offsets(acks: &[Ack]) -> BTreeMap<&str, Vec<u64>> {
    let mut acked: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for ack in acks {
        let offsets = acked.entry(&ack.client_id).or_default();
        if !offsets.contains(&ack.offset) {
            offsets.push(ack.offset);
        }
    }
    acked
}

fn check_first_answers(acks: &[Ack], violations: &mut Vec<Violation>) {
    let mut firsts = HashSet::new();
    for ack in acks.iter().filter(|ack| !ack.duplicate) {
        if !firsts.insert(&ack.client_id) {
            violations.push(Violation::FirstTwice { client_id: ack.client_id.clone() });
        }
    }
    let mut epochs: Vec<String> = acks.iter().map(|ack| ack.epoch.clone()).collect();
    epochs.sort();
    epochs.dedup();
    if epochs.len() > 1 {
        violations.push(Violation::NewEpoch { epochs });
    }
}

fn check_invented(record: &Record, violations: &mut Vec<Violation>) {
    let sent: HashSet<&str> = record.sent.iter().map(|sent| sent.client_id.as_str()).collect();
    for client_id in places(&record.rows).into_keys().filter(|client_id| !sent.contains(client_id)) {
        violations.push(Violation::Invented { client_id: client_id.to_owned() });
    }
}

fn check_lanes(record: &Record, violations: &mut Vec<Violation>) {
    let sent: HashMap<&str, &Sent> = record.sent.iter().map(|sent| (sent.client_id.as_str(), sent)).collect();
    let mut last: HashMap<&str, u64> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for client_id in record.rows.iter().filter_map(|row| row.client_id.as_deref()) {
        let Some(message) = sent.get(client_id) else {
            continue;
        };
        if !seen.insert(client_id) {
            continue;
        }
        let newest = last.entry(&message.lane).or_insert(message.number);
        if message.number < *newest {
            violations.push(Violation::Reordered { lane: message.lane.clone(), number: message.number });
        }
        *newest = message.number.max(*newest);
    }
}

fn check_stream(stream: &Stream, rows: &[Row], violations: &mut Vec<Violation>) {
    let log: HashMap<u64, &Row> = rows.iter().map(|row| (row.offset, row)).collect();
    for (expected, row) in (stream.from + 1..).zip(&stream.rows) {
        if row.offset != expected {
            violations.push(Violation::Gap { subscriber: stream.subscriber.clone(), expected, found: row.offset });
            return;
        }
        if log.get(&row.offset).is_none_or(|logged| logged.client_id != row.client_id) {
            violations.push(Violation::Mismatch { subscriber: stream.subscriber.clone(), offset: row.offset });
        }
    }
}
