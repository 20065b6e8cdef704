//! Clients that do not read.

use socket2::SockRef;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::time::timeout;

use super::harness::{FakeGateway, OUTBOX_BYTES_MAX, PATIENCE, Raw, Server, hear, masked, say};
use crate::gateway::{Drained, GatewayLimits};
use crate::ws::encode::{FrameKind, frame};

/// Echo frames of 96 bytes: far more than all buffers on the way hold.
const NUM_FRAMES: usize = 150_000;

/// More than all buffers on the way hold, so that some of it is left.
const UNREAD_BYTES: usize = 32 << 20;
/// The answer to an upgrade request is shorter.
const UPGRADE_BYTES_MAX: usize = 1000;

/// A client with a small receive buffer, so that little of what it does not read is on its side.
async fn small(server: &Server, path: &str) -> Raw {
    let mut raw = server.raw().await;
    SockRef::from(&raw.0).set_recv_buffer_size(64 << 10).unwrap();
    raw.upgrade(path).await;
    raw
}

#[actix_web::test]
async fn who_never_reads_is_closed_with_3008_in_bounded_memory() {
    // Whoever is closed for anything else would be dropped at once.
    let server = Server::start(GatewayLimits { close_write_ms: 0, ..GatewayLimits::default() });
    let mut raw = small(&server, "/connection/websocket").await;
    let mut bystander = server.session().await;
    let gateway = &server.gateway;
    let chunk = frame(FrameKind::Text, &[b'x'; 16_000]);
    let mut bytes_pushed = 0;
    while gateway.sessions.borrow().contains_key(&0) {
        gateway.push(FakeGateway::id(0), chunk.clone());
        bytes_pushed += chunk.len();
        tokio::task::yield_now().await;
        assert!(bytes_pushed < 64 << 20, "it is never closed");
    }
    assert!(gateway.output_bytes_max.get() <= OUTBOX_BYTES_MAX + chunk.len());
    say(&mut bystander, "and me?").await;
    assert_eq!(hear(&mut bystander).await.to_string(), "echo:and me?");
    // When it reads after all, it finds whole frames and then the code.
    let heard = raw.rest().await;
    let mut rest = heard.as_slice();
    while rest.starts_with(&chunk) {
        rest = &rest[chunk.len()..];
    }
    assert_eq!(rest, b"\x88\x06\x0b\xc0slow");
    assert!(heard.len() < bytes_pushed, "nothing was dropped");
}

#[actix_web::test]
async fn who_never_reads_its_close_is_dropped_in_time() {
    let limits = GatewayLimits { slow_close_write_ms: 200, ..GatewayLimits::default() };
    let server = Server::start(limits);
    let raw = small(&server, "/connection/websocket").await;
    let gateway = &server.gateway;
    gateway.until("open", |gateway| !gateway.sessions.borrow().is_empty()).await;
    let chunk = frame(FrameKind::Text, &[b'x'; 60_000]);
    while gateway.sessions.borrow().contains_key(&0) {
        gateway.push(FakeGateway::id(0), chunk.clone());
        tokio::task::yield_now().await;
    }
    raw.until_dropped().await;
}

#[actix_web::test]
async fn the_rest_of_a_large_frame_is_not_kept_for_long() {
    let limits = GatewayLimits { close_write_ms: 200, slow_close_bytes_max: 1000, ..GatewayLimits::default() };
    let server = Server::start(limits);
    let raw = small(&server, "/connection/websocket").await;
    let gateway = &server.gateway;
    gateway.until("open", |gateway| !gateway.sessions.borrow().is_empty()).await;
    gateway.push_unlimited(FakeGateway::id(0), frame(FrameKind::Text, &vec![b'x'; UNREAD_BYTES]));
    gateway.until("written", |gateway| gateway.bytes_written.get() > 0).await;
    gateway.close(FakeGateway::id(0), 3008);
    gateway.until("over", |gateway| gateway.num_closed.get() == 1).await;
    raw.until_dropped().await;
}

