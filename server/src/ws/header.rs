//! The header of a client frame.

use super::decode::Violation;

/// Longest header of a masked frame: 2 bytes, 8 of extended length, 4 of mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;
/// Longest payload of a control frame (RFC 6455 5.5).
pub(super) const CONTROL_BYTES_MAX: u64 = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation,
    Text,
    Binary,
    Close,
    Ping,
    Pong,
}

impl Opcode {
    pub(super) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) is_final: bool,
    pub(super) opcode: Opcode,
    /// Payload length in bytes as announced, not yet compared with any limit.
    pub(super) length: u64,
    pub(super) mask: [u8; 4],
}

/// Reads a header from the front of `bytes` and says how many bytes it takes; `None` needs more of them.
/// What two bytes can already tell to be wrong is refused with two bytes.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<(Header, usize)>, Violation> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    let is_final = first & 0x80 != 0;
    if first & 0x70 != 0 {
        return Err(Violation::Protocol("reserved bit set"));
    }
    let opcode = Opcode::from_bits(first & 0x0f).ok_or(Violation::Protocol("reserved opcode"))?;
    if second & 0x80 == 0 {
        return Err(Violation::Protocol("frame without mask"));
    }
    let short_length = second & 0x7f;
    if opcode.is_control() && (!is_final || u64::from(short_length) > CONTROL_BYTES_MAX) {
        return Err(Violation::Protocol("control frame fragmented or too long"));
    }
    let Some((length, length_bytes)) = parse_length(short_length, rest)? else {
        return Ok(None);
    };
    let Some(mask) = rest[length_bytes..].first_chunk::<4>() else {
        return Ok(None);
    };
    let header = Header { is_final, opcode, length, mask: *mask };
    Ok(Some((header, 2 + length_bytes + 4)))
}

fn parse_length(short_length: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Violation> {
    let (length, length_bytes, smallest) = match short_length {
        126 => match rest.first_chunk::<2>() {
            Some(bytes) => (u64::from(u16::from_be_bytes(*bytes)), 2, 126),
            None => return Ok(None),
        },
        127 => match rest.first_chunk::<8>() {
            Some(bytes) => (u64::from_be_bytes(*bytes), 8, 1 << 16),
            None => return Ok(None),
        },
        short => (u64::from(short), 0, 0),
    };
    if length < smallest || length > i64::MAX as u64 {
        return Err(Violation::Protocol("length not minimal or its top bit set"));
    }
    Ok(Some((length, length_bytes)))
}
