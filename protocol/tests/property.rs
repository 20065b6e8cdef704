//! Properties of the codec: no input panics, every command survives encode and parse, every reply survives encode and read.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rialto_protocol::command::{self, Command, CommandKind, Connect, History, Recover, Since, Subscribe};
use rialto_protocol::event::{ConversationEvent, MessageSent};
use rialto_protocol::limits::CLIENT_ID_BYTES_MAX;
use rialto_protocol::reply::{self, ClientInfo, HistoryResult, Publication, RawJson, ReplyBody, SubscribeResult};
use rialto_protocol::rpc::{Appended, Request};
use rialto_protocol::{Channel, ClientId, UserId};
use serde_json::value::RawValue;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("JSON")
}

fn payload() -> impl Strategy<Value = Box<RawValue>> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|s| serde_json::to_string(&s).expect("a string is JSON")),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((any::<String>(), inner), 0..4).prop_map(|fields| {
                let fields: Vec<String> =
                    fields.iter().map(|(k, v)| format!("{}:{v}", serde_json::to_string(k).expect("a string is JSON"))).collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    })
    .prop_filter("null is absent", |text| text != "null")
    .prop_map(|text| raw(&text))
}

fn channel() -> impl Strategy<Value = String> {
    any::<String>().prop_filter("a command names its channel", |name| !name.is_empty())
}

fn kind() -> impl Strategy<Value = CommandKind> {
    let recover = (any::<bool>(), any::<String>(), any::<u64>()).prop_map(|(recover, epoch, offset)| Recover { recover, epoch, offset });
    let connect = (any::<String>(), prop::collection::btree_map(any::<String>(), recover, 0..4), any::<String>(), any::<String>())
        .prop_map(|(token, subs, name, version)| CommandKind::Connect(Connect { token, subs, name, version }));
    let subscribe = (channel(), any::<String>(), any::<String>(), any::<u64>(), any::<[bool; 4]>(), any::<u32>()).prop_map(
        |(channel, token, epoch, offset, [recover, positioned, recoverable, join_leave], flag)| {
            CommandKind::Subscribe(Subscribe { channel, token, recover, epoch, offset, positioned, recoverable, join_leave, flag })
        },
    );
    let since = (any::<u64>(), any::<String>()).prop_map(|(offset, epoch)| Since { offset, epoch });
    let history = (channel(), any::<i32>(), prop::option::of(since), any::<bool>())
        .prop_map(|(channel, limit, since, reverse)| CommandKind::History(History { channel, limit, since, reverse }));
    prop_oneof![
        Just(CommandKind::Pong),
        Just(CommandKind::Send),
        connect,
        subscribe,
        history,
        channel().prop_map(|channel| CommandKind::Unsubscribe { channel }),
        channel().prop_map(|channel| CommandKind::Presence { channel }),
        channel().prop_map(|channel| CommandKind::PresenceStats { channel }),
        (channel(), payload()).prop_map(|(channel, data)| CommandKind::Publish { channel, data }),
        (any::<String>(), payload()).prop_map(|(method, data)| CommandKind::Rpc { method, data }),
        any::<String>().prop_map(|token| CommandKind::Refresh { token }),
        (channel(), any::<String>()).prop_map(|(channel, token)| CommandKind::SubRefresh { channel, token }),
    ]
}

