use super::*;

fn topics() -> Centrifuge {
    Centrifuge::new(&Target::default(), "t1")
}

fn conversations() -> Centrifuge {
    let target = Target { channel: ChannelKind::Conversation, ..Target::default() };
    let mut adapter = Centrifuge::new(&target, "t1");
    adapter.created(3, "0192-a");
    adapter
}

/// The payload of the only frame in `out`.
fn unmasked(out: &[u8]) -> serde_json::Value {
    let (header, mask) = match out[1] & 0x7f {
        126 => (4, 4),
        _ => (2, 4),
    };
    let key = &out[header..header + mask];
    let payload: Vec<u8> = out[header + mask..].iter().enumerate().map(|(index, byte)| byte ^ key[index & 3]).collect();
    serde_json::from_slice(&payload).unwrap()
}

fn decode(adapter: &mut Centrifuge, text: &str) -> Vec<Incoming> {
    let (mut out, mut sink) = (Vec::new(), Vec::new());
    adapter.decode(text.as_bytes(), &mut out, &mut sink).unwrap();
    sink
}

#[test]
fn commands_are_those_of_the_protocol() {
    let mut out = Vec::new();
    assert!(!topics().opened(Some("a.b.c"), &mut out));
    assert_eq!(unmasked(&out)["connect"]["token"], "a.b.c");
    out.clear();
    topics().publish(9, 4, b"hello", &mut out);
    assert_eq!(unmasked(&out)["publish"], serde_json::json!({"channel": "load-t1-4", "data": "hello"}));
    out.clear();
    let from = Position { offset: 7, epoch: "x".to_owned() };
    topics().subscribe(1, 4, Some(&from), &mut out);
    let wanted = serde_json::json!({"channel": "load-t1-4", "recoverable": true, "recover": true, "offset": 7, "epoch": "x"});
    assert_eq!(unmasked(&out)["subscribe"], wanted);
    out.clear();
    conversations().publish(9, 3, b"hello", &mut out);
    let sent = unmasked(&out);
    assert_eq!((&sent["rpc"]["method"], &sent["rpc"]["data"]["conversation"]), (&"conversation.send".into(), &"0192-a".into()));
    assert_eq!(sent["rpc"]["data"]["client_id"].as_str().unwrap().len(), 36);
}

#[test]
fn replies_find_back_to_their_commands() {
    for wanted in [About::Connect, About::Create(1), About::Join(2), About::Subscribe(3), About::Send(4_000_000)] {
        assert_eq!(about(id(wanted)), Some(wanted));
    }
    let mut adapter = conversations();
    let text = format!(
        "{{\"id\":{},\"connect\":{{\"client\":\"c\",\"ping\":25}}}}\n{{\"id\":{},\"rpc\":{{\"data\":{{\"id\":\"0192-b\",\"kind\":\"public\"}}}}}}\n",
        id(About::Connect),
        id(About::Create(5))
    );
    assert_eq!(decode(&mut adapter, &text), [Incoming::Ready, Incoming::Created(5, "0192-b".to_owned())]);
    let refused =
        format!("{{\"id\":{},\"error\":{{\"code\":111,\"message\":\"too many requests\",\"temporary\":true}}}}", id(About::Send(8)));
    assert_eq!(
        decode(&mut adapter, &refused),
        [Incoming::Refused { about: About::Send(8), code: 111, message: "too many requests".to_owned() }]
    );
}

#[test]
fn pushes_carry_room_offset_and_stamp() {
    let stamp = Stamp { room: 3, sender: 1, seq: 2, intended_ns: 3, sent_ns: 4 };
    let mut text = Vec::new();
    stamp.write(128, &mut text);
    let text = String::from_utf8(text).unwrap();
    let frame =
        format!(r#"{{"push":{{"channel":"conversation:0192-a","pub":{{"data":{{"type":"message","text":"{text}"}},"offset":15}}}}}}"#);
    assert_eq!(decode(&mut conversations(), &frame), [Incoming::Delivery(Delivery { room: 3, offset: Some(15), stamp: Some(stamp) })]);
    let joined = r#"{"push":{"channel":"load-t1-12","join":{"info":{"user":"u","client":"c"}}}}"#;
    assert_eq!(decode(&mut topics(), joined), []);
    let ended = r#"{"push":{"channel":"load-t1-12","unsubscribe":{"code":2500,"reason":"insufficient state"}}}"#;
    assert_eq!(decode(&mut topics(), ended), [Incoming::Unsubscribed(12)]);
    assert_eq!(decode(&mut topics(), r#"{"push":{"channel":"user:1","pub":{"data":{}}}}"#), []);
}

#[test]
fn a_resumed_subscription_brings_what_was_missed() {
    let frame = format!(
        r#"{{"id":{},"subscribe":{{"recoverable":true,"positioned":true,"recovered":true,"was_recovering":true,"epoch":"x7","offset":14,"publications":[{{"data":{{}},"offset":15}}]}}}}"#,
        id(About::Subscribe(2))
    );
    let wanted = Subscribed {
        slot: 2,
        position: Some(Position { offset: 14, epoch: "x7".to_owned() }),
        recovered: Some(true),
        missed: vec![Delivery { room: u32::MAX, offset: Some(15), stamp: None }],
    };
    assert_eq!(decode(&mut topics(), &frame), [Incoming::Subscribed(wanted)]);
}

#[test]
fn pings_are_answered_and_garbage_is_an_error() {
    let (mut out, mut sink) = (Vec::new(), Vec::new());
    topics().decode(b"{}", &mut out, &mut sink).unwrap();
    assert_eq!((unmasked(&out), sink.len()), (serde_json::json!({}), 0));
    assert!(topics().decode(b"hello", &mut out, &mut sink).is_err());
}
