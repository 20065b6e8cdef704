//! Mute: enforced over every way in, for as long as it was said, after a kill too.

use rialto_tests::user::client_id;
use rialto_tests::{Pick as _, Rialto, User, Wire, eventually, json};

use crate::client::with_role;

fn about(user: &str) -> String {
    format!("/v1/admin/users/{user}/mute")
}

async fn sends(user: &User, room: &str) -> rialto_tests::Answer {
    user.post(&format!("/v1/conversations/{room}/messages"), &json!({"client_id": client_id(), "text": "hello"})).await
}

#[tokio::test]
async fn a_muted_user_says_nothing_on_any_way_and_hears_everything() {
    let node = Rialto::start(&["topics.enabled=true"]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let (mut ada, mut bob) = node.two_people("ada", "bob").await;
    let room = ada.opens_group("talk", &[&bob]).await;
    bob.enters(&room).await;
    let said = ada.says("before").await;
    ada.hears("before").await;
    let muted = olga.post(&about(ada.id()), &json!({"duration_ms": 3_600_000})).await.expect(200);
    let until = muted.number("until");
    assert_eq!(olga.get(&format!("/v1/admin/users/{}", ada.id())).await.expect(200).number("muted_until"), until);
    // The connection that she has, a new one, publish, topics, and HTTP.
    let message = || json!({"conversation": room, "client_id": client_id(), "text": "still here"});
    assert_eq!(ada.wire.refused("conversation.send", message()).await, 403);
    let mut second = Wire::connect(node.url(), &ada.user.token).await;
    assert_eq!(second.refused("conversation.send", message()).await, 403);
    let publish = json!({"channel": format!("conversation:{room}"), "data": {"client_id": client_id(), "text": "as a publication"}});
    assert_eq!(second.call("publish", publish).await.expect_err("refused").code, 403);
    for (method, body) in [
        ("conversation.edit", json!({"conversation": room, "client_id": client_id(), "target": said, "text": "changed"})),
        ("conversation.react", json!({"conversation": room, "client_id": client_id(), "target": said, "emoji": "👍"})),
        ("conversation.create", json!({"kind": "group", "title": "shout", "client_id": client_id()})),
    ] {
        assert_eq!(second.refused(method, body).await, 403, "{method}");
    }
    let problem = sends(&ada.user, &room).await.problem(403, "forbidden");
    assert!(problem.number("retry_after_ms") > 3_000_000, "{problem}");
    // She reads, hears and marks as before; others talk.
    bob.says("we go on").await;
    ada.hears("we go on").await;
    ada.does("conversation.mark_read", json!({"offset": said})).await;
    olga.delete(&about(ada.id()), None).await.expect(204);
    ada.says("after").await;
    assert_eq!(sends(&ada.user, &room).await.status, 201);
}

#[tokio::test]
async fn topics_are_shut_for_the_muted_too() {
    let rule = "topics.rules=[{pattern=\"*\",subscribe=\"user\",publish=\"user\",presence=\"user\",join_leave=\"user\"}]";
    let node = Rialto::start(&["topics.enabled=true", rule]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut ada = node.person("ada").await;
    ada.wire.subscribe("weather").await.expect("subscribed");
    let publish = || json!({"channel": "weather", "data": {"sun": true}});
    ada.wire.call("publish", publish()).await.expect("published");
    olga.post(&about(ada.id()), &json!({"duration_ms": 60_000})).await.expect(200);
    assert_eq!(ada.wire.call("publish", publish()).await.expect_err("refused").code, 403);
}

#[tokio::test]
async fn a_mute_survives_a_kill_and_ends_by_itself() {
    let mut node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let (ada, bob) = (node.user("ada").await, node.user("bob").await);
    let room = ada.creates("group", "talk", &[&bob.id]).await.text("id");
    olga.post(&about(&ada.id), &json!({"duration_ms": 3_600_000})).await.expect(200);
    olga.post(&about(&bob.id), &json!({"duration_ms": 1})).await.expect(200);
    for wrong in [json!({"duration_ms": 0}), json!({"duration_ms": 1e18 as u64}), json!({})] {
        assert_eq!(olga.post(&about(&ada.id), &wrong).await.status, 400, "{wrong}");
    }
    node.kill9().await;
    node.restart().await;
    let (olga, ada, bob) = (olga.at(node.url()), ada.at(node.url()), bob.at(node.url()));
    sends(&ada, &room).await.problem(403, "forbidden");
    eventually("a short one is over", async || (sends(&bob, &room).await.status == 201).then_some(())).await;
    olga.delete(&about(&ada.id), None).await.expect(204);
    assert_eq!(sends(&ada, &room).await.status, 201);
}
