//! What `verify` finds in a store on an engine.

use rialto_storage::backup::{VerifyError, VerifyReport};
use rialto_storage::conformance::whole::fill;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;

use super::{empty, off, options};

const KEYSPACE: &str = "damage";

/// Statements behind our back; `CONV` stands for the first conversation, `USER` for the last digit of a member's id.
const CASES: [(&str, &str); 16] = [
    ("a row is gone", "DELETE FROM entity_row WHERE kind = 1 AND entity = CONV AND part = 0 AND seq = 3"),
    ("the first row is gone", "DELETE FROM entity_row WHERE kind = 1 AND entity = CONV AND part = 0 AND seq = 1"),
    ("the last row is gone", "DELETE FROM entity_row WHERE kind = 1 AND entity = CONV AND part = 1 AND seq = 7"),
    ("a row cannot be read", "UPDATE entity_row SET data = 0x07 WHERE kind = 1 AND entity = CONV AND part = 0 AND seq = 2"),
    ("the index is gone", "DELETE FROM dedupe WHERE kind = 1 AND entity = CONV AND part = 0"),
    ("the index has too much", "INSERT INTO dedupe (kind, entity, part, sender, client_id, seq, ts) VALUES (1, CONV, 0, CONV, 'x', 2, 1)"),
    ("a member is gone", "DELETE FROM conv_member WHERE conv_id = CONV AND user_id = 0x0192000000007000800000000000000USER"),
    (
        "a count is another",
        "UPDATE conv_member USING TIMESTAMP 2 SET own = 99 WHERE conv_id = CONV AND user_id = 0x0192000000007000800000000000000USER",
    ),
    ("the heading is gone", "DELETE FROM conversation WHERE conv_id = CONV"),
    ("the title is another", "UPDATE conversation USING TIMESTAMP 7 SET title = 'the wrong title' WHERE conv_id = CONV"),
    ("a change of a message is gone", "DELETE FROM conv_overlay WHERE conv_id = CONV AND part = 0 AND target = 2"),
    ("a list lacks it", "DELETE FROM user_conv WHERE user_id = 01920000-0000-7000-8000-00000000000USER AND conv_id = CONV"),
    ("a list has too much", "INSERT INTO user_conv (user_id, conv_id, gone) VALUES (CONV, CONV, false)"),
    (
        "a marker counts wrong",
        "UPDATE read_mark USING TIMESTAMP 3 SET ordinal = 7 WHERE user_id = 01920000-0000-7000-8000-000000000002 AND conv_id = CONV",
    ),
    ("a name leads nowhere", "DELETE FROM username WHERE name = '=alice'"),
    ("a login is not listed", "DELETE FROM user_family WHERE user_id = 01920000-0000-7000-8000-00000000000USER"),
];

async fn session() -> Session {
    let options = options(KEYSPACE).unwrap();
    SessionBuilder::new().known_nodes(&options.hosts).use_keyspace(KEYSPACE, false).build().await.unwrap()
}

fn is_damaged(result: &Result<VerifyReport, VerifyError>) -> bool {
    matches!(result, Err(VerifyError::Damaged(report)) if report.problems > 0 && !report.named.is_empty())
}

#[tokio::test]
async fn verify_finds_what_is_wrong() {
    let Some(store) = empty(KEYSPACE).await else { return };
    let session = session().await;
    for (what, statement) in CASES {
        store.clear().await.unwrap();
        let scripts = fill(&store.store()).await;
        let checking = store.clone();
        off(move || checking.verify()).await.unwrap();
        let statement = statement.replace("CONV", &scripts[0].conversation.0.to_string()).replace("USER", "1");
        session.query_unpaged(statement, ()).await.unwrap();
        let checking = store.clone();
        let found = off(move || checking.verify()).await;
        assert!(is_damaged(&found), "{what}: {found:?}");
    }
}

#[tokio::test]
async fn verify_reads_every_large_body() {
    let Some(store) = empty("bodies").await else { return };
    let options = options("bodies").unwrap();
    let session = SessionBuilder::new().known_nodes(&options.hosts).use_keyspace("bodies", false).build().await.unwrap();
    fill(&store.store()).await;
    let blobs = session.query_unpaged("SELECT kind, entity, blob_id, part FROM blob", ()).await.unwrap().into_rows_result().unwrap();
    let blobs: Vec<(i8, uuid::Uuid, uuid::Uuid, i32)> = blobs.rows().unwrap().map(Result::unwrap).collect();
    assert_eq!(blobs.len(), 18, "row bodies have one part, snapshots two, the caller's three");
    for (kind, entity, blob, part) in blobs {
        let spoil = "UPDATE blob SET data = 0x00 WHERE kind = ? AND entity = ? AND blob_id = ? AND part = ?";
        session.query_unpaged(spoil, (kind, entity, blob, part)).await.unwrap();
    }
    let found = off(move || store.verify()).await;
    assert!(matches!(&found, Err(VerifyError::Damaged(report)) if report.problems == 9), "{found:?}");
}
