//! Two nodes and what they share, with a clock that is moved by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use rialto_protocol::UserId;
use rialto_storage::backend::memory::MemoryShared;

use super::*;
use crate::kernel::Moment;

struct Scene {
    shared: MemoryShared,
    elapsed_ms: Arc<AtomicU64>,
    channel: Arc<str>,
}

impl Scene {
    fn new() -> Self {
        Self { shared: MemoryShared::default(), elapsed_ms: Arc::default(), channel: "tea".into() }
    }

    fn node(&self) -> Board {
        let elapsed_ms = Arc::clone(&self.elapsed_ms);
        let now: TimeSource = Arc::new(move || {
            let mono_ms = elapsed_ms.load(Ordering::Relaxed);
            Moment { wall_ms: 1_790_000_000_000 + mono_ms, mono_ms, entropy: 1 }
        });
        Board::new(Arc::new(self.shared.clone()), now)
    }

    async fn seen(&self, board: &Board) -> Vec<String> {
        board.with_others(&self.channel, BTreeMap::new()).await.into_keys().collect()
    }

    fn pass(&self, ms: u64) {
        self.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
    }
}

fn listener(number: u128) -> Listener {
    Listener { client: Uuid::from_u128(number), user: UserId(Uuid::from_u128(9)), thread: 0, join_leave: false, infos: None }
}

fn id(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

#[tokio::test]
async fn nodes_see_each_others_listeners_come_and_go() {
    let scene = Scene::new();
    let (one, other) = (scene.node(), scene.node());
    one.enter(&scene.channel, &listener(1));
    one.enter(&scene.channel, &listener(2));
    one.enter(&"another".into(), &listener(3));
    one.round().await;
    assert_eq!(scene.seen(&other).await, [id(1), id(2)]);
    assert!(scene.seen(&one).await.is_empty(), "one's own listeners are known better at home");
    let mine = BTreeMap::from([(id(7), listener(7).info())]);
    assert_eq!(other.with_others(&scene.channel, mine).await.len(), 3);
    one.leave(&scene.channel, Uuid::from_u128(1));
    one.leave(&scene.channel, Uuid::from_u128(1));
    one.round().await;
    assert_eq!(scene.seen(&other).await, [id(2)]);
    one.enter(&scene.channel, &listener(4));
    one.round().await;
    one.leave(&scene.channel, Uuid::from_u128(4));
    one.close().await;
    assert!(scene.seen(&other).await.is_empty(), "who went a moment ago is not forgotten");
}

#[tokio::test]
async fn a_node_that_dies_takes_its_listeners_along_and_a_live_one_keeps_them() {
    let scene = Scene::new();
    let (dead, alive, looking) = (scene.node(), scene.node(), scene.node());
    dead.enter(&scene.channel, &listener(1));
    alive.enter(&scene.channel, &listener(2));
    dead.round().await;
    for _ in 0..10 {
        alive.round().await;
        scene.pass(PRESENCE_TTL_MS / 10);
    }
    assert_eq!(scene.seen(&looking).await, [id(2)]);
}

#[tokio::test]
async fn what_is_away_costs_the_others_and_is_told_anew_when_it_is_back() {
    let scene = Scene::new();
    let (one, other) = (scene.node(), scene.node());
    one.enter(&scene.channel, &listener(1));
    one.round().await;
    scene.shared.set_away(true);
    one.enter(&scene.channel, &listener(2));
    one.round().await;
    let mine = BTreeMap::from([(id(7), listener(7).info())]);
    assert_eq!(other.with_others(&scene.channel, mine.clone()).await, mine, "who is here is seen all the same");
    scene.shared.set_away(false);
    one.round().await;
    assert_eq!(scene.seen(&other).await, [id(1), id(2)]);
}

#[tokio::test]
async fn more_changes_than_are_remembered_are_told_as_what_there_is() {
    let scene = Scene::new();
    let (one, other) = (scene.node(), scene.node());
    one.round().await;
    let crowd = CHANGES_MAX as u128 + 10;
    for number in 0..crowd {
        one.enter(&scene.channel, &listener(number));
    }
    assert!(one.state().num_changes <= CHANGES_MAX);
    one.round().await;
    assert_eq!(scene.seen(&other).await.len(), crowd as usize);
}
