//! What an rpc body must be, and with which code it is refused otherwise.

use rialto_protocol::code::ErrorCode;
use rialto_protocol::limits::{
    CLIENT_ID_BYTES_MAX, EMOJI_BYTES_MAX, MEMBERS_PER_CALL_MAX, METHOD_BYTES_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX,
};
use rialto_protocol::rpc::Request;

const ID: &str = "01920000-0000-7000-8000-000000000001";

fn refused(method: &str, body: &str) -> ErrorCode {
    Request::parse(method, body).expect_err(body).code
}

fn fits(method: &str, body: &str) {
    Request::parse(method, body).unwrap_or_else(|refusal| panic!("{method} {body}: {refusal}"));
}

fn with(more: &str) -> String {
    format!("{{\"conversation\":\"{ID}\",\"client_id\":\"a\",{more}}}")
}

#[test]
fn an_unknown_method_is_104_whatever_its_body() {
    for method in
        ["", "conversation", "conversation.", "conversation.Send", "conversation.send ", "user.you", &"x".repeat(METHOD_BYTES_MAX + 1)]
    {
        assert_eq!(refused(method, "{}"), ErrorCode::MethodNotFound, "{method}");
    }
}

#[test]
fn a_body_of_another_shape_is_invalid_argument() {
    for body in [
        "",
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        "{}",
        r#"{"conversation":"not a uuid"}"#,
        r#"{"conversation":7}"#,
        &format!("[\"{ID}\",\"a\",\"hi\"]"),
    ] {
        for method in ["conversation.get", "conversation.send", "conversation.join", "conversation.mark_read", "conversation.set_role"] {
            assert_eq!(refused(method, body), ErrorCode::InvalidArgument, "{method} {body}");
        }
    }
}

