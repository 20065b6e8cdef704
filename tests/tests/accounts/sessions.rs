//! Sessions: rotation of refresh tokens, reuse, log-out, a changed password, and the sockets that go with them.

use futures_util::future::join;
use rialto_tests::{Answer, Pick as _, Rialto, User, Wire, eventually, json};

async fn refresh(user: &User, refresh_token: &str) -> Answer {
    user.http.post("/v1/auth/refresh").refresh_cookie(refresh_token).send().await
}

/// Refreshes and gives the successor.
async fn rotated(user: &User, refresh_token: &str) -> String {
    let answer = refresh(user, refresh_token).await;
    let body = answer.expect(200);
    assert_eq!(body.number("expires_in"), 3600);
    answer.refresh_cookie().expect("the successor comes as a cookie").0
}

async fn is_refused(user: &User, refresh_token: &str) {
    let answer = refresh(user, refresh_token).await;
    assert_eq!(answer.status, 401, "{}", answer.text());
}

#[tokio::test]
async fn a_refresh_rotates_and_brings_a_good_access_token() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let answer = refresh(&alice, &alice.refresh).await;
    let token = answer.expect(200).text("token");
    assert_ne!(answer.refresh_cookie().expect("a cookie").0, alice.refresh);
    assert_eq!(node.http().get("/v1/users/me").token(&token).send().await.expect(200).text("id"), alice.id);
}

#[tokio::test]
async fn two_tabs_at_once_get_the_same_successor() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let (one, other) = join(rotated(&alice, &alice.refresh), rotated(&alice, &alice.refresh)).await;
    assert_eq!(one, other);
    rotated(&alice, &one).await;
}

#[tokio::test]
async fn reuse_ends_the_whole_family_and_its_sockets() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let other_session = alice.log_in().await;
    let mut wire = Wire::connect(node.url(), &alice.token).await;
    let second = rotated(&alice, &alice.refresh).await;
    let third = rotated(&alice, &second).await;
    // The first is neither the current token nor its predecessor: no grace covers it.
    is_refused(&alice, &alice.refresh).await;
    is_refused(&alice, &third).await;
    let closed = wire.closed().await;
    assert!([3500, 3503].contains(&closed.code), "{closed:?}");
    rotated(&other_session, &other_session.refresh).await;
}

#[tokio::test]
async fn the_predecessor_is_reuse_after_its_second_of_grace() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let second = rotated(&alice, &alice.refresh).await;
    eventually("the grace is over", async || (refresh(&alice, &alice.refresh).await.status == 401).then_some(())).await;
    is_refused(&alice, &second).await;
}

#[tokio::test]
async fn without_a_good_cookie_there_is_no_refresh() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    assert_eq!(node.http().post("/v1/auth/refresh").send().await.status, 401);
    for token in ["", "nonsense", &alice.token, &"x".repeat(3000)] {
        is_refused(&alice, token).await;
    }
}

#[tokio::test]
async fn logging_out_ends_the_session_its_token_and_its_sockets() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let other = alice.log_in().await;
    let mut wire = Wire::connect(node.url(), &alice.token).await;
    let mut other_wire = Wire::connect(node.url(), &other.token).await;
    let log_out = node.http().post("/v1/auth/logout").token(&alice.token).refresh_cookie(&alice.refresh).send().await;
    log_out.expect(204);
    let closed = wire.closed().await;
    assert!([3500, 3503].contains(&closed.code), "{closed:?}");
    is_refused(&alice, &alice.refresh).await;
    assert_eq!(alice.get("/v1/users/me").await.status, 401, "the access token ends with its session");
    let mut back = Wire::open(node.url()).await;
    back.issue("connect", json!({"token": alice.token})).await;
    assert_eq!(back.closed().await.code, 3500, "a revoked token is an invalid one");
    assert_eq!(other_wire.ask("user.me", json!({})).await.text("id"), alice.id, "other sessions stay");
}

