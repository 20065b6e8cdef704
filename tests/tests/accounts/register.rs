//! Registration: what an account needs, and what is refused.

use rialto_tests::user::PASSWORD;
use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn an_account_comes_with_a_session() {
    let node = Rialto::start(&[]).await;
    let body = json!({"username": "alice", "password": PASSWORD, "display_name": "Alice A."});
    let answer = node.http().post("/v1/auth/register").json(&body).send().await;
    let made = answer.expect(201);
    assert_eq!(made["user"]["username"], "alice");
    assert_eq!(made["user"]["display_name"], "Alice A.");
    assert_eq!(made.number("expires_in"), 3600);
    let (_, attributes) = answer.refresh_cookie().expect("a refresh cookie");
    for attribute in ["httponly", "samesite=strict", "path=/v1/auth"] {
        assert!(attributes.contains(attribute), "{attribute} in {attributes}");
    }
    assert!(!attributes.contains("secure"), "on loopback a browser must take it: {attributes}");
    let me = node.http().get("/v1/users/me").token(&made.text("token")).send().await.expect(200);
    assert_eq!(me, made["user"]);
}

#[tokio::test]
async fn a_display_name_is_optional() {
    let node = Rialto::start(&[]).await;
    let body = json!({"username": "alice", "password": PASSWORD});
    let made = node.http().post("/v1/auth/register").json(&body).send().await.expect(201);
    assert!(!made["user"].text("display_name").is_empty(), "{made}");
}

#[tokio::test]
async fn a_name_belongs_to_one_account_whatever_its_case() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    for name in [alice.username.clone(), alice.username.to_uppercase()] {
        let body = json!({"username": name, "password": PASSWORD});
        node.http().post("/v1/auth/register").json(&body).send().await.problem(409, "conflict");
    }
}

#[tokio::test]
async fn weak_passwords_are_refused() {
    let node = Rialto::start(&[]).await;
    for (name, password) in [
        ("bob", "short"),
        ("bob", "123456789"),
        ("bob", "1234567890"),
        ("bob", "password123"),
        ("bob", "qwertyuiop"),
        ("margarethe", "margarethe-77"),
        ("margarethe", "xx-Margarethe-xx"),
    ] {
        let body = json!({"username": name, "password": password});
        node.http().post("/v1/auth/register").json(&body).send().await.problem(400, "invalid_argument");
    }
}

#[tokio::test]
async fn impossible_names_are_refused() {
    let node = Rialto::start(&[]).await;
    for name in ["", " ", "two words", "tab\tname", "line\nbreak", "zero\u{200b}width", &"x".repeat(500)] {
        let body = json!({"username": name, "password": PASSWORD});
        node.http().post("/v1/auth/register").json(&body).send().await.problem(400, "invalid_argument");
    }
}

#[tokio::test]
async fn profiles_are_public_to_users_only() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let by_id = alice.get(&format!("/v1/users/{}", bob.id)).await.expect(200);
    assert_eq!(by_id.text("username"), bob.username);
    let by_name = alice.get(&format!("/v1/users?username={}", bob.username)).await.expect(200);
    assert!(by_name.to_string().contains(&bob.id), "{by_name}");
    alice.get("/v1/users/01920000-0000-7000-8000-000000000000").await.problem(404, "not_found");
    let nobody = node.http().get(&format!("/v1/users/{}", bob.id)).send().await;
    assert_eq!(nobody.status, 401, "{}", nobody.text());
}
