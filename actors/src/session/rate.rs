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
        let passed = mono_ms.saturating_sub(self.filled_ms);
        self.left = (self.left + passed * u64::from(per_second)).min(u64::from(burst) * 1000);
        self.filled_ms = mono_ms;
        if self.left < 1000 {
            return false;
        }
        self.left -= 1000;
        true
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
