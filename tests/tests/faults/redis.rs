//! Redis behind a proxy: whatever becomes of it, people chat, limits hold on each node, and it is used again as soon as it is there.

use rialto_tests::engine::Redis;
use rialto_tests::{Flow, Person, Proxy, Rialto, eventually, json, note};

/// Registrations per minute and address in this story: two people, and as many as it tries.
const REGISTRATIONS_MAX: usize = 6;

struct Scene {
    redis: Redis,
    proxy: Proxy,
    node: Rialto,
    alice: Person,
    bob: Person,
    said: u32,
}

impl Scene {
    async fn begin(redis: Redis) -> Self {
        let proxy = Proxy::to(&redis.address()).await;
        let url = format!("redis.url=redis://{}", proxy.address());
        let limit = format!("limits.registrations_per_minute_max={REGISTRATIONS_MAX}");
        let node = Rialto::start(&[&url, &limit]).await;
        let (mut alice, mut bob) = node.two_people("alice", "bob").await;
        let room = alice.opens_group("tea", &[&bob]).await;
        bob.enters(&room).await;
        Self { redis, proxy, node, alice, bob, said: 0 }
    }

    async fn health(&self, wanted: &str) {
        eventually(&format!("Redis is {wanted}"), async || (self.node.health_of("redis").await == wanted).then_some(())).await;
    }

    /// Everything that people do.
    async fn life_goes_on(&mut self) {
        self.said += 1;
        let text = format!("word {}", self.said);
        self.alice.says(&text).await;
        self.bob.hears(&text).await;
        let stats = self.bob.wire.call("presence_stats", json!({"channel": self.bob.channel()})).await.expect("presence_stats");
        assert_eq!(stats, json!({"num_clients": 2, "num_users": 2}));
        self.alice.user.log_in().await;
    }
}

#[tokio::test]
async fn people_chat_whatever_becomes_of_redis() {
    let Some(redis) = Redis::start().await else { return note("SKIPPED: there is no redis-server") };
    let mut scene = Scene::begin(redis).await;
    scene.health("ok").await;
    scene.life_goes_on().await;
    for (to_engine, to_node) in [(Flow::Held, Flow::Passes), (Flow::Passes, Flow::Held)] {
        scene.proxy.flows(to_engine, to_node);
        scene.health("degraded").await;
        scene.life_goes_on().await;
        scene.proxy.cut();
        scene.proxy.heal();
        scene.health("ok").await;
        scene.life_goes_on().await;
    }
    scene.proxy.refuse();
    scene.health("degraded").await;
    scene.life_goes_on().await;
    scene.proxy.heal();
    scene.health("ok").await;
    scene.redis.kill9().await;
    scene.health("degraded").await;
    scene.life_goes_on().await;
    scene.redis.restart().await;
    scene.health("ok").await;
    scene.life_goes_on().await;
    eventually("the log tells both", async || {
        let log = scene.node.log();
        (log.contains("Redis is away") && log.contains("Redis is back")).then_some(())
    })
    .await;
}

#[tokio::test]
async fn limits_hold_on_each_node_while_redis_is_away() {
    let Some(redis) = Redis::start().await else { return note("SKIPPED: there is no redis-server") };
    let scene = Scene::begin(redis).await;
    scene.proxy.refuse();
    scene.health("degraded").await;
    let mut made = 2;
    loop {
        let body = json!({"username": format!("newcomer{made}"), "password": rialto_tests::user::PASSWORD});
        let answer = scene.node.http().post("/v1/auth/register").json(&body).send().await;
        if answer.status == 429 {
            break;
        }
        answer.expect(201);
        made += 1;
        assert!(made <= REGISTRATIONS_MAX, "a limit holds");
    }
    assert_eq!(made, REGISTRATIONS_MAX, "this node has counted all along");
}
