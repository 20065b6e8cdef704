//! Kick and revoke, with people who are connected.

use rialto_tests::{Pick as _, Rialto, Wire, json};

use crate::client::with_role;

#[tokio::test]
async fn a_kick_ends_one_connection_or_all_with_the_code_that_says_whether_to_come_back() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let (mut ada, mut bob) = node.two_people("ada", "bob").await;
    let (mut phone, mut tablet) = (ada.other_device().await, ada.other_device().await);
    let kick = format!("/v1/admin/users/{}/kick", ada.id());
    let one = json!({"connection": phone.wire.hello.text("client")});
    assert_eq!(olga.post(&kick, &one).await.expect(200).number("disconnected"), 1);
    assert_eq!(phone.wire.closed().await.code, 3503);
    assert_eq!(olga.post(&kick, &one).await.expect(200).number("disconnected"), 0, "it is gone");
    let of_bob = json!({"connection": bob.wire.hello.text("client")});
    assert_eq!(olga.post(&kick, &of_bob).await.expect(200).number("disconnected"), 0, "it is not hers");
    tablet.opens_group("she goes on", &[]).await;
    assert_eq!(olga.post(&kick, &json!({"reconnect": true})).await.expect(200).number("disconnected"), 2);
    assert_eq!((ada.wire.closed().await.code, tablet.wire.closed().await.code), (3011, 3011));
    // Nothing was taken from her: she may come back, and nobody else has noticed.
    Wire::connect(node.url(), &ada.user.token).await.ask("user.me", json!({})).await;
    bob.opens_group("undisturbed", &[]).await;
}

#[tokio::test]
async fn revoking_ends_sessions_tokens_and_connections_for_good() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut ada = node.person("ada").await;
    let other = ada.user.log_in().await;
    // A token that belongs to no session of hers.
    let loose = node.command(&["token", "--user", ada.id(), "--ttl", "86400"]).await.ok();
    let mut loose_wire = Wire::connect(node.url(), loose.trim()).await;
    let ended = olga.post(&format!("/v1/admin/users/{}/revoke", ada.id()), &json!({})).await.expect(200);
    assert_eq!(ended.number("disconnected"), 2);
    assert_eq!((ada.wire.closed().await.code, loose_wire.closed().await.code), (3500, 3500));
    for token in [&ada.user.token, &other.token, loose.trim()] {
        let mut back = Wire::open(node.url()).await;
        back.issue("connect", json!({"token": token})).await;
        assert_eq!(back.closed().await.code, 3500);
        assert_eq!(node.http().get("/v1/users/me").token(token).send().await.status, 401);
    }
    for session in [&ada.user, &other] {
        assert_eq!(node.http().post("/v1/auth/refresh").refresh_cookie(&session.refresh).send().await.status, 401);
    }
    ada.user.log_in().await.get("/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn a_bots_token_is_revoked_for_good() {
    let mut node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let token = node.command(&["bot", "add", "helper", "--scopes", "user.*"]).await.ok();
    let mut bot = Wire::connect(node.url(), token.trim()).await;
    let id = bot.ask("user.me", json!({})).await.text("id");
    olga.post(&format!("/v1/admin/users/{id}/revoke"), &json!({})).await.expect(200);
    assert_eq!(bot.closed().await.code, 3500);
    node.kill9().await;
    node.restart().await;
    assert_eq!(node.http().get("/v1/users/me").token(token.trim()).send().await.status, 401);
}
