//! A broadcast arrives once per subscriber, byte for byte the same: it is parsed once, and recognised afterwards. Without this a generator would measure
//! its own JSON parser.

use super::Delivery;

/// Frames remembered: more than are under way at once in a hot room.
const ENTRIES: usize = 512;
/// Larger frames are parsed each time.
const FRAME_BYTES_MAX: usize = 4_096;
/// The golden ratio in 64 bits: spreads the bits of a product.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Frames that carry exactly one message, with that message.
#[derive(Debug)]
pub(crate) struct FrameCache {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    bytes: Vec<u8>,
    delivery: Option<Delivery>,
}

impl FrameCache {
    /// An empty cache.
    pub(crate) fn new() -> Self {
        Self { entries: vec![Entry { bytes: Vec::new(), delivery: None }; ENTRIES] }
    }

    /// The message of a frame that was seen before: every byte is compared.
    pub(crate) fn find(&self, frame: &[u8]) -> Option<Delivery> {
        let entry = &self.entries[place(frame)];
        if entry.bytes == frame { entry.delivery } else { None }
    }

    /// Remembers a frame in place of an older one.
    pub(crate) fn insert(&mut self, frame: &[u8], delivery: Delivery) {
        if frame.len() <= FRAME_BYTES_MAX {
            let entry = &mut self.entries[place(frame)];
            entry.bytes.clear();
            entry.bytes.extend_from_slice(frame);
            entry.delivery = Some(delivery);
        }
    }
}

fn place(frame: &[u8]) -> usize {
    let mut hash = frame.len() as u64;
    let mut words = frame.chunks_exact(8);
    for word in &mut words {
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    }
    for byte in words.remainder() {
        hash = (hash.rotate_left(5) ^ u64::from(*byte)).wrapping_mul(SPREAD);
    }
    (hash >> 32) as usize % ENTRIES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_very_same_bytes_are_recognised() {
        let mut cache = FrameCache::new();
        let delivery = |offset| Delivery { room: 1, offset: Some(offset), stamp: None };
        for offset in 0..2_000_u64 {
            let frame = format!("a frame with offset {offset} in it").into_bytes();
            assert_eq!(cache.find(&frame), None);
            cache.insert(&frame, delivery(offset));
            assert_eq!(cache.find(&frame), Some(delivery(offset)));
            assert_eq!(cache.find(&frame[1..]), None);
        }
        cache.insert(&vec![b'a'; FRAME_BYTES_MAX + 1], delivery(0));
        assert_eq!(cache.find(&vec![b'a'; FRAME_BYTES_MAX + 1]), None);
    }
}
