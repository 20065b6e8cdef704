//! Bytes of clients to commands, answers and events to bytes.

use std::hint::black_box;

use rialto_actors::entity::Answer;
use rialto_protocol::command::{self, CommandKind};
use rialto_protocol::reply::{self, ReplyBody, SubscribeResult};
use rialto_protocol::rpc::{Appended, Request};
use rialto_protocol::ws_frame;
use rialto_server::ws::{Decoder, Event};

/// A message of 128 characters as SDKs send it.
const SEND: &str = concat!(
    r#"{"id":1234,"rpc":{"method":"conversation.send","data":{"conversation":"0198f2a0-0000-7000-8000-000000000007","#,
    r#""client_id":"0198f2a0-1234-7abc-8def-0123456789ab","text":"a message of one hundred and twenty-eight characters, as long as people "#,
    r#"write when they have something to say to each other on a day."}}}"#
);
const CONNECT: &str = concat!(
    r#"{"id":1,"connect":{"token":"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIwMTk4ZjJhMC0wMDAwLTcwMDAtODAwMC0wMDAwMDAwMDAwMDci"#,
    r#"LCJleHAiOjE3OTAwMDAwMDB9.bm90IGEgc2lnbmF0dXJlLCBidXQgYXMgbG9uZyBhcyBvbmU","name":"js","version":"5.3.4"}}"#
);
const SUBSCRIBE: &str = concat!(
    r#"{"id":2,"subscribe":{"channel":"conversation:0198f2a0-0000-7000-8000-000000000007","recover":true,"#,
    r#""epoch":"6spfmtzrmwqj4t7x","offset":1234567}}"#
);
const EVENT: &str = concat!(
    r#"{"type":"message","sender":"0198f2a0-0000-7000-8000-000000000001","client_id":"0198f2a0-1234-7abc-8def-0123456789ab","#,
    r#""text":"a message of one hundred and twenty-eight characters, as long as people write when they have something to say to each other"#,
    r#" on a day.","time":1790000000000}"#
);
const CHANNEL: &str = "conversation:0198f2a0-0000-7000-8000-000000000007";
const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

fn decode(frame: &'static str, check: fn(CommandKind)) -> Box<dyn FnMut()> {
    Box::new(move || {
        for command in command::commands(black_box(frame)) {
            check(command.expect("a good command").kind);
        }
    })
}

pub(crate) fn decode_send() -> Box<dyn FnMut()> {
    decode(SEND, |kind| {
        assert!(matches!(black_box(kind), CommandKind::Request(request) if matches!(*request, Request::ConversationSend(_))));
    })
}

pub(crate) fn decode_connect() -> Box<dyn FnMut()> {
    decode(CONNECT, |kind| assert!(matches!(black_box(kind), CommandKind::Connect(_))))
}

pub(crate) fn decode_subscribe() -> Box<dyn FnMut()> {
    decode(SUBSCRIBE, |kind| assert!(matches!(black_box(kind), CommandKind::Subscribe(_))))
}

pub(crate) fn decode_masked_frame() -> Box<dyn FnMut()> {
    let masked = masked(SEND.as_bytes());
    let mut input = masked.clone();
    let mut decoder = Decoder::new(64 * 1024);
    Box::new(move || {
        input.copy_from_slice(&masked);
        let (event, rest) = decoder.step(&mut input).expect("a good frame");
        assert!(matches!(event, Some(Event::Text(text)) if text.len() == SEND.len()) && rest.is_empty());
    })
}

/// A text frame of a client.
fn masked(payload: &[u8]) -> Vec<u8> {
    let (mut header, len) = ws_frame::header(ws_frame::TEXT, payload.len());
    header[1] |= 0x80;
    let mut frame = header[..len].to_vec();
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

pub(crate) fn encode_send_reply() -> Box<dyn FnMut()> {
    Box::new(|| {
        let appended = Appended { offset: 1_234_567, epoch: "6spfmtzrmwqj4t7x".to_owned(), time: 1_790_000_000_000, duplicate: false };
        black_box(Answer::Appended(appended).rpc_frame(1_234));
    })
}

pub(crate) fn encode_subscribe_reply() -> Box<dyn FnMut()> {
    Box::new(|| {
        let result = SubscribeResult {
            recoverable: true,
            positioned: true,
            epoch: "6spfmtzrmwqj4t7x".to_owned(),
            offset: 1_234_567,
            ..SubscribeResult::default()
        };
        let body = ReplyBody::Subscribe(Box::new(result));
        black_box(ws_frame::text_of(reply::ENVELOPE_BYTES, |out| reply::write_reply(out, 2, &body)));
    })
}

pub(crate) fn encode_publication() -> Box<dyn FnMut()> {
    Box::new(|| {
        let (channel, event) = black_box((CHANNEL, EVENT));
        let bytes = reply::ENVELOPE_BYTES + channel.len() + event.len();
        black_box(ws_frame::text_of(bytes, |out| reply::write_publication_push(out, channel, event, 1_234_567, None)));
    })
}
