//! The process is killed with -9 again and again under load: nothing acknowledged is lost, doubled or reordered, and
//! every subscriber's stream is contiguous after it recovered.
//!
//! `RIALTO_KILLS` sets how often (50 by default), `RIALTO_SEED` replays a plan.

use std::sync::{Arc, Mutex};

use rialto_tests::dice::number_from_env;
use rialto_tests::history::{Record, check};
use rialto_tests::load::{Scene, Sender, Subscriber, read_log};
use rialto_tests::{Dice, Rialto, User, eventually, note};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Kills when nothing else is said.
const KILLS: u64 = 50;

/// Senders; each has [`LANES_EACH`] lanes with two connections.
const SENDERS: usize = 3;

/// Lanes of one sender.
const LANES_EACH: usize = 2;

/// Subscribers; they follow from the first row to the last.
const SUBSCRIBERS: usize = 3;

/// A kill comes after at least one and at most this many acknowledgements since the node came back.
const ACKS_BETWEEN_KILLS: u64 = 400;

struct Run {
    node: Rialto,
    owner: User,
    scene: Scene,
    address: watch::Sender<String>,
    stop: watch::Sender<bool>,
    until: watch::Sender<Option<u64>>,
    senders: JoinSet<()>,
    subscribers: JoinSet<Subscriber>,
}

impl Run {
    async fn begin(dice: &mut Dice) -> Self {
        let node = Rialto::start(&[]).await;
        let owner = node.user("owner").await;
        let mut people = Vec::new();
        for number in 0..SENDERS {
            people.push(node.user(&format!("sender{number}")).await);
        }
        let members: Vec<&str> = people.iter().map(|user| user.id.as_str()).collect();
        let conversation = owner.creates("group", "under fire", &members).await["id"].as_str().expect("an id").to_owned();
        let (address, address_seen) = watch::channel(node.url().to_owned());
        let (stop, stop_seen) = watch::channel(false);
        let (until, until_seen) = watch::channel(None);
        let record = Arc::new(Mutex::new(Record::default()));
        let scene = Scene { conversation, address: address_seen, stop: stop_seen, record };
        let mut senders = JoinSet::new();
        for user in &people {
            for lane in 0..LANES_EACH {
                let name = format!("{}/{lane}", user.username);
                senders.spawn(Sender::new(name, user.clone(), scene.clone(), dice.fork()).run());
            }
        }
        let mut subscribers = JoinSet::new();
        for number in 0..SUBSCRIBERS {
            let subscriber = Subscriber::new(format!("subscriber{number}"), owner.clone(), scene.clone());
            subscribers.spawn(subscriber.run(until_seen.clone()));
        }
        Self { node, owner, scene, address, stop, until, senders, subscribers }
    }

    fn acks(&self) -> u64 {
        self.scene.record.lock().expect("no task panics while it writes").acks.len() as u64
    }

    /// Waits for some acknowledgements since the node came back, so that every kill hits a node at work.
    async fn some_progress(&mut self, dice: &mut Dice) {
        let wanted = self.acks() + 1 + dice.below(ACKS_BETWEEN_KILLS);
        eventually("acknowledgements after a start", async || {
            assert!(self.senders.try_join_next().is_none(), "a sender ended early");
            assert!(self.subscribers.try_join_next().is_none(), "a subscriber ended early");
            (self.acks() >= wanted).then_some(())
        })
        .await;
    }

    async fn kill_and_restart(&mut self) {
        self.node.kill9().await;
        self.node.restart().await;
        self.address.send_replace(self.node.url().to_owned());
    }

    /// Lets everybody finish and gives the whole record, and how the subscribers healed.
    async fn end(mut self) -> (Record, u64, u64) {
        self.stop.send_replace(true);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("a sender brings its last message home");
        }
        let mut wire = self.scene.connect(&self.owner).await;
        let rows = read_log(&mut wire, &self.scene.channel(), 0).await.expect("nobody kills the node any more");
        let top = rows.last().expect("the log is not empty").offset;
        self.until.send_replace(Some(top));
        let (mut streams, mut recovered, mut reloaded) = (Vec::new(), 0, 0);
        while let Some(ended) = self.subscribers.join_next().await {
            let subscriber = ended.expect("a subscriber reaches the end");
            recovered += subscriber.recovered;
            reloaded += subscriber.reloaded;
            streams.push(subscriber.into_stream());
        }
        let record = std::mem::take(&mut *self.scene.record.lock().expect("no task is left"));
        (Record { rows, streams, ..record }, recovered, reloaded)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_under_load_loses_doubles_and_reorders_nothing() {
    let kills = number_from_env("RIALTO_KILLS").unwrap_or(KILLS);
    let (mut dice, seed) = Dice::from_env("RIALTO_SEED");
    note(&format!("replay: RIALTO_SEED={seed} RIALTO_KILLS={kills} tests/run kill"));
    let mut run = Run::begin(&mut dice).await;
    for _ in 0..kills {
        run.some_progress(&mut dice).await;
        run.kill_and_restart().await;
    }
    run.some_progress(&mut dice).await;
    let (record, recovered, reloaded) = run.end().await;

    let retries = record.acks.iter().filter(|ack| ack.duplicate).count();
    note(&format!(
        "{kills} kills: {} messages, {} acknowledgements of which {retries} for retries, {} rows; \
         subscribers recovered {recovered} times and reloaded {reloaded} times",
        record.sent.len(),
        record.acks.len(),
        record.rows.len(),
    ));
    let violations = check(&record);
    assert!(violations.is_empty(), "{} broken promises, seed {seed}: {:?}", violations.len(), &violations[..violations.len().min(10)]);
    assert!(retries > 0, "no retry met its first try: the run proved too little");
    assert!(recovered > 0, "no subscriber was healed: the run proved too little");
    for stream in &record.streams {
        assert_eq!(stream.rows.len(), record.rows.len(), "{} saw everything", stream.subscriber);
    }
}
