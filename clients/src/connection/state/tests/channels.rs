use super::*;
use crate::connection::subscription::Wish;

const ROOM: &str = "conversation:01920000-0000-7000-8000-000000000001";

fn wish() -> Wish {
    Wish { token: TokenKind::None, since: None, join_leave: false }
}

fn subscribe(rig: &mut Rig, channel: &str, wish: Wish) {
    rig.give(Input::Subscribe { key: 900, channel: channel.to_owned(), wish });
}

/// Connected and listening to the room at offset 7 of epoch `e1`.
fn listening() -> Rig {
    let mut rig = Rig::connected();
    subscribe(&mut rig, ROOM, wish());
    rig.hear(r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"epoch":"e1","offset":7}}"#);
    rig.effects();
    rig
}

fn typed(offset: u64) -> String {
    format!(
        "{{\"push\":{{\"channel\":\"{ROOM}\",\"pub\":{{\"data\":{{\"type\":\"message_deleted\",\"target\":1,\"by\":\"01920000-0000-7000-8000-000000000009\"}},\"offset\":{offset}}}}}}}"
    )
}

fn offsets(events: &[Event]) -> Vec<Option<u64>> {
    events.iter().filter_map(|event| if let Event::Conversation { offset, .. } = event { Some(*offset) } else { None }).collect()
}

#[test]
fn a_subscribe_is_answered_and_told() {
    let mut rig = Rig::connected();
    subscribe(&mut rig, ROOM, Wish { join_leave: true, ..wish() });
    assert_eq!(
        rig.written(),
        [format!("{{\"id\":2,\"subscribe\":{{\"channel\":\"{ROOM}\",\"positioned\":true,\"recoverable\":true,\"join_leave\":true}}}}")]
    );
    rig.hear(r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"e1","offset":7}}"#);
    let effects = rig.effects();
    assert!(
        matches!(&effects[0], Effect::Emit(Event::Subscribed { was_recovering: false, recovered: false, position, .. }) if position.offset == 7)
    );
    assert!(matches!(&effects[1], Effect::Answer { key: 900, result: Ok(_) }));
}

