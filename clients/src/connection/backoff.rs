//! Pauses with full jitter.

/// A small generator (splitmix64): jitter needs to be spread, not secret. Its seed comes from outside.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number in `0..=top`.
    pub(crate) fn up_to(&mut self, top: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        if top == u64::MAX { mixed } else { mixed % (top + 1) }
    }
}

/// The pause after `attempt` failures (0 for the first): `min` plus a random share of `min * 2^attempt`, never more than `max`.
pub(crate) fn pause_ms(random: &mut Random, attempt: u32, min: u64, max: u64) -> u64 {
    let spread = min.saturating_mul(1_u64.checked_shl(attempt.min(32)).unwrap_or(u64::MAX)).min(max);
    min.saturating_add(random.up_to(spread)).min(max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_spread_and_stay_within_bounds() {
        let mut random = Random::new(7);
        for attempt in 0..70 {
            let pauses: Vec<u64> = (0..200).map(|_| pause_ms(&mut random, attempt, 500, 20_000)).collect();
            let top = 500 + 500_u64.checked_shl(attempt.min(16)).unwrap_or(u64::MAX).min(20_000);
            assert!(pauses.iter().all(|pause| (500..=top.min(20_000)).contains(pause)), "{attempt}");
            let spread = pauses.iter().max().zip(pauses.iter().min()).map(|(max, min)| max - min);
            assert!(spread > Some(100), "{attempt}: everybody would come back at once");
        }
    }
}