#[test]
fn lists_and_me_need_no_body() {
    for body in ["", "null", "{}", r#"{"unknown":1}"#] {
        fits("conversation.list", body);
        fits("user.me", body);
    }
    assert_eq!(refused("conversation.list", r#"{"limit":-1}"#), ErrorCode::InvalidArgument);
}

#[test]
fn text_has_a_byte_and_at_most_32_kib() {
    assert_eq!(refused("conversation.send", &with(r#""text":"""#)), ErrorCode::InvalidArgument);
    fits("conversation.send", &with(&format!("\"text\":\"{}\"", "x".repeat(TEXT_BYTES_MAX))));
    assert_eq!(refused("conversation.send", &with(&format!("\"text\":\"{}x\"", "é".repeat(TEXT_BYTES_MAX / 2)))), ErrorCode::TooLarge);
    assert_eq!(refused("conversation.edit", &with(r#""target":1,"text":"""#)), ErrorCode::InvalidArgument);
    assert_eq!(refused("conversation.send", &with(r#""text":"\ud800""#)), ErrorCode::InvalidArgument);
}

#[test]
fn what_appends_wants_a_client_id_of_visible_ascii() {
    let send = |id: &str| format!("{{\"conversation\":\"{ID}\",\"client_id\":{id},\"text\":\"hi\"}}");
    fits("conversation.send", &send(&format!("\"{}\"", "~".repeat(CLIENT_ID_BYTES_MAX))));
    for id in ["null", "1", "\"\"", "\"a b\"", "\"é\"", "\"\\u0000\"", &format!("\"{}\"", "a".repeat(CLIENT_ID_BYTES_MAX + 1))] {
        assert_eq!(refused("conversation.send", &send(id)), ErrorCode::InvalidArgument, "{id}");
    }
    assert_eq!(refused("conversation.send", &format!("{{\"conversation\":\"{ID}\",\"text\":\"hi\"}}")), ErrorCode::InvalidArgument);
}

#[test]
fn a_direct_conversation_has_one_other_and_no_title() {
    fits("conversation.create", &format!("{{\"kind\":\"direct\",\"members\":[\"{ID}\"]}}"));
    fits("conversation.create", r#"{"kind":"group"}"#);
    for body in [r#"{"kind":"direct"}"#, r#"{"kind":"direct","members":[]}"#, r#"{"kind":"secret"}"#, r#"{"kind":"group","title":"a\nb"}"#]
    {
        assert_eq!(refused("conversation.create", body), ErrorCode::InvalidArgument, "{body}");
    }
    assert_eq!(
        refused("conversation.create", &format!("{{\"kind\":\"direct\",\"members\":[\"{ID}\",\"{ID}\"]}}")),
        ErrorCode::InvalidArgument
    );
    let title = format!("{{\"kind\":\"public\",\"title\":\"{}\"}}", "t".repeat(TITLE_BYTES_MAX + 1));
    assert_eq!(refused("conversation.create", &title), ErrorCode::TooLarge);
}

#[test]
fn counts_and_choices_are_checked() {
    let users = vec![format!("\"{ID}\""); MEMBERS_PER_CALL_MAX + 1].join(",");
    assert_eq!(refused("conversation.invite", &with(&format!("\"users\":[{users}]"))), ErrorCode::TooLarge);
    assert_eq!(refused("conversation.create", &format!("{{\"kind\":\"group\",\"members\":[{users}]}}")), ErrorCode::TooLarge);
    assert_eq!(refused("conversation.invite", &with(r#""users":[]"#)), ErrorCode::InvalidArgument);
    assert_eq!(refused("conversation.set", &format!("{{\"conversation\":\"{ID}\",\"client_id\":\"a\"}}")), ErrorCode::InvalidArgument);
    assert_eq!(
        refused("conversation.messages", &format!("{{\"conversation\":\"{ID}\",\"before\":9,\"after\":1}}")),
        ErrorCode::InvalidArgument
    );
    assert_eq!(refused("conversation.set_role", &with(&format!("\"user\":\"{ID}\",\"role\":\"king\""))), ErrorCode::InvalidArgument);
}

#[test]
fn an_emoji_is_short_and_without_spaces() {
    let react = |emoji: &str| with(&format!("\"target\":1,\"emoji\":\"{emoji}\""));
    for method in ["conversation.react", "conversation.unreact"] {
        fits(method, &react("👩‍👩‍👧‍👦"));
        for emoji in ["", " ", "a b", "\\n", "\\u0007", &"x".repeat(EMOJI_BYTES_MAX + 1)] {
            assert_eq!(refused(method, &react(emoji)), ErrorCode::InvalidArgument, "{emoji}");
        }
    }
}

#[test]
fn a_request_knows_its_method_and_is_its_body() {
    let bodies = [
        ("conversation.create", r#""kind":"group""#.to_owned()),
        ("conversation.list", r#""limit":3"#.to_owned()),
        ("conversation.get", String::new()),
        ("conversation.members", r#""cursor":"c""#.to_owned()),
        ("conversation.messages", r#""after":7"#.to_owned()),
        ("conversation.join", String::new()),
        ("conversation.leave", String::new()),
        ("conversation.invite", format!("\"users\":[\"{ID}\"]")),
        ("conversation.remove", format!("\"user\":\"{ID}\"")),
        ("conversation.set_role", format!("\"user\":\"{ID}\",\"role\":\"admin\"")),
        ("conversation.set", r#""title":"t""#.to_owned()),
        ("conversation.send", r#""text":"hi","reply_to":2"#.to_owned()),
        ("conversation.edit", r#""target":1,"text":"hi""#.to_owned()),
        ("conversation.delete", r#""target":1"#.to_owned()),
        ("conversation.react", r#""target":1,"emoji":"👍""#.to_owned()),
        ("conversation.unreact", r#""target":1,"emoji":"👍""#.to_owned()),
        ("conversation.mark_read", r#""offset":1"#.to_owned()),
        ("conversation.typing", String::new()),
        ("user.me", String::new()),
        ("user.get", format!("\"user\":\"{ID}\"")),
        ("user.find", r#""username":"ada""#.to_owned()),
    ];
    for (method, more) in bodies {
        let comma = if more.is_empty() { "" } else { "," };
        let body = format!("{{\"conversation\":\"{ID}\",\"client_id\":\"a\"{comma}{more}}}");
        let request = Request::parse(method, &body).unwrap_or_else(|refusal| panic!("{method} {body}: {refusal}"));
        assert_eq!(request.method(), method);
        let again = serde_json::to_string(&request).expect("JSON");
        assert_eq!(Request::parse(method, &again).as_ref(), Ok(&request), "{again}");
    }
}

#[test]
fn a_refusal_speaks_of_the_body_and_not_of_byte_positions() {
    let refusal = Request::parse("conversation.get", "{}").expect_err("no conversation");
    let detail = refusal.detail.expect("a sentence");
    assert!(detail.contains("conversation") && !detail.contains("column"), "{detail}");
}
