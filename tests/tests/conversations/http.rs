//! The HTTP twins of the rpc methods: a whole conversation with `curl` alone.

use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn a_conversation_over_http_alone() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let room = alice.creates("group", "tea", &[]).await.text("id");
    let base = format!("/v1/conversations/{room}");
    bob.get(&base).await.problem(404, "not_found");
    let invite = json!({"users": [bob.id], "client_id": client_id()});
    assert!(alice.post(&format!("{base}/members"), &invite).await.status < 300);
    let offset = alice.sends(&room, "tea?").await;
    assert_eq!(bob.reads(&room, "").await[0].text("text"), "tea?");
    assert_eq!(bob.get(&base).await.expect(200).number("unread"), 1);
    let marked = bob.post(&format!("{base}/read"), &json!({"offset": offset})).await;
    assert_eq!(marked.expect(200).number("unread"), 0);

    let message = format!("{base}/messages/{offset}");
    let edit = json!({"text": "coffee?", "client_id": client_id()});
    bob.patch(&message, &edit).await.problem(403, "forbidden");
    assert!(alice.patch(&message, &edit).await.status < 300);
    assert_eq!(bob.reads(&room, "").await[0].text("text"), "coffee?");
    let by_id = json!({"client_id": client_id()});
    assert!(alice.delete(&message, Some(&by_id)).await.status < 300);
    assert!(!bob.reads(&room, "").await[0]["deleted"].is_null());

    let title = json!({"title": "coffee", "client_id": client_id()});
    bob.patch(&base, &title).await.problem(403, "forbidden");
    assert!(alice.patch(&base, &title).await.status < 300);
    assert_eq!(bob.get(&base).await.expect(200).text("title"), "coffee");
    let members = bob.get(&format!("{base}/members")).await.expect(200);
    assert_eq!(members.list("items").len(), 2);

    bob.delete(&format!("{base}/members/{}", alice.id), Some(&by_id)).await.problem(403, "forbidden");
    assert!(bob.delete(&format!("{base}/members/{}", bob.id), Some(&by_id)).await.status < 300, "leaving");
    bob.get(&base).await.problem(404, "not_found");
}

#[tokio::test]
async fn joining_a_public_conversation_over_http() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let room = alice.creates("public", "square", &[]).await.text("id");
    let path = format!("/v1/conversations/{room}/messages");
    let message = json!({"client_id": client_id(), "text": "hi"});
    bob.post(&path, &message).await.problem(403, "not_a_member");
    assert!(bob.post(&format!("/v1/conversations/{room}/join"), &json!({"client_id": client_id()})).await.status < 300);
    bob.post(&path, &message).await.expect(201);
}

#[tokio::test]
async fn an_idempotency_key_makes_one_conversation() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let create = async || {
        let body = json!({"kind": "group", "title": "tea"});
        let ask = node.http().post("/v1/conversations").token(&alice.token).idempotency_key("key-1").json(&body);
        let answer = ask.send().await;
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        answer.expect(answer.status).text("id")
    };
    assert_eq!(create().await, create().await);
    assert_eq!(alice.get("/v1/conversations").await.expect(200).list("items").len(), 1);
}

#[tokio::test]
async fn what_http_sends_is_heard_on_sockets() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let offset = bob.user.sends(&room, "by curl").await;
    assert_eq!(alice.hears("by curl").await.number("offset"), offset);
}
