//! The decoder against its own rules, and against `tungstenite` as an oracle.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use proptest::prelude::*;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use super::{Decoder, Event, Violation};

const LIMIT: u32 = 4096;
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One client frame as bytes.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![first];
    match payload.len() {
        length @ 0..=125 => out.push(0x80 | length as u8),
        length @ 126..=65_535 => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend(MASK);
    out.extend(payload.iter().enumerate().map(|(index, byte)| byte ^ MASK[index % 4]));
    out
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Text(text) => Event::Text(Cow::Owned(text.into_owned())),
        Event::Binary(bytes) => Event::Binary(Cow::Owned(bytes.into_owned())),
        Event::Ping(bytes) => Event::Ping(Cow::Owned(bytes.into_owned())),
        Event::Pong(bytes) => Event::Pong(Cow::Owned(bytes.into_owned())),
        Event::Close(reason) => Event::Close(reason),
    }
}

struct Outcome {
    events: Vec<Event<'static>>,
    violation: Option<Violation>,
    bytes_reserved_max: usize,
    is_idle: bool,
}

/// Feeds `bytes` in chunks of the sizes given, over and over, up to a close, a violation or the end.
fn decode(bytes: &[u8], chunk_sizes: &[usize], limit: u32) -> Outcome {
    let mut decoder = Decoder::new(limit);
    let mut outcome = Outcome { events: Vec::new(), violation: None, bytes_reserved_max: 0, is_idle: false };
    let mut bytes = bytes.to_vec();
    let mut rest = bytes.as_mut_slice();
    let mut sizes = chunk_sizes.iter().cycle();
    'chunks: while !rest.is_empty() {
        let size = (*sizes.next().unwrap()).clamp(1, rest.len());
        let (mut chunk, tail) = rest.split_at_mut(size);
        rest = tail;
        loop {
            let (event, after) = match decoder.step(chunk) {
                Ok(step) => step,
                Err(violation) => {
                    outcome.violation = Some(violation);
                    break 'chunks;
                }
            };
            chunk = after;
            outcome.bytes_reserved_max = outcome.bytes_reserved_max.max(decoder.bytes_reserved());
            let Some(event) = event else { break };
            let is_close = matches!(event, Event::Close(_));
            outcome.events.push(owned(event));
            if is_close {
                break 'chunks;
            }
        }
    }
    outcome.is_idle = decoder.is_idle();
    outcome
}

/// A stream that only reads: what the oracle writes is thrown away.
struct Tape(io::Cursor<Vec<u8>>);

impl Read for Tape {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Tape {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite makes of the same bytes: its messages, and whether it failed other than by their end.
fn oracle(bytes: &[u8], limit: u32) -> (Vec<Message>, bool) {
    let config = WebSocketConfig::default().max_message_size(Some(limit as usize)).max_frame_size(Some(limit as usize));
    let mut socket = WebSocket::from_raw_socket(Tape(io::Cursor::new(bytes.to_vec())), Role::Server, Some(config));
    let mut messages = Vec::new();
    loop {
        match socket.read() {
            Ok(message @ Message::Close(_)) => {
                messages.push(message);
                return (messages, false);
            }
            Ok(message) => messages.push(message),
            Err(tungstenite::Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => return (messages, false),
            Err(_) => return (messages, true),
        }
    }
}

fn as_message(event: &Event<'_>) -> Message {
    match event {
        Event::Text(text) => Message::text(text.to_string()),
        Event::Binary(bytes) => Message::binary(bytes.to_vec()),
        Event::Ping(bytes) => Message::Ping(bytes.to_vec().into()),
        Event::Pong(bytes) => Message::Pong(bytes.to_vec().into()),
        Event::Close(reason) => Message::Close(
            reason
                .as_ref()
                .map(|close| tungstenite::protocol::CloseFrame { code: close.code.into(), reason: close.reason.to_string().into() }),
        ),
    }
}

/// A message in fragments, with pings between them; the fragments may cut UTF-8 sequences.
fn fragmented(text: bool, payload: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = payload;
    let mut opcode = if text { 1 } else { 2 };
    for cut in cuts {
        let (piece, tail) = rest.split_at((*cut).min(rest.len()));
        out.extend(client_frame(opcode, piece));
        out.extend(client_frame(0x89, b"between"));
        rest = tail;
        opcode = 0;
    }
    out.extend(client_frame(0x80 | opcode, rest));
    out
}

fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let cuts = prop::collection::vec(0_usize..200, 0..4);
    prop_oneof![
        ("\\PC{0,300}", cuts.clone()).prop_map(|(text, cuts)| fragmented(true, text.as_bytes(), &cuts)),
        (prop::collection::vec(any::<u8>(), 0..1000), cuts).prop_map(|(bytes, cuts)| fragmented(false, &bytes, &cuts)),
        prop::collection::vec(any::<u8>(), 0..125).prop_map(|bytes| client_frame(0x8a, &bytes)),
    ]
}

fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any_message(), 0..6).prop_map(|messages| messages.concat())
}

