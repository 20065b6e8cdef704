//! Cassandra behind a proxy, under load.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rialto_tests::engine::Cassandra;
use rialto_tests::history::{Record, check};
use rialto_tests::load::{Scene, Sender, Subscriber, read_log};
use rialto_tests::{Dice, Flow, Proxy, Rialto, User, eventually, note};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Acknowledgements between two faults: whatever was held up goes on.
const ACKS_BETWEEN: usize = 30;
/// How long the engine is slow.
const SLOW: Duration = Duration::from_secs(4);
/// Longer than the store waits for an answer, so that nobody knows what became of the writes under way.
const SILENT: Duration = Duration::from_secs(6);
/// By how much each answer of a slow engine is late.
const LATE: Duration = Duration::from_millis(300);

struct Run {
    cassandra: Cassandra,
    proxy: Proxy,
    node: Rialto,
    owner: User,
    scene: Scene,
    stop: watch::Sender<bool>,
    until: watch::Sender<Option<u64>>,
    senders: JoinSet<()>,
    subscribers: JoinSet<Subscriber>,
}

impl Run {
    async fn begin(cassandra: Cassandra, dice: &mut Dice) -> Self {
        let proxy = Proxy::to(&cassandra.address()).await;
        let hosts = format!("store.cql.hosts=[\"{}\"]", proxy.address());
        let node = Rialto::start(&["store.kind=cql", &hosts, "store.cql.keyspace=faults"]).await;
        let people = [node.user("ada").await, node.user("ben").await];
        let conversation = people[0].creates("group", "in bad weather", &[&people[1].id]).await["id"].as_str().expect("an id").to_owned();
        let (stop, stop_seen) = watch::channel(false);
        let (until, until_seen) = watch::channel(None);
        let address = watch::channel(node.url().to_owned()).1;
        let scene = Scene { conversation, address, stop: stop_seen, record: Arc::new(Mutex::new(Record::default())) };
        let (mut senders, mut subscribers) = (JoinSet::new(), JoinSet::new());
        for user in &people {
            senders.spawn(Sender::new(user.username.clone(), user.clone(), scene.clone(), dice.fork()).run());
            subscribers.spawn(Subscriber::new(user.username.clone(), user.clone(), scene.clone()).run(until_seen.clone()));
        }
        let [owner, _] = people;
        Self { cassandra, proxy, node, owner, scene, stop, until, senders, subscribers }
    }

    fn acks(&self) -> usize {
        self.scene.record.lock().expect("no task panics while it writes").acks.len()
    }

    async fn goes_on(&mut self, after: &str) {
        let wanted = self.acks() + ACKS_BETWEEN;
        eventually(&format!("acknowledgements after {after}"), async || {
            assert!(self.senders.try_join_next().is_none(), "a sender ended early");
            assert!(self.subscribers.try_join_next().is_none(), "a subscriber ended early");
            (self.acks() >= wanted).then_some(())
        })
        .await;
        eventually(&format!("health after {after}"), async || (self.node.health_of("cql").await == "ok").then_some(())).await;
        note(&format!("{after}: {} acknowledgements in all", self.acks()));
    }

    async fn is_failing(&self) {
        eventually("the node says that its store fails", async || (self.node.health_of("cql").await == "failing").then_some(())).await;
    }

    /// Each direction for itself and both; what was held arrives in the end, or never.
    async fn silences(&mut self) {
        let (held, passes) = (Flow::Held, Flow::Passes);
        for (what, to_engine, to_node, is_lost) in [
            ("answers that come too late", passes, held, false),
            ("answers that never come", passes, held, true),
            ("requests that arrive too late", held, passes, false),
            ("requests that never arrive", held, passes, true),
        ] {
            self.proxy.flows(to_engine, to_node);
            self.is_failing().await;
            // The fault lasts so long: nothing that follows depends on it.
            tokio::time::sleep(SILENT).await;
            if is_lost {
                self.proxy.cut();
            }
            self.proxy.heal();
            self.goes_on(what).await;
        }
    }

    async fn slow(&mut self) {
        self.proxy.flows(Flow::Late(LATE), Flow::Late(LATE));
        tokio::time::sleep(SLOW).await;
        self.proxy.heal();
        self.goes_on("a slow engine").await;
    }

    async fn cuts(&mut self) {
        for _ in 0..3 {
            self.proxy.cut();
            self.goes_on("a cut").await;
        }
        self.proxy.refuse();
        self.is_failing().await;
        self.proxy.heal();
        self.goes_on("connections refused").await;
    }

    async fn killed(&mut self) {
        self.cassandra.kill9().await;
        self.is_failing().await;
        self.cassandra.restart().await;
        self.goes_on("a kill with -9").await;
    }

    /// Lets everybody finish and gives the whole record.
    async fn end(mut self) -> Record {
        self.stop.send_replace(true);
        while let Some(ended) = self.senders.join_next().await {
            ended.expect("a sender brings its last message home");
        }
        let mut wire = self.scene.connect(&self.owner).await;
        let rows = read_log(&mut wire, &self.scene.channel(), 0).await.expect("the weather is fair");
        self.until.send_replace(Some(rows.last().expect("the log is not empty").offset));
        let mut streams = Vec::new();
        while let Some(ended) = self.subscribers.join_next().await {
            streams.push(ended.expect("a subscriber reaches the end").into_stream());
        }
        let record = std::mem::take(&mut *self.scene.record.lock().expect("no task is left"));
        Record { rows, streams, ..record }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_engine_loses_doubles_and_reorders_nothing() {
    let Some(cassandra) = Cassandra::start().await else {
        return note("SKIPPED: RIALTO_TEST_CASSANDRA_JARS names no jars");
    };
    let (mut dice, seed) = Dice::from_env("RIALTO_SEED");
    let mut run = Run::begin(cassandra, &mut dice).await;
    run.goes_on("the start").await;
    run.slow().await;
    run.silences().await;
    run.cuts().await;
    run.killed().await;
    let record = run.end().await;
    let retries = record.acks.iter().filter(|ack| ack.duplicate).count();
    note(&format!("{} messages, {} acknowledgements, {retries} of them of retries", record.sent.len(), record.acks.len()));
    let violations = check(&record);
    assert!(violations.is_empty(), "{} broken promises, seed {seed}: {:?}", violations.len(), &violations[..violations.len().min(10)]);
}
