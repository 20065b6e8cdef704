//! recovery by offset and epoch: never partial, and honest when it cannot be.

use rialto_protocol::limits::LONG_RECOVERY_PUBLICATIONS_MAX;
use rialto_tests::{Person, Pick as _, Rialto, Value, json};

fn texts(reply: &Value) -> Vec<String> {
    reply.list("publications").iter().map(|publication| publication["data"].text("text")).collect()
}

async fn come_back(person: &Person, channel: &str, offset: u64, epoch: &str) -> Value {
    let mut device = person.other_device().await;
    device.wire.recover(channel, offset, epoch).await.expect("subscribed")
}

#[tokio::test]
async fn what_was_missed_comes_with_the_reply() {
    let node = Rialto::start(&[]).await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let epoch = bob.enters(&room).await.text("epoch");
    let offset = alice.says("seen").await;
    bob.hears("seen").await;
    let (bob_user, channel) = (bob.user.clone(), bob.channel());
    bob.wire.cut();
    for text in ["missed 1", "missed 2"] {
        alice.says(text).await;
    }
    let mut bob = Person::connect(bob_user).await;
    let reply = bob.wire.recover(&channel, offset, &epoch).await.expect("subscribed");
    assert!(reply.flag("recovered") && reply.flag("was_recovering"), "{reply}");
    assert_eq!(texts(&reply), ["missed 1", "missed 2"]);
    assert_eq!(reply.number("offset"), offset, "the request's offset; the publications move the client on: {reply}");
    assert_eq!(reply.text("epoch"), epoch);
    alice.says("live again").await;
    assert_eq!(bob.wire.publication(&channel).await.number("offset"), offset + 3);
}

#[tokio::test]
async fn who_missed_nothing_is_recovered_with_nothing() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let offset = alice.says("hi").await;
    let epoch = alice.other_device().await.enters(&room).await.text("epoch");
    let reply = come_back(&alice, &alice.channel(), offset, &epoch).await;
    assert!(reply.flag("recovered"), "{reply}");
    assert_eq!(reply.list("publications").len(), 0);
}

#[tokio::test]
async fn another_epoch_and_an_impossible_offset_are_not_recovered() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let top = alice.says("hi").await;
    let epoch = alice.other_device().await.enters(&room).await.text("epoch");
    for (offset, claimed) in [(1, "another".to_owned()), (top + 100, epoch)] {
        let reply = come_back(&alice, &alice.channel(), offset, &claimed).await;
        assert!(!reply.flag("recovered"), "{reply}");
        assert!(reply.flag("was_recovering"), "{reply}");
        assert_eq!(reply.number("offset"), top, "then the reply has the top: {reply}");
        assert_eq!(reply.list("publications").len(), 0, "never partial: {reply}");
    }
}

#[tokio::test]
async fn more_missed_rows_than_a_recovery_may_have_are_not_recovered() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let room = alice.opens_group("tea", &[]).await;
    let epoch = alice.other_device().await.enters(&room).await.text("epoch");
    let numbers: Vec<usize> = (0..=LONG_RECOVERY_PUBLICATIONS_MAX).collect();
    // On a slow store more would meet the limit of one person's sends that wait for the index of their ids.
    for frame in numbers.chunks(100) {
        let sends = frame.iter().map(|number| {
            let data = json!({"conversation": room, "client_id": format!("id-{number}"), "text": "x"});
            ("rpc", json!({"method": "conversation.send", "data": data}))
        });
        for id in alice.wire.issue_batch(sends.collect()).await {
            alice.wire.reply(id, "rpc").await.expect("sent");
        }
    }
    let reply = come_back(&alice, &alice.channel(), 1, &epoch).await;
    assert!(!reply.flag("recovered") && reply.flag("was_recovering"), "{}", reply["offset"]);
    let reply = come_back(&alice, &alice.channel(), 2, &epoch).await;
    assert!(reply.flag("recovered"), "{}", reply["offset"]);
    assert_eq!(reply.list("publications").len(), LONG_RECOVERY_PUBLICATIONS_MAX);
}

#[tokio::test]
async fn a_client_may_ask_to_be_refused_instead() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    let mut device = alice.other_device().await;
    let body = json!({"channel": alice.channel(), "recover": true, "offset": 1, "epoch": "another", "flag": 2});
    assert_eq!(device.wire.call("subscribe", body).await.expect_err("unrecoverable").code, 112);
}

#[tokio::test]
async fn a_topic_recovers_within_its_history() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    let epoch = alice.wire.subscribe("news").await.expect("subscribed").text("epoch");
    let publish = |number: u64| ("publish", json!({"channel": "news", "data": {"text": number.to_string()}}));
    for id in alice.wire.issue_batch((1..=120).map(publish).collect()).await {
        alice.wire.reply(id, "publish").await.expect("published");
    }
    let reply = come_back(&alice, "news", 118, &epoch).await;
    assert!(reply.flag("recovered"), "{reply}");
    assert_eq!(texts(&reply), ["119", "120"]);
    let reply = come_back(&alice, "news", 3, &epoch).await;
    assert!(!reply.flag("recovered") && reply.flag("was_recovering"), "older than the history: {reply}");
}

#[tokio::test]
async fn the_inbox_recovers_in_the_connect_reply() {
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let inbox = format!("user:{}", bob.id());
    let at = bob.wire.hello["subs"][&inbox].clone();
    let mut bob_phone = bob.other_device().await;
    bob.wire.cut();
    alice.opens_group("tea", &[&bob_phone]).await;
    bob_phone.is_told("conversation_added").await;
    let mut wire = rialto_tests::Wire::open(node.url()).await;
    let subs = json!({&inbox: {"recover": true, "offset": at.number("offset"), "epoch": at.text("epoch")}});
    let hello = wire.call("connect", json!({"token": bob_phone.user.token, "subs": subs})).await.expect("connected");
    let inbox = &hello["subs"][&inbox];
    assert!(inbox.flag("recovered"), "{hello}");
    let types: Vec<String> = inbox.list("publications").iter().map(|publication| publication["data"].text("type")).collect();
    assert!(types.contains(&"conversation_added".to_owned()), "{hello}");
}

#[tokio::test]
async fn nothing_is_missed_between_history_and_live_while_others_talk() {
    const MESSAGES: u64 = 200;
    let node = Rialto::start(&[]).await;
    let (mut alice, bob) = node.two_people("alice", "bob").await;
    let room = alice.opens_group("tea", &[&bob]).await;
    let mut ids = Vec::new();
    for number in 0..MESSAGES {
        let data = json!({"conversation": room, "client_id": format!("id-{number}"), "text": "x"});
        ids.push(alice.wire.issue("rpc", json!({"method": "conversation.send", "data": data})).await);
    }
    // Those sends are under way while bob subscribes: the reply and the pushes together must have each row once.
    let mut device = bob.other_device().await;
    let reply = device.wire.recover(&alice.channel(), 1, "").await.expect("subscribed");
    assert!(reply.flag("recovered"), "{reply}");
    let mut seen: Vec<u64> = reply.list("publications").iter().map(|publication| publication.number("offset")).collect();
    while seen.last().is_none_or(|last| *last < MESSAGES + 1) {
        seen.push(device.wire.publication(&alice.channel()).await.number("offset"));
    }
    let expected: Vec<u64> = (2..=MESSAGES + 1).collect();
    assert_eq!(seen, expected);
    for id in ids {
        alice.wire.reply(id, "rpc").await.expect("sent");
    }
}
