//! Runs one machine without threads, sockets or a clock: time stands still until a test moves it, and every effect is there to be looked at.

use super::supervise::{PanicReport, guarded};
use super::{Effects, Machine, Moment};

/// A machine under test, in virtual time.
pub struct TestLoop<M: Machine> {
    /// The machine, to look at.
    pub machine: M,
    now: Moment,
    effects: Effects<M::Effect>,
}

impl<M: Machine> TestLoop<M> {
    /// A machine at a given moment. The entropy of later moments is derived from this one's: a run repeats exactly.
    pub fn new(machine: M, now: Moment) -> Self {
        Self { machine, now, effects: Effects::default() }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        self.now
    }

    /// Moves both clocks forward.
    pub fn advance(&mut self, ms: u64) {
        self.now.wall_ms += ms;
        self.now.mono_ms += ms;
    }

    /// Applies an input and takes its effects.
    pub fn input(&mut self, input: M::Input) -> Vec<M::Effect> {
        self.try_input(input).unwrap_or_else(|panic| panic!("machine panicked at {}: {}", panic.location, panic.message))
    }

    /// Applies an input that may panic, as the shell would.
    ///
    /// # Errors
    /// The panic; what the input had wanted is forgotten.
    pub fn try_input(&mut self, input: M::Input) -> Result<Vec<M::Effect>, PanicReport> {
        self.now.entropy = self.now.entropy.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1);
        let (machine, effects, now) = (&mut self.machine, &mut self.effects, self.now);
        match guarded(|| machine.apply(now, input, effects)) {
            Ok(()) => Ok(self.effects.drain().collect()),
            Err(panic) => {
                self.effects.clear();
                Err(panic)
            }
        }
    }
}
