//! Which sender ids may stand in the log: a Bloom filter that reaches further back than the rows in memory.
//!
//! Without it a busy conversation, whose rows in memory cover seconds, would read the store's index for every message, because an id may be dated ten minutes ahead.
//! It has no false "never": an id that it does not know was not appended since [`Seen`] began to look. A false "perhaps" costs one look-up.

use std::collections::VecDeque;

use rialto_protocol::limits::{CLIENT_ID_AHEAD_MS, CLIENT_ID_BYTES_MAX};
use rialto_storage::RowSender;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use super::limits::{SEEN_AGE_MS, SEEN_BITS_PER_ID, SEEN_BYTES_MAX, SEEN_IDS_FIRST, SEEN_IDS_MAX};

/// Bits set per id.
const PROBES: u64 = 6;

/// The ids of the newest rows.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Random per activation, so that nobody can prepare ids that collide.
    seed: u64,
    generations: VecDeque<Generation>,
    /// Time of the newest row whose id is not in here; `None` when all are.
    beyond_ms: Option<u64>,
}

#[derive(Debug)]
struct Generation {
    bits: Box<[u64]>,
    ids: usize,
    ids_max: usize,
    newest_ms: u64,
}

impl Seen {
    /// Knows no id; the newest row that it was not shown has this time.
    pub(crate) fn new(seed: u64, beyond_ms: Option<u64>) -> Self {
        Self { seed, generations: VecDeque::new(), beyond_ms }
    }

    /// Takes a row's id. Times never go back.
    pub(crate) fn insert(&mut self, sender: &RowSender, time_ms: u64) {
        if self.generations.back().is_none_or(|newest| newest.ids >= newest.ids_max) {
            self.open(time_ms);
        }
        let hash = self.hash(sender);
        if let Some(newest) = self.generations.back_mut() {
            newest.ids += 1;
            newest.newest_ms = time_ms;
            for bit in probes(hash, newest.bits.len()) {
                newest.bits[bit / 64] |= 1 << (bit % 64);
            }
        }
    }

    /// False when the id certainly does not stand in a row that was shown and not forgotten.
    pub(crate) fn may_contain(&self, sender: &RowSender) -> bool {
        let hash = self.hash(sender);
        self.generations
            .iter()
            .rev()
            .any(|generation| probes(hash, generation.bits.len()).all(|bit| generation.bits[bit / 64] & (1 << (bit % 64)) != 0))
    }

    /// Whether every row that can carry an id of this date was shown. A row is at most ten minutes older than the date of its id; ids without date may stand anywhere.
    pub(crate) fn covers(&self, dated_ms: Option<u64>) -> bool {
        match (self.beyond_ms, dated_ms) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(beyond_ms), Some(dated_ms)) => dated_ms.saturating_sub(CLIENT_ID_AHEAD_MS) > beyond_ms,
        }
    }

    fn open(&mut self, time_ms: u64) {
        let ids_max = self.generations.back().map_or(SEEN_IDS_FIRST, |newest| (newest.ids_max * 2).min(SEEN_IDS_MAX));
        let words = (ids_max * SEEN_BITS_PER_ID / 64).next_power_of_two();
        let mut bytes: usize = words * 8 + self.generations.iter().map(|generation| generation.bits.len() * 8).sum::<usize>();
        while let Some(oldest) = self.generations.front() {
            if bytes <= SEEN_BYTES_MAX && oldest.newest_ms.saturating_add(SEEN_AGE_MS) >= time_ms {
                break;
            }
            bytes -= oldest.bits.len() * 8;
            self.beyond_ms = self.beyond_ms.max(Some(oldest.newest_ms));
            self.generations.pop_front();
        }
        self.generations.push_back(Generation { bits: vec![0; words].into_boxed_slice(), ids: 0, ids_max, newest_ms: time_ms });
    }

    fn hash(&self, sender: &RowSender) -> u128 {
        let id = sender.client_id.as_str().as_bytes();
        let mut key = [0_u8; 16 + CLIENT_ID_BYTES_MAX];
        key[..16].copy_from_slice(sender.user.0.as_bytes());
        let length = id.len().min(CLIENT_ID_BYTES_MAX);
        key[16..16 + length].copy_from_slice(&id[..length]);
        xxh3_128_with_seed(&key[..16 + length], self.seed)
    }
}

/// Bit numbers by double hashing; `words` is a power of two.
fn probes(hash: u128, words: usize) -> impl Iterator<Item = usize> {
    let (start, step) = (hash as u64, (hash >> 64) as u64 | 1);
    let mask = words as u64 * 64 - 1;
    (0..PROBES).map(move |probe| (start.wrapping_add(probe.wrapping_mul(step)) & mask) as usize)
}

#[cfg(test)]
mod tests {
    use rialto_protocol::{ClientId, UserId};
    use uuid::Uuid;

    use super::*;

    fn sender(number: u128) -> RowSender {
        RowSender { user: UserId(Uuid::from_u128(number % 7)), client_id: ClientId::new(&format!("id-{number}")).unwrap() }
    }

    #[test]
    fn every_id_that_was_shown_is_known_and_few_others_are() {
        let mut seen = Seen::new(11, None);
        for number in 0..20_000 {
            seen.insert(&sender(number), 1_000);
        }
        assert!((0..20_000).all(|number| seen.may_contain(&sender(number))));
        let wrong = (20_000..40_000).filter(|number| seen.may_contain(&sender(*number))).count();
        assert!(wrong < 400, "{wrong} of 20,000 unknown ids look known");
        assert!(seen.covers(None));
    }

    #[test]
    fn memory_stays_bounded_and_what_left_is_no_longer_covered() {
        let mut seen = Seen::new(11, None);
        for number in 0..3_000_000_u64 {
            seen.insert(&sender(u128::from(number)), 1_000 + number / 1_000);
        }
        assert!(seen.generations.iter().map(|generation| generation.bits.len() * 8).sum::<usize>() <= SEEN_BYTES_MAX);
        let beyond = seen.beyond_ms.unwrap();
        assert!(
            !seen.covers(None) && !seen.covers(Some(beyond + CLIENT_ID_AHEAD_MS)) && seen.covers(Some(beyond + CLIENT_ID_AHEAD_MS + 1))
        );
    }

    #[test]
    fn old_generations_leave_with_time() {
        let mut seen = Seen::new(11, Some(5));
        for number in 0..300 {
            seen.insert(&sender(number), 1_000);
        }
        for number in 300..2_000 {
            seen.insert(&sender(number), 1_001 + SEEN_AGE_MS);
        }
        assert_eq!(seen.beyond_ms, Some(1_000));
    }
}
