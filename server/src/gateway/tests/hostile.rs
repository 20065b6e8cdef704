//! Clients that break the rules; each gets its code, and the others do not notice.

use std::io::ErrorKind;

use tokio::io::AsyncReadExt as _;
use tokio::time::timeout;

use super::harness::{PATIENCE, Raw, Server, hear, masked, say, upgrade_request};
use crate::gateway::GatewayLimits;

async fn code_for(server: &Server, bytes: &[u8]) -> u16 {
    let mut raw = server.raw().await;
    raw.upgrade("/connection/websocket").await;
    raw.send(bytes).await;
    raw.close_code().await
}

#[actix_web::test]
async fn each_violation_has_its_code() {
    let server = Server::default();
    let mut bystander = server.session().await;
    let oversized = [0x81, 0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0];
    for (what, bytes, code) in [
        ("unmasked", b"\x81\x02hi".to_vec(), 1002),
        ("garbage", b"\xff\xfe\xfd\xfc".to_vec(), 1002),
        ("http again", b"GET / HTTP/1.1\r\n\r\n".to_vec(), 1002),
        ("reserved opcode", masked(0x83, b""), 1002),
        ("stray continuation", masked(0x80, b"x"), 1002),
        ("bad utf-8", masked(0x81, b"\xc3\x28"), 1007),
        ("one byte above the limit, by its header alone", oversized.to_vec(), 1009),
        ("close payload of one byte", masked(0x88, b"\x03"), 1002),
        ("close code 1005", masked(0x88, b"\x03\xed"), 1002),
    ] {
        assert_eq!(code_for(&server, &bytes).await, code, "{what}");
        say(&mut bystander, what).await;
        assert_eq!(hear(&mut bystander).await.to_string(), format!("echo:{what}"));
    }
}

#[actix_web::test]
async fn truncated_frames_and_silence_cost_nothing_but_a_socket() {
    let server = Server::default();
    for bytes in [&b"\x81"[..], b"\x81\xfe\x00", b"\x81\x85\0\0\0\0he", b""] {
        let mut raw = server.raw().await;
        raw.upgrade("/connection/websocket").await;
        raw.send(bytes).await;
        drop(raw);
    }
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 4).await;
}

#[actix_web::test]
async fn slow_heads_get_408() {
    let server = Server::start(GatewayLimits { head_deadline_ms: 200, ..GatewayLimits::default() });
    let mut silent = server.raw().await;
    let mut halfway = server.raw().await;
    halfway.send("GET / HTTP/1.1\r\nhost: x\r\n").await;
    for raw in [&mut silent, &mut halfway] {
        let answer = raw.rest_as_text().await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
}

#[actix_web::test]
async fn large_heads_get_431_although_more_is_sent() {
    let server = Server::default();
    let mut endless = server.raw().await;
    endless.send(format!("GET / HTTP/1.1\r\nx: {}", "y".repeat(200_000))).await;
    let answer = endless.rest_as_text().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let mut complete = server.raw().await;
    complete.send(format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(17_000))).await;
    let answer = complete.rest_as_text().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[actix_web::test]
async fn the_oldest_half_open_head_makes_place() {
    let server = Server::start(GatewayLimits { heads_max: 3, ..GatewayLimits::default() });
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let mut raw = server.raw().await;
        raw.send("GET / HT").await;
        waiting.push(raw);
    }
    // It hears nothing; what it had sent may make the end a reset.
    let mut heard = Vec::new();
    let end = timeout(PATIENCE, waiting.remove(0).0.read_to_end(&mut heard)).await.unwrap();
    assert!(end.is_ok() || end.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
    assert_eq!(heard, b"");
    for mut raw in waiting {
        raw.send("TP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        let answer = raw.rest_as_text().await;
        assert!(answer.ends_with("hello"), "{answer}");
    }
}

#[actix_web::test]
async fn a_full_thread_answers_503() {
    let server = Server::start(GatewayLimits { connections_max: 2, ..GatewayLimits::default() });
    let first = server.session().await;
    let _second = server.session().await;
    let mut third: Raw = server.raw().await;
    let answer = third.rest_as_text().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    drop(first);
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 1).await;
    let mut fourth = server.raw().await;
    fourth.upgrade("/connection/websocket").await;
}

#[actix_web::test]
async fn foreign_origins_are_refused() {
    let server = Server::default();
    let mut raw = server.raw().await;
    let request =
        upgrade_request("/connection/websocket").replace("Host: localhost\r\n", "Host: localhost\r\nOrigin: https://evil.example\r\n");
    raw.send(request).await;
    raw.send("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let answer = raw.rest_as_text().await;
    assert!(answer.starts_with("HTTP/1.1 403 ") && answer.ends_with("hello"), "{answer}");
}
