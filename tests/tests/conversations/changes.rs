//! Reply, edit, delete, reactions, settings: each an event of its own, and folded into the messages.

use rialto_tests::{Pick as _, Rialto, json};

#[tokio::test]
async fn a_reply_names_what_it_answers() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let question = alice.says("tea?").await;
    bob.does("conversation.send", json!({"text": "yes", "reply_to": question})).await;
    alice.hears("tea?").await;
    assert_eq!(alice.hears("yes").await["data"]["reply_to"], question);
    assert_eq!(alice.messages(json!({})).await[1].number("reply_to"), question);
    for nowhere in [1, 999] {
        let code = bob.may_not("conversation.send", json!({"text": "what?", "reply_to": nowhere})).await;
        assert!([400, 401].contains(&code), "{nowhere}: {code}");
    }
}

#[tokio::test]
async fn an_edit_is_an_event_and_changes_the_page() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let target = alice.says("teh").await;
    alice.does("conversation.edit", json!({"target": target, "text": "the"})).await;
    let edited = bob.sees("message_edited").await;
    assert_eq!(edited["data"]["target"], target);
    assert_eq!(edited["data"]["text"], "the");
    assert_eq!(edited["data"]["by"], alice.id());
    let message = &bob.messages(json!({})).await[0];
    assert_eq!(message.text("text"), "the");
    assert_eq!(message.number("offset"), target);
    assert!(!message["edited"].is_null(), "{message}");
    let history = bob.wire.call("history", json!({"channel": bob.channel(), "limit": -1})).await.expect("history");
    assert_eq!(history["publications"][1]["data"]["text"], "teh", "the log keeps what was said: {history}");
}

#[tokio::test]
async fn a_deleted_message_keeps_its_place_and_loses_its_text() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let target = alice.says("oops").await;
    alice.says("after").await;
    alice.does("conversation.delete", json!({"target": target})).await;
    let deleted = bob.sees("message_deleted").await;
    assert_eq!(deleted["data"]["target"], target);
    assert_eq!(deleted["data"]["by"], alice.id());
    let page = bob.messages(json!({})).await;
    assert_eq!(page.len(), 2);
    assert!(!page[0]["deleted"].is_null(), "{}", page[0]);
    assert!(page[0]["text"].as_str().unwrap_or_default().is_empty(), "{}", page[0]);
    for (method, details) in [("edit", json!({"target": target, "text": "back"})), ("react", json!({"target": target, "emoji": "👍"}))] {
        let code = alice.may_not(&format!("conversation.{method}"), details).await;
        assert!([400, 401, 404].contains(&code), "{method}: {code}");
    }
}

#[tokio::test]
async fn only_messages_can_be_changed() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    for target in [0, 1, 2, 999] {
        for (method, details) in [
            ("edit", json!({"target": target, "text": "x"})),
            ("delete", json!({"target": target})),
            ("react", json!({"target": target, "emoji": "👍"})),
        ] {
            let code = alice.may_not(&format!("conversation.{method}"), details).await;
            assert!([400, 401].contains(&code), "{method} {target}: {code}");
        }
    }
}

#[tokio::test]
async fn reactions_come_and_go_per_person_and_emoji() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    let target = alice.says("cake!").await;
    alice.does("conversation.react", json!({"target": target, "emoji": "🎂"})).await;
    bob.does("conversation.react", json!({"target": target, "emoji": "🎂"})).await;
    bob.does("conversation.react", json!({"target": target, "emoji": "👍"})).await;
    let added = alice.sees("reaction_added").await;
    assert_eq!((added["data"]["user"].as_str(), added["data"]["emoji"].as_str()), (Some(alice.id()), Some("🎂")));
    let message = alice.messages(json!({})).await[0].clone();
    let mut cake = message["reactions"].texts("🎂");
    cake.sort();
    let mut both = vec![alice.id().to_owned(), bob.id().to_owned()];
    both.sort();
    assert_eq!(cake, both);
    bob.does("conversation.unreact", json!({"target": target, "emoji": "👍"})).await;
    assert_eq!(alice.sees("reaction_removed").await["data"]["user"], bob.id());
    let message = alice.messages(json!({})).await[0].clone();
    assert!(message["reactions"]["👍"].is_null(), "{message}");
    assert_eq!(message["reactions"].texts("🎂").len(), 2);
}

#[tokio::test]
async fn the_title_is_a_setting() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    bob.enters(&room).await;
    alice.does("conversation.set", json!({"title": "coffee"})).await;
    let change = bob.sees("settings_changed").await;
    assert_eq!(change["data"]["title"], "coffee");
    assert_eq!(change["data"]["by"], alice.id());
    assert_eq!(bob.wire.ask("conversation.get", json!({"conversation": room})).await.text("title"), "coffee");
}

#[tokio::test]
async fn a_text_above_32_kib_is_too_large_and_an_empty_one_is_none() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    alice.says(&"x".repeat(32 * 1024)).await;
    assert_eq!(alice.may_not("conversation.send", json!({"text": "x".repeat(32 * 1024 + 1)})).await, 405);
    assert_eq!(alice.may_not("conversation.send", json!({"text": ""})).await, 400);
    let page = alice.messages(json!({})).await;
    assert_eq!(page.len(), 1);
    assert_eq!(page[0].text("text").len(), 32 * 1024, "a large body comes back whole");
}
