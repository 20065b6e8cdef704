//! A conversation panics under load: nothing acknowledged is lost, the others do not notice, and poison ends as `unavailable`, not in a loop.

use std::path::PathBuf;
use std::sync::OnceLock;

use rialto_tests::json::Pick as _;
use rialto_tests::{Person, Rialto, eventually};
use serde_json::json;

/// `unavailable`.
const UNAVAILABLE: u64 = 408;

async fn fragile() -> Rialto {
    // One thread, so that every conversation is a neighbour of the one that panics.
    Rialto::start_program(program(), &["server.threads=1"]).await
}

/// The example `fragile-rialto` of this crate, brought up to date once per test process. It is an example and no binary, so that nobody who builds the
/// product builds it.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let arguments = ["build", "--quiet", "--workspace", "--example", "fragile-rialto"];
        let status = std::process::Command::new(env!("CARGO")).args(arguments).status().expect("cargo can be started");
        assert!(status.success(), "the example does not build");
        let test = std::env::current_exe().expect("a test knows where it lies");
        let profile = test.ancestors().nth(2).expect("a test lies in target/<profile>/deps");
        profile.join("examples/fragile-rialto")
    })
}

fn panics_logged(node: &Rialto) -> usize {
    node.log().matches("entity panicked").count()
}

#[tokio::test]
async fn a_panic_under_load_loses_nothing_and_neighbours_do_not_notice() {
    let node = fragile().await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    alice.opens_group("fragile", &[&bob]).await;
    bob.opens_group("neighbour", &[]).await;
    let mut acknowledged = Vec::new();
    for round in 0..2 {
        let sends = (0..100).map(|number| {
            let text = if number == 50 { "drink poison".to_owned() } else { format!("{round}/{number}") };
            let data = json!({"conversation": alice.room(), "client_id": format!("{round}-{number}"), "text": text});
            ("rpc", json!({"method": "conversation.send", "data": data}))
        });
        let ids = alice.wire.issue_batch(sends.collect()).await;
        let calm = bob.says(&format!("calm {round}")).await;
        assert_eq!(calm, 2 + round, "the neighbour goes on");
        for (number, id) in ids.into_iter().enumerate() {
            match alice.wire.reply(id, "rpc").await {
                Ok(reply) => acknowledged.push((reply["data"].number("offset"), format!("{round}/{number}"))),
                Err(refusal) => assert_eq!((refusal.code, number), (UNAVAILABLE, 50), "only the poisonous command fails"),
            }
        }
    }
    assert_eq!(acknowledged.len(), 198);
    check_offsets(&mut alice, &acknowledged).await;
    assert_eq!(panics_logged(&node), 2, "each panic is logged once:\n{}", node.log());
    let answer = node.http().get("/metrics").send().await;
    let metrics = String::from_utf8_lossy(&answer.body);
    assert!(metrics.lines().any(|line| line == "rialto_entity_panics_total 2"), "{metrics}");
}

/// Every acknowledged message stands at its offset, and nothing else does.
async fn check_offsets(reader: &mut Person, acknowledged: &[(u64, String)]) {
    let mut stored = Vec::new();
    let mut after = 0;
    loop {
        let page = reader.messages(json!({"after": after, "limit": 100})).await;
        let Some(last) = page.last() else { break };
        after = last.number("offset");
        stored.extend(page.iter().map(|item| (item.number("offset"), item.text("text"))));
    }
    assert_eq!(stored, acknowledged);
}

#[tokio::test]
async fn a_poison_conversation_ends_as_unavailable_and_not_in_a_loop() {
    let node = fragile().await;
    let (mut alice, mut bob) = node.two_people("alice", "bob").await;
    alice.opens_group("fragile", &[&bob]).await;
    bob.opens_group("neighbour", &[]).await;
    let kept = alice.says("before").await;
    for _ in 0..20 {
        assert_eq!(alice.may_not("conversation.send", json!({"text": "drink poison"})).await, UNAVAILABLE);
    }
    assert_eq!(panics_logged(&node), 4, "three crashes are forgiven, the fourth keeps it down");
    assert_eq!(alice.may_not("conversation.send", json!({"text": "harmless"})).await, UNAVAILABLE);
    assert_eq!(bob.says("fine").await, 2);
    eventually("the conversation comes back after its pause", async || {
        let data = json!({"conversation": alice.room(), "client_id": "after", "text": "after"});
        alice.wire.rpc("conversation.send", data).await.ok()
    })
    .await;
    let page = alice.messages(json!({})).await;
    let texts: Vec<_> = page.iter().map(|item| (item.number("offset"), item.text("text"))).collect();
    assert_eq!(texts, [(kept, "before".to_owned()), (kept + 1, "after".to_owned())]);
}
