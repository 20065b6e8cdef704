//! The one place that reads clocks and the random source.

use std::cell::Cell;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::Moment;

/// Gives [`Moment`]s. Cheap to clone; one per thread.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    random: Cell<u128>,
}

impl Clock {
    /// A clock whose monotonic zero is `started`, so that all threads of a process agree, seeded from the operating system.
    #[must_use]
    pub fn new(started: Instant) -> Self {
        Self { started, random: Cell::new(seed()) }
    }

    /// The monotonic zero of a process: read once, at start.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn process_start() -> Instant {
        Instant::now()
    }

    /// Now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Moment {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Moment {
            wall_ms: u64::try_from(wall.as_millis()).unwrap_or(u64::MAX),
            mono_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            entropy: self.entropy(),
        }
    }

    /// Monotonic microseconds since the process began, for durations.
    #[must_use]
    pub fn mono_us(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Fresh bits: a SplitMix64 pair (Steele, Lea, Flood 2014) over a state seeded by the operating system. Unique, not secret: secrets ask the operating system.
    fn entropy(&self) -> u128 {
        let state = self.random.get().wrapping_add(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        self.random.set(state);
        let high = mix((state >> 64) as u64 ^ state as u64);
        let low = mix(state as u64 ^ 0x6A09_E667_F3BC_C909);
        (u128::from(high) << 64) | u128::from(low)
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn seed() -> u128 {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    u128::from_le_bytes(bytes)
}
