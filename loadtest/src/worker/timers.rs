//! What happens later, by time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A client connects (again).
    Connect(u32),
    /// A client loses its connection.
    Cut(u32),
    /// A client must be live by now; the number is its generation.
    Deadline(u32, u32),
    /// A client's next message (think time).
    Think(u32),
    /// A refused sender may go on.
    Resume(u32),
}

/// A heap of what is due.
#[derive(Debug, Default)]
pub(super) struct Timers(BinaryHeap<Reverse<(u64, Due)>>);

impl Timers {
    pub(super) fn at(&mut self, ns: u64, due: Due) {
        self.0.push(Reverse((ns, due)));
    }

    /// When the next is due.
    pub(super) fn next_ns(&self) -> Option<u64> {
        self.0.peek().map(|Reverse((ns, _))| *ns)
    }

    /// The next that is due, with its time.
    pub(super) fn pop(&mut self, now_ns: u64) -> Option<(u64, Due)> {
        if self.next_ns()? > now_ns {
            return None;
        }
        self.0.pop().map(|Reverse(item)| item)
    }

    /// Forgets think times: a phase has ended.
    pub(super) fn forget_thinking(&mut self) {
        self.0.retain(|Reverse((_, due))| !matches!(due, Due::Think(_)));
    }
}

/// Pseudo-random numbers (xorshift): load needs spread, not secrecy.
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(number: u64) -> Self {
        Self(number | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Uniform in `[0, 1)`.
    pub(super) fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform within both bounds.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        least + (self.share() * (most - least + 1) as f64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn due_in_order_and_not_before() {
        let mut timers = Timers::default();
        timers.at(30, Due::Connect(1));
        timers.at(10, Due::Think(2));
        timers.at(20, Due::Resume(3));
        assert_eq!((timers.next_ns(), timers.pop(9)), (Some(10), None));
        timers.forget_thinking();
        assert_eq!((timers.pop(100), timers.pop(100), timers.pop(100)), (Some((20, Due::Resume(3))), Some((30, Due::Connect(1))), None));
    }

    #[test]
    fn dice_stay_within_bounds() {
        let mut dice = Dice::new(7);
        assert!((0..1_000).all(|_| (3..=5).contains(&dice.between(3, 5)) && dice.share() < 1.0));
        assert!((0..1_000).map(|_| dice.share()).sum::<f64>() > 400.0);
    }
}
