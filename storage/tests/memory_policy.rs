//! What the in-memory reference lets tests of the Shard do to acknowledgements.

use rialto_protocol::rpc::ConversationKind;
use rialto_storage::ErrorKind;
use rialto_storage::backend::memory::{MemoryStore, Verdict};
use rialto_storage::conformance::{Script, user};
use rialto_storage::shard_log::{Append, Fence, Outcome};
use uuid::Uuid;

/// A store in which the next append gets this verdict, a conversation with one row, and a batch of one more.
async fn next_is(verdict: Verdict) -> (MemoryStore, Script, Append) {
    let memory = MemoryStore::default();
    let mut script = Script::claim(&memory.store(), 1).await;
    script.create(ConversationKind::Group, &[user(1)]).await;
    let event = script.says(user(1), "hi");
    let rows = vec![script.row(user(1), None, &event)];
    memory.set_policy(move |shard, append| {
        assert_eq!((shard, append.first_wseq), (1, 2), "the policy sees what is asked");
        verdict
    });
    let append = Append { bucket: 0, fence: script.fence, cursor: 1, first_wseq: 2, rows };
    (memory, script, append)
}

#[tokio::test]
async fn unknown_and_applied() {
    let (memory, script, append) = next_is(Verdict::UnknownApplied).await;
    assert_eq!(script.store.log.append(1, append.clone()).await.unwrap(), Outcome::Unknown);
    assert_eq!(script.store.log.head(1, 0).await.unwrap().cursor, 2, "a serial read tells");
    memory.clear_policy();
    assert_eq!(script.store.log.append(1, append).await.unwrap(), Outcome::Applied, "the identical batch again");
    assert_eq!(memory.rows_of(script.conversation.into()).len(), 2, "stands once");
}

#[tokio::test]
async fn unknown_and_not() {
    let (memory, script, append) = next_is(Verdict::UnknownNot).await;
    assert_eq!(script.store.log.append(1, append).await.unwrap(), Outcome::Unknown);
    assert_eq!(script.store.log.head(1, 0).await.unwrap().cursor, 1);
    assert_eq!(memory.land_late(), 0, "it never comes");
    assert_eq!(memory.rows_of(script.conversation.into()).len(), 1);
}

#[tokio::test]
async fn late_lands_only_under_its_fence() {
    for taken_over in [false, true] {
        let (memory, script, append) = next_is(Verdict::UnknownLate).await;
        assert_eq!(script.store.log.append(1, append).await.unwrap(), Outcome::Unknown);
        if taken_over {
            let claim = script.store.log.claim(1, 0, Some(script.fence), Fence(Uuid::nil()), 0);
            assert_eq!(claim.await.unwrap(), Outcome::Applied);
        }
        assert_eq!(memory.land_late(), usize::from(!taken_over));
        assert_eq!(memory.rows_of(script.conversation.into()).len(), if taken_over { 1 } else { 2 });
    }
}

#[tokio::test]
async fn fenced_and_full_void_the_fence() {
    for (verdict, outcome) in [(Verdict::Fenced, Outcome::Fenced), (Verdict::Full, Outcome::Full)] {
        let (memory, script, append) = next_is(verdict).await;
        assert_eq!(script.store.log.append(1, append.clone()).await.unwrap(), outcome);
        memory.clear_policy();
        assert_eq!(script.store.log.append(1, append.clone()).await.unwrap(), Outcome::Fenced, "it must claim first");
        let fence = Fence(Uuid::nil());
        assert_eq!(script.store.log.claim(1, 0, Some(script.fence), fence, 0).await.unwrap(), Outcome::Applied);
        assert_eq!(script.store.log.append(1, Append { fence, ..append }).await.unwrap(), Outcome::Applied);
        assert_eq!(memory.entities(), vec![script.conversation.into()]);
    }
}

#[tokio::test]
async fn an_error_of_any_kind() {
    let (_memory, script, append) = next_is(Verdict::Fail(ErrorKind::Overloaded)).await;
    assert_eq!(script.store.log.append(1, append).await.unwrap_err().kind, ErrorKind::Overloaded);
}
