use rialto_protocol::UserId;
use rialto_protocol::command::{History, Since};
use rialto_protocol::reply::{HistoryResult, SubscribeResult};
use serde_json::value::to_raw_value;
use uuid::Uuid;

use super::*;
use crate::entity::{Caller, StreamPosition};
use crate::reply_to::ReplyTo;

const RULE: TopicRule = TopicRule { history_size: 5, history_ttl_ms: 10_000, recover: true };

#[derive(Default)]
struct World {
    topic: Topic,
    now: Moment,
    published: Vec<u64>,
    wake_at_ms: Option<u64>,
    is_idle: bool,
}

impl World {
    fn input(&mut self, input: EntityInput) -> Option<Result<Answer, Refusal>> {
        let mut effects = Effects::default();
        self.is_idle = false;
        self.topic.apply(self.now, input, &mut effects);
        let mut answered = None;
        for effect in effects.drain() {
            match effect {
                EntityEffect::Reply { answer, .. } => answered = Some(answer),
                EntityEffect::Publish { offset, .. } => self.published.push(offset),
                EntityEffect::WakeAt { mono_ms } => self.wake_at_ms = Some(mono_ms),
                EntityEffect::Idle => self.is_idle = true,
                other => panic!("a topic does not want {other:?}"),
            }
        }
        answered
    }

    fn ask(&mut self, ask: Ask) -> Result<Answer, Refusal> {
        let caller =
            Caller { user: UserId(Uuid::from_u128(1)), client: None, role: rialto_storage::accounts::AccountRole::User, info: None };
        self.input(EntityInput::Asked { caller, ask, reply: ReplyTo::Test(1) }).expect("answered")
    }

    fn publish(&mut self, text: &str, rule: TopicRule) {
        let data = RawJson::new(to_raw_value(text).unwrap());
        assert_eq!(self.ask(Ask::Publish { data, info: None, rule }), Ok(Answer::Published));
    }

    fn subscribe(&mut self, rule: TopicRule, recover: Option<(u64, &str)>, strict: bool) -> Result<SubscribeResult, Refusal> {
        let recover = recover.map(|(offset, epoch)| StreamPosition { offset, epoch: epoch.to_owned() });
        match self.ask(Ask::Subscribe(SubscribeAsk { recover, strict, long: true, rule: Some(rule), recoverable: true }))? {
            Answer::Subscribed(result) => Ok(*result),
            other => panic!("{other:?}"),
        }
    }

    fn history(&mut self, limit: i32, since: Option<u64>, reverse: bool) -> HistoryResult {
        let since = since.map(|offset| Since { offset, epoch: String::new() });
        match self.ask(Ask::History(History { channel: String::new(), limit, since, reverse })) {
            Ok(Answer::History(result)) => result,
            other => panic!("{other:?}"),
        }
    }
}

fn offsets(publications: &[rialto_protocol::reply::Publication]) -> Vec<u64> {
    publications.iter().map(|publication| publication.offset).collect()
}

#[test]
fn publications_have_dense_offsets_and_the_newest_are_recovered() {
    let mut world = World::default();
    let epoch = world.subscribe(RULE, None, false).unwrap().epoch;
    for number in 0..8 {
        world.publish(&format!("p{number}"), RULE);
    }
    assert_eq!(world.published, [1, 2, 3, 4, 5, 6, 7, 8]);
    let recovered = world.subscribe(RULE, Some((3, &epoch)), true).unwrap();
    assert!(recovered.recovered && recovered.offset == 3 && offsets(&recovered.publications) == [4, 5, 6, 7, 8]);
    assert!(world.subscribe(RULE, Some((8, &epoch)), true).unwrap().recovered);
    let lost = world.subscribe(RULE, Some((2, &epoch)), false).unwrap();
    assert!(!lost.recovered && lost.was_recovering && lost.offset == 8 && lost.publications.is_empty());
    for position in [(2, epoch.as_str()), (9, epoch.as_str()), (8, "other")] {
        assert_eq!(world.subscribe(RULE, Some(position), true).unwrap_err().code, ErrorCode::UnrecoverablePosition);
    }
    assert_eq!(offsets(&world.history(2, None, false).publications), [4, 5]);
    assert_eq!(offsets(&world.history(2, None, true).publications), [8, 7]);
    assert_eq!(offsets(&world.history(-1, Some(6), false).publications), [7, 8]);
}

#[test]
fn history_expires_and_then_the_topic_may_go() {
    let mut world = World::default();
    world.publish("one", RULE);
    assert!(!world.is_idle && world.wake_at_ms == Some(10_000));
    world.now.mono_ms = 10_000;
    world.input(EntityInput::Woken);
    assert!(world.is_idle);
    let history = world.history(-1, None, false);
    assert!(history.publications.is_empty() && history.offset == 1);
}

#[test]
fn bytes_are_bounded_whatever_the_rule_says() {
    let mut world = World::default();
    let rule = TopicRule { history_size: u32::MAX, history_ttl_ms: u64::MAX, recover: true };
    let text = "x".repeat(60_000);
    for _ in 0..100 {
        world.publish(&text, rule);
    }
    let stream = world.topic.stream.as_ref().unwrap();
    assert!(stream.bytes() <= HISTORY_BYTES_MAX && stream.bytes() > HISTORY_BYTES_MAX / 2);
    assert!(!world.subscribe(rule, Some((50, "")), false).unwrap().recovered);
    assert!(!world.subscribe(rule, Some((100 - 14, "")), false).unwrap().recovered, "more than one recovery's bytes");
    assert_eq!(world.subscribe(rule, Some((100 - 13, "")), false).unwrap().publications.len(), 13);
    assert_eq!(offsets(&world.history(-1, Some(90), false).publications), (91..=98).collect::<Vec<_>>());
    assert_eq!(offsets(&world.history(-1, None, true).publications), (93..=100).rev().collect::<Vec<_>>());
}

#[test]
fn without_history_there_are_no_positions() {
    let mut world = World::default();
    let rule = TopicRule::default();
    let plain = world.subscribe(rule, Some((0, "")), false).unwrap();
    assert!(!plain.recoverable && !plain.positioned && plain.epoch.is_empty() && plain.was_recovering);
    world.publish("one", rule);
    assert!(world.published == [0] && world.is_idle);
    let history = Ask::History(History { channel: String::new(), limit: 1, since: None, reverse: false });
    assert_eq!(world.ask(history).unwrap_err().code, ErrorCode::NotAvailable);
    let request = Box::new(rialto_protocol::rpc::Request::UserMe);
    assert_eq!(world.ask(Ask::Request(request)).unwrap_err().code, ErrorCode::MethodNotFound);
}
