//! Complete server frames, ready for the socket. Server frames are final and never masked.

use bytes::{BufMut, Bytes, BytesMut};
use rialto_protocol::ws_frame::{HEADER_BYTES_MAX, close, header};

/// Longest payload of a control frame, in bytes.
pub const CONTROL_BYTES_MAX: usize = 125;

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

/// One complete frame, header and payload in one allocation. Control payloads above [`CONTROL_BYTES_MAX`] are cut,
/// because a longer one would fail the connection at the client.
pub fn frame(kind: FrameKind, payload: &[u8]) -> Bytes {
    let is_control = kind as u8 >= FrameKind::Close as u8;
    let payload = if is_control { &payload[..payload.len().min(CONTROL_BYTES_MAX)] } else { payload };
    let mut out = BytesMut::with_capacity(HEADER_BYTES_MAX + payload.len());
    let (header, length) = header(kind as u8, payload.len());
    out.put_slice(&header[..length]);
    out.put_slice(payload);
    out.freeze()
}

/// A close frame. The reason is cut at a character boundary to what a control frame may hold.
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    close(code, reason).into()
}

/// A close frame without a code, the answer to one without a code.
pub fn close_frame_empty() -> Bytes {
    frame(FrameKind::Close, &[])
}

/// Bytes of the server frame at the front, header included. `None` when the header is not whole or none of ours (fragmented or masked).
pub fn frame_bytes(bytes: &[u8]) -> Option<usize> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let is_ours = first & 0x80 != 0 && second & 0x80 == 0;
    let (header_bytes, payload_bytes) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*rest.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*rest.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    is_ours.then(|| usize::try_from(payload_bytes).ok()?.checked_add(header_bytes)).flatten()
}

#[cfg(test)]
mod tests {
    use super::{FrameKind, close_frame, frame, frame_bytes};

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
            assert_eq!(frame_bytes(&bytes), Some(bytes.len()));
            assert_eq!(frame_bytes(&bytes[..header.len() - 1]), None);
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
