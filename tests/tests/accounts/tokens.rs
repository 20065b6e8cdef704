//! Our own access tokens: their form, forged and expired ones, and those of `rialto token`.

use rialto_tests::tokens::forged;
use rialto_tests::{Pick as _, Rialto, User, Wire, eventually, json};

/// An access token of `user` by the command line, valid for `seconds`.
async fn token_of(node: &Rialto, user: &User, seconds: &str) -> String {
    node.command(&["token", "--user", &user.id, "--ttl", seconds]).await.ok().trim().to_owned()
}

#[tokio::test]
async fn a_forged_or_foreign_token_is_3500() {
    let (node, other_node) = (Rialto::start(&[]).await, Rialto::start(&[]).await);
    let alice = node.user("alice").await;
    let stranger = other_node.user("alice").await;
    for token in [forged(&alice.token), stranger.token, "a.b.c".to_owned(), "x".repeat(10_000), " ".to_owned()] {
        let mut wire = Wire::open(node.url()).await;
        wire.issue("connect", json!({"token": token})).await;
        let closed = wire.closed().await;
        assert_eq!(closed.code, 3500, "{closed:?}");
        assert!(!closed.reason.is_empty());
        let answer = node.http().get("/v1/users/me").token(&token).send().await;
        assert!([400, 401].contains(&answer.status), "{}", answer.text());
    }
}

#[tokio::test]
async fn a_token_of_the_command_line_is_as_good_as_any() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let token = token_of(&node, &alice, "600").await;
    let wire = Wire::connect(node.url(), &token).await;
    assert!((590..=600).contains(&wire.hello.number("ttl")), "{}", wire.hello);
}

#[tokio::test]
async fn an_expired_token_is_109_and_401() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let token = token_of(&node, &alice, "1").await;
    let refusal = eventually("the token expires", async || {
        let mut wire = Wire::open(node.url()).await;
        wire.call("connect", json!({"token": token})).await.err()
    })
    .await;
    assert_eq!(refusal.code, 109, "{refusal:?}");
    node.http().get("/v1/users/me").token(&token).send().await.problem(401, "token_expired");
}

#[tokio::test]
async fn an_expired_connection_is_ended_with_3005() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let mut wire = Wire::connect(node.url(), &token_of(&node, &alice, "2").await).await;
    assert_eq!(wire.closed().await.code, 3005, "the SDK then fetches a new token and comes back");
}
