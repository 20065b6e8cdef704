//! Whether a subscriber got every message once and in order: per sender, by the sequence numbers that the stamps carry. Eight bytes per stream while all
//! is well; ranges of what is missing are kept aside.

use std::collections::HashMap;

use crate::ipc::StreamEnd;

/// What one arrival means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The next of its stream, or a later one; what lies between is missing so far.
    New,
    /// One that was missing: it came after a later one.
    Late,
    /// One that had arrived before.
    Duplicate,
}

/// A stream as one subscriber sees it.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The first number that arrived; [`UNSEEN`] before.
    first: u32,
    /// One more than the highest number that arrived.
    next: u32,
}

const UNSEEN: u32 = u32::MAX;

/// The streams of one subscription, by sender.
#[derive(Debug, Default)]
pub(super) struct Tracker {
    seen: Vec<Seen>,
}

/// Which stream of which subscription: client, slot, sender.
type Key = (u32, u32, u32);

/// What is missing so far, for all subscriptions of a process: half-open ranges of sequence numbers.
#[derive(Debug, Default)]
pub(super) struct Missing(HashMap<Key, Vec<(u32, u32)>>);

impl Tracker {
    /// Takes note of an arrival.
    pub(super) fn note(&mut self, sender: u32, seq: u32, missing: &mut Missing, client: u32, slot: u32) -> Verdict {
        let index = sender as usize;
        if index >= self.seen.len() {
            self.seen.resize(index + 1, Seen { first: UNSEEN, next: 0 });
        }
        let seen = &mut self.seen[index];
        if seen.first == UNSEEN {
            seen.first = seq;
        }
        if seq >= seen.next {
            if seq > seen.next {
                missing.0.entry((client, slot, sender)).or_default().push((seen.next, seq));
            }
            seen.next = seq.saturating_add(1);
            return Verdict::New;
        }
        if missing.take((client, slot, sender), seq) { Verdict::Late } else { Verdict::Duplicate }
    }

    /// Messages lost when this subscription, which listened from `subscribed_ns` on, is compared with what `end` says was sent.
    pub(super) fn lost(&self, end: &StreamEnd, subscribed_ns: u64, missing: &Missing, client: u32, slot: u32) -> u64 {
        let from_the_start = subscribed_ns <= end.first_ns;
        let seen = self.seen.get(end.sender as usize).filter(|seen| seen.first != UNSEEN);
        let Some(seen) = seen else {
            if from_the_start {
                return wanted(0, end.sent, &end.excused);
            }
            let last_was_after = subscribed_ns < end.last_ns && end.sent > 0;
            return u64::from(last_was_after) * wanted(end.sent - 1, end.sent, &end.excused);
        };
        let least = if from_the_start { 0 } else { seen.first };
        let ranges = missing.0.get(&(client, slot, end.sender)).map(Vec::as_slice).unwrap_or_default();
        let within: u64 = ranges.iter().map(|(from, to)| wanted((*from).max(least), *to, &end.excused)).sum();
        within + wanted(seen.next, end.sent, &end.excused)
    }

    /// Forgets everything, because the subscription honestly begins anew. What was missing between two arrivals is lost for good: its count.
    pub(super) fn restart(&mut self, missing: &mut Missing, client: u32, slot: u32) -> u64 {
        let mut lost = 0;
        for (sender, seen) in (0..).zip(&self.seen) {
            let ranges = missing.0.remove(&(client, slot, sender)).unwrap_or_default();
            lost += ranges.iter().filter(|(from, _)| *from >= seen.first).map(|(from, to)| u64::from(to - from)).sum::<u64>();
        }
        self.seen = Vec::new();
        lost
    }
}

impl Missing {
    /// Removes a number; false when it was not missing.
    fn take(&mut self, key: Key, seq: u32) -> bool {
        let Some(ranges) = self.0.get_mut(&key) else { return false };
        let Some(index) = ranges.iter().position(|(from, to)| (*from..*to).contains(&seq)) else { return false };
        let (from, to) = ranges.remove(index);
        for part in [(from, seq), (seq + 1, to)] {
            if part.0 < part.1 {
                ranges.push(part);
            }
        }
        true
    }
}

/// How many of the numbers are not excused; `excused` ascends.
fn wanted(from: u32, to: u32, excused: &[u32]) -> u64 {
    if from >= to {
        return 0;
    }
    let count = excused.partition_point(|seq| *seq < to) - excused.partition_point(|seq| *seq < from);
    u64::from(to - from).saturating_sub(count as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(sent: u32, excused: &[u32]) -> StreamEnd {
        StreamEnd { room: 0, sender: 0, sent, first_ns: 100, last_ns: 200, excused: excused.to_vec() }
    }

    fn run(arrivals: &[u32]) -> (Tracker, Missing, Vec<Verdict>) {
        let (mut tracker, mut missing) = (Tracker::default(), Missing::default());
        let verdicts = arrivals.iter().map(|seq| tracker.note(0, *seq, &mut missing, 0, 0)).collect();
        (tracker, missing, verdicts)
    }

    fn lost(arrivals: &[u32], sent: u32, subscribed_ns: u64, excused: &[u32]) -> u64 {
        let (tracker, missing, _) = run(arrivals);
        tracker.lost(&end(sent, excused), subscribed_ns, &missing, 0, 0)
    }

    #[test]
    fn order_duplicates_and_late_ones() {
        use Verdict::{Duplicate, Late, New};
        assert_eq!(run(&[0, 1, 2]).2, [New, New, New]);
        assert_eq!(run(&[0, 2, 1, 1, 0]).2, [New, New, Late, Duplicate, Duplicate]);
        assert_eq!(run(&[1, 0]).2, [New, Late]);
        assert_eq!(run(&[0, 9, 4, 4, 3, 5]).2, [New, New, Late, Duplicate, Late, Late]);
    }

    #[test]
    fn losses_at_head_middle_and_tail() {
        assert_eq!(lost(&[0, 1, 2], 3, 50, &[]), 0);
        assert_eq!(lost(&[2, 3], 4, 50, &[]), 2, "head");
        assert_eq!(lost(&[0, 3], 4, 50, &[]), 2, "middle");
        assert_eq!(lost(&[0], 4, 50, &[]), 3, "tail");
        assert_eq!(lost(&[], 4, 50, &[]), 4, "everything");
        assert_eq!(lost(&[0, 3, 1, 2], 4, 50, &[]), 0, "late is not lost");
    }

    #[test]
    fn refused_messages_are_no_loss() {
        assert_eq!(lost(&[0, 3], 6, 50, &[1, 2, 4, 5]), 0);
        assert_eq!(lost(&[0, 3], 6, 50, &[1, 5]), 2);
    }

    #[test]
    fn late_subscribers_miss_only_what_came_after_them() {
        assert_eq!(lost(&[2, 3], 4, 150, &[]), 0);
        assert_eq!(lost(&[2, 4], 5, 150, &[]), 1);
        assert_eq!(lost(&[], 5, 250, &[]), 0);
        assert_eq!(lost(&[], 5, 150, &[]), 1, "the last one at least");
    }

    #[test]
    fn a_restart_counts_what_was_missing_between_arrivals() {
        let (mut tracker, mut missing, _) = run(&[2, 5, 7]);
        assert_eq!(tracker.restart(&mut missing, 0, 0), 3);
        assert_eq!(tracker.note(0, 9, &mut missing, 0, 0), Verdict::New);
        assert_eq!(tracker.lost(&end(10, &[]), 150, &missing, 0, 0), 0);
    }
}
