//! The conversation list and the inbox that keeps it live.

use rialto_tests::{Person, Pick as _, Rialto, Value, eventually, json};

async fn list(person: &mut Person) -> Vec<Value> {
    person.wire.ask("conversation.list", json!({})).await.list("items")
}

#[tokio::test]
async fn the_list_shows_last_message_and_unread() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    alice.says("first").await;
    alice.says("last").await;
    let seen = eventually("bob's list catches up", async || {
        let items = list(&mut bob).await;
        (items.len() == 1 && items[0].number("unread") == 2).then(|| items[0].clone())
    })
    .await;
    assert_eq!(seen.text("id"), room);
    assert_eq!(seen["last"]["text"], "last", "{seen}");
    assert_eq!(seen["last"]["sender"], alice.id(), "{seen}");
}

#[tokio::test]
async fn the_newest_conversation_comes_first_and_pages_go_on() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let mut rooms = Vec::new();
    for number in 0..5 {
        rooms.push(alice.user.creates("group", &format!("room {number}"), &[]).await.text("id"));
    }
    alice.user.sends(&rooms[1], "newest").await;
    eventually("the order follows the last message", async || (list(&mut alice).await[0].text("id") == rooms[1]).then_some(())).await;
    let (mut seen, mut query) = (Vec::new(), "limit=2".to_owned());
    loop {
        let page = alice.user.get(&format!("/v1/conversations?{query}")).await.expect(200);
        assert!(page.list("items").len() <= 2);
        seen.extend(page.list("items").iter().map(|item| item.text("id")));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        query = format!("limit=2&cursor={next}");
    }
    seen.sort();
    rooms.sort();
    assert_eq!(seen, rooms);
}

#[tokio::test]
async fn the_inbox_tells_what_begins_and_ends_and_changes() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let added = bob.is_told("conversation_added").await;
    assert!(added["data"].to_string().contains(&room), "{added}");
    alice.says("hi").await;
    let changed = bob.is_told("conversation_changed").await;
    assert_eq!(changed["data"].text("conversation"), room);
    assert_eq!(changed["data"].number("unread"), 1, "{changed}");
    assert_eq!(changed["data"]["last"]["text"], "hi", "{changed}");
    assert!(changed.number("offset") > added.number("offset"), "the inbox is a stream");
    alice.does("conversation.remove", json!({"user": bob.id()})).await;
    assert!(bob.is_told("conversation_removed").await["data"].to_string().contains(&room));
}

#[tokio::test]
async fn a_burst_in_one_conversation_is_at_most_an_event_a_second() {
    const BURST: u64 = 200;
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let started = rialto_tests::now_ms();
    let room = alice.opens_group("tea", &[&bob]).await;
    for number in 0..BURST {
        alice.says(&format!("{number}")).await;
    }
    let mut events = 0;
    loop {
        let changed = bob.is_told("conversation_changed").await;
        events += 1;
        assert_eq!(changed["data"].text("conversation"), room);
        if changed["data"].number("unread") == BURST {
            break;
        }
    }
    let seconds = (rialto_tests::now_ms() - started).div_ceil(1000);
    assert!(events <= seconds + 1, "{events} events in {seconds} s");
}
