//! Start, drain, a second process on the same data, a crash.

use rialto_tests::{Pick as _, RawSocket, Rialto, Wire, clock, json};

#[tokio::test]
async fn sigterm_drains_with_3001_and_exits_with_0() {
    let mut node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    alice.says("before").await;
    let mut silent = Wire::open(node.url()).await;
    node.sigterm().await;
    let closed = alice.wire.closed().await;
    assert_eq!(closed.code, 3001, "{closed:?}");
    assert!(!closed.reason.is_empty());
    assert_eq!(silent.closed().await.code, 3001, "who never said connect is told too");
    drop((alice.wire, silent));
    assert!(node.exit().await.success());
    node.restart().await;
    assert_eq!(alice.user.at(node.url()).reads(&room, "").await[0].text("text"), "before");
}

#[tokio::test]
async fn a_drain_does_not_wait_for_who_never_answers() {
    let mut node = Rialto::start(&["drain.timeout_ms=1500"]).await;
    let alice = node.user("alice").await;
    // It never reads, so it never answers the close frame.
    let _deaf = RawSocket::connect(node.url(), &alice.token).await;
    let started = clock::instant();
    node.sigterm().await;
    assert!(node.exit().await.success());
    assert!(started.elapsed().as_millis() < 6000, "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_second_sigterm_exits_at_once() {
    let mut node = Rialto::start(&["drain.timeout_ms=600000"]).await;
    let alice = node.user("alice").await;
    let _deaf = RawSocket::connect(node.url(), &alice.token).await;
    node.sigterm().await;
    node.sigterm().await;
    node.exit().await;
}

#[tokio::test]
async fn a_second_process_on_the_same_data_exits_with_3() {
    let node = Rialto::start(&[]).await;
    let complaint = node.command(&["serve", "--listen", "127.0.0.1:0"]).await.fails_with(3);
    assert!(!complaint.is_empty());
    node.http().get("/health/live").send().await.expect(200);
}

#[tokio::test]
async fn a_killed_node_starts_again_without_help() {
    let mut node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let room = alice.creates("group", "tea", &[]).await.text("id");
    for life in 0..3 {
        let alice = alice.at(node.url());
        assert_eq!(alice.sends(&room, &format!("life {life}")).await, life + 2);
        node.kill9().await;
        node.restart().await;
    }
    assert_eq!(alice.at(node.url()).reads(&room, "").await.len(), 3);
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error_not_a_panic() {
    let node = Rialto::start(&[]).await;
    let address = node.url().strip_prefix("http://").expect("http").to_owned();
    let data = node.folder().join("another").display().to_string();
    let ran = rialto_tests::rialto(["serve", "--listen", &address, "--data", &data]).await;
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
}

#[tokio::test]
async fn an_ordinary_day_leaves_no_error_in_the_log() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    alice.says("hi").await;
    bob.hears("hi").await;
    bob.wire.refused("no.such.method", json!({})).await;
    bob.wire.cut();
    alice.wire.close().await;
    let log = node.log();
    assert!(!log.contains("ERROR"), "ERROR means that a human must act: {log}");
    for secret in [&alice.user.token, &alice.user.password, &alice.user.refresh] {
        assert!(!log.contains(secret.as_str()), "a secret in the log");
    }
}
