//! refresh and sub_refresh: new tokens on a living connection.

use rialto_tests::tokens::{SECRET, claims, claims_with, hs256, trust_secret};
use rialto_tests::{Pick as _, Rialto, Wire, json, now_ms};

/// Topics named `secret:*` want a subscription token.
const TOKEN_RULE: &str = r#"topics.rules=[{pattern = "secret:*", subscribe = "token", publish = "user", presence = "user", join_leave = "nobody", history_size = 10, history_ttl_ms = 60000, recover = true}]"#;

#[tokio::test]
async fn refresh_takes_a_new_token_of_the_same_user() {
    let node = Rialto::start(&[]).await;
    let user = node.user("alice").await;
    let mut wire = Wire::connect(node.url(), &user.token).await;
    let fresh = user.log_in().await;
    let reply = wire.call("refresh", json!({"token": fresh.token})).await.expect("refreshed");
    assert_eq!(reply["client"], wire.hello["client"]);
    assert!(reply.flag("expires"), "{reply}");
    assert!(reply.number("ttl") > 3500, "{reply}");
}

#[tokio::test]
async fn refresh_with_a_foreign_or_broken_token_changes_nothing_for_the_good() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    for token in [bob.token.clone(), rialto_tests::tokens::forged(&alice.token), "nonsense".to_owned()] {
        let mut wire = Wire::connect(node.url(), &alice.token).await;
        match wire.try_call("refresh", json!({"token": token})).await {
            Ok(Ok(reply)) => panic!("taken: {reply}"),
            Ok(Err(refusal)) => assert!(!refusal.temporary, "{refusal:?}"),
            Err(closed) => assert!([3500, 3501, 3503].contains(&closed.code), "{closed:?}"),
        }
    }
}

/// Somebody known to the issuer as `alice`, with the issuer's own connection token.
async fn alice_of_the_issuer(node: &Rialto) -> Wire {
    Wire::connect(node.url(), &hs256(SECRET, &claims("alice"))).await
}

fn channel_token(channel: &str, sub: &str, seconds: i64) -> String {
    let now = i64::try_from(now_ms() / 1000).expect("seconds fit");
    hs256(SECRET, &claims_with(sub, &json!({"channel": channel, "exp": now + seconds})))
}

#[tokio::test]
async fn a_token_topic_wants_a_token_for_this_channel_and_user() {
    let node = Rialto::start(&[&trust_secret(), TOKEN_RULE]).await;
    let mut alice = alice_of_the_issuer(&node).await;
    assert_eq!(alice.subscribe("secret:1").await.expect_err("no token").code, 103);
    let good = channel_token("secret:1", "alice", 3600);
    let bad =
        [channel_token("secret:2", "alice", 3600), channel_token("secret:1", "somebody-else", 3600), rialto_tests::tokens::forged(&good)];
    for token in bad {
        let body = json!({"channel": "secret:1", "token": token});
        let refusal = alice.call("subscribe", body).await.expect_err("bad token");
        assert!([101, 103, 107].contains(&refusal.code), "{refusal:?}");
    }
    let body = json!({"channel": "secret:1", "token": channel_token("secret:1", "alice", -60)});
    assert_eq!(alice.call("subscribe", body).await.expect_err("expired").code, 109);
    let reply = alice.call("subscribe", json!({"channel": "secret:1", "token": good})).await;
    let reply = reply.expect("good token");
    assert!(reply.flag("expires") && reply.number("ttl") > 3500, "{reply}");
}

#[tokio::test]
async fn sub_refresh_takes_a_new_subscription_token() {
    let node = Rialto::start(&[&trust_secret(), TOKEN_RULE]).await;
    let mut alice = alice_of_the_issuer(&node).await;
    let body = json!({"channel": "secret:1", "token": channel_token("secret:1", "alice", 300)});
    assert!(alice.call("subscribe", body).await.expect("subscribed").number("ttl") <= 300);
    let body = json!({"channel": "secret:1", "token": channel_token("secret:1", "alice", 3600)});
    let reply = alice.call("sub_refresh", body).await.expect("refreshed");
    assert!(reply.flag("expires") && reply.number("ttl") > 3500, "{reply}");
}
