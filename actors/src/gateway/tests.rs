//! Sessions hosted by one gateway, without sockets and shards: what a panic ends, and in which order inputs are taken.

use std::cell::{Cell, RefCell};

use core::net::Ipv4Addr;
use futures_util::FutureExt;
use rialto_storage::backend::memory::{MemoryOptions, MemoryStore};
use tracing::Level;

use super::link::FromShard;
use super::*;
use crate::accounts::{Accounts, KeyMaterial, KeyRing, Settings, Tables, Verifier, time_of};
use crate::commands::Commands;
use crate::kernel::heard::lines_of;
use crate::reply_to::{CommandAddress, SessionReply, Then};
use crate::session::ReplyKind;
use crate::topic_rules::{Access, Rule, TopicRules};

/// A socket side that panics once when the session in question is woken, within what that session does.
#[derive(Default)]
struct Sockets {
    poisoned: Cell<Option<SessionId>>,
    woken: RefCell<Vec<SessionId>>,
}

impl FlushHook for Sockets {
    fn wake(&self, id: SessionId) {
        if self.poisoned.get() == Some(id) {
            self.poisoned.set(None);
            panic!("poison");
        }
        self.woken.borrow_mut().push(id);
    }

    fn wake_with_room(&self, id: SessionId) {
        self.wake(id);
    }

    fn rooms_gathered(&self) {}

    fn resume(&self, _id: SessionId) {}

    fn set_timer(&self, _id: SessionId, _after_ms: Option<u64>) {}
}

fn gateway(sockets: &Rc<Sockets>) -> Gateway {
    let clock = Clock::new(Clock::process_start());
    let keys = KeyRing::new(&KeyMaterial::generate(1)).unwrap();
    let verifier = Verifier::new(keys, Vec::new(), true);
    let news = Rule {
        pattern: "news".into(),
        subscribe: Access::Anyone,
        publish: Access::Nobody,
        presence: Access::Nobody,
        join_leave: Access::Nobody,
        history_size: 0,
        history_ttl_ms: 0,
        recover: false,
    };
    let mut config = SessionConfig::new(Arc::new(TopicRules::new(true, vec![news])), verifier.clone(), "node".into());
    config.anonymous = true;
    let store = MemoryStore::new(MemoryOptions::default()).store();
    let tables = Tables::from(&store);
    let accounts = Accounts::open(tables, verifier, Settings::default(), time_of(clock.clone())).now_or_never().unwrap().unwrap();
    let (links, router, config) = (GatewayLinks::new(1), Router::default(), Arc::new(config));
    let hook: Rc<dyn FlushHook> = Rc::<Sockets>::clone(sockets);
    let commands = Commands::new(store.records, accounts.clone(), router.clone());
    let beside = Beside { accounts, commands };
    let load = std::sync::Arc::default();
    Gateway::new(GatewayParts { thread: 0, links, router, beside, config, clock, outbox_bytes_max: 1 << 20, presence: None, load }, hook)
}

fn open(gateway: &Gateway) -> SessionId {
    gateway.open(Ipv4Addr::LOCALHOST.into())
}

fn taken(gateway: &Gateway, id: SessionId) -> (String, Option<u16>) {
    let mut output = Output::default();
    gateway.take_output(id, &mut output);
    let text = output.chunks.iter().map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect();
    (text, output.close.map(|close| close.code))
}

