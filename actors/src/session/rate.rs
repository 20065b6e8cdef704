//! A token bucket (RFC 2697 style, one rate, one burst) in whole thousandths.

/// How many commands a session may still send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bucket {
    /// Commands left, in thousandths.
    left: u64,
    filled_ms: u64,
}

impl Bucket {
    pub(super) fn full(burst: u32, mono_ms: u64) -> Self {
        Self { left: u64::from(burst) * 1000, filled_ms: mono_ms }
    }

    /// Takes one; false when none is left.
    pub(super) fn take(&mut self, per_second: u32, burst: u32, mono_ms: u64) -> bool {
        self.take_up_to(1, per_second, burst, mono_ms) == 1
    }

    /// Takes what there is, at most so many.
    pub(super) fn take_up_to(&mut self, most: u8, per_second: u32, burst: u32, mono_ms: u64) -> u8 {
        self.fill(per_second, burst, mono_ms);
        let given = u8::try_from(self.left / 1000).unwrap_or(u8::MAX).min(most);
        self.left -= u64::from(given) * 1000;
        given
    }

    /// Whether nothing is missing.
    pub(super) fn is_full(&mut self, per_second: u32, burst: u32, mono_ms: u64) -> bool {
        self.fill(per_second, burst, mono_ms);
        self.left == u64::from(burst) * 1000
    }

    fn fill(&mut self, per_second: u32, burst: u32, mono_ms: u64) {
        let passed = mono_ms.saturating_sub(self.filled_ms);
        self.left = (self.left + passed * u64::from(per_second)).min(u64::from(burst) * 1000);
        self.filled_ms = mono_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let mut bucket = Bucket::full(3, 0);
        assert_eq!((0..4).map(|_| bucket.take(2, 3, 0)).collect::<Vec<_>>(), [true, true, true, false]);
        assert!(!bucket.take(2, 3, 499));
        assert!(bucket.take(2, 3, 500));
        assert!(!bucket.take(2, 3, 500));
        assert_eq!((0..4).map(|_| bucket.take(2, 3, 60_000)).collect::<Vec<_>>(), [true, true, true, false]);
    }
}
