//! Stories of delivery over a store in memory, with a target that does what the test says. Rounds are asked for by hand: what is due when is the loop's business, and has its own tests.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt as _;
use rialto_protocol::integrations::{CreateWebhook, DeliveryState};
use rialto_protocol::{ConversationId, ErrorCode, UserId};
use rialto_storage::accounts::AccountRole;
use rialto_storage::backend::memory::MemoryStore;
use rialto_storage::conformance::Script;

use super::deliver::Round;
use super::*;
use crate::accounts::{KeyMaterial, KeyRing, Page, Tables, Verifier};
use crate::entity::Caller;
use crate::kernel::Moment;

/// Answers with what the test has put in, else 200, and remembers what came.
#[derive(Default)]
struct Target {
    answers: Mutex<VecDeque<Result<u16, String>>>,
    came: Mutex<Vec<Outgoing>>,
}

impl Post for Target {
    fn check(&self, url: &str) -> Result<(), Refusal> {
        if url.starts_with("https://") { Ok(()) } else { Err(ErrorCode::InvalidArgument.into()) }
    }

    fn post(&self, outgoing: Outgoing) -> Posting {
        self.came.lock().unwrap().push(outgoing);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(200));
        Box::pin(async move { answer })
    }
}

impl Target {
    fn will_answer(&self, answers: impl IntoIterator<Item = Result<u16, String>>) {
        self.answers.lock().unwrap().extend(answers);
    }

    /// `webhook-id` of each post so far.
    fn ids(&self) -> Vec<String> {
        self.came.lock().unwrap().iter().map(|post| post.headers[0].1.clone()).collect()
    }
}

const PAUSE_MS: u64 = 1_000;

struct Scene {
    webhooks: Webhooks,
    target: Arc<Target>,
    wall_ms: Arc<AtomicU64>,
    script: Script,
    hook: Uuid,
}

fn me() -> UserId {
    rialto_storage::conformance::user(1)
}

fn caller(user: UserId, role: AccountRole) -> Caller {
    Caller { user, client: None, role, info: None }
}

fn service(store: &Store, target: &Arc<Target>, wall_ms: &Arc<AtomicU64>) -> Webhooks {
    let (clock, drawn) = (Arc::clone(wall_ms), AtomicU64::new(1));
    let now = Arc::new(move || {
        let wall_ms = clock.load(Ordering::Relaxed);
        Moment { wall_ms, mono_ms: wall_ms, entropy: u128::from(drawn.fetch_add(1, Ordering::Relaxed)) << 64 }
    });
    let verifier = Verifier::new(KeyRing::new(&KeyMaterial::generate(1)).unwrap(), Vec::new(), false);
    let accounts = Accounts::open(Tables::from(store), verifier, crate::accounts::Settings::default(), now);
    let accounts = accounts.now_or_never().unwrap().unwrap();
    let settings = Settings { retry_after_ms: vec![PAUSE_MS, PAUSE_MS], at_once_max: 8 };
    Webhooks::new(store.clone(), accounts, Changes::default(), target.clone(), settings)
}

impl Scene {
    /// A group with five rows, a webhook that is made behind the third, by its owner.
    async fn new() -> Self {
        let store = MemoryStore::default().store();
        let mut script = Script::claim(&store, 1).await;
        script.create(rialto_protocol::rpc::ConversationKind::Group, &[me()]).await;
        script.message(me(), "old").await;
        script.message(me(), "older").await;
        let wall_ms = Arc::new(AtomicU64::new(script.time_ms + 1));
        let target = Arc::new(Target::default());
        let webhooks = service(&store, &target, &wall_ms);
        let operator = caller(me(), AccountRole::Operator);
        let wanted = CreateWebhook { url: "https://a.example/".into(), user: None, conversation: None, events: Vec::new() };
        let (made, created) = webhooks.create(&operator, wanted, None).await.unwrap();
        assert!(created && made.secret.starts_with("whsec_"));
        script.message(me(), "new").await;
        script.react(me(), 4, "👍", true).await;
        Self { webhooks, target, wall_ms, script, hook: made.webhook.id }
    }

