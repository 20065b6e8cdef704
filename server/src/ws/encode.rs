//! Complete server frames, ready for the socket. Server frames are final and never masked.

use bytes::{BufMut, Bytes, BytesMut};

/// Longest header of a server frame, in bytes.
pub const HEADER_BYTES_MAX: usize = 10;
/// Longest payload of a control frame, in bytes.
pub const CONTROL_BYTES_MAX: usize = 125;
/// Longest reason in a close frame, in bytes: a control payload less the code.
pub const CLOSE_REASON_BYTES_MAX: usize = CONTROL_BYTES_MAX - 2;

/// Kind of a server frame; the value is the opcode on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A whole text message. The payload must be UTF-8; it is not looked at.
    Text = 0x1,
    /// A whole binary message.
    Binary = 0x2,
    /// Close, see [`close_frame`].
    Close = 0x8,
    /// Ping, at most [`CONTROL_BYTES_MAX`].
    Ping = 0x9,
    /// Pong, at most [`CONTROL_BYTES_MAX`].
    Pong = 0xa,
}

/// Appends the header of a frame whose payload has `length` bytes; the caller appends the payload.
pub fn put_header(out: &mut impl BufMut, kind: FrameKind, length: usize) {
    out.put_u8(0x80 | kind as u8);
    if length < 126 {
        out.put_u8(length as u8);
    } else if let Ok(length) = u16::try_from(length) {
        out.put_u8(126);
        out.put_u16(length);
    } else {
        out.put_u8(127);
        out.put_u64(length as u64);
    }
}

/// One complete frame, header and payload in one allocation. Control payloads above [`CONTROL_BYTES_MAX`] are cut,
/// because a longer one would fail the connection at the client.
pub fn frame(kind: FrameKind, payload: &[u8]) -> Bytes {
    let is_control = kind as u8 >= FrameKind::Close as u8;
    let payload = if is_control { &payload[..payload.len().min(CONTROL_BYTES_MAX)] } else { payload };
    let mut out = BytesMut::with_capacity(HEADER_BYTES_MAX + payload.len());
    put_header(&mut out, kind, payload.len());
    out.put_slice(payload);
    out.freeze()
}

/// A close frame. The reason is cut at a character boundary to [`CLOSE_REASON_BYTES_MAX`].
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(CLOSE_REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    let reason = &reason[..end];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.put_u16(code);
    payload.put_slice(reason.as_bytes());
    frame(FrameKind::Close, &payload)
}

/// A close frame without a code, the answer to one without a code.
pub fn close_frame_empty() -> Bytes {
    frame(FrameKind::Close, &[])
}

#[cfg(test)]
mod tests {
    use super::{FrameKind, close_frame, frame};

    #[test]
    fn header_takes_the_shortest_length_form() {
        for (length, header) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 255, 255]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let bytes = frame(FrameKind::Text, &vec![b'x'; length]);
            assert_eq!(&bytes[..header.len()], header);
            assert_eq!(bytes.len(), header.len() + length);
        }
    }

    #[test]
    fn close_reason_is_cut_at_a_character() {
        let bytes = close_frame(3008, &"ü".repeat(100));
        assert_eq!(bytes.len(), 2 + 2 + 122);
        assert_eq!(&bytes[..4], [0x88, 124, 0x0b, 0xc0]);
        assert!(std::str::from_utf8(&bytes[4..]).is_ok());
    }

    #[test]
    fn control_payload_is_cut() {
        assert_eq!(frame(FrameKind::Pong, &[0; 300]).len(), 2 + 125);
    }
}