#[tokio::test]
async fn a_changed_password_ends_all_other_sessions() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let other = alice.log_in().await;
    let mut other_wire = Wire::connect(node.url(), &other.token).await;
    let mut own_wire = Wire::connect(node.url(), &alice.token).await;
    let change = async |old: &str, new: &str| {
        let body = json!({"old": old, "new": new});
        let ask = node.http().post("/v1/auth/password").token(&alice.token).refresh_cookie(&alice.refresh);
        ask.json(&body).send().await
    };
    change("not-the-password", "a-new-and-long-one-7").await.problem(401, "invalid_credentials");
    change(&alice.password, "short").await.problem(400, "invalid_argument");
    change(&alice.password, "a-new-and-long-one-7").await.expect(204);
    let closed = other_wire.closed().await;
    assert!([3500, 3503].contains(&closed.code), "{closed:?}");
    is_refused(&other, &other.refresh).await;
    assert_eq!(own_wire.ask("user.me", json!({})).await.text("id"), alice.id);
    rotated(&alice, &alice.refresh).await;
    let login = async |password: &str| {
        let body = json!({"username": alice.username, "password": password});
        node.http().post("/v1/auth/login").json(&body).send().await
    };
    login(&alice.password).await.problem(401, "invalid_credentials");
    login("a-new-and-long-one-7").await.expect(200);
}

#[tokio::test]
async fn sessions_survive_a_crash() {
    let mut node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let ended = alice.log_in().await;
    let log_out = node.http().post("/v1/auth/logout").token(&ended.token).refresh_cookie(&ended.refresh).send().await;
    log_out.expect(204);
    node.kill9().await;
    node.restart().await;
    let (alice, ended) = (alice.at(node.url()), ended.at(node.url()));
    alice.get("/v1/users/me").await.expect(200);
    rotated(&alice, &alice.refresh).await;
    assert_eq!(ended.get("/v1/users/me").await.status, 401, "what was revoked stays revoked");
    is_refused(&ended, &ended.refresh).await;
}

#[tokio::test]
async fn people_see_where_they_are_logged_in_and_end_one_or_all_others() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let bob = node.user("bob").await;
    let (second, third) = (alice.log_in().await, alice.log_in().await);
    let list = async |user: &User| node.http().get("/v1/auth/sessions").token(&user.token).send().await.expect(200);
    let body = list(&second).await;
    let sessions = body.list("items");
    assert_eq!(sessions.len(), 3, "{body}");
    assert_eq!(sessions.iter().filter(|session| session.flag("current")).count(), 1, "{body}");
    let own = sessions.iter().find(|session| session.flag("current")).expect("the one that asks").text("id");
    assert!(sessions.iter().all(|session| session.number("created") > 0 && session.number("used") >= session.number("created")), "{body}");

    let end = async |user: &User, path: &str| node.http().delete(&format!("/v1/auth/sessions{path}")).token(&user.token).send().await;
    assert_eq!(end(&bob, &format!("/{own}")).await.status, 404, "somebody else's");
    let mut wire = Wire::connect(node.url(), &second.token).await;
    assert_eq!(end(&alice, &format!("/{own}")).await.status, 204);
    assert!([3500, 3503].contains(&wire.closed().await.code));
    is_refused(&second, &second.refresh).await;

    assert_eq!(end(&third, "").await.status, 204);
    is_refused(&alice, &alice.refresh).await;
    rotated(&third, &third.refresh).await;
    assert_eq!(list(&third).await.list("items").len(), 1);
    rotated(&bob, &bob.refresh).await;
}

#[tokio::test]
async fn a_display_name_is_changed_and_others_read_it() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let set = async |name: &str| node.http().patch("/v1/users/me").token(&alice.token).json(&json!({"display_name": name})).send().await;
    assert_eq!(set("  Alice of the Bridge ").await.expect(200).text("display_name"), "Alice of the Bridge");
    let mut wire = Wire::connect(node.url(), &bob.token).await;
    assert_eq!(wire.ask("user.get", json!({"user": alice.id})).await.text("display_name"), "Alice of the Bridge");
    assert_eq!(wire.ask("user.set", json!({"display_name": "Robert"})).await.text("display_name"), "Robert");
    for bad in ["", "\u{202e}x", &"x".repeat(65)] {
        assert_eq!(set(bad).await.status, 400, "{bad:?}");
    }
    assert_eq!(wire.refused("user.set", json!({"display_name": ""})).await, 400);
}
