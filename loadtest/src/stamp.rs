//! What a message of the harness carries: where it belongs and when it was meant to be sent. Fixed width, so that finding and reading it costs
//! nanoseconds, and plain ASCII, so that it survives every protocol's quoting.

const MARKER: &[u8] = b"~rl:";
const BYTES: usize = 4 + 9 + 9 + 9 + 17 + 16;

/// Bytes of the smallest message.
pub(crate) const TEXT_BYTES_MIN: usize = BYTES;

/// The stamp of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// The room's number.
    pub(crate) room: u32,
    /// The sender's number within the room.
    pub(crate) sender: u32,
    /// The message's number within that sender's stream, from 0.
    pub(crate) seq: u32,
    /// When it should have been sent, monotonic nanoseconds.
    pub(crate) intended_ns: u64,
    /// When it was sent, monotonic nanoseconds.
    pub(crate) sent_ns: u64,
}

impl Stamp {
    /// Replaces `out` by a text of `size` bytes (at least [`TEXT_BYTES_MIN`]) that carries this stamp.
    pub(crate) fn write(&self, size: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(MARKER);
        hex(u64::from(self.room), 8, out);
        out.push(b':');
        hex(u64::from(self.sender), 8, out);
        out.push(b':');
        hex(u64::from(self.seq), 8, out);
        out.push(b':');
        hex(self.intended_ns, 16, out);
        out.push(b':');
        hex(self.sent_ns, 16, out);
        if size > out.len() {
            out.resize(size, b'x');
        }
    }

    /// The first stamp in `bytes`.
    pub(crate) fn find(bytes: &[u8]) -> Option<Self> {
        let mut from = 0;
        while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == MARKER[0]) {
            let at = from + found;
            if bytes[at..].starts_with(MARKER) {
                return Self::read(bytes.get(at..at + BYTES)?);
            }
            from = at + 1;
        }
        None
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize, digits: usize| unhex(&bytes[at..at + digits]);
        let short = |at: usize| number(at, 8).and_then(|number| u32::try_from(number).ok());
        Some(Self { room: short(4)?, sender: short(13)?, seq: short(22)?, intended_ns: number(31, 16)?, sent_ns: number(48, 16)? })
    }
}

fn hex(value: u64, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(value >> (place * 4)) as usize & 15]);
    }
}

fn unhex(digits: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for digit in digits {
        value = value << 4 | u64::from(char::from(*digit).to_digit(16)?);
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_found_inside_other_text() {
        let stamp = Stamp { room: 7, sender: 3, seq: 4_000_000_000, intended_ns: u64::MAX, sent_ns: 12 };
        let mut text = Vec::new();
        stamp.write(128, &mut text);
        assert_eq!(text.len(), 128);
        let mut frame = b"{\"a\":\"~r ~\",\"text\":\"".to_vec();
        frame.extend_from_slice(&text);
        frame.extend_from_slice(b"\"}");
        assert_eq!(Stamp::find(&frame), Some(stamp));
    }

    #[test]
    fn a_cut_or_foreign_text_holds_none() {
        let stamp = Stamp { room: 0, sender: 0, seq: 0, intended_ns: 0, sent_ns: 0 };
        let mut text = Vec::new();
        stamp.write(0, &mut text);
        assert_eq!(text.len(), TEXT_BYTES_MIN);
        assert_eq!(Stamp::find(&text[..text.len() - 1]), None);
        assert_eq!(Stamp::find(b"~rl:zzzz"), None);
        assert_eq!(Stamp::find(b""), None);
    }
}
