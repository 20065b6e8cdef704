//! When the rows that wait are appended: not with the first of them, but when those that are about to come have come too.
//!
//! An append costs the store and both threads the same for one row as for many. Rows come in bursts: every command that was read in one round of the thread's
//! work, or the next commands of everybody who was just answered. So an append goes a round after its first row, in which everything is taken in that is there to be
//! read, and further rounds as long as they bring rows and those who were just answered have not all come back. A round during which nothing comes is over at
//! once: nobody waits for a clock. Where the store takes so many appends at a time, the first round lasts until there is a place for this one.

/// Rounds that the rows of one append wait at most.
pub const GATHER_ROUNDS_MAX: u32 = 8;

/// What is to be done about the rows that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Append them.
    Go,
    /// Say when everything has been taken in that is there by now.
    Round,
    /// A round is under way.
    Wait,
}

/// Counts rounds.
#[derive(Debug, Default)]
pub struct Gather {
    /// A round is under way.
    is_running: bool,
    /// A round has ended, so that a place for an append may be held.
    holds_place: bool,
    /// Rounds begun for the append that is to go.
    rounds: u32,
    /// Rows that waited when the last of them began.
    rows_before: usize,
    /// Rows that wait when everybody has come back who waits for an answer now.
    rows_expected: usize,
}

impl Gather {
    /// Decides for so many rows that wait for nothing but this.
    pub fn decide(&mut self, rows: usize, is_full: bool) -> Verdict {
        if self.is_running && !is_full {
            return Verdict::Wait;
        }
        let is_over = self.rounds > 0 && (rows == self.rows_before || rows >= self.rows_expected || self.rounds >= GATHER_ROUNDS_MAX);
        if is_full || is_over {
            (self.rounds, self.holds_place) = (0, false);
            return Verdict::Go;
        }
        (self.is_running, self.rounds, self.rows_before) = (true, self.rounds + 1, rows);
        Verdict::Round
    }

    /// The round is over.
    pub fn round_over(&mut self) {
        (self.is_running, self.holds_place) = (false, true);
    }

    /// No row waits any more: whether a place for an append is to be given back.
    pub fn gives_up(&mut self) -> bool {
        let holds_place = !self.is_running && std::mem::take(&mut self.holds_place);
        self.rounds = if holds_place { 0 } else { self.rounds };
        holds_place
    }

    /// An append of `rows` is durable, and so many rows wait: the senders of both are about to have the next.
    pub fn landed(&mut self, rows: usize, waiting: usize) {
        self.rows_expected = rows + waiting;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_wait_a_round_and_no_longer_when_nobody_follows() {
        let mut gather = Gather::default();
        assert_eq!(gather.decide(1, false), Verdict::Round);
        assert_eq!(gather.decide(2, false), Verdict::Wait);
        gather.round_over();
        assert_eq!(gather.decide(2, false), Verdict::Go, "everybody who could be expected is there");
        gather.landed(2, 0);
        assert_eq!(gather.decide(1, false), Verdict::Round, "the next append waits for itself");
        gather.round_over();
        assert_eq!(gather.decide(1, false), Verdict::Go, "the round brought nothing");
    }

    #[test]
    fn rounds_go_on_while_they_bring_those_who_were_answered() {
        let mut gather = Gather::default();
        gather.landed(40, 24);
        let mut rows = 24;
        for _ in 0..3 {
            assert_eq!(gather.decide(rows, false), Verdict::Round);
            gather.round_over();
            rows += 12;
        }
        assert_eq!(gather.decide(rows, false), Verdict::Round, "four are missing");
        gather.round_over();
        assert_eq!(gather.decide(64, false), Verdict::Go);
    }

    #[test]
    fn a_place_is_given_back_when_the_rows_have_gone() {
        let mut gather = Gather::default();
        assert!(!gather.gives_up(), "none is held");
        assert_eq!(gather.decide(1, false), Verdict::Round);
        assert!(!gather.gives_up(), "it is still waited for");
        gather.round_over();
        assert!(gather.gives_up(), "the shard was lost meanwhile");
        assert_eq!(gather.decide(1, false), Verdict::Round, "the next append asks for another");
        assert_eq!(gather.decide(1_000, true), Verdict::Go);
        gather.round_over();
        assert!(gather.gives_up(), "a full append did not wait for the place that comes now");
        assert_eq!(gather.decide(1, false), Verdict::Round);
        gather.round_over();
        assert_eq!(gather.decide(1, false), Verdict::Go);
        assert!(!gather.gives_up(), "the append has it");
    }

    #[test]
    fn rounds_are_bounded_and_a_full_append_goes_at_once() {
        let mut gather = Gather::default();
        gather.landed(1_000, 0);
        let rounds = (1..).take_while(|rows| {
            gather.round_over();
            gather.decide(*rows, false) == Verdict::Round
        });
        assert_eq!(rounds.count(), GATHER_ROUNDS_MAX as usize);
        assert_eq!(gather.decide(1, false), Verdict::Round);
        assert_eq!(gather.decide(1_000, true), Verdict::Go);
    }
}
