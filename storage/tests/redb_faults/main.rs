//! The embedded store on disks that are full, broken, or cut from their power.
#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests may")]

mod crash;
mod disk;
mod full;
mod held;
mod journal;

use rialto_protocol::rpc::ConversationKind;
use rialto_storage::Store;
use rialto_storage::conformance::{Script, user};
use rialto_storage::entity_rows::RowRange;

/// Every row of a range that fits one read.
const ALL: RowRange = RowRange { from: 1, to: u64::MAX, limit: 1024, reverse: false };

async fn group(store: &Store, number: u16) -> Script {
    let mut script = Script::claim(store, number).await;
    script.create(ConversationKind::Group, &[user(1), user(2)]).await;
    script
}

async fn seqs(script: &Script) -> Vec<u64> {
    let mut seqs: Vec<u64> = Vec::new();
    loop {
        let range = RowRange { from: seqs.last().map_or(1, |last| last + 1), ..ALL };
        let rows = script.store.rows.read(script.conversation.into(), range).await.unwrap();
        if rows.is_empty() {
            return seqs;
        }
        seqs.extend(rows.into_iter().map(|row| row.seq));
    }
}
