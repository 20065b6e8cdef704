//! The drain.

use std::rc::Rc;

use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{FakeGateway, Server, hear, hear_close, masked, say};
use crate::gateway::{Drained, GatewayLimits};
use crate::ws::encode::{FrameKind, frame};

#[actix_web::test]
async fn everyone_gets_the_code_and_the_thread_ends() {
    let limits = GatewayLimits { drain_group: 3, drain_pace_ms: 5, ..GatewayLimits::default() };
    let mut server = Server::start(limits);
    let mut clients = Vec::new();
    for _ in 0..10 {
        clients.push(server.session().await);
    }
    // An idle HTTP connection and a half-open head must not hold it up.
    let mut idle = server.raw().await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut answer = vec![0; 17];
    idle.0.read_exact(&mut answer).await.unwrap();
    let mut half_open = server.raw().await;
    half_open.send("GET /").await;
    let codes = actix_rt::spawn(async move {
        let mut codes = Vec::new();
        for client in &mut clients {
            codes.push(hear_close(client).await);
        }
        codes
    });
    assert_eq!(server.drain(3001).await, Drained::All);
    assert_eq!(codes.await.unwrap(), [3001; 10]);
    assert_eq!(server.gateway.num_closed.get(), 10);
}

#[actix_web::test]
async fn clients_that_never_answer_the_close_do_not_hold_it_up() {
    let limits = GatewayLimits { close_linger_ms: 100_000, drain_deadline_ms: 300, ..GatewayLimits::default() };
    let mut server = Server::start(limits);
    let mut stubborn = server.raw().await;
    stubborn.upgrade("/connection/websocket").await;
    stubborn.send(masked(0x81, b"hi")).await;
    server.gateway.until("heard", |gateway| gateway.num_texts.get() == 1).await;
    assert_eq!(server.drain(3001).await, Drained::Late);
    let heard = stubborn.rest().await;
    assert!(heard.ends_with(b"\x88\x0a\x0b\xb9shutdown"), "{heard:?}");
}

#[actix_web::test]
async fn commands_under_way_are_answered_before_the_close() {
    let mut server = Server::start(GatewayLimits { drain_pace_ms: 1, ..GatewayLimits::default() });
    let mut client = server.session().await;
    say(&mut client, "first").await;
    assert_eq!(hear(&mut client).await, Message::text("echo:first"));
    let gateway = Rc::clone(&server.gateway);
    gateway.num_under_way.set(1);
    let heard = actix_rt::spawn(async move {
        // The drain has begun once nothing is read any more; what is under way ends meanwhile.
        let answer = hear(&mut client).await;
        (answer, hear_close(&mut client).await)
    });
    let ending = async {
        let id = FakeGateway::id(0);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.num_closed.get(), 0, "it waits");
        gateway.push(id, frame(FrameKind::Text, b"answer"));
        gateway.num_under_way.set(0);
    };
    let (drained, ()) = tokio::join!(server.drain(3001), ending);
    assert_eq!(drained, Drained::All);
    assert_eq!(heard.await.unwrap(), (Message::text("answer"), 3001));
}

#[actix_web::test]
async fn a_command_that_never_ends_does_not_hold_it_up() {
    let limits = GatewayLimits { drain_pace_ms: 1, drain_settle_ms: 20, ..GatewayLimits::default() };
    let mut server = Server::start(limits);
    let mut client = server.session().await;
    say(&mut client, "first").await;
    hear(&mut client).await;
    server.gateway.num_under_way.set(1);
    let code = actix_rt::spawn(async move { hear_close(&mut client).await });
    assert_eq!(server.drain(3001).await, Drained::All);
    assert_eq!(code.await.unwrap(), 3001);
}
