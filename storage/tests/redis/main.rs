//! What nodes share, on redis-servers that each test starts itself, when there are any on this machine.

mod server;

use rialto_storage::backend::redis::{RedisOptions, RedisServers, RedisShared};
use rialto_storage::conformance::soft;
use rialto_storage::shared::{Doorbell, Presences, Rate, RateLimits};
use server::{Cluster, Server, Watched, answers, eventually};
use uuid::Uuid;

const ONE_A_MINUTE: Rate = Rate { burst: 1, refill_ms: 60_000 };

async fn conforms(shared: &RedisShared) {
    answers(shared).await;
    soft::limits(shared).await;
    soft::presence(shared).await;
    soft::revocations(shared).await;
    soft::doorbell(shared).await;
}

#[tokio::test]
async fn conformance() {
    let Some(server) = Server::start(&[]) else { return };
    conforms(&server.shared()).await;
}

#[tokio::test]
async fn conformance_with_a_password() {
    let Some(server) = Server::start(&["--requirepass", "a secret"]) else { return };
    let url = format!("redis://{}/", server.address());
    let with = |credentials| RedisShared::new(&RedisOptions { servers: RedisServers::One(url.clone()), credentials }, "test").unwrap();
    conforms(&with(Some((String::new(), "a secret".to_owned())))).await;
    conforms(&with(Some(("default".to_owned(), "a secret".to_owned())))).await;
    let refused = with(Some((String::new(), "another".to_owned()))).ping().await.unwrap_err();
    assert!(!refused.to_string().contains("another"), "no secret in an error: {refused}");
}

#[tokio::test]
async fn it_comes_and_goes() {
    let Some(mut server) = Server::start(&[]) else { return };
    let shared = server.shared();
    answers(&shared).await;
    assert_eq!(shared.take("k".to_owned(), ONE_A_MINUTE, 1).await.unwrap(), 0);
    shared.ring("mail".to_owned(), "lost".to_owned()).await.unwrap();
    assert_eq!(shared.answer("mail".to_owned(), "w".to_owned(), 60_000, 1).await.unwrap().len(), 1);
    server.kill();
    shared.take("k".to_owned(), ONE_A_MINUTE, 2).await.unwrap_err();
    server.restart();
    answers(&shared).await;
    assert_eq!(shared.take("k".to_owned(), ONE_A_MINUTE, 3).await.unwrap(), 0, "the script is loaded again, what it kept is gone");
    shared.ring("mail".to_owned(), "again".to_owned()).await.unwrap();
    let rings = shared.answer("mail".to_owned(), "w".to_owned(), 60_000, 1_000).await.unwrap();
    assert_eq!(rings.iter().map(|ring| ring.job.as_str()).collect::<Vec<_>>(), ["again"], "the group is made again");
}

#[tokio::test]
async fn a_cluster_conforms_and_heals() {
    let Some(mut cluster) = Cluster::start().await else { return };
    let shared = cluster.shared();
    conforms(&shared).await;
    let takes = async || {
        for number in 0..30 {
            shared.look(format!("key {number}"), ONE_A_MINUTE, 1).await.ok()?;
        }
        Some(())
    };
    assert!(takes().await.is_some(), "every part of the cluster serves");
    for server in &mut cluster.0 {
        server.kill();
    }
    shared.look("key".to_owned(), ONE_A_MINUTE, 1).await.unwrap_err();
    for server in &mut cluster.0 {
        server.restart();
    }
    eventually("all of the cluster serves again", takes).await;
}

#[tokio::test]
async fn sentinels_lead_to_the_master_and_to_its_successor() {
    let Some(mut watched) = Watched::start().await else { return };
    let shared = watched.shared();
    conforms(&shared).await;
    watched.master.kill();
    shared.put("room".to_owned(), vec![(Uuid::nil(), "x".into())], 1_000).await.unwrap_err();
    eventually("the successor takes writes", async || shared.put("room".to_owned(), vec![(Uuid::nil(), "x".into())], 1_000).await.ok())
        .await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused() {
    let refused = |servers| RedisShared::new(&RedisOptions { servers, credentials: None }, "test").is_err();
    assert!(refused(RedisServers::One("not an address".to_owned())));
    assert!(refused(RedisServers::One("rediss://127.0.0.1:1/".to_owned())), "this build speaks no TLS to Redis");
    for bad in ["", "host", ":1", "host:", "host:99999", "host:port"] {
        assert!(refused(RedisServers::Cluster(vec![bad.to_owned()])), "{bad:?}");
        assert!(refused(RedisServers::Sentinels { sentinels: vec![bad.to_owned()], master: "main".to_owned() }), "{bad:?}");
    }
}
