use super::*;

fn one(line: &str) -> Result<Command, InvalidCommand> {
    let all: Vec<_> = commands(line).collect();
    assert_eq!(all.len(), 1, "{line}");
    all.into_iter().next().expect("just counted")
}

fn refused(line: &str) -> InvalidCommand {
    one(line).expect_err(line)
}

fn accepted(line: &str) -> CommandKind {
    one(line).expect(line).kind
}

#[test]
fn a_batch_keeps_its_order_and_its_ids() {
    let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"ch2\"}}\n{}\n{\"send\":{\"data\":{}}}\n";
    let seen: Vec<(u32, &str)> = commands(frame).map(|got| got.expect("good")).map(|got| (got.id, name(&got.kind))).collect();
    assert_eq!(seen, [(1, "connect"), (2, "subscribe"), (0, "pong"), (0, "send")]);
}

#[test]
fn blank_lines_and_carriage_returns_between_commands_do_not_count() {
    let frame = "\r\n{\"id\":1,\"connect\":{}}\r\n\r\n \n{}\r\n";
    assert_eq!(commands(frame).filter_map(Result::ok).count(), 2);
    assert_eq!(commands(frame).count(), 2);
}

#[test]
fn an_empty_object_is_a_pong_however_it_is_spaced() {
    for pong in ["{}", " {} ", "{ }", "{\t}"] {
        assert!(matches!(accepted(pong), CommandKind::Pong), "{pong:?}");
    }
    assert_eq!(refused("{\"unknown\":{}}"), InvalidCommand::NoId);
}

