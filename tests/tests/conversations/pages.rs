//! Pages of messages, both ways, with everything folded in.

use rialto_tests::{Person, Pick as _, Rialto, Value, json};

fn offsets(page: &[Value]) -> Vec<u64> {
    page.iter().map(|message| message.number("offset")).collect()
}

/// Twenty messages at offsets 2 to 21, with rows that are no messages behind them.
async fn talk(node: &Rialto) -> Person {
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    for number in 2..=21 {
        alice.says(&format!("message at {number}")).await;
    }
    alice.does("conversation.edit", json!({"target": 5, "text": "edited"})).await;
    alice.does("conversation.react", json!({"target": 6, "emoji": "👍"})).await;
    alice.does("conversation.delete", json!({"target": 7})).await;
    alice
}

#[tokio::test]
async fn pages_go_both_ways_ascending_and_exclusive() {
    let node = Rialto::start(&[]).await;
    let mut alice = talk(&node).await;
    assert_eq!(offsets(&alice.messages(json!({"limit": 3})).await), [19, 20, 21], "the newest page");
    assert_eq!(offsets(&alice.messages(json!({"limit": 3, "before": 19})).await), [16, 17, 18]);
    assert_eq!(offsets(&alice.messages(json!({"limit": 3, "after": 16})).await), [17, 18, 19]);
    assert_eq!(offsets(&alice.messages(json!({"limit": 3, "before": 4})).await), [2, 3]);
    assert_eq!(offsets(&alice.messages(json!({"limit": 3, "after": 0})).await), [2, 3, 4]);
    assert!(alice.messages(json!({"limit": 3, "after": 21})).await.is_empty());
    assert!(alice.messages(json!({"limit": 3, "before": 2})).await.is_empty());
}

#[tokio::test]
async fn scrolling_back_meets_every_message_once() {
    let node = Rialto::start(&[]).await;
    let mut alice = talk(&node).await;
    let mut seen = Vec::new();
    let mut query = json!({"limit": 6});
    loop {
        let page = offsets(&alice.messages(query).await);
        let Some(&oldest) = page.first() else { break };
        seen.splice(0..0, page);
        query = json!({"limit": 6, "before": oldest});
    }
    let expected: Vec<u64> = (2..=21).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn changes_are_folded_in_and_the_same_over_http() {
    let node = Rialto::start(&[]).await;
    let mut alice = talk(&node).await;
    let page = alice.messages(json!({"after": 4, "limit": 3})).await;
    assert_eq!(page[0].text("text"), "edited");
    assert_eq!(page[1]["reactions"]["👍"], json!([alice.id()]));
    assert!(!page[2]["deleted"].is_null(), "{}", page[2]);
    assert_eq!(page[1].text("sender"), alice.id());
    let room = alice.room().to_owned();
    assert_eq!(alice.user.reads(&room, "after=4&limit=3").await, page);
    assert_eq!(offsets(&alice.user.reads(&room, "limit=3").await), [19, 20, 21]);
    assert_eq!(offsets(&alice.user.reads(&room, "before=19&limit=3").await), [16, 17, 18]);
}

#[tokio::test]
async fn nonsense_in_a_query_is_refused() {
    let node = Rialto::start(&[]).await;
    let alice = talk(&node).await;
    for query in ["limit=x", "before=-1", "after=1.5", "limit=-3"] {
        let path = format!("/v1/conversations/{}/messages?{query}", alice.room());
        alice.user.get(&path).await.problem(400, "invalid_argument");
    }
}
