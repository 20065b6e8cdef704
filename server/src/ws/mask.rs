//! Unmasking of client payloads.

/// Bytes handled at once; the compiler turns one step into one vector operation.
const BLOCK: usize = 16;

/// Unmasks `payload` in place. `offset` is how many payload bytes of the same frame came before this slice.
pub(super) fn unmask(payload: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut block_key = [0; BLOCK];
    for (index, byte) in block_key.iter_mut().enumerate() {
        *byte = mask[(index + offset) & 3];
    }
    let key = u128::from_ne_bytes(block_key);
    let (blocks, tail) = payload.as_chunks_mut::<BLOCK>();
    for block in blocks {
        *block = (u128::from_ne_bytes(*block) ^ key).to_ne_bytes();
    }
    for (byte, key) in tail.iter_mut().zip(block_key) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::unmask;

    #[test]
    fn equals_the_definition_at_every_length_and_offset() {
        let mask = [0x11, 0x22, 0x83, 0xf4];
        for length in 0..70 {
            for offset in 0..9 {
                let plain: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
                let mut masked = plain.clone();
                for (index, byte) in masked.iter_mut().enumerate() {
                    *byte ^= mask[(index + offset) % 4];
                }
                unmask(&mut masked, mask, offset);
                assert_eq!(masked, plain, "length {length}, offset {offset}");
            }
        }
    }
}
