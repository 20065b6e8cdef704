//! The session machine in virtual time: who may say what when, and what silence leads to.

use std::sync::Arc;

use rialto_protocol::command::commands;
use rialto_protocol::reply::SubscribeResult;
use rialto_protocol::{CloseCode, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use uuid::Uuid;

use super::{ReplyKind, Session, SessionConfig, SessionEffect, SessionInput, UserRates};
use crate::accounts::{KeyMaterial, KeyRing, Verified, Verifier};
use crate::kernel::test_loop::TestLoop;
use crate::kernel::{Machine, Moment};
use crate::topic_rules::{Access, Rule, TopicRules};

const START_MS: u64 = 1_790_000_000_000;
const ALICE: UserId = UserId(Uuid::from_u128(0xA11CE));

fn rule(pattern: &str, access: Access) -> Rule {
    Rule {
        pattern: pattern.into(),
        subscribe: access,
        publish: access,
        presence: access,
        join_leave: access,
        history_size: 10,
        history_ttl_ms: 1_000,
        recover: true,
    }
}

fn session_with(change: impl FnOnce(&mut SessionConfig)) -> TestLoop<Session> {
    let rules =
        vec![rule("open:*", Access::Anyone), rule("closed:*", Access::Nobody), rule("secret:*", Access::Token), rule("*", Access::User)];
    let keys = KeyRing::new(&KeyMaterial::generate(START_MS)).unwrap();
    let verifier = Verifier::new(keys, Vec::new(), false);
    let mut config = SessionConfig::new(Arc::new(TopicRules::new(true, rules)), verifier, "node".into());
    change(&mut config);
    let now = Moment { wall_ms: START_MS, mono_ms: 1_000, entropy: 1 };
    TestLoop::new(Session::new(Arc::new(config), Uuid::from_u128(7), now), now)
}

fn session() -> TestLoop<Session> {
    session_with(|_| {})
}

fn text(session: &mut TestLoop<Session>, frame: &str) -> Vec<SessionEffect> {
    session.input(SessionInput::Commands(commands(frame).collect()))
}

fn verified(expires_ms: Option<u64>) -> Box<Verified> {
    Box::new(Verified {
        user: ALICE,
        role: AccountRole::User,
        expires_ms,
        session: None,
        info: None,
        channels: Vec::new(),
        external: None,
        display_name: None,
        scopes: None,
    })
}

fn connect_as(session: &mut TestLoop<Session>, verified: Box<Verified>) -> Vec<SessionEffect> {
    text(session, r#"{"id":1,"connect":{"token":"t"}}"#);
    let asked = session.input(SessionInput::Verified { command: 1, refresh: false, verdict: Ok(verified) });
    let channels: Vec<Arc<str>> = asked
        .iter()
        .filter_map(|effect| match effect {
            SessionEffect::Ask { kind: ReplyKind::ServerSubscribe, entity, .. } => Some(Arc::clone(&entity.channel)),
            _ => None,
        })
        .collect();
    let mut effects = Vec::new();
    for channel in channels {
        effects.extend(session.input(SessionInput::Subscribed { channel, result: Ok(Box::new(SubscribeResult::default())) }));
    }
    effects
}

fn connected(session: &mut TestLoop<Session>) -> Vec<SessionEffect> {
    connect_as(session, verified(None))
}

fn sent(effects: &[SessionEffect]) -> Vec<String> {
    let texts = effects.iter().filter_map(|effect| match effect {
        SessionEffect::Send(text) | SessionEffect::Connected { reply: text } => Some(text.clone()),
        _ => None,
    });
    texts.collect()
}

fn closed(effects: &[SessionEffect]) -> Option<CloseCode> {
    effects.iter().find_map(|effect| if let SessionEffect::Close(code) = effect { Some(*code) } else { None })
}

fn error(code: ErrorCode) -> String {
    let temporary = if code.temporary() { ",\"temporary\":true" } else { "" };
    format!(r#""error":{{"code":{},"message":"{}"{temporary}}}"#, code.number(), code.word())
}

#[test]
fn a_connect_is_verified_then_subscribed_to_its_inbox_then_answered() {
    let mut session = session();
    let effects = text(&mut session, r#"{"id":1,"connect":{"token":"t"}}"#);
    assert!(matches!(&effects[0], SessionEffect::Verify { command: 1, refresh: false, token } if token == "t"));
    let effects = connected(&mut self::session());
    let reply = &sent(&effects)[0];
    assert!(reply.contains(&format!(r#""subs":{{"user:{ALICE}":{{}}}}"#)), "{reply}");
    assert!(reply.contains(r#""ping":25,"pong":true"#) && reply.contains(&format!(r#""time":{START_MS}"#)), "{reply}");
    assert!(!reply.contains("expires"), "{reply}");
}

#[test]
fn commands_sent_along_with_connect_wait_for_its_reply() {
    let mut session = session();
    let frame = "{\"id\":1,\"connect\":{\"token\":\"t\"}}\n{\"id\":2,\"subscribe\":{\"channel\":\"open:x\"}}";
    assert!(!text(&mut session, frame).iter().any(|effect| matches!(effect, SessionEffect::Ask { .. })));
    session.input(SessionInput::Verified { command: 1, refresh: false, verdict: Ok(verified(None)) });
    let channel: Arc<str> = format!("user:{ALICE}").into();
    let effects = session.input(SessionInput::Subscribed { channel, result: Ok(Box::default()) });
    let reply = effects.iter().position(|effect| matches!(effect, SessionEffect::Connected { .. })).unwrap();
    let ask = effects.iter().position(|effect| matches!(effect, SessionEffect::Ask { command: 2, .. })).unwrap();
    assert!(reply < ask);
}

#[test]
fn what_breaks_the_protocol_closes_with_3501() {
    for frame in [
        "garbage",
        "{}",
        r#"{"id":1,"subscribe":{"channel":"x"}}"#,
        r#"{"connect":{}}"#,
        r#"{"id":1}"#,
        r#"{"id":1,"connect":[]}"#,
        &format!(r#"{{"id":1,"connect":{{"data":{}{}}}}}"#, "[".repeat(100), "]".repeat(100)),
    ] {
        assert_eq!(closed(&text(&mut session(), frame)), Some(CloseCode::BadRequest), "{frame}");
    }
    for frame in
        [r#"{"id":2,"connect":{}}"#, "{}", r#"{"subscribe":{"channel":"x"}}"#, r#"{"id":3,"subscribe":{}}"#, r#"{"id":3,"rpc":"user.me"}"#]
    {
        let mut session = session();
        connected(&mut session);
        assert_eq!(closed(&text(&mut session, frame)), Some(CloseCode::BadRequest), "{frame}");
        assert!(sent(&text(&mut session, r#"{"id":9,"rpc":{"method":"user.me"}}"#)).is_empty(), "nothing counts after a close");
    }
}

#[test]
fn tokens_are_told_apart() {
    for (refusal, expected) in [
        (Refusal::from(ErrorCode::InvalidCredentials), Err(CloseCode::InvalidToken)),
        (Refusal::from(ErrorCode::TokenExpired), Ok(ErrorCode::TokenExpired)),
        (Refusal::from(ErrorCode::Unavailable), Ok(ErrorCode::Unavailable)),
    ] {
        let mut session = session();
        text(&mut session, r#"{"id":1,"connect":{"token":"t"}}"#);
        let effects = session.input(SessionInput::Verified { command: 1, refresh: false, verdict: Err(refusal) });
        match expected {
            Err(code) => assert_eq!(closed(&effects), Some(code)),
            Ok(code) => {
                assert_eq!(sent(&effects), [format!(r#"{{"id":1,{}}}"#, error(code))]);
                assert_eq!(sent(&connected(&mut session)).len(), 1, "the same socket may connect with a better token");
            }
        }
    }
    assert_eq!(closed(&text(&mut session(), r#"{"id":1,"connect":{}}"#)), Some(CloseCode::InvalidToken));
}

#[test]
fn without_a_token_one_is_nobody_where_that_is_allowed() {
    let mut session = session_with(|config| config.anonymous = true);
    let reply = sent(&text(&mut session, r#"{"id":1,"connect":{}}"#));
    assert_eq!(reply.len(), 1);
    assert!(!reply[0].contains("user:"));
    assert!(text(&mut session, r#"{"id":2,"subscribe":{"channel":"open:x"}}"#).iter().any(|one| matches!(one, SessionEffect::Ask { .. })));
    for (frame, code) in [
        (r#"{"id":3,"subscribe":{"channel":"users-only"}}"#, ErrorCode::PermissionDenied),
        (r#"{"id":3,"rpc":{"method":"user.me"}}"#, ErrorCode::Unauthorized),
    ] {
        assert_eq!(sent(&text(&mut session, frame)), [format!(r#"{{"id":3,{}}}"#, error(code))]);
    }
}

#[test]
fn errors_answer_and_the_session_lives() {
    let mut session = session_with(|config| config.subscriptions_max = 3);
    connected(&mut session);
    text(&mut session, r#"{"id":2,"subscribe":{"channel":"open:x"}}"#);
    for (frame, code) in [
        (r#"{"id":3,"subscribe":{"channel":"open:x"}}"#.to_owned(), ErrorCode::AlreadySubscribed),
        (r#"{"id":3,"subscribe":{"channel":"closed:x"}}"#.to_owned(), ErrorCode::PermissionDenied),
        (r#"{"id":3,"subscribe":{"channel":"secret:x"}}"#.to_owned(), ErrorCode::PermissionDenied),
        (r#"{"id":3,"subscribe":{"channel":"secret:x","token":"forged"}}"#.to_owned(), ErrorCode::PermissionDenied),
        (r#"{"id":3,"subscribe":{"channel":"conversation:17"}}"#.to_owned(), ErrorCode::UnknownChannel),
        (r#"{"id":3,"subscribe":{"channel":"order:x"}}"#.to_owned(), ErrorCode::UnknownChannel),
        (format!(r#"{{"id":3,"subscribe":{{"channel":"{}"}}}}"#, "x".repeat(256)), ErrorCode::BadRequest),
        (r#"{"id":3,"publish":{"channel":"closed:x","data":{}}}"#.to_owned(), ErrorCode::PermissionDenied),
        (format!(r#"{{"id":3,"publish":{{"channel":"user:{ALICE}","data":{{}}}}}}"#), ErrorCode::PermissionDenied),
        (r#"{"id":3,"rpc":{"method":"no.such"}}"#.to_owned(), ErrorCode::MethodNotFound),
        (r#"{"id":3,"rpc":{"method":"conversation.send","data":{}}}"#.to_owned(), ErrorCode::InvalidArgument),
        (r#"{"id":3,"sub_refresh":{"channel":"open:other","token":"t"}}"#.to_owned(), ErrorCode::PermissionDenied),
    ] {
        assert_eq!(sent(&text(&mut session, &frame)), [format!(r#"{{"id":3,{}}}"#, error(code))], "{frame}");
    }
    text(&mut session, r#"{"id":4,"subscribe":{"channel":"open:y"}}"#);
    let effects = text(&mut session, r#"{"id":5,"subscribe":{"channel":"open:z"}}"#);
    assert_eq!(sent(&effects), [format!(r#"{{"id":5,{}}}"#, error(ErrorCode::LimitExceeded))]);
}

#[test]
fn a_refused_subscription_may_be_tried_again_and_one_given_up_on_the_way_is_left() {
    let mut session = session();
    connected(&mut session);
    let channel: Arc<str> = "open:x".into();
    text(&mut session, r#"{"id":2,"subscribe":{"channel":"open:x"}}"#);
    session.input(SessionInput::Subscribed { channel: Arc::clone(&channel), result: Err(ErrorCode::Overloaded.into()) });
    assert!(text(&mut session, r#"{"id":3,"subscribe":{"channel":"open:x"}}"#).iter().any(|one| matches!(one, SessionEffect::Ask { .. })));
    let effects = text(&mut session, r#"{"id":4,"unsubscribe":{"channel":"open:x"}}"#);
    assert!(effects.iter().any(|one| matches!(one, SessionEffect::Leave { .. })));
    assert_eq!(sent(&effects), [r#"{"id":4,"unsubscribe":{}}"#]);
    let effects = session.input(SessionInput::Subscribed { channel, result: Ok(Box::default()) });
    assert!(effects.iter().any(|one| matches!(one, SessionEffect::Leave { .. })), "it began after it was given up");
}

#[test]
fn silence_ends_as_stale_and_an_unanswered_ping_as_no_pong() {
    let mut session = session();
    session.input(SessionInput::Opened);
    session.advance(15_000);
    assert_eq!(closed(&session.input(SessionInput::Woken)), Some(CloseCode::Stale));

    let mut session = self::session();
    connected(&mut session);
    for _ in 0..3 {
        session.advance(25_000);
        assert_eq!(sent(&session.input(SessionInput::Woken)), ["{}"]);
        assert_eq!(closed(&text(&mut session, "{}")), None);
    }
    session.advance(25_000);
    session.input(SessionInput::Woken);
    session.advance(8_000);
    assert_eq!(closed(&session.input(SessionInput::Woken)), Some(CloseCode::NoPong));
}

#[test]
fn the_rate_refuses_above_its_burst_and_recovers() {
    let mut session = session_with(|config| (config.commands_per_second, config.commands_burst) = (10, 3));
    connected(&mut session);
    let unsubscribe = r#"{"id":2,"unsubscribe":{"channel":"open:x"}}"#;
    for _ in 0..3 {
        assert_eq!(sent(&text(&mut session, unsubscribe)), [r#"{"id":2,"unsubscribe":{}}"#]);
    }
    assert_eq!(sent(&text(&mut session, unsubscribe)), [format!(r#"{{"id":2,{}}}"#, error(ErrorCode::TooManyRequests))]);
    session.advance(100);
    assert_eq!(sent(&text(&mut session, unsubscribe)), [r#"{"id":2,"unsubscribe":{}}"#]);
}

#[test]
fn connections_of_one_user_share_what_the_user_may() {
    let rates = Arc::new(UserRates::new(1, 40));
    let mut answered = 0;
    for _ in 0..3 {
        let mut session = session_with(|config| config.user_rates = Arc::clone(&rates));
        connected(&mut session);
        for _ in 0..50 {
            let reply = sent(&text(&mut session, r#"{"id":2,"unsubscribe":{"channel":"open:x"}}"#));
            match reply[0].contains("error") {
                false => answered += 1,
                true => assert_eq!(reply, [format!(r#"{{"id":2,{}}}"#, error(ErrorCode::TooManyRequests))]),
            }
        }
    }
    assert_eq!(answered, 40);
}

#[test]
fn a_connection_ends_with_its_token_unless_refreshed() {
    let expires = |session: &TestLoop<Session>| session.now().wall_ms + 60_000;
    let mut session = session();
    let at = expires(&session);
    let reply = &sent(&connect_as(&mut session, verified(Some(at))))[0];
    assert!(reply.contains(r#""expires":true,"ttl":60"#), "{reply}");
    session.advance(50_000);
    text(&mut session, r#"{"id":5,"refresh":{"token":"new"}}"#);
    let at = expires(&session);
    let effects = session.input(SessionInput::Verified { command: 5, refresh: true, verdict: Ok(verified(Some(at))) });
    assert!(sent(&effects)[0].contains(r#""refresh":{"client":"#) && sent(&effects)[0].contains(r#""ttl":60"#));
    pass(&mut session, 60_000 + 24_000, None);
    pass(&mut session, 1_000, Some(CloseCode::ConnectionExpired));
}

/// Lets time pass in seconds, answering pings, and expects this close.
fn pass(session: &mut TestLoop<Session>, ms: u64, expected: Option<CloseCode>) {
    let mut seen = None;
    for _ in 0..ms / 1_000 {
        session.advance(1_000);
        let effects = session.input(SessionInput::Woken);
        if sent(&effects).contains(&"{}".to_owned()) {
            text(session, "{}");
        }
        seen = seen.or_else(|| closed(&effects));
    }
    assert_eq!(seen, expected);
}

#[test]
fn a_refresh_for_somebody_else_or_with_an_expired_token_closes() {
    let other = Box::new(Verified { user: UserId(Uuid::from_u128(1)), ..*verified(None) });
    for (verdict, code) in [
        (Ok(other), CloseCode::InvalidToken),
        (Err(ErrorCode::InvalidCredentials.into()), CloseCode::InvalidToken),
        (Err(ErrorCode::TokenExpired.into()), CloseCode::ConnectionExpired),
    ] {
        let mut session = session();
        connected(&mut session);
        assert_eq!(closed(&session.input(SessionInput::Verified { command: 2, refresh: true, verdict })), Some(code));
    }
}

#[test]
fn a_bot_does_what_its_scopes_say() {
    let mut session = session();
    connect_as(&mut session, Box::new(Verified { scopes: Some(vec!["user.*".into(), "conversation.send".into()]), ..*verified(None) }));
    assert!(text(&mut session, r#"{"id":2,"rpc":{"method":"user.me"}}"#).iter().any(|one| matches!(one, SessionEffect::Accounts { .. })));
    let refused = text(&mut session, r#"{"id":3,"rpc":{"method":"conversation.list"}}"#);
    assert_eq!(sent(&refused), [format!(r#"{{"id":3,{}}}"#, error(ErrorCode::Forbidden))]);
}

#[test]
fn the_end_of_the_socket_leaves_everything() {
    let mut session = session();
    connected(&mut session);
    text(&mut session, r#"{"id":2,"subscribe":{"channel":"open:x"}}"#);
    let effects = session.input(SessionInput::Closed);
    assert_eq!(effects.iter().filter(|one| matches!(one, SessionEffect::Leave { .. })).count(), 2);
    assert!(matches!(effects.last(), Some(SessionEffect::Gone)));
}

#[test]
fn too_many_connections_of_one_user_are_told_so() {
    let mut session = session();
    text(&mut session, r#"{"id":1,"connect":{"token":"t"}}"#);
    session.input(SessionInput::Verified { command: 1, refresh: false, verdict: Ok(verified(None)) });
    let channel: Arc<str> = format!("user:{ALICE}").into();
    let effects = session.input(SessionInput::Subscribed { channel, result: Err(ErrorCode::LimitExceeded.into()) });
    assert_eq!(closed(&effects), Some(CloseCode::ConnectionLimit));
}

#[test]
fn random_commands_never_panic() {
    let words = ["connect", "subscribe", "unsubscribe", "publish", "presence", "history", "rpc", "refresh", "sub_refresh", "send", "ping"];
    let bodies = [
        "{}",
        "null",
        "[]",
        r#"{"channel":"open:x","data":1}"#,
        r#"{"token":"t"}"#,
        r#"{"method":"user.me"}"#,
        "7",
        r#"{"channel":"\u0000"}"#,
    ];
    for connect in [false, true] {
        for (n, word) in words.iter().enumerate() {
            for body in bodies {
                let mut session = session();
                if connect {
                    connected(&mut session);
                }
                text(&mut session, &format!(r#"{{"id":{n},"{word}":{body}}}"#));
                session.advance(100_000);
                let now = session.now();
                session.machine.apply(now, SessionInput::Woken, &mut crate::kernel::Effects::default());
            }
        }
    }
}
