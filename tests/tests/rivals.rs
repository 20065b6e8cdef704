//! Two nodes that both believe they own everything, on one store, one of them paused again and again: nothing acknowledged is lost, doubled or reordered, and no
//! subscriber is told that it recovered when it did not. Needs a store that nodes share: `RIALTO_TEST_CQL`.
//!
//! `RIALTO_PAUSES` sets how often a node is paused.

use std::sync::{Arc, Mutex};

use rialto_tests::dice::number_from_env;
use rialto_tests::history::{Record, check};
use rialto_tests::load::{Scene, Sender, Subscriber, read_log};
use rialto_tests::{Dice, Rialto, User, eventually, note};
use tempfile::NamedTempFile;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Pauses when nothing else is said.
const PAUSES: u64 = 6;
/// Acknowledgements that the other node gives while one is paused: it has taken the shard over.
const ACKS_WHILE_PAUSED: usize = 20;

fn acks(scene: &Scene) -> usize {
    scene.record.lock().expect("no task panics while it writes").acks.len()
}

async fn acknowledges(scene: &Scene, more: usize) {
    let wanted = acks(scene) + more;
    eventually("acknowledgements", async || (acks(scene) >= wanted).then_some(())).await;
}

fn times_fenced(node: &Rialto) -> usize {
    node.log().matches("shard lost its fence").count()
}

struct Load {
    senders: JoinSet<()>,
    subscribers: JoinSet<Subscriber>,
}

fn load(scenes: &[Scene], people: &[User], until: &watch::Receiver<Option<u64>>, dice: &mut Dice) -> Load {
    let (mut senders, mut subscribers) = (JoinSet::new(), JoinSet::new());
    for (place, scene) in scenes.iter().enumerate() {
        for user in people {
            senders.spawn(Sender::new(format!("{}@{place}", user.username), user.clone(), scene.clone(), dice.fork()).run());
            let subscriber = Subscriber::new(format!("subscriber of {place}"), user.clone(), scene.clone());
            subscribers.spawn(subscriber.run(until.clone()));
        }
    }
    Load { senders, subscribers }
}

#[tokio::test(flavor = "multi_thread")]
async fn rivals_lose_double_and_reorder_nothing() {
    if std::env::var_os("RIALTO_TEST_CQL").is_none() {
        return note("SKIPPED: RIALTO_TEST_CQL names no engine");
    }
    let (mut dice, seed) = Dice::from_env("RIALTO_SEED");
    let master_key = NamedTempFile::new().expect("a file");
    std::fs::write(master_key.path(), "a secret that both nodes have, of more than 32 bytes").expect("a file");
    let one = Rialto::start(&[&format!("auth.master_key_file={}", master_key.path().display())]).await;
    let people = [one.user("ada").await, one.user("ben").await];
    let room = people[0].creates("group", "contested", &[&people[1].id]).await["id"].as_str().expect("an id").to_owned();
    // It takes every shard from the first at once.
    let other = one.rival().await;
    let (stop, stop_seen) = watch::channel(false);
    let (until, until_seen) = watch::channel(None);
    let record = Arc::new(Mutex::new(Record::default()));
    let scenes = [&one, &other].map(|node| Scene {
        conversation: room.clone(),
        address: watch::channel(node.url().to_owned()).1,
        stop: stop_seen.clone(),
        record: Arc::clone(&record),
    });
    let mut load = load(&scenes, &people, &until_seen, &mut dice);
    for _ in 0..number_from_env("RIALTO_PAUSES").unwrap_or(PAUSES) {
        let paused = if dice.one_in(2) { &one } else { &other };
        acknowledges(&scenes[0], 1).await;
        paused.signal("STOP").await;
        acknowledges(&scenes[0], ACKS_WHILE_PAUSED).await;
        paused.signal("CONT").await;
    }
    acknowledges(&scenes[0], ACKS_WHILE_PAUSED).await;
    stop.send_replace(true);
    while let Some(ended) = load.senders.join_next().await {
        ended.expect("a sender brings its last message home");
    }
    let mut wire = scenes[1].connect(&people[0]).await;
    let rows = read_log(&mut wire, &scenes[1].channel(), 0).await.expect("both nodes live");
    until.send_replace(Some(rows.last().expect("the log is not empty").offset));
    let mut streams = Vec::new();
    while let Some(ended) = load.subscribers.join_next().await {
        streams.push(ended.expect("a subscriber reaches the end").into_stream());
    }
    let seen = std::mem::take(&mut *record.lock().expect("no task is left"));
    let record = Record { rows, streams, ..seen };
    let fenced = [&one, &other].map(times_fenced);
    note(&format!(
        "{} messages, {} acknowledgements, {} rows; fenced {fenced:?} times",
        record.sent.len(),
        record.acks.len(),
        record.rows.len()
    ));
    let violations = check(&record);
    assert!(violations.is_empty(), "{} broken promises, seed {seed}: {:?}", violations.len(), &violations[..violations.len().min(10)]);
    assert!(fenced.iter().all(|times| *times > 0), "both lost the shard to the other: the run proved too little ({fenced:?})");
}
