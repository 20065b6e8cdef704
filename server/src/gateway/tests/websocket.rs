//! Well-behaved clients.

use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::harness::{FakeGateway, Server, hear, hear_close, masked, say, upgrade_request};
use crate::gateway::boundary::PathKind;

#[actix_web::test]
async fn echo_returns_text_binary_and_large_messages() {
    let server = Server::default();
    let mut client = server.echo().await;
    for message in [Message::text("grüß dich"), Message::binary(vec![0, 1, 255]), Message::text(""), Message::binary(vec![7; 8 << 20])] {
        say(&mut client, message.clone()).await;
        assert!(hear(&mut client).await == message, "another message came back");
    }
    say(&mut client, Message::Ping(Bytes::from_static(b"are you there"))).await;
    assert_eq!(hear(&mut client).await, Message::Pong(Bytes::from_static(b"are you there")));
    assert!(server.gateway.opened.borrow().is_empty(), "the echo has no session");
}

#[actix_web::test]
async fn a_session_hears_texts_and_is_told_of_the_close() {
    let server = Server::default();
    let mut request = format!("ws://{}/connection/websocket?v=2", server.address).into_client_request().unwrap();
    request.headers_mut().insert("User-Agent", "test".parse().unwrap());
    request.headers_mut().insert("Sec-WebSocket-Protocol", "other, centrifuge-json".parse().unwrap());
    let (mut client, answer) = connect_async(request).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "centrifuge-json");
    say(&mut client, "hi").await;
    assert_eq!(hear(&mut client).await, Message::text("echo:hi"));
    {
        let opened = server.gateway.opened.borrow();
        assert_eq!(opened[0].path_kind, PathKind::Client);
        assert_eq!(&*opened[0].target, "/connection/websocket?v=2");
        assert_eq!(opened[0].user_agent.as_deref(), Some("test"));
        assert!(opened[0].peer.is_loopback());
    }
    let close = CloseFrame { code: 3999.into(), reason: "bye".into() };
    client.close(Some(close)).await.unwrap();
    assert_eq!(hear_close(&mut client).await, 3999);
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 1).await;
}

#[actix_web::test]
async fn a_vanished_client_closes_its_session() {
    let server = Server::default();
    let client = server.session().await;
    server.gateway.until("open", |gateway| gateway.sessions.borrow().len() == 1).await;
    drop(client);
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 1).await;
}

#[actix_web::test]
async fn codes_of_the_session_arrive_behind_its_last_words() {
    let server = Server::default();
    let mut client = server.session().await;
    say(&mut client, "close").await;
    assert_eq!(hear(&mut client).await, Message::text("last words"));
    assert_eq!(hear_close(&mut client).await, 3500);
    let mut client = server.session().await;
    say(&mut client, Message::binary(vec![1])).await;
    assert_eq!(hear_close(&mut client).await, 3506);
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 2).await;
}

#[actix_web::test]
async fn a_code_arrives_although_the_client_goes_on_sending() {
    let server = Server::default();
    let mut raw = server.raw().await;
    raw.upgrade("/connection/websocket").await;
    let mut bytes = masked(0x81, b"close");
    for _ in 0..20_000 {
        bytes.extend(masked(0x81, &[b'x'; 100]));
    }
    let (mut reader, mut writer) = raw.0.into_split();
    let sending = actix_rt::spawn(async move {
        // The server may hang up before all is sent; what counts is what we hear.
        tokio::io::AsyncWriteExt::write_all(&mut writer, &bytes).await.ok();
        writer
    });
    let mut heard = Vec::new();
    reader.read_to_end(&mut heard).await.unwrap();
    let close = heard.windows(4).any(|window| window == [0x88, 9, 0x0d, 0xac]);
    assert!(close, "no close frame with 3500 in {heard:?}");
    drop(sending.await.unwrap());
}

#[actix_web::test]
async fn fragments_with_a_ping_between_and_frames_behind_the_head() {
    let server = Server::default();
    let mut raw = server.raw().await;
    // All in one packet: the first frames stand behind the request head.
    let mut bytes = upgrade_request("/debug/echo").into_bytes();
    bytes.extend(masked(0x01, b"frag"));
    bytes.extend(masked(0x89, b"?"));
    bytes.extend(masked(0x80, b"ments"));
    bytes.extend(masked(0x88, b"\x03\xe8"));
    raw.send(bytes).await;
    let heard = raw.rest().await;
    let frames = b"\x8a\x01?\x81\x09fragments\x88\x02\x03\xe8";
    assert!(heard.ends_with(frames), "{}", String::from_utf8_lossy(&heard));
}

#[actix_web::test]
async fn a_paused_session_is_not_read_and_others_go_on() {
    let server = Server::default();
    let mut paused = server.session().await;
    say(&mut paused, "pause").await;
    for number in 0..100 {
        say(&mut paused, format!("{number}")).await;
    }
    let mut other = server.session().await;
    for number in 0..100 {
        say(&mut other, format!("{number}")).await;
        assert_eq!(hear(&mut other).await, Message::text(format!("echo:{number}")));
    }
    assert_eq!(server.gateway.num_texts.get(), 1 + 100);
    server.gateway.hook().resume(FakeGateway::id(0));
    for number in 0..100 {
        assert_eq!(hear(&mut paused).await, Message::text(format!("echo:{number}")));
    }
}

#[actix_web::test]
async fn a_timer_set_while_opening_comes() {
    let server = Server::default();
    let mut client = server.client("/connection/websocket?timer").await;
    assert_eq!(hear_close(&mut client).await, 3502);
}

#[actix_web::test]
async fn a_panic_in_a_session_ends_that_session_only() {
    let server = Server::default();
    let mut bystander = server.session().await;
    let mut victim = server.raw().await;
    victim.upgrade("/connection/websocket").await;
    victim.send(masked(0x81, b"panic")).await;
    assert_eq!(victim.rest().await, b"");
    server.gateway.until("closed", |gateway| gateway.num_closed.get() == 1).await;
    say(&mut bystander, "still there?").await;
    assert_eq!(hear(&mut bystander).await, Message::text("echo:still there?"));
}
