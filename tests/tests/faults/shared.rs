//! Two nodes on one store that share Redis: each sees who listens on the other, and what people may do is counted over both.

use rialto_tests::engine::Redis;
use rialto_tests::{Person, Pick as _, Rialto, eventually, json, note};
use tempfile::NamedTempFile;

async fn stats(person: &mut Person) -> (u64, u64) {
    let stats = person.wire.call("presence_stats", json!({"channel": "lobby"})).await.expect("presence_stats");
    (stats.number("num_clients"), stats.number("num_users"))
}

async fn sees(person: &mut Person, clients: u64, users: u64) {
    let what = format!("{clients} connections of {users} people");
    eventually(&what, async || (stats(person).await == (clients, users)).then_some(())).await;
}

/// Two nodes, and somebody on each.
async fn two_nodes(redis: &Redis, key: &NamedTempFile) -> (Rialto, Rialto, Person, Person) {
    std::fs::write(key.path(), "a secret that both nodes have, of more than 32 bytes").expect("a file");
    let url = format!("redis.url=redis://{}", redis.address());
    let one = Rialto::start(&[&format!("auth.master_key_file={}", key.path().display()), &url]).await;
    let other = one.rival().await;
    let alice = one.person("alice").await;
    let bob = other.person("bob").await;
    (one, other, alice, bob)
}

#[tokio::test]
async fn presence_is_of_all_nodes_while_redis_is_there_and_of_each_while_it_is_not() {
    let (Some(mut redis), true) = (Redis::start().await, std::env::var_os("RIALTO_TEST_CQL").is_some()) else {
        return note("SKIPPED: there is no redis-server, or RIALTO_TEST_CQL names no engine");
    };
    let key = NamedTempFile::new().expect("a file");
    let (_one, mut other, mut alice, mut bob) = two_nodes(&redis, &key).await;
    alice.wire.subscribe("lobby").await.expect("subscribed");
    bob.wire.subscribe("lobby").await.expect("subscribed");
    let mut phone = bob.other_device().await;
    phone.wire.subscribe("lobby").await.expect("subscribed");
    sees(&mut alice, 3, 2).await;
    sees(&mut bob, 3, 2).await;
    let reply = alice.wire.call("presence", json!({"channel": "lobby"})).await.expect("presence");
    let bobs_client = bob.wire.hello.text("client");
    assert_eq!(reply["presence"][&bobs_client], json!({"client": bobs_client, "user": bob.id()}));
    phone.wire.call("unsubscribe", json!({"channel": "lobby"})).await.expect("unsubscribed");
    sees(&mut alice, 2, 2).await;
    redis.kill9().await;
    sees(&mut alice, 1, 1).await;
    redis.restart().await;
    sees(&mut alice, 2, 2).await;
    other.sigterm().await;
    assert!(other.exit().await.success());
    sees(&mut alice, 1, 1).await;
}

#[tokio::test]
async fn wrong_passwords_are_counted_over_all_nodes() {
    let (Some(redis), true) = (Redis::start().await, std::env::var_os("RIALTO_TEST_CQL").is_some()) else {
        return note("SKIPPED: there is no redis-server, or RIALTO_TEST_CQL names no engine");
    };
    let key = NamedTempFile::new().expect("a file");
    let (one, other, alice, _bob) = two_nodes(&redis, &key).await;
    let guess = json!({"username": alice.user.username, "password": "not-her-password"});
    let mut answered = 0;
    for turn in 0..16 {
        let node = if turn % 2 == 0 { &one } else { &other };
        let answer = node.http().post("/v1/auth/login").json(&guess).send().await;
        match answer.status {
            401 => answered += 1,
            429 => break,
            other => panic!("{other}: {}", answer.text()),
        }
    }
    // A slow machine earns a few more; each node by itself would have answered all.
    assert!((10..16).contains(&answered), "{answered} were answered");
}