    async fn round(&self) -> Round {
        self.webhooks.round(self.hook, self.room(), self.script.seq).await.unwrap()
    }

    fn room(&self) -> ConversationId {
        self.script.conversation
    }

    fn id(&self, offset: u64) -> String {
        super::deliver::delivery_id(self.room(), offset)
    }

    fn operator(&self) -> Caller {
        caller(me(), AccountRole::Operator)
    }

    async fn dead(&self) -> Vec<u64> {
        let page = Page { after: None, limit: 100 };
        let letters = self.webhooks.dead_letters(&self.operator(), self.hook, page).await.unwrap();
        letters.into_iter().map(|(_, letter)| letter.offset).collect()
    }
}

#[tokio::test]
async fn what_came_since_its_making_is_posted_in_order_and_once() {
    let mut scene = Scene::new().await;
    assert_eq!(scene.round().await, Round::Done(5));
    assert_eq!(scene.target.ids(), [scene.id(4), scene.id(5)]);
    let body: serde_json::Value = serde_json::from_slice(&scene.target.came.lock().unwrap()[0].body).unwrap();
    assert_eq!((body["type"].as_str(), body["data"]["offset"].as_u64()), (Some("message"), Some(4)));
    assert_eq!(body["data"]["event"]["text"], "new");
    assert_eq!(scene.round().await, Round::Done(5), "nothing new");
    for _ in 0..40 {
        scene.script.message(me(), "more").await;
    }
    assert_eq!((scene.round().await, scene.round().await, scene.round().await), (Round::More, Round::More, Round::Done(45)));
    assert_eq!(scene.target.ids(), (4..=45).map(|offset| scene.id(offset)).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_process_that_dies_goes_on_where_its_cursor_stands() {
    let scene = Scene::new().await;
    scene.target.will_answer([Ok(200), Err("broken".into())]);
    assert!(matches!(scene.round().await, Round::Later(_)));
    let again = service(&scene.script.store, &scene.target, &scene.wall_ms);
    assert_eq!(again.round(scene.hook, scene.room(), 5).await.unwrap(), Round::Done(5));
    assert_eq!(scene.target.ids(), [scene.id(4), scene.id(5), scene.id(5)], "nothing is skipped, and only what failed comes again");
}

#[tokio::test]
async fn what_fails_is_tried_again_and_given_up_behind_the_last_pause() {
    let scene = Scene::new().await;
    scene.target.will_answer([Ok(500), Ok(302), Err("no answer in time".into())]);
    for _ in 0..2 {
        let Round::Later(pause_ms) = scene.round().await else { panic!("a pause") };
        assert!((PAUSE_MS * 4 / 5..=PAUSE_MS * 6 / 5).contains(&pause_ms), "{pause_ms}");
        assert_eq!(scene.dead().await, Vec::<u64>::new());
    }
    assert_eq!(scene.round().await, Round::Done(5), "the rest goes on behind a dead letter");
    assert_eq!(scene.target.ids(), [scene.id(4), scene.id(4), scene.id(4), scene.id(5)], "in order");
    assert_eq!(scene.dead().await, [4]);
    let recent = scene.webhooks.deliveries(&scene.operator(), scene.hook).await.unwrap();
    let states: Vec<_> = recent.iter().map(|delivery| (delivery.offset, delivery.state, delivery.attempts)).collect();
    assert_eq!(states, [(5, DeliveryState::Delivered, 1), (4, DeliveryState::Dead, 3)]);
    scene.target.will_answer([Ok(500)]);
    let failed = scene.webhooks.redeliver(&scene.operator(), scene.hook, scene.room(), 4).await.unwrap();
    assert_eq!((failed.state, failed.status, scene.dead().await), (DeliveryState::Dead, Some(500), vec![4]));
    let done = scene.webhooks.redeliver(&scene.operator(), scene.hook, scene.room(), 4).await.unwrap();
    assert_eq!((done.state, scene.dead().await), (DeliveryState::Delivered, vec![]));
    assert_eq!(
        scene.webhooks.redeliver(&scene.operator(), scene.hook, scene.room(), 6).await.map(drop).unwrap_err().code,
        ErrorCode::NotFound
    );
}

#[tokio::test]
async fn who_is_no_member_hears_nothing_and_a_target_that_is_gone_ends_it() {
    let mut scene = Scene::new().await;
    scene.script.leave(me()).await;
    assert_eq!((scene.round().await, scene.target.ids().len()), (Round::Outside, 0));
    scene.script.join(me(), None).await;
    scene.target.will_answer([Ok(410)]);
    assert_eq!(scene.round().await, Round::Over);
    assert_eq!((scene.round().await, scene.target.ids().len()), (Round::Over, 1));
    assert!(scene.webhooks.get(&scene.operator(), scene.hook).await.unwrap().disabled.is_some());
    scene.webhooks.rotate(&scene.operator(), scene.hook).await.unwrap();
    assert_eq!(scene.round().await, Round::Done(7));
    assert_eq!(scene.target.ids().len(), 5, "with what it had not taken");
}

#[tokio::test]
async fn the_old_secret_signs_for_a_day_after_a_rotation() {
    let scene = Scene::new().await;
    let signatures = async || {
        scene.target.came.lock().unwrap().clear();
        scene.webhooks.redeliver(&scene.operator(), scene.hook, scene.room(), 4).await.unwrap();
        let post = scene.target.came.lock().unwrap()[0].clone();
        let find = |name: &str| post.headers.iter().find(|(header, _)| *header == name).unwrap().1.clone();
        let right = |serial| {
            scene.webhooks.secret(scene.hook, serial).sign(&find("webhook-id"), find("webhook-timestamp").parse().unwrap(), &post.body)
        };
        (find("webhook-signature"), right(1), right(2))
    };
    let (sent, first, _) = signatures().await;
    assert_eq!(sent, first);
    scene.webhooks.rotate(&scene.operator(), scene.hook).await.unwrap();
    let (sent, first, second) = signatures().await;
    assert_eq!(sent, format!("{second} {first}"));
    scene.wall_ms.fetch_add(limits::ROTATION_OVERLAP_MS, Ordering::Relaxed);
    let (sent, _, second) = signatures().await;
    assert_eq!(sent, second);
}

#[tokio::test]
async fn only_wanted_events_are_posted_and_others_are_passed_over() {
    let mut scene = Scene::new().await;
    let of = |events: &[&str]| CreateWebhook {
        url: "https://a.example/".into(),
        user: None,
        conversation: Some(scene.room()),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
    };
    let refused = scene.webhooks.create(&scene.operator(), of(&["typing"]), None).await.map(drop).unwrap_err();
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    let later_ms = scene.script.time_ms + 10;
    scene.wall_ms.store(later_ms, Ordering::Relaxed);
    let (made, _) = scene.webhooks.create(&scene.operator(), of(&["reaction_added"]), None).await.unwrap();
    scene.script.time_ms = later_ms;
    let said = scene.script.message(me(), "said").await;
    let reacted = scene.script.react(me(), said, "🎉", true).await;
    let last = scene.script.message(me(), "last").await;
    assert_eq!(scene.webhooks.round(made.webhook.id, scene.room(), last).await.unwrap(), Round::Done(last));
    assert_eq!(scene.target.ids(), [scene.id(reacted)]);
    scene.webhooks.delete(&scene.operator(), made.webhook.id).await.unwrap();
    assert_eq!(scene.webhooks.round(made.webhook.id, scene.room(), last).await.unwrap(), Round::Over);
    assert_eq!(scene.webhooks.list(&scene.operator(), None).await.unwrap().len(), 1);
    let stranger = caller(rialto_storage::conformance::user(2), AccountRole::User);
    assert_eq!(scene.webhooks.get(&stranger, scene.hook).await.map(drop).unwrap_err().code, ErrorCode::NotFound);
}
