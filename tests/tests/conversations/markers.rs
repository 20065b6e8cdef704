//! Read markers and unread counts.

use rialto_tests::{Person, Pick as _, Rialto, json};

async fn unread(person: &mut Person, room: &str) -> u64 {
    person.wire.ask("conversation.get", json!({"conversation": room})).await.number("unread")
}

#[tokio::test]
async fn unread_counts_messages_of_others() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let first = alice.says("one").await;
    let second = alice.says("two").await;
    assert_eq!(unread(&mut bob, &room).await, 2);
    assert_eq!(unread(&mut alice, &room).await, 0, "one's own messages do not count");
    let marked = bob.wire.ask("conversation.mark_read", json!({"conversation": room, "offset": first})).await;
    assert_eq!((marked.number("offset"), marked.number("unread")), (first, 1));
    let marked = bob.wire.ask("conversation.mark_read", json!({"conversation": room, "offset": second})).await;
    assert_eq!((marked.number("offset"), marked.number("unread")), (second, 0));
    assert_eq!(unread(&mut bob, &room).await, 0);
}

#[tokio::test]
async fn a_marker_never_goes_back_nor_beyond_the_end() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let top = alice.says("one").await;
    for (asked, expected) in [(top, top), (1, top), (0, top)] {
        let marked = bob.wire.ask("conversation.mark_read", json!({"conversation": room, "offset": asked})).await;
        assert_eq!(marked.number("offset"), expected, "asked {asked}");
    }
    match bob.wire.rpc("conversation.mark_read", json!({"conversation": room, "offset": top + 50})).await {
        Ok(marked) => assert_eq!(marked.number("offset"), top),
        Err(refusal) => assert_eq!(refusal.code, 400),
    }
    alice.says("two").await;
    assert_eq!(unread(&mut bob, &room).await, 1, "the future was not marked as read");
}

#[tokio::test]
async fn a_marker_is_the_persons_not_the_devices_and_survives_a_crash() {
    let mut node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let first = alice.says("one").await;
    alice.says("two").await;
    let mut phone = bob.other_device().await;
    bob.wire.ask("conversation.mark_read", json!({"conversation": room, "offset": first})).await;
    assert_eq!(unread(&mut phone, &room).await, 1);
    let told = phone.is_told("read").await;
    assert_eq!((told["data"].text("conversation"), told["data"].number("offset")), (room.clone(), first));
    node.kill9().await;
    node.restart().await;
    let mut bob = Person::connect(bob.user.at(node.url())).await;
    assert_eq!(unread(&mut bob, &room).await, 1);
}