fn any_chunks() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![1_usize..5, 1_usize..2000], 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn valid_streams_decode_as_the_oracle_does(stream in any_stream(), chunks in any_chunks()) {
        let outcome = decode(&stream, &chunks, LIMIT);
        let (messages, has_failed) = oracle(&stream, LIMIT);
        prop_assert!(!has_failed);
        prop_assert_eq!(outcome.violation, None);
        prop_assert_eq!(outcome.events.iter().map(as_message).collect::<Vec<_>>(), messages);
        prop_assert!(outcome.is_idle, "memory is kept between messages");
        prop_assert!(outcome.bytes_reserved_max <= LIMIT as usize);
    }

    /// Streams with flipped bytes. Where we accept all, so does the oracle, with the same messages. Where the oracle
    /// fails, so do we. We alone fail, on purpose, for: lengths that are not minimal, codes 1014 and unassigned ones
    /// in a close frame (the oracle answers 1002 to those without calling it an error), and anything wrong in a
    /// frame that the stream's end cuts (we do not wait for its last byte).
    #[test]
    fn broken_streams_fail_where_the_oracle_fails(
        mut stream in any_stream(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        chunks in any_chunks(),
    ) {
        if !stream.is_empty() {
            for (index, byte) in flips {
                let index = index.index(stream.len());
                stream[index] = byte;
            }
        }
        compare_hostile(&stream, &chunks)?;
    }

    #[test]
    fn garbage_fails_where_the_oracle_fails(stream in prop::collection::vec(any::<u8>(), 0..300), chunks in any_chunks()) {
        compare_hostile(&stream, &chunks)?;
    }

    #[test]
    fn chunking_never_changes_the_outcome(stream in prop::collection::vec(any::<u8>(), 0..300), chunks in any_chunks()) {
        let whole = decode(&stream, &[usize::MAX], LIMIT);
        let pieces = decode(&stream, &chunks, LIMIT);
        prop_assert_eq!(whole.events, pieces.events);
        prop_assert_eq!(whole.violation, pieces.violation);
    }
}

fn compare_hostile(stream: &[u8], chunks: &[usize]) -> Result<(), TestCaseError> {
    let outcome = decode(stream, chunks, LIMIT);
    let (messages, has_failed) = oracle(stream, LIMIT);
    prop_assert!(outcome.bytes_reserved_max <= LIMIT as usize);
    let ours: Vec<_> = outcome.events.iter().map(as_message).collect();
    if outcome.violation.is_none() {
        prop_assert!(!has_failed, "the oracle fails, we do not");
        prop_assert_eq!(ours, messages);
    } else {
        prop_assert!(messages.starts_with(&ours), "{:?} is no prefix of {:?}", ours, messages);
    }
    Ok(())
}

fn violation_of(bytes: &[u8]) -> Option<u16> {
    decode(bytes, &[usize::MAX], LIMIT).violation.map(Violation::code)
}

#[test]
fn hostile_headers_are_refused_from_the_header_alone() {
    let too_long = (u64::from(LIMIT) + 1).to_be_bytes();
    let non_minimal = [0x82, 0x80 | 126, 0, 125, 1, 2, 3, 4];
    let top_bit = [0x82, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let mut oversized = vec![0x82, 0x80 | 126];
    oversized.extend(&too_long[6..]);
    oversized.extend(MASK);
    for (what, bytes, code) in [
        ("unmasked", &[0x81, 0x05][..], 1002),
        ("rsv1", &[0xc1, 0x80], 1002),
        ("rsv3", &[0x91, 0x80], 1002),
        ("data opcode 3", &[0x83, 0x80], 1002),
        ("control opcode 11", &[0x8b, 0x80], 1002),
        ("fragmented ping", &[0x09, 0x80], 1002),
        ("ping of 126", &[0x89, 0x80 | 126], 1002),
        ("length not minimal", &non_minimal, 1002),
        ("length with top bit", &top_bit, 1002),
        ("continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("above the limit", &oversized, 1009),
    ] {
        assert_eq!(violation_of(bytes), Some(code), "{what}");
    }
}

#[test]
fn fragments_together_are_limited_from_the_header_of_the_last() {
    let mut bytes = client_frame(0x02, &vec![0; LIMIT as usize]);
    assert_eq!(violation_of(&bytes), None);
    bytes.extend([0x80, 0x81, 0, 0, 0, 0]);
    assert_eq!(violation_of(&bytes), Some(1009));
}

#[test]
fn wrong_utf8_fails_before_its_frame_is_complete() {
    // A text frame of 100 bytes of which six have come: a lone surrogate, then beyond U+10FFFF.
    for wrong in [&b"abc\xed\xa0\x80"[..], b"ab\xf4\x90\x80\x80"] {
        let mut frame = client_frame(0x81, &[wrong, &[b'x'; 94]].concat());
        frame.truncate(6 + 6);
        assert_eq!(violation_of(&frame), Some(1007));
    }
    let cut_at_the_end = client_frame(0x81, b"ab\xce");
    assert_eq!(violation_of(&cut_at_the_end), Some(1007));
}

#[test]
fn close_payloads_follow_the_rules() {
    assert_eq!(violation_of(&client_frame(0x88, b"\x03")), Some(1002));
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        assert_eq!(violation_of(&client_frame(0x88, &code.to_be_bytes())), Some(1002), "{code}");
    }
    for code in [1000_u16, 1003, 1007, 1014, 3000, 4999] {
        assert_eq!(violation_of(&client_frame(0x88, &code.to_be_bytes())), None, "{code}");
    }
    assert_eq!(violation_of(&client_frame(0x88, b"\x03\xe8\xff")), Some(1007));
    assert_eq!(decode(&client_frame(0x88, b""), &[1], LIMIT).events, [Event::Close(None)]);
}

#[test]
fn a_large_announcement_reserves_only_what_came() {
    let limit = 16 << 20;
    let mut header = vec![0x82, 0x80 | 127];
    header.extend(u64::from(limit).to_be_bytes());
    header.extend(MASK);
    header.extend([0; 100]);
    let outcome = decode(&header, &[usize::MAX], limit);
    assert_eq!(outcome.violation, None);
    assert_eq!(outcome.bytes_reserved_max, 100);
}