#[actix_web::test]
async fn a_drain_does_not_wait_for_who_never_reads_its_close() {
    let limits = GatewayLimits { close_write_ms: 200, drain_deadline_ms: 60_000, ..GatewayLimits::default() };
    let mut server = Server::start(limits);
    let raw = small(&server, "/connection/websocket").await;
    server.gateway.until("open", |gateway| !gateway.sessions.borrow().is_empty()).await;
    let chunk = frame(FrameKind::Text, &[b'x'; 60_000]);
    while server.gateway.sessions.borrow().contains_key(&0) {
        server.gateway.push(FakeGateway::id(0), chunk.clone());
        tokio::task::yield_now().await;
    }
    assert_eq!(server.drain(3001).await, Drained::All);
    drop(raw);
}

#[actix_web::test]
async fn an_echo_client_that_does_not_read_is_not_read() {
    let limits = GatewayLimits { echo_unsent_bytes_max: 64 << 10, ..GatewayLimits::default() };
    let server = Server::start(limits);
    let raw = small(&server, "/debug/echo").await;
    let (mut reader, mut writer) = raw.0.into_split();
    let sending = actix_rt::spawn(async move {
        let frames = masked(0x82, &[b'x'; 94]).repeat(100);
        for _ in 0..NUM_FRAMES / 100 {
            writer.write_all(&frames).await.unwrap();
        }
        writer
    });
    // With 14 MB to send and buffers of a few hundred KiB, the writer can only wait.
    for _ in 0..20_000 {
        tokio::task::yield_now().await;
    }
    assert!(!sending.is_finished(), "the server took everything");
    let mut num_bytes = 0;
    let mut buffer = vec![0; 1 << 20];
    while num_bytes < NUM_FRAMES * 96 {
        num_bytes += timeout(PATIENCE, reader.read(&mut buffer)).await.unwrap().unwrap();
    }
    drop(sending.await.unwrap());
}

#[actix_web::test]
async fn pings_without_reading_cost_one_pong() {
    // Reading it all at the end may take a slow machine as long as it likes.
    let patient_ms = u64::try_from(PATIENCE.as_millis()).unwrap();
    let server = Server::start(GatewayLimits { close_write_ms: patient_ms, close_linger_ms: patient_ms, ..GatewayLimits::default() });
    let mut raw = small(&server, "/connection/websocket").await;
    let gateway = &server.gateway;
    gateway.until("open", |gateway| !gateway.sessions.borrow().is_empty()).await;
    // Once a part of this is written the socket stays blocked, whatever the kernel makes room for, until the client reads.
    let chunk = frame(FrameKind::Text, &vec![b'x'; UNREAD_BYTES]);
    gateway.push_unlimited(FakeGateway::id(0), chunk.clone());
    gateway.until("written", |gateway| gateway.bytes_written.get() > UPGRADE_BYTES_MAX).await;
    let pings = masked(0x89, b"12345678").repeat(50_000);
    raw.send(pings).await;
    raw.send(masked(0x81, b"after")).await;
    gateway.until("heard", |gateway| gateway.num_texts.get() == 1).await;
    raw.send(masked(0x88, b"\x03\xe8")).await;
    let heard = raw.rest().await;
    let pong_echo_close: &[&[u8]] = &[b"\x8a\x0812345678", b"\x81\x0aecho:after", b"\x88\x02\x03\xe8"];
    let frames = &heard[chunk.len()..];
    assert!(frames.ends_with(pong_echo_close[2]), "{frames:?}");
    for expected in pong_echo_close {
        let count = frames.windows(expected.len()).filter(|bytes| bytes == expected).count();
        assert_eq!(count, 1, "{expected:?} in {frames:?}");
    }
    assert_eq!(frames.len(), pong_echo_close.iter().map(|expected| expected.len()).sum::<usize>());
}