#[test]
fn every_subscription_resumes_where_it_stood() {
    let mut rig = listening();
    rig.hear(&typed(8));
    rig.lose(3001, "shutdown");
    rig.effects();
    let written = rig.reconnect(r#"{"client":"c2"}"#);
    assert!(written[1].contains(r#""recover":true,"epoch":"e1","offset":8"#), "{written:?}");
    rig.hear(&format!(
        "{{\"id\":2,\"subscribe\":{{\"recoverable\":true,\"positioned\":true,\"recovered\":true,\"was_recovering\":true,\"epoch\":\"e1\",\"offset\":8,\"publications\":[{{\"data\":{{\"type\":\"new_kind\",\"x\":1}},\"offset\":9}}]}}}}\n{}",
        typed(10)
    ));
    let events = rig.events();
    assert!(matches!(&events[0], Event::Subscribed { was_recovering: true, recovered: true, .. }));
    assert!(matches!(&events[1], Event::Unknown { offset: Some(9), data, .. } if data.get().contains("new_kind")));
    assert_eq!(offsets(&events), [Some(10)]);
}

#[test]
fn a_failed_resume_is_said_and_the_stream_goes_on_from_its_top() {
    let mut rig = listening();
    rig.lose(0, "cut");
    rig.effects();
    rig.reconnect(r#"{"client":"c2"}"#);
    rig.hear(r#"{"id":2,"subscribe":{"recoverable":true,"positioned":true,"was_recovering":true,"epoch":"e2","offset":500}}"#);
    assert!(
        matches!(rig.events().as_slice(), [Event::Subscribed { was_recovering: true, recovered: false, position, .. }] if position.offset == 500)
    );
    rig.hear(&typed(501));
    assert_eq!(offsets(&rig.events()), [Some(501)]);
}

#[test]
fn repeats_are_dropped_and_ephemeral_events_pass() {
    let mut rig = listening();
    for offset in [7, 8, 8, 0, 3] {
        rig.hear(&typed(offset));
    }
    assert_eq!(offsets(&rig.events()), [Some(8), None]);
}

#[test]
fn a_gap_is_healed_by_asking_again() {
    let mut rig = listening();
    rig.hear(&typed(9));
    let effects = rig.effects();
    let [Effect::Write(unsubscribe), Effect::Write(subscribe)] = effects.as_slice() else { panic!("{effects:?}") };
    assert!(unsubscribe.contains("unsubscribe") && subscribe.contains(r#""recover":true,"epoch":"e1","offset":7"#));
    rig.hear(&typed(10));
    assert_eq!(rig.effects(), [], "what has a number comes with the reply");
    rig.hear(r#"{"id":3,"unsubscribe":{}}"#);
    rig.hear(
        r#"{"id":4,"subscribe":{"recoverable":true,"recovered":true,"was_recovering":true,"epoch":"e1","offset":7,"publications":[{"data":{"type":"a"},"offset":8},{"data":{"type":"b"},"offset":9},{"data":{"type":"c"},"offset":10}]}}"#,
    );
    assert_eq!(rig.events().len(), 4);
    rig.hear(&typed(11));
    assert_eq!(offsets(&rig.events()), [Some(11)]);
}

#[test]
fn an_unsubscribe_push_says_whether_to_come_back() {
    for (code, resumed) in [(2000, None), (2500, Some(true)), (2501, Some(true)), (2502, Some(false))] {
        let mut rig = listening();
        rig.hear(&format!("{{\"push\":{{\"channel\":\"{ROOM}\",\"unsubscribe\":{{\"code\":{code},\"reason\":\"r\"}}}}}}"));
        let effects = rig.effects();
        assert!(matches!(&effects[0], Effect::Emit(Event::Unsubscribed { will_retry, .. }) if *will_retry == resumed.is_some()), "{code}");
        let asked =
            effects.iter().find_map(|effect| if let Effect::Write(line) = effect { Some(line.contains("\"recover\"")) } else { None });
        assert_eq!(asked, resumed, "{code}");
    }
}

#[test]
fn a_refused_subscribe_is_final_unless_it_may_pass() {
    let mut rig = Rig::connected();
    subscribe(&mut rig, ROOM, wish());
    rig.hear(r#"{"id":2,"error":{"code":111,"message":"too many requests","temporary":true}}"#);
    rig.effects();
    rig.pass_ms(1_100);
    assert_eq!(rig.written().len(), 1);
    rig.hear(r#"{"id":3,"error":{"code":401,"message":"not_found"}}"#);
    let effects = rig.effects();
    assert!(matches!(&effects[0], Effect::Answer { key: 900, result: Err(Error::Refused { code: 401, .. }) }));
    assert!(matches!(&effects[1], Effect::Emit(Event::Unsubscribed { will_retry: false, .. })));
    rig.lose(0, "cut");
    assert_eq!(rig.reconnect(r#"{"client":"c2"}"#).len(), 1, "nothing to resume");
}

#[test]
fn a_subscribe_without_reply_costs_the_connection() {
    let mut rig = Rig::connected();
    subscribe(&mut rig, ROOM, wish());
    rig.pass_ms(crate::limits::SUBSCRIBE_WITHIN_MS);
    assert!(rig.effects().contains(&Effect::Drop { reason: "no reply" }));
    assert_eq!(rig.reconnect(r#"{"client":"c2"}"#).len(), 2, "and is asked again on the next");
}

#[test]
fn a_subscription_token_is_fetched_renewed_and_replaced_when_expired() {
    let mut rig = Rig::connected();
    subscribe(&mut rig, "news", Wish { token: TokenKind::Renewable, ..wish() });
    assert_eq!(rig.effects(), [Effect::FetchSubscriptionToken { channel: "news".into() }]);
    rig.give(Input::SubscriptionToken { channel: "news", result: Ok("s1".into()) });
    assert!(rig.written()[0].contains(r#""token":"s1""#));
    rig.hear(r#"{"id":2,"error":{"code":109,"message":"token expired"}}"#);
    rig.effects();
    rig.pass_ms(1_100);
    assert_eq!(rig.effects(), [Effect::FetchSubscriptionToken { channel: "news".into() }]);
    rig.give(Input::SubscriptionToken { channel: "news", result: Ok("s2".into()) });
    rig.hear(r#"{"id":3,"subscribe":{"expires":true,"ttl":20}}"#);
    rig.effects();
    rig.pass_ms(18_000);
    assert_eq!(rig.effects(), [Effect::FetchSubscriptionToken { channel: "news".into() }]);
    rig.give(Input::SubscriptionToken { channel: "news", result: Ok("s3".into()) });
    assert_eq!(rig.written(), [r#"{"id":4,"sub_refresh":{"channel":"news","token":"s3"}}"#]);
}

#[test]
fn the_inbox_resumes_with_the_connect_and_its_loss_is_said() {
    let inbox = "user:01920000-0000-7000-8000-000000000001";
    let mut rig = Rig::new(|_| {});
    rig.accept(&format!(
        "{{\"client\":\"c1\",\"subs\":{{\"{inbox}\":{{\"recoverable\":true,\"positioned\":true,\"epoch\":\"i1\",\"offset\":3}}}}}}"
    ));
    assert!(matches!(rig.events().as_slice(), [Event::Subscribed { by_server: true, .. }]));
    let added = |offset: u64| {
        format!(
            "{{\"push\":{{\"channel\":\"{inbox}\",\"pub\":{{\"data\":{{\"type\":\"conversation_added\",\"conversation\":\"01920000-0000-7000-8000-000000000002\"}},\"offset\":{offset}}}}}}}"
        )
    };
    rig.hear(&added(4));
    assert!(matches!(rig.events().as_slice(), [Event::Inbox { offset: Some(4), .. }]));
    rig.hear(&added(7));
    assert!(matches!(rig.events().as_slice(), [Event::Gap { after: 4, before: 7, .. }, Event::Inbox { offset: Some(7), .. }]));
    rig.lose(3001, "shutdown");
    rig.effects();
    rig.tick();
    rig.give(Input::Opened);
    assert!(rig.written()[0].contains(&format!("\"subs\":{{\"{inbox}\":{{\"recover\":true,\"epoch\":\"i1\",\"offset\":7}}}}")));
    rig.hear(&format!(
        "{{\"id\":1,\"connect\":{{\"client\":\"c2\",\"subs\":{{\"{inbox}\":{{\"recoverable\":true,\"epoch\":\"i2\",\"was_recovering\":true,\"offset\":1}}}}}}}}"
    ));
    assert!(matches!(rig.events().as_slice(), [Event::Subscribed { by_server: true, was_recovering: true, recovered: false, .. }]));
    rig.lose(3001, "shutdown");
    rig.tick();
    rig.effects();
    rig.accept(r#"{"client":"c3"}"#);
    assert!(matches!(rig.events().as_slice(), [Event::Unsubscribed { will_retry: false, .. }]));
}

#[test]
fn unsubscribing_ends_it_here_and_there() {
    let mut rig = listening();
    rig.give(Input::Unsubscribe { channel: ROOM.into() });
    let effects = rig.effects();
    assert_eq!(effects[0], Effect::Write(format!("{{\"id\":3,\"unsubscribe\":{{\"channel\":\"{ROOM}\"}}}}")));
    rig.hear(&typed(8));
    assert_eq!(rig.events(), []);
}

#[test]
fn a_late_reply_to_an_earlier_subscribe_is_not_taken_for_the_present_one() {
    let mut rig = Rig::connected();
    subscribe(&mut rig, ROOM, wish());
    rig.give(Input::Unsubscribe { channel: ROOM.into() });
    rig.give(Input::Subscribe { key: 901, channel: ROOM.into(), wish: wish() });
    rig.effects();
    rig.hear(r#"{"id":2,"error":{"code":403,"message":"forbidden"}}"#);
    assert_eq!(rig.effects(), []);
    rig.hear(r#"{"id":4,"subscribe":{"recoverable":true,"epoch":"e1","offset":7}}"#);
    assert!(matches!(rig.answers().as_slice(), [(901, Ok(_))]));
}
