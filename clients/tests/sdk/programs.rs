//! What is built on the SDK: accounts over HTTP, the terminal chat as a process, the example bot.

use std::io::Write;
use std::process::{Command, Stdio};

use rialto_client::http::{Http, HttpError};
use serde_json::json;

use crate::peer::{Peer, within};
use crate::{ROOM, WELCOME, closed};

#[allow(dead_code, reason = "its `main` is not called here")]
#[path = "../../examples/echo.rs"]
mod echo;

const ME: &str = "01920000-0000-7000-8000-0000000000b0";
const ALICE: &str = "01920000-0000-7000-8000-0000000000a1";
const PASSWORD: &str = "correct horse battery";
const TOKEN: &str = "eyJ.secret.token";
const ACK: &str = r#"{"offset":9,"epoch":"e1","time":1790000000000,"duplicate":false}"#;

fn logged_in() -> String {
    json!({"user": {"id": ME, "username": "me", "display_name": "Me"}, "token": TOKEN, "expires_in": 3600}).to_string()
}

fn conversations(kind: &str, read: u64) -> String {
    let conversation = json!({"id": ROOM, "kind": kind, "role": "member", "members": [ME, ALICE], "member_count": 2, "epoch": "e1", "offset": 8, "unread": 3, "read": read});
    json!({"items": [conversation], "next": null}).to_string()
}

