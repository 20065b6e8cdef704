//! Server-side WebSocket frames (RFC 6455 section 5.2): unmasked, final, never fragmented. A server frame depends only on its payload, so that one
//! encoding serves every subscriber of a channel.

/// Bytes of the longest header of a server frame.
pub const HEADER_BYTES_MAX: usize = 10;
/// Opcode of a text frame.
pub const TEXT: u8 = 0x1;
/// Opcode of a binary frame.
pub const BINARY: u8 = 0x2;
/// Opcode of a close frame.
pub const CLOSE: u8 = 0x8;
/// Opcode of a ping.
pub const PING: u8 = 0x9;
/// Opcode of a pong.
pub const PONG: u8 = 0xA;

/// Appends one whole frame to `out`.
pub fn encode(opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
    let (header, len) = header(opcode, payload.len());
    out.reserve(len + payload.len());
    out.extend_from_slice(&header[..len]);
    out.extend_from_slice(payload);
}

/// A whole text frame.
#[must_use]
pub fn text(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(TEXT, payload, &mut out);
    out
}

/// A whole text frame whose payload, of about `payload_bytes`, is appended by `write`: what is made for the wire is made where it leaves from.
#[must_use]
pub fn text_of(payload_bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let (expected, room) = header(TEXT, payload_bytes);
    let mut out = Vec::with_capacity(room + payload_bytes);
    out.extend_from_slice(&expected[..room]);
    write(&mut out);
    let (header, len) = header(TEXT, out.len() - room);
    if len == room {
        out[..room].copy_from_slice(&header[..len]);
    } else {
        drop(out.splice(..room, header[..len].iter().copied()));
    }
    out
}

/// A whole close frame; the reason is cut to 123 bytes at a character's end.
#[must_use]
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut end = reason.len().min(123);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let mut payload = Vec::with_capacity(2 + end);
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(&reason.as_bytes()[..end]);
    let mut out = Vec::new();
    encode(CLOSE, &payload, &mut out);
    out
}

/// The header of a frame with this payload length, and how many of its bytes count.
#[must_use]
pub fn header(opcode: u8, payload: usize) -> ([u8; HEADER_BYTES_MAX], usize) {
    let mut bytes = [0_u8; HEADER_BYTES_MAX];
    bytes[0] = 0x80 | opcode;
    let len = match payload {
        0..=125 => {
            bytes[1] = payload as u8;
            2
        }
        126..=0xFFFF => {
            bytes[1] = 126;
            bytes[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
            4
        }
        _ => {
            bytes[1] = 127;
            bytes[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
            10
        }
    };
    (bytes, len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_written_in_place_makes_the_same_frame() {
        for bytes in [0, 1, 125, 126, 300, 65_535, 65_536] {
            let payload = vec![b'x'; bytes];
            for expected in [0, bytes / 2, bytes, 2 * bytes] {
                assert_eq!(text_of(expected, |out| out.extend_from_slice(&payload)), text(&payload));
            }
        }
    }
}
