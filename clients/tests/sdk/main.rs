//! The SDK over real sockets, against a server that each test scripts.

mod peer;
mod programs;
mod script;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use peer::{Peer, within};
use rialto_client::protocol::event::ConversationEvent;
use rialto_client::protocol::{ConversationId, ErrorCode};
use rialto_client::{Client, ConnectionState, Error, Event, Events, ListPage, Position, Reason, SubscribeOptions, TokenError, TokenSource};

const WELCOME: &str = r#"{"client":"c1","ping":25,"pong":true,"time":1790000000000}"#;
const ACK: &str = r#"{"offset":17,"epoch":"e","time":1790000000000,"duplicate":false}"#;
const ROOM: &str = "01920000-0000-7000-8000-000000000001";

fn room() -> ConversationId {
    ROOM.parse().expect("a UUID")
}

async fn until<T>(events: &mut Events, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    loop {
        let event = within(events.next()).await.expect("the stream goes on");
        if let Some(found) = wanted(event) {
            return found;
        }
    }
}

async fn closed(events: &mut Events) -> Reason {
    until(events, |event| if let Event::State(ConnectionState::Closed { reason }) = event { Some(reason) } else { None }).await
}

async fn disconnected(events: &mut Events) -> Reason {
    until(events, |event| if let Event::State(ConnectionState::Disconnected { reason, .. }) = event { Some(reason) } else { None }).await
}

#[tokio::test]
async fn a_send_is_acknowledged_under_an_id_dated_by_the_server() {
    let peer = Peer::listen().await;
    let (client, _events) = peer.client().token("t1").start().expect("a client");
    let send = tokio::spawn({
        let client = client.clone();
        async move { client.send(room(), "hi").await }
    });
    let (mut connection, connect) = peer.welcome(WELCOME).await;
    assert_eq!((connect["token"].as_str(), connect["name"].as_str()), (Some("t1"), Some("rialto-rust")));
    let request = connection.reads().await;
    assert_eq!(request["rpc"]["method"], "conversation.send");
    let data = &request["rpc"]["data"];
    assert_eq!((data["conversation"].as_str(), data["text"].as_str()), (Some(ROOM), Some("hi")));
    let client_id = rialto_client::protocol::ClientId::new(data["client_id"].as_str().expect("an id")).expect("fits");
    let dated = client_id.dated_ms().expect("a UUIDv7");
    assert!((1_790_000_000_000..1_790_000_060_000).contains(&dated), "{dated}");
    connection.answers(&request, ACK).await;
    assert_eq!(within(send).await.expect("no panic").expect("acknowledged").offset, 17);
    assert!(client.state().is_connected());
}

#[tokio::test]
async fn a_send_that_was_cut_off_goes_out_again_with_the_same_id() {
    let peer = Peer::listen().await;
    let (client, mut events) = peer.client().start().expect("a client");
    let send = tokio::spawn(async move { client.send(room(), "once").await });
    let (mut connection, _) = peer.welcome(WELCOME).await;
    let first = connection.reads().await;
    drop(connection);
    assert_eq!(disconnected(&mut events).await.code, Reason::TRANSPORT);
    let (mut connection, _) = peer.welcome(WELCOME).await;
    let second = connection.reads().await;
    assert_eq!(first["rpc"]["data"], second["rpc"]["data"]);
    connection.answers(&second, &ACK.replace("false", "true")).await;
    assert!(within(send).await.expect("no panic").expect("acknowledged").duplicate);
}

#[tokio::test]
async fn a_publish_that_was_cut_off_is_not_repeated_and_says_so() {
    let peer = Peer::listen().await;
    let (client, _events) = peer.client().start().expect("a client");
    let publish = tokio::spawn(async move { client.publish("news", &serde_json::json!({"a": 1})).await });
    let (mut connection, _) = peer.welcome(WELCOME).await;
    assert_eq!(connection.reads().await["publish"]["data"]["a"], 1);
    drop(connection);
    let error = within(publish).await.expect("no panic").expect_err("cut off");
    assert!(error == Error::Interrupted && error.outcome_unknown());
}