/// Garbage that looks like commands, so that parsers get further than the first byte.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "\"",
        ":",
        ",",
        "\n",
        "\\",
        "\\u",
        "d800",
        "id",
        "1",
        "-1",
        "1e9",
        "null",
        "true",
        "\"id\":1",
        "\"connect\":{}",
        "\"subscribe\":",
        "\"channel\":\"c\"",
        "\"publish\":",
        "\"data\":",
        "\"rpc\":",
        "\"method\":\"user.me\"",
        "\"send\":{}",
        "\u{0}",
        "é",
    ]);
    prop::collection::vec(scrap, 0..60).prop_map(|scraps| scraps.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_never_panics_and_ends(text in prop_oneof![any::<String>(), scraps()]) {
        let lines = text.split('\n').count();
        prop_assert!(command::commands(&text).count() <= lines.max(1));
        let _ = Channel::parse(&text);
        let _ = Request::parse("conversation.send", &text);
        let _ = Request::parse(&text, "{}");
    }

    #[test]
    fn a_command_survives_encode_and_parse(id in 1_u32.., kind in kind()) {
        let line = command::encode(id, &kind);
        prop_assert!(!line.contains('\n'));
        let Command { id: parsed_id, kind: parsed } = command::parse(&line).expect("what we encode we parse");
        let expected = if matches!(kind, CommandKind::Pong | CommandKind::Send) { 0 } else { id };
        prop_assert_eq!(parsed_id, expected);
        prop_assert_eq!(command::encode(id, &parsed), line);
    }

    #[test]
    fn a_truncated_command_is_refused(kind in kind(), at in any::<prop::sample::Index>()) {
        let line = command::encode(7, &kind);
        let mut cut = at.index(line.len());
        while !line.is_char_boundary(cut) {
            cut -= 1;
        }
        prop_assert!(command::parse(&line[..cut]).is_err());
    }

    #[test]
    fn publications_survive_reply_and_read(data in payload(), offset in any::<u64>(), channel in channel(), info in any::<bool>()) {
        let info = info.then(|| ClientInfo { user: "u".into(), client: "c".into(), conn_info: Some(RawJson::new(raw("{}"))), chan_info: None });
        let publication = Publication { data: RawJson::new(data), info, offset };
        let result = SubscribeResult { publications: vec![publication.clone()], offset, recovered: true, ..SubscribeResult::default() };
        let text = reply::reply(3, &ReplyBody::Subscribe(Box::new(result.clone())));
        let mut read: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&text).expect("an object");
        let body = read.remove("subscribe").expect("its body");
        prop_assert_eq!(serde_json::from_str::<SubscribeResult>(body.get()).expect("a result"), result);

        let mut push = Vec::new();
        reply::write_publication_push(&mut push, &channel, publication.data.get(), offset, publication.info.as_ref());
        let push = String::from_utf8(push).expect("a push is text");
        let value: serde_json::Value = serde_json::from_str(&push).expect("a push is JSON");
        prop_assert_eq!(value["push"]["channel"].as_str(), Some(channel.as_str()));
        prop_assert_eq!(&value["push"]["pub"], &serde_json::to_value(&publication).expect("JSON"));
        let history = HistoryResult { publications: vec![publication], ..HistoryResult::default() };
        let _ = reply::reply(1, &ReplyBody::History(history));
    }

    #[test]
    fn a_channel_is_its_own_name(name in any::<String>(), id in any::<u128>()) {
        let entities = ["conversation", "user"].map(|kind| format!("{kind}:{}", uuid::Uuid::from_u128(id)));
        for name in entities.into_iter().chain([name]) {
            if let Ok(channel) = Channel::parse(&name) {
                prop_assert_eq!(channel.to_string(), name.as_str());
                prop_assert_eq!(&*channel.name(), name.as_str());
            }
        }
    }

    #[test]
    fn a_message_is_written_as_its_type_says(id in "[!-~]{1,64}", text in any::<String>(), time in any::<u64>(), reply_to in any::<Option<u64>>()) {
        let client_id = ClientId::new(&id).expect("visible ASCII");
        let event = ConversationEvent::Message(MessageSent { sender: UserId(uuid::Uuid::from_u128(time.into())), client_id, text, time, reply_to });
        prop_assert_eq!(event.json(), serde_json::to_vec(&event).expect("JSON"));
    }

    #[test]
    fn an_answer_to_a_send_is_written_as_its_type_says(offset in any::<u64>(), epoch in any::<String>(), time in any::<u64>(), duplicate in any::<bool>()) {
        let appended = Appended { offset, epoch, time, duplicate };
        let mut written = Vec::new();
        appended.write(&mut written);
        prop_assert_eq!(written, serde_json::to_vec(&appended).expect("JSON"));
    }

    #[test]
    fn a_client_id_is_visible_ascii(text in any::<String>()) {
        let fits = (1..=CLIENT_ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
        prop_assert_eq!(ClientId::new(&text).is_ok(), fits);
    }
}