#[test]
fn a_panic_ends_one_session_and_is_logged_once() {
    let sockets = Rc::<Sockets>::default();
    let gateway = gateway(&sockets);
    let (first, second) = (open(&gateway), open(&gateway));
    let channel: Arc<str> = "conversation:01920000-0000-7000-8000-000000000000".into();
    gateway.0.state.borrow_mut().hub.enter(&channel, first, false);
    gateway.0.state.borrow_mut().hub.enter(&channel, second, false);
    sockets.poisoned.set(Some(first));
    let lines = lines_of(Level::ERROR, || gateway.on_binary(first));
    assert!(lines.len() == 1 && lines[0].contains("actor=\"session\"") && lines[0].contains("message=poison"), "{lines:?}");
    assert!(gateway.is_closing(first) && !gateway.is_closing(second));
    let _ = gateway.on_text(first, r#"{"id":1,"connect":{}}"#);
    let (_, close) = taken(&gateway, first);
    // The close that the session had asked for before the panic is the first, and the first counts.
    assert_eq!(close, Some(CloseCode::InappropriateProtocol.number()));
    assert_eq!(gateway.0.state.borrow().hub.listeners(&channel), [second], "it listens to nothing any more");
    gateway.on_closed(first);
    assert_eq!(gateway.0.state.borrow().slots.ids_where(|_| true), [second]);
    let third = open(&gateway);
    assert!(third.index == first.index && third.generation != first.generation, "its place is free, under another name");
    gateway.on_binary(second);
    assert_eq!(taken(&gateway, second).1, Some(CloseCode::InappropriateProtocol.number()), "its neighbour goes on");
}

/// A session that stands, and listens to a room.
fn listener(gateway: &Gateway, room: &Arc<str>) -> SessionId {
    let id = open(gateway);
    let _ = gateway.on_text(id, r#"{"id":1,"connect":{}}"#);
    let _ = taken(gateway, id);
    gateway.0.state.borrow_mut().hub.enter(room, id, false);
    id
}

#[test]
fn a_panic_while_a_room_is_flushed_ends_one_of_its_listeners() {
    let sockets = Rc::<Sockets>::default();
    let gateway = gateway(&sockets);
    let room: Arc<str> = "conversation:01920000-0000-7000-8000-000000000000".into();
    let listeners: Vec<SessionId> = (0..3).map(|_| listener(&gateway, &room)).collect();
    let publish = |text: &'static str| gateway.0.state.borrow_mut().hub.publish(&room, Bytes::from_static(text.as_bytes()));
    publish("first");
    sockets.poisoned.set(Some(listeners[1]));
    let lines = lines_of(Level::ERROR, || gateway.flush_rooms());
    assert!(lines.len() == 1 && lines[0].contains("actor=\"session\"") && lines[0].contains("message=poison"), "{lines:?}");
    publish("second");
    gateway.flush_rooms();
    assert_eq!(taken(&gateway, listeners[1]).1, Some(CloseCode::InternalError.number()));
    for id in [listeners[0], listeners[2]] {
        assert_eq!(taken(&gateway, id), ("firstsecond".to_owned(), None));
    }
}

#[test]
fn a_panic_at_an_answer_ends_its_asker_and_what_came_behind_it_is_taken() {
    let sockets = Rc::<Sockets>::default();
    let gateway = gateway(&sockets);
    let room: Arc<str> = "conversation:01920000-0000-7000-8000-000000000000".into();
    let (asker, other) = (listener(&gateway, &room), listener(&gateway, &room));
    let answer_to = |session: SessionId| {
        let command = gateway.0.state.borrow_mut().slots.get_mut(session).unwrap().begin(7, 0, ReplyKind::Rpc, None);
        let reply = SessionReply { address: CommandAddress { thread: 0, session, command }, then: Then::Answer };
        gateway.0.parts.links.send(0, FromShard::Answer { reply, answer: Err(rialto_protocol::ErrorCode::NotFound.into()) });
    };
    answer_to(asker);
    answer_to(other);
    sockets.poisoned.set(Some(asker));
    let lines = lines_of(Level::ERROR, || gateway.turn());
    assert!(lines.len() == 1 && lines[0].contains("message=poison"), "{lines:?}");
    assert_eq!(taken(&gateway, asker).1, Some(CloseCode::InternalError.number()));
    let (text, close) = taken(&gateway, other);
    assert!(text.contains(r#""id":7,"error""#) && close.is_none(), "{text}");
}

#[test]
fn a_panic_while_a_session_ends_frees_its_place_too() {
    let sockets = Rc::<Sockets>::default();
    let gateway = gateway(&sockets);
    let (first, second) = (open(&gateway), open(&gateway));
    sockets.poisoned.set(Some(first));
    gateway.on_binary(first);
    gateway.on_closed(first);
    gateway.on_closed(first);
    assert_eq!(gateway.0.state.borrow().slots.ids_where(|_| true), [second]);
}

#[test]
fn an_input_that_comes_up_while_one_is_taken_is_taken_behind_it() {
    let gateway = gateway(&Rc::default());
    let id = open(&gateway);
    let _ = gateway.on_text(id, r#"{"id":1,"connect":{}}"#);
    assert!(taken(&gateway, id).0.contains(r#""id":1,"connect""#));
    // No shard is there, so each subscription is refused at once: while the commands that asked for it are still being taken.
    let subscribe = |number: u32| format!(r#"{{"id":{number},"subscribe":{{"channel":"news"}}}}"#);
    let _ = gateway.on_text(id, &format!("{}\n{}", subscribe(2), subscribe(3)));
    let (text, close) = taken(&gateway, id);
    assert!(text.contains(r#""id":2,"error":{"code":408"#) && text.contains(r#""id":3,"error":{"code":105"#) && close.is_none(), "{text}");
    let _ = gateway.on_text(id, &subscribe(4));
    let (text, _) = taken(&gateway, id);
    assert!(text.contains(r#""id":4,"error":{"code":408"#), "the session has learnt of the refusal: {text}");
}

#[test]
fn a_shard_that_begins_anew_sends_its_listeners_to_recover_and_no_others() {
    let sockets = Rc::<Sockets>::default();
    let gateway = gateway(&sockets);
    let id = open(&gateway);
    let (mine, other): (Arc<str>, Arc<str>) = ("news".into(), "other".into());
    let shard_of = |channel: &str| crate::router::shard_of(rialto_protocol::Channel::parse(channel).unwrap().entity());
    assert_ne!(shard_of(&mine), shard_of(&other), "the test needs two shards");
    for channel in [&mine, &other] {
        gateway.0.state.borrow_mut().hub.enter(channel, id, false);
    }
    gateway.0.parts.links.send_all(|| link::FromShard::Lost { shard: shard_of("news") });
    gateway.turn();
    let (text, close) = taken(&gateway, id);
    assert!(text.contains("\"channel\":\"news\"") && text.contains("2500") && !text.contains("other"), "{text}");
    assert_eq!(close, None);
    assert_eq!(gateway.0.state.borrow().hub.channels(), [other]);
}
