//! Tokens that a company's own backend signs.

use rialto_tests::tokens::{ISSUER, SECRET, claims, claims_with, es256, hs256, rs256, trust, trust_public_key, trust_secret, user_id};
use rialto_tests::{Pick as _, Rialto, Wire, json, now_ms};

async fn is_taken_everywhere(node: &Rialto, token: &str, expected_id: &str) {
    let mut wire = Wire::connect(node.url(), token).await;
    assert_eq!(wire.ask("user.me", json!({})).await.text("id"), expected_id);
    let me = node.http().get("/v1/users/me").token(token).send().await.expect(200);
    assert_eq!(me.text("id"), expected_id);
}

async fn is_invalid_everywhere(node: &Rialto, token: &str) {
    let mut wire = Wire::open(node.url()).await;
    wire.issue("connect", json!({"token": token})).await;
    let closed = wire.closed().await;
    assert_eq!(closed.code, 3500, "{closed:?} for {token}");
    assert!(!closed.reason.is_empty());
    let answer = node.http().get("/v1/users/me").token(token).send().await;
    assert_eq!(answer.status, 401, "{}", answer.text());
}

#[tokio::test]
async fn hs256_by_shared_secret() {
    let node = Rialto::start(&[&trust_secret()]).await;
    let token = hs256(SECRET, &claims("customer-17"));
    is_taken_everywhere(&node, &token, &user_id(ISSUER, "customer-17")).await;
}

#[tokio::test]
async fn rs256_by_public_key() {
    let node = Rialto::start(&[&trust_public_key("RS256")]).await;
    is_taken_everywhere(&node, &rs256(&claims("customer-17")), &user_id(ISSUER, "customer-17")).await;
}

#[tokio::test]
async fn es256_by_public_key() {
    let node = Rialto::start(&[&trust_public_key("ES256")]).await;
    is_taken_everywhere(&node, &es256(&claims("customer-17")), &user_id(ISSUER, "customer-17")).await;
}

#[tokio::test]
async fn an_algorithm_is_pinned_to_its_key() {
    let node = Rialto::start(&[&trust_public_key("RS256")]).await;
    let public = std::fs::read_to_string(rialto_tests::repository::root().join("tests/fixtures/issuer-rs256.pub.pem"));
    let public = public.expect("the fixture is there");
    is_invalid_everywhere(&node, &hs256(&public, &claims("mallory"))).await;
    is_invalid_everywhere(&node, &es256(&claims("mallory"))).await;
    // {"alg":"none"} . {"sub":"mallory"} .
    is_invalid_everywhere(&node, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWxsb3J5In0.").await;
}

#[tokio::test]
async fn wrong_claims_make_it_invalid() {
    let node = Rialto::start(&[&trust_secret()]).await;
    let hour_ahead = now_ms() / 1000 + 3600;
    for changes in [
        json!({"iss": "https://other.example"}),
        json!({"iss": null}),
        json!({"sub": null}),
        json!({"sub": 17}),
        json!({"nbf": hour_ahead}),
    ] {
        is_invalid_everywhere(&node, &hs256(SECRET, &claims_with("mallory", &changes))).await;
    }
    is_invalid_everywhere(&node, &hs256("another-secret-of-at-least-32-bytes!", &claims("mallory"))).await;
}

#[tokio::test]
async fn an_expired_one_is_109() {
    let node = Rialto::start(&[&trust_secret()]).await;
    let token = hs256(SECRET, &claims_with("customer-17", &json!({"exp": now_ms() / 1000 - 120})));
    let mut wire = Wire::open(node.url()).await;
    assert_eq!(wire.call("connect", json!({"token": token})).await.expect_err("expired").code, 109);
    node.http().get("/v1/users/me").token(&token).send().await.problem(401, "token_expired");
}

#[tokio::test]
async fn an_issuer_may_be_left_out_where_the_configuration_says_so() {
    let setting = trust("HS256", &format!(r#"key = "{SECRET}", require_issuer = false"#));
    let node = Rialto::start(&[&setting]).await;
    let token = hs256(SECRET, &claims_with("customer-17", &json!({"iss": null})));
    is_taken_everywhere(&node, &token, &user_id(ISSUER, "customer-17")).await;
    is_invalid_everywhere(&node, &hs256(SECRET, &claims_with("x", &json!({"iss": "https://other.example"})))).await;
}

#[tokio::test]
async fn an_audience_is_compared_when_configured() {
    let setting = trust("HS256", &format!(r#"key = "{SECRET}", audience = "rialto""#));
    let node = Rialto::start(&[&setting]).await;
    let ours = hs256(SECRET, &claims_with("customer-17", &json!({"aud": "rialto"})));
    is_taken_everywhere(&node, &ours, &user_id(ISSUER, "customer-17")).await;
    is_invalid_everywhere(&node, &hs256(SECRET, &claims_with("customer-17", &json!({"aud": "another"})))).await;
    is_invalid_everywhere(&node, &hs256(SECRET, &claims("customer-17"))).await;
}

#[tokio::test]
async fn external_and_own_users_talk_to_one_another() {
    let node = Rialto::start(&[&trust_secret()]).await;
    let mut alice = node.person("alice").await;
    let mut customer = Wire::connect(node.url(), &hs256(SECRET, &claims("customer-17"))).await;
    let body = json!({"kind": "direct", "members": [user_id(ISSUER, "customer-17")], "client_id": "direct-1"});
    let room = alice.wire.ask("conversation.create", body).await.text("id");
    alice.enters(&room).await;
    let send = json!({"conversation": room, "client_id": "m-1", "text": "from outside"});
    customer.ask("conversation.send", send).await;
    assert_eq!(alice.hears("from outside").await["data"]["sender"], user_id(ISSUER, "customer-17"));
}
