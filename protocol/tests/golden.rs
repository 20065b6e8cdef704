//! Golden frames: the bytes on the wire, reviewed by eye in `golden/*.jsonl`, against what the codec reads and writes. Every SDK must agree with them.

use std::collections::BTreeMap;

use rialto_protocol::code::{ErrorCode, Refusal, UnsubscribeCode};
use rialto_protocol::command;
use rialto_protocol::event::{ConversationEvent, InboxEvent};
use rialto_protocol::reply::{
    self, ClientInfo, ConnectResult, Empty, HistoryResult, Publication, RawJson, RefreshResult, ReplyBody, SubscribeResult,
};
use rialto_protocol::rpc::Appended;
use serde_json::value::RawValue;

const INBOX: &str = "user:01920000-0000-7000-8000-000000000001";

fn lines(file: &'static str) -> impl Iterator<Item = &'static str> {
    file.lines().filter(|line| !line.starts_with('#'))
}

fn marked(file: &'static str, mark: char) -> Vec<&'static str> {
    lines(file).filter_map(|line| line.strip_prefix(mark)).map(str::trim_start).collect()
}

fn raw(text: &str) -> RawJson {
    RawJson::new(RawValue::from_string(text.to_owned()).expect("JSON"))
}

fn info(user: &str, client: &str) -> ClientInfo {
    ClientInfo { user: user.to_owned(), client: client.to_owned(), conn_info: None, chan_info: None }
}

fn publication(data: &str, offset: u64) -> Publication {
    Publication { data: raw(data), info: None, offset }
}

fn presence() -> BTreeMap<String, ClientInfo> {
    let here = ClientInfo { conn_info: Some(raw(r#"{"name":"A"}"#)), chan_info: Some(raw(r#"{"seat":1}"#)), ..info("42", "c1") };
    BTreeMap::from([("c1".to_owned(), here), ("c2".to_owned(), info("", "c2"))])
}

fn connected() -> ConnectResult {
    let inbox = SubscribeResult {
        recoverable: true,
        epoch: "k3v9".into(),
        recovered: true,
        offset: 7,
        positioned: true,
        was_recovering: true,
        ..SubscribeResult::default()
    };
    ConnectResult {
        client: "c1".into(),
        version: "0.1.0",
        expires: true,
        ttl: 3600,
        subs: BTreeMap::from([(INBOX.to_owned(), inbox)]),
        ping: 25,
        pong: true,
        session: "s1".into(),
        node: "n1".into(),
        time: 1_790_000_000_000,
    }
}

fn recovered() -> SubscribeResult {
    SubscribeResult {
        expires: true,
        ttl: 300,
        recoverable: true,
        epoch: "x7".into(),
        publications: vec![publication(r#"{"a":1}"#, 15), Publication { info: Some(info("42", "c9")), ..publication("\"two\"", 16) }],
        recovered: true,
        offset: 14,
        positioned: true,
        was_recovering: true,
    }
}

fn answers() -> Vec<ReplyBody> {
    let top = SubscribeResult { recoverable: true, epoch: "x7".into(), offset: 14, ..SubscribeResult::default() };
    let refreshed = RefreshResult { client: "c1".into(), expires: true, ttl: 3600 };
    vec![
        ReplyBody::Connect(Box::new(connected())),
        ReplyBody::Subscribe(Box::new(top)),
        ReplyBody::Subscribe(Box::new(recovered())),
        ReplyBody::Unsubscribe(Empty {}),
        ReplyBody::Publish(Empty {}),
        ReplyBody::Presence { presence: presence() },
        ReplyBody::PresenceStats { num_clients: 2, num_users: 1 },
        ReplyBody::History(HistoryResult { publications: vec![publication("[1,2]", 4)], epoch: "x7".into(), offset: 16 }),
        ReplyBody::History(HistoryResult { epoch: "x7".into(), ..HistoryResult::default() }),
        ReplyBody::Rpc { data: raw(r#"{"offset":17,"epoch":"k3v9","time":1790000000000,"duplicate":false}"#) },
        ReplyBody::Refresh(refreshed),
        ReplyBody::SubRefresh(RefreshResult { expires: true, ttl: 300, ..RefreshResult::default() }),
    ]
}

#[test]
fn every_command_is_read_and_written_byte_for_byte() {
    let commands = marked(include_str!("golden/commands.jsonl"), '→');
    for line in &commands {
        let read = command::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(command::encode(read.id, &read.kind), *line);
    }
    let names: std::collections::HashSet<_> =
        commands.iter().map(|line| command::name(&command::parse(line).expect("just read").kind)).collect();
    assert_eq!(names.len(), 12, "every command has a golden frame");
}

#[test]
fn every_answer_is_written_byte_for_byte() {
    let mut written: Vec<String> = answers().iter().enumerate().map(|(n, body)| reply::reply(n as u32 + 1, body)).collect();
    written.push(reply::PING.to_owned());
    assert_eq!(written, marked(include_str!("golden/commands.jsonl"), '←'));
}

#[test]
fn the_short_way_of_an_rpc_answer_writes_the_same_bytes() {
    let appended = Appended { offset: 17, epoch: "k3v9".into(), time: 1_790_000_000_000, duplicate: false };
    let data = raw(&serde_json::to_string(&appended).expect("JSON"));
    let mut written = Vec::new();
    reply::write_rpc_reply(&mut written, 10, |out| appended.write(out));
    assert_eq!(String::from_utf8(written).expect("text"), reply::reply(10, &ReplyBody::Rpc { data }));
}

#[test]
fn what_the_server_writes_a_client_reads_back() {
    for (line, body) in marked(include_str!("golden/commands.jsonl"), '←').into_iter().zip(answers()) {
        let mut read: BTreeMap<String, Box<RawValue>> = serde_json::from_str(line).expect("an object");
        read.remove("id").expect("an id");
        let (_, text) = read.pop_first().expect("one body");
        let again = match body {
            ReplyBody::Connect(result) => {
                let read: ConnectResult = serde_json::from_str(text.get()).expect("a result");
                ReplyBody::Connect(Box::new(ConnectResult { version: result.version, ..read }))
            }
            ReplyBody::Subscribe(_) => ReplyBody::Subscribe(serde_json::from_str(text.get()).expect("a result")),
            ReplyBody::History(_) => ReplyBody::History(serde_json::from_str(text.get()).expect("a result")),
            ReplyBody::Refresh(_) => ReplyBody::Refresh(serde_json::from_str(text.get()).expect("a result")),
            other => other,
        };
        let id: u32 = line.split([':', ',']).nth(1).and_then(|id| id.parse().ok()).expect("an id");
        assert_eq!(reply::reply(id, &again), line);
    }
}

#[test]
fn commands_of_other_clients_are_understood() {
    let file = include_str!("golden/foreign.jsonl");
    let (theirs, ours) = (marked(file, '→'), marked(file, '='));
    assert_eq!(theirs.len(), ours.len());
    for (line, understood) in theirs.into_iter().zip(ours) {
        let read = command::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(command::encode(read.id, &read.kind), understood);
    }
}

fn publication_push(channel: &str, data: &str, offset: u64, info: Option<&ClientInfo>) -> String {
    let mut out = Vec::new();
    reply::write_publication_push(&mut out, channel, data, offset, info);
    String::from_utf8(out).expect("a push is text")
}

#[test]
fn every_push_is_written_byte_for_byte() {
    let someone = info("42", "c1");
    let joined = SubscribeResult { recoverable: true, epoch: "x7".into(), offset: 1, positioned: true, ..SubscribeResult::default() };
    let written = [
        publication_push("chat:42", r#"{"text":"hi"}"#, 15, None),
        publication_push("c", r#"{"input":"hi"}"#, 3, Some(&someone)),
        publication_push("q\"uote\\", "null", 0, None),
        reply::presence_push("c", true, &someone),
        reply::presence_push("c", false, &someone),
        reply::unsubscribe_push("c", UnsubscribeCode::ServerUnsubscribe),
        reply::unsubscribe_push("c", UnsubscribeCode::InsufficientState),
        reply::unsubscribe_push("c", UnsubscribeCode::SubscriptionExpired),
        reply::subscribe_push("c", &joined),
    ];
    assert_eq!(written.as_slice(), marked(include_str!("golden/pushes.jsonl"), '←'));
}

#[test]
fn every_error_is_written_byte_for_byte() {
    let written: Vec<String> =
        ErrorCode::ALL.iter().enumerate().map(|(n, code)| reply::reply(n as u32 + 1, &ReplyBody::from(&Refusal::from(*code)))).collect();
    assert_eq!(written, marked(include_str!("golden/errors.jsonl"), '←'));
}

#[test]
fn every_event_is_read_and_written_byte_for_byte() {
    let mut tags = std::collections::HashSet::new();
    for line in lines(include_str!("golden/events.jsonl")) {
        let written = match serde_json::from_str::<ConversationEvent>(line) {
            Ok(event) => {
                tags.insert(event.tag());
                serde_json::to_string(&event)
            }
            Err(_) => serde_json::to_string(&serde_json::from_str::<InboxEvent>(line).unwrap_or_else(|error| panic!("{line}: {error}"))),
        };
        assert_eq!(written.expect("an event is JSON"), line);
    }
    assert_eq!(tags.len(), 12, "every event of a conversation has a golden line");
}
