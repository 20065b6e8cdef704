//! A map by entity. Each message looks its entity up several times, and the ids are random already: one multiplication a word mixes them, under a key of the process's own.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use rialto_protocol::EntityKey;

/// What a shard knows by entity.
pub(super) type EntityMap<V> = HashMap<EntityKey, V, EntityHashing>;

/// Makes hashers with one key, so that nobody outside can choose ids that collide.
#[derive(Clone, Debug)]
pub(super) struct EntityHashing {
    key: u64,
}

impl Default for EntityHashing {
    fn default() -> Self {
        Self { key: RandomState::new().hash_one(0) }
    }
}

impl BuildHasher for EntityHashing {
    type Hasher = EntityHasher;

    fn build_hasher(&self) -> EntityHasher {
        EntityHasher(self.key)
    }
}

/// Folds each word in by a full multiplication.
pub(super) struct EntityHasher(u64);

impl Hasher for EntityHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.write_u64(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.write_u64(u64::from(*byte));
        }
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        /// The fraction of the golden ratio: odd, half of its bits set.
        const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
        let product = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.write_u64(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rialto_protocol::{EntityKind, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn kinds_and_all_bits_of_the_id_count() {
        let hashing = EntityHashing::default();
        let user = EntityKey::from(UserId(Uuid::from_u128(7)));
        let mut keys = vec![user, EntityKey { kind: EntityKind::Topic, ..user }];
        keys.extend((0..128).map(|bit| EntityKey { id: Uuid::from_u128(7 ^ (1 << bit)), ..user }));
        let hashes: HashSet<u64> = keys.iter().map(|key| hashing.hash_one(key)).collect();
        assert_eq!(hashes.len(), keys.len());
        let tops: HashSet<u64> =
            (0..1_000_u128).map(|number| hashing.hash_one(EntityKey { id: Uuid::from_u128(number), ..user }) >> 57).collect();
        assert_eq!(tops.len(), 128, "the bits that a table looks at differ for ids that are counted up");
    }
}
