//! Frames that no client should send. The node answers each with its close code and goes on.

use rialto_tests::raw::{frame_bytes, opcode};
use rialto_tests::{RawSocket, Rialto, Wire, json};

use super::Bystanders;

const PATH: &str = "/connection/websocket";

/// Sends `bytes` after the upgrade, before and after authentication, and expects this close code both times.
async fn is_closed_with(node: &Rialto, token: &str, bytes: &[u8], code: u16, what: &str) {
    let mut unknown = RawSocket::upgrade(node.url(), PATH).await;
    unknown.send(bytes).await;
    assert_eq!(unknown.close_code().await, Some(code), "{what}, before connect");
    let mut known = RawSocket::connect(node.url(), token).await;
    known.send(bytes).await;
    assert_eq!(known.close_code().await, Some(code), "{what}, after connect");
}

fn text(payload: &str) -> Vec<u8> {
    frame_bytes(true, opcode::TEXT, true, payload.as_bytes())
}

#[tokio::test]
async fn garbage_in_a_text_frame_is_3501() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let token = bystanders.alice.user.token.clone();
    for garbage in [
        "not json",
        "[1,2,3]",
        "\"text\"",
        "null",
        "17",
        r#"{"id":1,"rpc""#,
        r#"{"id":-1,"rpc":{"method":"user.me"}}"#,
        r#"{"id":"one","rpc":{"method":"user.me"}}"#,
        r#"{"id":1.5,"rpc":{"method":"user.me"}}"#,
        r#"{"id":99999999999,"rpc":{"method":"user.me"}}"#,
        r#"{"rpc":{"method":"user.me","data":{}}}"#,
        r#"{"id":0,"rpc":{"method":"user.me","data":{}}}"#,
        r#"{"id":5}"#,
        r#"{"id":5,"rpc":"user.me"}"#,
        r#"{"id":5,"subscribe":{"channel":17}}"#,
    ] {
        is_closed_with(&node, &token, &text(garbage), 3501, garbage).await;
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn deep_nesting_does_no_harm() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let deep = "[".repeat(30_000);
    let balanced = format!("{}{}", "[".repeat(15_000), "]".repeat(15_000));
    for payload in [
        deep.clone(),
        format!(r#"{{"id":5,"rpc":{{"method":"user.me","data":{balanced}}}}}"#),
        format!(r#"{{"id":5,"publish":{{"channel":"news","data":{balanced}}}}}"#),
        format!(r#"{{"id":5,"rpc":{{"method":"user.me","data":{deep}}}}}"#),
        "{\"a\":".repeat(9_000),
    ] {
        let mut raw = RawSocket::connect(node.url(), &bystanders.alice.user.token).await;
        raw.send_frame(opcode::TEXT, payload.as_bytes()).await;
        let (opcode, answer) = raw.frame().await.expect("an error or a close frame");
        let start = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
        match opcode {
            opcode::CLOSE => {
                assert_eq!(u16::from_be_bytes([answer[0], answer[1]]), 3501, "{start}")
            }
            _ => assert!(start.contains("error") || start.contains("\"id\":5"), "{start}"),
        }
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn an_oversized_message_is_1009_whole_or_in_parts() {
    const FRAME_BYTES_MAX: usize = 64 * 1024;
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let token = bystanders.alice.user.token.clone();
    let whole = frame_bytes(true, opcode::TEXT, true, &vec![b'x'; FRAME_BYTES_MAX + 1]);
    is_closed_with(&node, &token, &whole, 1009, "one frame").await;
    let mut parts = frame_bytes(false, opcode::TEXT, true, &vec![b'x'; FRAME_BYTES_MAX]);
    parts.extend(frame_bytes(true, opcode::CONTINUATION, true, b"xx"));
    is_closed_with(&node, &token, &parts, 1009, "two fragments").await;
    // Only the head of a frame of 4 EiB: refused before anything is allocated or awaited for it.
    let head = [0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
    let mut raw = RawSocket::connect(node.url(), &token).await;
    raw.send(&head).await;
    assert_eq!(raw.close_code().await, Some(1009), "a giant's head");
    bystanders.talk().await;
}

#[tokio::test]
async fn binary_is_3506_and_broken_text_1007() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let token = bystanders.alice.user.token.clone();
    let binary = frame_bytes(true, opcode::BINARY, true, br#"{"id":5,"rpc":{"method":"user.me"}}"#);
    is_closed_with(&node, &token, &binary, 3506, "binary").await;
    for broken in [&b"\xff\xfe"[..], b"{\"id\":\xc0\xaf}", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"ends \xe2\x82"] {
        let frame = frame_bytes(true, opcode::TEXT, true, broken);
        is_closed_with(&node, &token, &frame, 1007, "broken UTF-8").await;
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn violations_of_the_websocket_protocol_are_1002() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let token = bystanders.alice.user.token.clone();
    let ping = |fin, length| frame_bytes(fin, opcode::PING, true, &vec![b'p'; length]);
    let mut interrupted = frame_bytes(false, opcode::TEXT, true, b"a");
    interrupted.extend(frame_bytes(true, opcode::TEXT, true, b"b"));
    let mut reserved_bit = text("{}");
    reserved_bit[0] |= 0x40;
    for (what, bytes) in [
        ("unmasked", frame_bytes(true, opcode::TEXT, false, b"{}")),
        ("a reserved opcode", frame_bytes(true, 0x3, true, b"x")),
        ("a reserved control opcode", frame_bytes(true, 0xb, true, b"x")),
        ("a reserved bit", reserved_bit),
        ("a fragmented ping", ping(false, 2)),
        ("a ping of 126 bytes", ping(true, 126)),
        ("a continuation of nothing", frame_bytes(true, opcode::CONTINUATION, true, b"x")),
        ("a message inside another", interrupted),
        ("a close frame of one byte", frame_bytes(true, opcode::CLOSE, true, &[3])),
        ("a close code that may not travel", frame_bytes(true, opcode::CLOSE, true, &1005_u16.to_be_bytes())),
    ] {
        is_closed_with(&node, &token, &bytes, 1002, what).await;
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn a_truncated_frame_is_forgotten_with_its_connection() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    for cut in [1, 2, 5, 20] {
        let mut raw = RawSocket::connect(node.url(), &bystanders.alice.user.token).await;
        let frame = text(r#"{"id":5,"rpc":{"method":"user.me","data":{}}}"#);
        raw.send(&frame[..cut]).await;
        drop(raw);
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn control_frames_between_fragments_and_tiny_fragments_are_fine() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let mut raw = RawSocket::connect(node.url(), &alice.token).await;
    let command = br#"{"id":5,"rpc":{"method":"user.me","data":{}}}"#;
    let last = command.len() - 1;
    for (position, byte) in command.iter().enumerate() {
        let opcode = if position == 0 { opcode::TEXT } else { opcode::CONTINUATION };
        raw.send(&frame_bytes(position == last, opcode, true, &[*byte])).await;
        if position == 10 {
            raw.send(&frame_bytes(true, opcode::PING, true, b"still there?")).await;
        }
    }
    let (opcode, payload) = raw.frame().await.expect("a pong");
    assert_eq!((opcode, payload), (opcode::PONG, b"still there?".to_vec()));
    let (_, answer) = raw.frame().await.expect("the answer");
    assert!(String::from_utf8_lossy(&answer).contains(&alice.id));
}

#[tokio::test]
async fn an_unknown_command_is_refused() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let mut wire = Wire::connect(node.url(), &bystanders.alice.user.token).await;
    match wire.try_call("teleport", json!({"to": "mars"})).await {
        Ok(Ok(reply)) => panic!("{reply}"),
        Ok(Err(refusal)) => assert!([104, 107].contains(&refusal.code), "{refusal:?}"),
        Err(closed) => assert_eq!(closed.code, 3501, "{closed:?}"),
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn after_a_violation_the_code_arrives_though_more_was_sent() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let mut raw = RawSocket::connect(node.url(), &alice.token).await;
    let mut bytes = text("not json");
    // A megabyte that nobody will read as frames: it must be discarded, not answered with a reset.
    bytes.extend(std::iter::repeat_n(0x55_u8, 1 << 20));
    raw.send(&bytes).await;
    assert_eq!(raw.close_code().await, Some(3501));
}
