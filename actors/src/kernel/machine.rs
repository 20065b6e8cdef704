//! What every actor of Rialto is inside: a plain struct that turns an input into effects.

/// When an input happens, and the randomness that comes with it. Machines have no clock and no random source of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Wall clock, milliseconds since 1970: for what clients see. May jump.
    pub wall_ms: u64,
    /// Monotonic milliseconds since the process began: for timers and rates. Never goes back.
    pub mono_ms: u64,
    /// 128 fresh random bits: ids and epochs are made of them.
    pub entropy: u128,
}

/// A pure state machine. `apply` never awaits, reads a clock, sends, or touches a socket, a disk or a random source.
///
/// A panic in `apply` is caught by whoever runs the machine; the machine is then dropped and rebuilt from its rows, so it needs no unwind safety of its own.
pub trait Machine: 'static {
    /// All that can happen to it.
    type Input: 'static;
    /// All that it can want.
    type Effect: 'static;

    /// Takes one input and says what is to be done, in order.
    fn apply(&mut self, now: Moment, input: Self::Input, effects: &mut Effects<Self::Effect>);
}

/// The effects of one input, in the order decided.
#[derive(Debug)]
pub struct Effects<E>(Vec<E>);

impl<E> Default for Effects<E> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<E> Effects<E> {
    /// Wants one more thing.
    pub fn push(&mut self, effect: E) {
        self.0.push(effect);
    }

    /// Takes all, leaving the buffer for the next input.
    pub fn drain(&mut self) -> std::vec::Drain<'_, E> {
        self.0.drain(..)
    }

    /// Forgets what a panicking input had wanted.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether nothing is wanted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The effects so far.
    #[must_use]
    pub fn as_slice(&self) -> &[E] {
        &self.0
    }
}
