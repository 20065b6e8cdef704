//! Free topics: rules by pattern, bounded history, and names that are not free.

use rialto_tests::{Pick as _, Rialto, Wire, json};

/// Somebody may, in this order: read only, nothing at all, everything, and nothing else matches.
const RULES: &str = r#"topics.rules=[
  {pattern = "news:*", subscribe = "user", publish = "nobody", presence = "user", join_leave = "nobody", history_size = 10, history_ttl_ms = 60000, recover = true},
  {pattern = "closed:*", subscribe = "nobody", publish = "nobody", presence = "nobody", join_leave = "nobody", history_size = 0, history_ttl_ms = 0, recover = false},
  {pattern = "open:small", subscribe = "anyone", publish = "user", presence = "nobody", join_leave = "nobody", history_size = 3, history_ttl_ms = 60000, recover = true},
  {pattern = "open:*", subscribe = "anyone", publish = "anyone", presence = "anyone", join_leave = "anyone", history_size = 0, history_ttl_ms = 0, recover = false}
]"#;

const DENIED: u64 = 103;

#[tokio::test]
async fn the_first_matching_rule_decides() {
    let node = Rialto::start(&[RULES]).await;
    let mut alice = node.person("alice").await;
    alice.wire.subscribe("news:today").await.expect("users may read the news");
    let publish = json!({"channel": "news:today", "data": 1});
    assert_eq!(alice.wire.call("publish", publish).await.expect_err("nobody publishes").code, DENIED);
    assert_eq!(alice.wire.subscribe("closed:today").await.expect_err("nobody").code, DENIED);
    assert_eq!(alice.wire.subscribe("unruled").await.expect_err("no rule").code, DENIED);
    alice.wire.subscribe("open:small").await.expect("anyone");
    let presence = json!({"channel": "open:small"});
    assert_eq!(alice.wire.call("presence", presence).await.expect_err("nobody").code, DENIED);
    alice.wire.subscribe("open:large").await.expect("anyone");
    alice.wire.call("presence", json!({"channel": "open:large"})).await.expect("anyone");
}

#[tokio::test]
async fn anyone_includes_who_did_not_log_in() {
    let node = Rialto::start(&[RULES, "auth.anonymous=true"]).await;
    let mut nobody = Wire::open(node.url()).await;
    nobody.call("connect", json!({})).await.expect("anonymous connections are allowed here");
    nobody.subscribe("open:large").await.expect("anyone");
    nobody.call("publish", json!({"channel": "open:large", "data": 1})).await.expect("anyone");
    assert_eq!(nobody.subscribe("news:today").await.expect_err("users only").code, DENIED);
    let refusal = nobody.rpc("conversation.list", json!({})).await.expect_err("users only");
    assert!([101, 103, 403].contains(&refusal.code), "{refusal:?}");
}

#[tokio::test]
async fn a_rules_history_is_its_size_and_without_one_there_is_none() {
    let node = Rialto::start(&[RULES]).await;
    let mut alice = node.person("alice").await;
    for channel in ["open:small", "open:large"] {
        for number in 1..=5 {
            alice.wire.call("publish", json!({"channel": channel, "data": number})).await.expect("published");
        }
    }
    let reply = alice.wire.call("history", json!({"channel": "open:small", "limit": -1})).await.expect("history");
    let kept: Vec<_> = reply.list("publications").iter().map(|publication| publication["data"].clone()).collect();
    assert_eq!(kept, [json!(3), json!(4), json!(5)]);
    match alice.wire.call("history", json!({"channel": "open:large", "limit": -1})).await {
        Ok(reply) => assert!(reply.list("publications").is_empty(), "{reply}"),
        Err(refusal) => assert_eq!(refusal.code, 108, "not available"),
    }
    let reply = alice.wire.subscribe("open:large").await.expect("subscribed");
    assert!(!reply.flag("recoverable"), "{reply}");
}

#[tokio::test]
async fn history_grows_old() {
    let rules = r#"topics.rules=[{pattern = "*", subscribe = "user", publish = "user", presence = "user", join_leave = "user", history_size = 10, history_ttl_ms = 300, recover = true}]"#;
    let node = Rialto::start(&[rules]).await;
    let mut alice = node.person("alice").await;
    alice.wire.call("publish", json!({"channel": "news", "data": 1})).await.expect("published");
    rialto_tests::eventually("the publication is forgotten", async || {
        let reply = alice.wire.call("history", json!({"channel": "news", "limit": -1})).await.expect("history");
        reply.list("publications").is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn topics_may_be_switched_off() {
    let node = Rialto::start(&["topics.enabled=false"]).await;
    let mut alice = node.person("alice").await;
    let refusal = alice.wire.subscribe("news").await.expect_err("switched off");
    assert!([102, DENIED].contains(&refusal.code), "{refusal:?}");
    alice.opens_group("tea", &[]).await;
    alice.says("conversations go on").await;
}

#[tokio::test]
async fn a_restart_forgets_topics_honestly() {
    let mut node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let before = alice.wire.subscribe("news").await.expect("subscribed");
    alice.wire.call("publish", json!({"channel": "news", "data": 1})).await.expect("published");
    node.kill9().await;
    node.restart().await;
    let mut alice = Wire::connect(node.url(), &alice.user.token).await;
    let after = alice.recover("news", 0, &before.text("epoch")).await.expect("subscribed");
    assert_ne!(after.text("epoch"), before.text("epoch"), "another life in memory");
    assert!(!after.flag("recovered") && after.flag("was_recovering"), "{after}");
}