#[tokio::test]
async fn shutdown_means_come_back_and_invalid_token_means_never() {
    let peer = Peer::listen().await;
    let (client, mut events) = peer.client().start().expect("a client");
    let (connection, _) = peer.welcome(WELCOME).await;
    connection.closes(3001, "shutdown").await;
    assert_eq!(disconnected(&mut events).await.code, 3001);
    let (connection, _) = peer.welcome(WELCOME).await;
    connection.closes(3500, "invalid token").await;
    assert_eq!(closed(&mut events).await, Reason { code: 3500, text: "invalid token".into() });
    assert_eq!(within(events.next()).await, None);
    assert!(matches!(client.send(room(), "x").await, Err(Error::Closed(reason)) if reason.code == 3500));
    assert!(client.connected().await.is_err());
}

#[tokio::test]
async fn a_resume_that_fails_is_told_and_events_of_all_kinds_arrive() {
    let peer = Peer::listen().await;
    let (client, mut events) = peer.client().start().expect("a client");
    let (mut connection, _) = peer.welcome(WELCOME).await;
    let watch = tokio::spawn(async move {
        let subscribed = client.watch(room()).await;
        (client, subscribed)
    });
    let request = connection.reads().await;
    assert_eq!(request["subscribe"]["channel"], format!("conversation:{ROOM}"));
    connection
        .says(&format!(
            "{{\"id\":{},\"subscribe\":{{\"recoverable\":true,\"positioned\":true,\"epoch\":\"e1\",\"offset\":5}}}}",
            request["id"]
        ))
        .await;
    let (_client, subscribed) = within(watch).await.expect("no panic");
    assert_eq!(subscribed.expect("subscribed").position, Position { offset: 5, epoch: "e1".into() });
    let push =
        |data: &str, offset: &str| format!("{{\"push\":{{\"channel\":\"conversation:{ROOM}\",\"pub\":{{\"data\":{data}{offset}}}}}}}");
    let message = format!(r#"{{"type":"message","sender":"{ROOM}","client_id":"a","text":"hé","time":1}}"#);
    let batch =
        [push(&message, ",\"offset\":6"), push(r#"{"type":"poll_opened","n":1}"#, ",\"offset\":7"), "{\"new\":true}".into(), "{}".into()];
    connection.says(&batch.join("\n")).await;
    let text = until(&mut events, |event| match event {
        Event::Conversation { offset: Some(6), event: ConversationEvent::Message(message), .. } => Some(message.text),
        _ => None,
    });
    assert_eq!(text.await, "hé");
    until(&mut events, |event| matches!(event, Event::Unknown { offset: Some(7), .. }).then_some(())).await;
    assert_eq!(connection.reads_text().await.as_deref(), Some("{}"), "a ping is answered");
    drop(connection);

    let (mut connection, _) = peer.welcome(WELCOME).await;
    let request = connection.reads().await;
    assert_eq!(request["subscribe"]["recover"], true);
    assert_eq!((request["subscribe"]["offset"].as_u64(), request["subscribe"]["epoch"].as_str()), (Some(7), Some("e1")));
    connection
        .says(&format!(
            "{{\"id\":{},\"subscribe\":{{\"recoverable\":true,\"was_recovering\":true,\"epoch\":\"e2\",\"offset\":90}}}}",
            request["id"]
        ))
        .await;
    let position = until(&mut events, |event| match event {
        Event::Subscribed { was_recovering: true, recovered: false, position, .. } => Some(position),
        _ => None,
    });
    assert_eq!(position.await, Position { offset: 90, epoch: "e2".into() });
}

#[tokio::test]
async fn a_silent_server_is_left() {
    let peer = Peer::listen().await;
    let (_client, mut events) = peer.client().ping_grace(Duration::ZERO).start().expect("a client");
    let (_silent, _) = peer.welcome(r#"{"client":"c1","ping":1,"pong":true}"#).await;
    assert_eq!(disconnected(&mut events).await.code, Reason::NO_PING);
    peer.welcome(WELCOME).await;
}

#[tokio::test]
async fn a_full_request_queue_is_an_error_and_a_full_event_queue_an_event() {
    let peer = Peer::listen().await;
    let (client, mut events) = peer.client().requests_max(2).events_max(4).start().expect("a client");
    let (mut connection, _) = peer.welcome(WELCOME).await;
    client.connected().await.expect("connected");
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.me().await })
        })
        .collect();
    let (first, second) = (connection.reads().await, connection.reads().await);
    assert_eq!(client.me().await, Err(Error::QueueFull));
    assert_eq!(client.send(room(), "x").await, Err(Error::QueueFull));
    let burst: Vec<String> = (0..20).map(|n| format!("{{\"push\":{{\"message\":{{\"data\":{n}}}}}}}")).collect();
    connection.says(&burst.join("\n")).await;
    let profile = format!("{{\"id\":\"{ROOM}\",\"username\":\"a\",\"display_name\":\"A\"}}");
    connection.answers(&first, &profile).await;
    connection.answers(&second, &profile).await;
    for call in waiting {
        assert_eq!(within(call).await.expect("no panic").expect("a profile").username, "a");
    }
    let missed = until(&mut events, |event| if let Event::Lagged { missed } = event { Some(missed) } else { None }).await;
    assert!(missed >= 16, "{missed}");
    for expected in 16..20 {
        let data = until(&mut events, |event| if let Event::Message { data } = event { Some(data.get().to_owned()) } else { None }).await;
        assert_eq!(data, expected.to_string());
    }
}

