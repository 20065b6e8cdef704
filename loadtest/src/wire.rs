//! The client's half of RFC 6455, without IO and without a buffer of its own: frames are read out of whatever slice the caller has, masked frames are
//! appended to whatever buffer the caller flushes.

use anyhow::{Result, bail, ensure};
use rialto_protocol::ws_frame;

use crate::limits::{FRAME_BYTES_MAX, UPGRADE_BYTES_MAX};

/// The key that every connection of the harness sends; the answer is a function of it, checked once and for all.
const KEY: &str = "cmlhbHRvLWxvYWQgc2F5cw==";
/// base64(SHA-1([`KEY`] + the protocol's GUID)).
const ACCEPT: &str = "nV1T7icT9dvTirifeedOthfNMIk=";
/// Clients must mask. One key serves the whole process: it protects proxies from scripts in browsers, and this is no browser.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One frame from the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Its opcode, [`ws_frame::TEXT`] and the others.
    pub(crate) opcode: u8,
    /// Whether it is the last of its message.
    pub(crate) fin: bool,
    /// Its payload.
    pub(crate) payload: &'a [u8],
}

/// The request that asks for a WebSocket.
pub(crate) fn upgrade_request(host: &str, path: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )
    .into_bytes()
}

/// How many bytes of `bytes` are the answer to the upgrade request; `None` when it is not there yet.
///
/// # Errors
/// When the server refuses, or answers something else.
pub(crate) fn upgrade_answer(bytes: &[u8]) -> Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        ensure!(bytes.len() <= UPGRADE_BYTES_MAX, "the answer to the upgrade is too long");
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.starts_with("HTTP/1.1 101"), "the upgrade was answered by {status:?}");
    let accepts = |line: &str| {
        line.split_once(':').is_some_and(|(name, value)| name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT)
    };
    ensure!(head.lines().any(accepts), "the upgrade was answered with a wrong Sec-WebSocket-Accept");
    Ok(Some(end + 4))
}

/// What a server of our own answers to [`upgrade_request`], and to nobody else's.
pub(crate) fn upgrade_answer_for_us() -> Vec<u8> {
    format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n")
        .into_bytes()
}

/// The first frame of `bytes` and its length with header; `None` when it is not whole yet.
///
/// # Errors
/// On what no server may send: a mask, reserved bits, a frame above the limit.
pub(crate) fn frame(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    ensure!(first & 0x70 == 0, "reserved bits are set");
    ensure!(second & 0x80 == 0, "the server masks its frames");
    let (length_bytes, length) = match second & 0x7f {
        126 => (2, rest.get(..2).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))),
        127 => (
            8,
            rest.get(..8)
                .map(|bytes| bytes.iter().fold(0_usize, |length, byte| length.saturating_mul(256).saturating_add(usize::from(*byte)))),
        ),
        length => (0, Some(usize::from(length))),
    };
    let Some(length) = length else { return Ok(None) };
    if length > FRAME_BYTES_MAX {
        bail!("a frame of {length} bytes");
    }
    let payload = rest.get(length_bytes..length_bytes + length);
    Ok(payload.map(|payload| (Frame { opcode: first & 0x0f, fin: first & 0x80 != 0, payload }, 2 + length_bytes + length)))
}

/// Appends one whole masked frame to `out`; `build` writes the payload.
pub(crate) fn write(opcode: u8, out: &mut Vec<u8>, build: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.resize(start + ws_frame::HEADER_BYTES_MAX + MASK.len(), 0);
    let payload_start = out.len();
    build(out);
    let (header, header_bytes) = ws_frame::header(opcode, out.len() - payload_start);
    let unused = ws_frame::HEADER_BYTES_MAX - header_bytes;
    for (index, byte) in out[payload_start..].iter_mut().enumerate() {
        *byte ^= MASK[index & 3];
    }
    out[start..start + header_bytes].copy_from_slice(&header[..header_bytes]);
    out[start + 1] |= 0x80;
    out[start + header_bytes..start + header_bytes + MASK.len()].copy_from_slice(&MASK);
    out.copy_within(payload_start.., payload_start - unused);
    out.truncate(out.len() - unused);
}

/// The code of a close frame's payload; 1005 when it has none.
pub(crate) fn close_code(payload: &[u8]) -> u16 {
    match payload {
        [high, low, ..] => u16::from_be_bytes([*high, *low]),
        _ => 1005,
    }
}

#[cfg(test)]
mod tests {
    use sha1::{Digest as _, Sha1};

    use super::*;

    #[test]
    fn the_expected_answer_belongs_to_the_key() {
        use base64::Engine as _;
        let digest = Sha1::digest(format!("{KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
        assert_eq!(base64::engine::general_purpose::STANDARD.encode(digest), ACCEPT);
    }

    #[test]
    fn frames_are_found_whole_or_not_at_all() {
        for size in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'a'; size];
            let bytes = ws_frame::text(&payload);
            for cut in [0, 1, 2, bytes.len() - 1] {
                assert_eq!(frame(&bytes[..cut.min(bytes.len() - 1)]).unwrap(), None, "{size} cut at {cut}");
            }
            let (found, length) = frame(&bytes).unwrap().unwrap();
            assert_eq!((found.opcode, found.fin, found.payload, length), (ws_frame::TEXT, true, &payload[..], bytes.len()));
        }
    }

    #[test]
    fn what_is_written_is_masked_and_whole() {
        for size in [0_usize, 5, 126, 70_000] {
            let mut out = b"before".to_vec();
            write(ws_frame::TEXT, &mut out, |payload| payload.extend((0..size).map(|index| index as u8)));
            let header = if size > 65_535 {
                10
            } else if size > 125 {
                4
            } else {
                2
            };
            assert_eq!(out.len(), 6 + header + 4 + size);
            assert_eq!(out[7] & 0x80, 0x80);
            let masked = &out[6 + header + 4..];
            assert!(masked.iter().enumerate().all(|(index, byte)| byte ^ MASK[index & 3] == index as u8));
        }
    }

    #[test]
    fn hostile_answers_are_refused() {
        assert!(frame(&[0x81, 0x85, 0, 0, 0, 0]).is_err());
        assert!(frame(&[0xf1, 0x00]).is_err());
        assert!(frame(&[0x82, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(upgrade_answer(b"HTTP/1.1 403 Forbidden\r\n\r\n").is_err());
        assert!(upgrade_answer(b"HTTP/1.1 101 S\r\nSec-WebSocket-Accept: no\r\n\r\n").is_err());
        assert_eq!(upgrade_answer(b"HTTP/1.1 101 S\r\n").unwrap(), None);
    }
}
