//! HTTP requests that no client should send.

use rialto_tests::user::client_id;
use rialto_tests::{RawSocket, Rialto, json};

use super::Bystanders;

#[tokio::test]
async fn bodies_of_the_wrong_shape_are_400() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    for body in ["", "{", "[]", "null", "17", r#"{"kind":7}"#, r#"{"kind":"group","members":"bob"}"#, "\u{0}\u{1}"] {
        let ask = node.http().post("/v1/conversations").token(&alice.token).raw_json(body);
        ask.send().await.problem(400, "invalid_argument");
    }
    let deep = format!(r#"{{"kind":"group","title":{}{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    node.http().post("/v1/conversations").token(&alice.token).raw_json(deep).send().await.problem(400, "invalid_argument");
    let broken = node.http().post("/v1/conversations").token(&alice.token).raw_json(b"{\"kind\":\"\xff\"}".to_vec());
    broken.send().await.problem(400, "invalid_argument");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let room = bystanders.alice.room().to_owned();
    let path = format!("/v1/conversations/{room}/messages");
    let long = json!({"client_id": client_id(), "text": "x".repeat(32 * 1024 + 1)});
    bystanders.alice.user.post(&path, &long).await.problem(413, "too_large");
    let mut raw = RawSocket::dial(node.url()).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000000000\r\n\r\n{{",
        bystanders.alice.user.token
    );
    raw.send(head.as_bytes()).await;
    let answer = raw.read_head().await;
    assert!(answer.starts_with("HTTP/1.1 413"), "before a byte of it is awaited: {answer}");
    bystanders.talk().await;
}

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    let base = format!("/v1/conversations/{}", bystanders.alice.room());
    for path in ["/v1/users/me", "/v1/conversations", &base, &format!("{base}/messages"), &format!("{base}/members")] {
        for authorization in ["", "Bearer", "Bearer ", "Bearer a.b.c", "Basic YTpi", &"x".repeat(4000)] {
            let answer = node.http().get(path).header("authorization", authorization).send().await;
            assert_eq!(answer.status, 401, "{path} {authorization:?}: {}", answer.text());
        }
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn foreign_and_malformed_ids_are_404_or_400() {
    let node = Rialto::start(&[]).await;
    let bystanders = Bystanders::of(&node).await;
    let mallory = node.user("mallory").await;
    let room = bystanders.alice.room();
    for id in [room, "01920000-0000-7000-8000-000000000000"] {
        mallory.get(&format!("/v1/conversations/{id}")).await.problem(404, "not_found");
        mallory.get(&format!("/v1/conversations/{id}/messages")).await.problem(404, "not_found");
        let message = json!({"client_id": client_id(), "text": "x"});
        mallory.post(&format!("/v1/conversations/{id}/messages"), &message).await.problem(404, "not_found");
    }
    for id in ["x", "..", "%00", "%2e%2e", "' OR 1=1", &"9".repeat(3000)] {
        let answer = mallory.get(&format!("/v1/conversations/{id}/messages")).await;
        assert!([400, 404, 414].contains(&answer.status), "{id}: {} {}", answer.status, answer.text());
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_have_problems_too() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    alice.get("/v1/no/such/thing").await.problem(404, "not_found");
    let answer = alice.delete("/v1/conversations", None).await;
    assert!([404, 405].contains(&answer.status), "{}", answer.text());
    assert!(answer.header("content-type").starts_with("application/problem+json"), "{answer:?}");
}

#[tokio::test]
async fn heads_that_are_no_http_are_refused() {
    let node = Rialto::start(&[]).await;
    let mut bystanders = Bystanders::of(&node).await;
    for head in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nHost: x\r\nX-Big: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes(),
        format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(1 << 20)).into_bytes(),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(20_000)).into_bytes(),
        b"GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".to_vec(),
    ] {
        let mut raw = RawSocket::dial(node.url()).await;
        // The node may refuse before it has all of it.
        let _all_of_it = raw.try_send(&head).await;
        let _all_of_it = raw.try_send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        raw.ended().await;
    }
    bystanders.talk().await;
}

#[tokio::test]
async fn a_foreign_origin_may_not_open_a_socket() {
    let node = Rialto::start(&[]).await;
    let mut raw = RawSocket::dial(node.url()).await;
    let head = rialto_tests::raw::upgrade_head("/connection/websocket");
    raw.send(head.replace("Host: 127.0.0.1", "Host: 127.0.0.1\r\nOrigin: https://evil.example").as_bytes()).await;
    let answer = raw.read_head().await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}