#[tokio::test]
async fn what_does_not_fit_a_frame_is_not_sent() {
    let peer = Peer::listen().await;
    let (client, _events) = peer.client().start().expect("a client");
    let (_connection, _) = peer.welcome(WELCOME).await;
    assert_eq!(client.send(room(), "x".repeat(70_000)).await, Err(Error::TooLarge));
    assert!(matches!(client.subscribe("", SubscribeOptions::default()).await, Err(Error::Misuse(_))));
}

#[tokio::test]
async fn an_expired_token_is_fetched_anew_and_a_refused_fetch_ends_it() {
    let peer = Peer::listen().await;
    let fetches = Arc::new(AtomicU32::new(0));
    let source = TokenSource::callback({
        let fetches = Arc::clone(&fetches);
        move || {
            let number = fetches.fetch_add(1, Ordering::SeqCst);
            async move { if number < 2 { Ok(format!("t{number}")) } else { Err(TokenError::Unauthorized("logged out".into())) } }
        }
    });
    let (_client, mut events) = peer.client().token(source).start().expect("a client");
    for expected in ["t0", "t1"] {
        let mut connection = peer.accept().await;
        let connect = connection.reads().await;
        assert_eq!(connect["connect"]["token"], expected);
        connection.says(&format!("{{\"id\":{},\"error\":{{\"code\":109,\"message\":\"token expired\"}}}}", connect["id"])).await;
    }
    assert_eq!(closed(&mut events).await, Reason { code: Reason::NO_TOKEN, text: "logged out".into() });
    assert_eq!(fetches.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_dead_address_leads_to_the_next() {
    let peer = Peer::listen().await;
    let dead = Peer::listen().await.url();
    let builder = Client::builder([dead, peer.url()]).backoff(Duration::from_millis(1), Duration::from_millis(5));
    let (_client, mut events) = builder.start().expect("a client");
    assert_eq!(disconnected(&mut events).await.code, Reason::OPEN_FAILED);
    peer.welcome(WELCOME).await;
}

#[tokio::test]
async fn close_says_goodbye_and_dropping_every_handle_does_too() {
    let peer = Peer::listen().await;
    let (client, mut events) = peer.client().start().expect("a client");
    let (mut connection, _) = peer.welcome(WELCOME).await;
    client.connected().await.expect("connected");
    let ((), bye) = tokio::join!(client.close(), connection.reads_text());
    assert_eq!(bye, None);
    assert_eq!(closed(&mut events).await.code, Reason::CLOSED_BY_OWNER);
    assert!(matches!(client.list(ListPage::default()).await, Err(Error::Closed(_))));

    let (client, mut events) = peer.client().start().expect("a client");
    let (mut connection, _) = peer.welcome(WELCOME).await;
    client.connected().await.expect("connected");
    drop(client);
    assert_eq!(connection.reads_text().await, None);
    drop(connection);
    assert_eq!(closed(&mut events).await.code, Reason::CLOSED_BY_OWNER);
}

#[tokio::test]
async fn refusals_carry_their_code() {
    let peer = Peer::listen().await;
    let (client, _events) = peer.client().start().expect("a client");
    let (mut connection, _) = peer.welcome(WELCOME).await;
    let call = tokio::spawn(async move { client.join(room()).await });
    let request = connection.reads().await;
    connection.says(&format!("{{\"id\":{},\"error\":{{\"code\":403,\"message\":\"forbidden\"}}}}", request["id"])).await;
    let error = within(call).await.expect("no panic").expect_err("refused");
    assert_eq!(error.code(), Some(ErrorCode::Forbidden));
    assert!(!error.outcome_unknown());
}
