//! A small seeded random source (SplitMix64), so that every random plan can be replayed from its printed seed.

use crate::clock;

/// Random numbers that follow from a seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same throws.
    #[must_use]
    pub const fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed in the environment variable `variable`, else one from the clock. Gives the seed too, to be printed.
    #[must_use]
    pub fn from_env(variable: &str) -> (Self, u64) {
        let seed = number_from_env(variable).unwrap_or_else(clock::now_ms);
        (Self::from_seed(seed), seed)
    }

    /// A number in `0..below`.
    pub fn below(&mut self, below: u64) -> u64 {
        self.throw() % below.max(1)
    }

    /// True once in `n` throws on average.
    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// A source of its own for a part of the plan, so that parts do not disturb one another.
    pub fn fork(&mut self) -> Self {
        Self(self.throw())
    }

    fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// A whole number from the environment: how suites are made larger or replayed.
///
/// # Panics
/// When the variable is set to something else.
#[must_use]
pub fn number_from_env(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {text:?}")))
}