#[tokio::test]
async fn a_session_renews_its_token_with_the_cookie() {
    let peer = Peer::listen().await;
    let http = Http::new(peer.url()).expect("a client");
    let cookie = "set-cookie: rialto_refresh=r1; HttpOnly; SameSite=Strict; Path=/v1/auth\r\n";
    let answer = logged_in();
    let (session, (line, _, body)) = tokio::join!(http.login("me", PASSWORD), peer.serves("200 OK", cookie, &answer));
    assert_eq!(line, "POST /v1/auth/login HTTP/1.1");
    assert_eq!(serde_json::from_str::<serde_json::Value>(&body).expect("JSON"), json!({"username": "me", "password": PASSWORD}));
    let session = session.expect("logged in");
    assert_eq!(session.user().username, "me");
    assert_eq!(session.token().await.expect("still fresh"), TOKEN);
    assert!(!format!("{session:?}").contains(TOKEN));
    let (token, (line, head, _)) = tokio::join!(session.refresh(), peer.serves("200 OK", "", r#"{"token":"t2","expires_in":3600}"#));
    assert_eq!((token.expect("renewed").as_str(), line.as_str()), ("t2", "POST /v1/auth/refresh HTTP/1.1"));
    assert!(head.to_lowercase().contains("cookie: rialto_refresh=r1"), "{head}");
}

#[tokio::test]
async fn a_problem_keeps_its_word_and_its_hint() {
    let peer = Peer::listen().await;
    let http = Http::new(peer.url()).expect("a client");
    let problem =
        r#"{"type":"x","title":"t","status":429,"code":"rate_limited","detail":"slow down","request_id":"r","retry_after_ms":900}"#;
    let (refused, _) = tokio::join!(http.login("me", "wrong"), peer.serves("429 Too Many Requests", "", problem));
    let Err(HttpError::Refused { status: 429, code, retry_after_ms: Some(900), .. }) = refused else { panic!("{refused:?}") };
    assert_eq!(code, "rate_limited");
}

#[tokio::test]
async fn the_terminal_chat_serves_in_a_pipe_and_keeps_secrets() {
    let peer = Peer::listen().await;
    let mut chat = Command::new(env!("CARGO_BIN_EXE_rialto-chat"))
        .args(["--url", &peer.url(), "--user", "me"])
        .env("RIALTO_PASSWORD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    chat.stdin.take().expect("piped").write_all("/nonsense\n/open 1\nhello all\n".as_bytes()).expect("it reads");
    peer.serves("200 OK", "", &logged_in()).await;
    let (mut connection, connect) = peer.welcome(WELCOME).await;
    assert_eq!(connect["token"], TOKEN);
    connection.serves("conversation.list", &conversations("direct", 5)).await;
    connection.serves("user.get", &json!({"id": ALICE, "username": "alice\u{1b}[2J", "display_name": "A"}).to_string()).await;
    let subscribe = connection.reads().await;
    connection.says(&format!("{{\"id\":{},\"subscribe\":{{\"recoverable\":true,\"epoch\":\"e1\",\"offset\":8}}}}", subscribe["id"])).await;
    let message = json!({"offset": 8, "sender": ALICE, "client_id": "a", "text": "hi\nme", "time": 1, "reactions": {}});
    connection.serves("conversation.messages", &json!({"items": [message], "next": null}).to_string()).await;
    assert_eq!(connection.serves("conversation.mark_read", r#"{"offset":8,"unread":0}"#).await["offset"], 8);
    assert_eq!(connection.serves("conversation.send", ACK).await["text"], "hello all");
    assert_eq!(connection.reads_text().await, None, "it closes at the end of its input");
    drop(connection);
    let output = within(tokio::task::spawn_blocking(move || chat.wait_with_output())).await.expect("no panic").expect("it ends");
    let (out, err) = (String::from_utf8(output.stdout).expect("text"), String::from_utf8(output.stderr).expect("text"));
    assert!(output.status.success(), "{out}{err}");
    for line in ["logged in as me", "1. alice\u{fffd}[2J (3 unread) [direct", "no such command", "#8 alice\u{fffd}[2J: hi\n    me"] {
        assert!(out.contains(line), "{line:?} is missing in\n{out}");
    }
    for secret in [TOKEN, PASSWORD] {
        assert!(!out.contains(secret) && !err.contains(secret));
    }
}

/// The wire of a bot: what it asks at its start, where it goes on, and that an answer keeps its id over a cut.
#[tokio::test]
async fn the_echo_bot_answers_others_once_over_a_cut() {
    let peer = Peer::listen().await;
    let (client, mut news) = peer.client().start().expect("a client");
    let bot = tokio::spawn(echo::echo(client).run());
    let (mut connection, _) = peer.welcome(WELCOME).await;
    connection.serves("user.me", &json!({"id": ME, "username": "me", "display_name": "Me"}).to_string()).await;
    connection.serves("conversation.list", &conversations("direct", 5)).await;
    let subscribe = connection.reads().await;
    assert_eq!((subscribe["subscribe"]["recover"].as_bool(), subscribe["subscribe"]["offset"].as_u64()), (Some(true), Some(5)));
    let said = |offset: u64, sender: &str, id: &str| json!({"data": {"type": "message", "sender": sender, "client_id": id, "text": format!("text {offset}"), "time": 1}, "offset": offset});
    let missed = json!([said(6, ME, "x"), said(7, ALICE, "bot-of-another"), said(8, ALICE, "a")]);
    let recovered = format!(
        "{{\"id\":{},\"subscribe\":{{\"recoverable\":true,\"recovered\":true,\"was_recovering\":true,\"epoch\":\"e1\",\"offset\":5,\"publications\":{missed}}}}}",
        subscribe["id"]
    );
    connection.says(&recovered).await;
    let first = connection.reads().await["rpc"]["data"].clone();
    assert_eq!(first, json!({"conversation": ROOM, "client_id": format!("bot-{ROOM}-8-0.1"), "text": "echo: text 8", "reply_to": 8}));
    drop(connection);

    let (mut connection, _) = peer.welcome(WELCOME).await;
    let subscribe = connection.reads().await;
    assert_eq!(subscribe["subscribe"]["offset"], 8);
    connection
        .says(&format!(
            "{{\"id\":{},\"subscribe\":{{\"recoverable\":true,\"recovered\":true,\"was_recovering\":true,\"epoch\":\"e1\",\"offset\":8}}}}",
            subscribe["id"]
        ))
        .await;
    assert_eq!(connection.serves("conversation.send", &ACK.replace("false", "true")).await, first);
    assert_eq!(connection.serves("conversation.mark_read", r#"{"offset":8,"unread":0}"#).await["offset"], 8);
    connection.closes(3500, "invalid token").await;
    assert_eq!(closed(&mut news).await.code, 3500);
    let ended = within(bot).await.expect("no panic").expect_err("not by its owner");
    assert!(ended.to_string().contains("3500"), "{ended}");
}