#[test]
fn every_command_but_send_wants_an_id() {
    for line in
        [r#"{"connect":{}}"#, r#"{"id":0,"rpc":{"method":"m"}}"#, r#"{"id":null}"#, r#"{"publish":{"channel":"c","data":1},"id":0}"#]
    {
        assert!(matches!(refused(line), InvalidCommand::NoId | InvalidCommand::Malformed), "{line}");
    }
    assert!(matches!(accepted(r#"{"send":{"data":1}}"#), CommandKind::Send));
    assert!(matches!(one(r#"{"id":7,"send":{"data":1}}"#), Ok(Command { id: 0, kind: CommandKind::Send })));
}

#[test]
fn a_send_beside_another_command_does_not_swallow_its_reply() {
    assert!(matches!(one(r#"{"id":7,"send":{},"presence":{"channel":"c"}}"#), Ok(Command { id: 7, kind: CommandKind::Presence { .. } })));
}

#[test]
fn ids_outside_uint32_are_malformed() {
    for id in ["-1", "4294967296", "1.5", "\"1\"", "[]", "1e2"] {
        assert_eq!(refused(&format!("{{\"id\":{id},\"connect\":{{}}}}")), InvalidCommand::Malformed, "{id}");
    }
}

#[test]
fn no_or_an_unknown_command_is_malformed() {
    for line in [
        r#"{"id":1}"#,
        r#"{"id":1,"ping":{}}"#,
        r#"{"id":1,"shout":{}}"#,
        "[]",
        "[1,{}]",
        "1",
        "null",
        "\"x\"",
        "",
        "{",
        r#"{"id":1,"connect":{}"#,
    ] {
        assert_eq!(refused(line), InvalidCommand::Malformed, "{line:?}");
    }
}

#[test]
fn a_command_that_names_no_channel_is_malformed() {
    for word in ["subscribe", "unsubscribe", "presence", "presence_stats", "history", "sub_refresh"] {
        for body in ["{}", r#"{"channel":""}"#, r#"{"channel":null}"#] {
            assert_eq!(refused(&format!("{{\"id\":3,\"{word}\":{body}}}")), InvalidCommand::Malformed, "{word} {body}");
        }
    }
    assert_eq!(refused(r#"{"id":3,"publish":{"data":{}}}"#), InvalidCommand::Malformed);
}

#[test]
fn a_wrong_body_ends_the_batch() {
    for line in [
        r#"{"id":3,"subscribe":"c"}"#,
        r#"{"id":3,"subscribe":["c","t"]}"#,
        r#"{"id":3,"subscribe":{"channel":7}}"#,
        r#"{"id":3,"subscribe":{"channel":"c","offset":-1}}"#,
        r#"{"id":3,"publish":{"channel":"c"}}"#,
        r#"{"id":3,"history":{"channel":"c","limit":99999999999}}"#,
        r#"{"id":3,"connect":{"subs":[]}}"#,
        r#"{"id":3,"rpc":{"method":{}}}"#,
        r#"{"id":3,"rpc":["conversation.send",{}]}"#,
        r#"{"id":3,"rpc":"conversation.send"}"#,
        r#"{"id":3,"refresh":{"token":1}}"#,
        r#"{"id":3,"presence":{"channel":"\ud800"}}"#,
    ] {
        assert_eq!(refused(line), InvalidCommand::Malformed, "{line}");
        assert_eq!(commands(&format!("{line}\n{{}}")).count(), 1, "{line}");
    }
}

#[test]
fn after_an_error_that_closes_nothing_more_is_parsed() {
    assert_eq!(commands("{\"id\":1}\n{}\n{}").count(), 1);
}

#[test]
fn null_counts_as_absent() {
    let CommandKind::Connect(connect) = accepted(r#"{"id":1,"connect":{"token":null,"data":null,"subs":null,"name":null,"version":null}}"#)
    else {
        panic!("not a connect")
    };
    assert_eq!(connect, Connect::default());
    let CommandKind::Subscribe(subscribe) = accepted(r#"{"id":1,"subscribe":{"channel":"c","token":null,"recover":null,"offset":null}}"#)
    else {
        panic!("not a subscribe")
    };
    assert_eq!(subscribe, Subscribe { channel: "c".to_owned(), ..Subscribe::default() });
    let CommandKind::Rpc { data, .. } = accepted(r#"{"id":1,"rpc":{"method":"user.you"}}"#) else { panic!("not an rpc") };
    assert_eq!(data.get(), "null");
}

#[test]
fn unknown_fields_are_ignored_at_every_level() {
    let line = r#"{"id":9,"x":[1],"subscribe":{"channel":"c","tf":{"op":"eq"},"delta":"fossil","flag":1,"new":null}}"#;
    let CommandKind::Subscribe(subscribe) = accepted(line) else { panic!("not a subscribe") };
    assert_eq!((subscribe.channel.as_str(), subscribe.flag), ("c", 1));
}

#[test]
fn nesting_is_counted_before_it_is_parsed_and_strings_do_not_nest() {
    let nested = |levels: usize| format!("{{\"id\":1,\"rpc\":{{\"method\":\"m\",\"data\":{}{}}}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(matches!(accepted(&nested(JSON_DEPTH_MAX - 2)), CommandKind::Rpc { .. }));
    assert_eq!(refused(&nested(JSON_DEPTH_MAX - 1)), InvalidCommand::TooDeep);
    assert_eq!(refused(&"[".repeat(60_000)), InvalidCommand::TooDeep);
    assert_eq!(refused(&"{\"a\":".repeat(10_000)), InvalidCommand::TooDeep);
    let in_string = format!("{{\"id\":1,\"rpc\":{{\"method\":\"m\",\"data\":\"\\\"{}\"}}}}", "[".repeat(500));
    assert!(matches!(accepted(&in_string), CommandKind::Rpc { .. }));
}

#[test]
fn a_frame_of_too_many_commands_ends_at_the_limit() {
    let full = vec!["{}"; COMMANDS_PER_FRAME_MAX].join("\n");
    assert!(commands(&full).all(|got| got.is_ok()));
    let results: Vec<_> = commands(&format!("{full}\n{{}}\n{{}}")).collect();
    assert_eq!(results.len(), COMMANDS_PER_FRAME_MAX + 1);
    assert_eq!(results.last().expect("not empty").as_ref().err(), Some(&InvalidCommand::TooMany));
}

#[test]
fn more_positions_than_subscriptions_is_a_wrong_body() {
    let subs: Vec<String> = (0..=SUBSCRIPTIONS_PER_CONNECTION_MAX).map(|n| format!("\"c{n}\":{{}}")).collect();
    assert_eq!(refused(&format!("{{\"id\":1,\"connect\":{{\"subs\":{{{}}}}}}}", subs.join(","))), InvalidCommand::Malformed);
}

#[test]
fn data_is_passed_on_as_it_came() {
    let CommandKind::Publish { data, .. } = accepted(r#"{"id":1,"publish":{"channel":"c","data":{ "b":1, "a":"\ud800","n":1e999}}}"#)
    else {
        panic!("not a publish")
    };
    assert_eq!(data.get(), r#"{ "b":1, "a":"\ud800","n":1e999}"#);
}
