//! A power cut at any moment: every acknowledged append is there exactly once, and no append is there by half.

use rialto_protocol::rpc::ConversationKind;
use rialto_storage::backend::redb::RedbStore;
use rialto_storage::conformance::{Script, user};
use rialto_storage::shard_log::{Append, Outcome};

use crate::ALL;
use crate::disk::{Disk, Random};

const ROUNDS: u64 = 60;
const ROWS_EACH: u64 = 3;

/// Several shards append batches of three rows until the power goes; answers how many rows of each were acknowledged.
async fn write_until_cut(disk: &Disk, folder: &std::path::Path, random: &mut Random) -> Vec<(Script, u64)> {
    let redb = RedbStore::open(folder, disk.options(), |_| {}).unwrap();
    let store = redb.store();
    let mut scripts = Vec::new();
    for number in 0..4 {
        let mut script = Script::claim(&store, number).await;
        script.create(ConversationKind::Group, &[user(1), user(2)]).await;
        scripts.push((script, 1_u64));
    }
    let now = disk.state().operations;
    disk.state().cut_after = Some(now + 1 + random.below(400));
    loop {
        let mut waiting = Vec::new();
        for (script, _) in &mut scripts {
            let large = random.below(10) == 0;
            let event = script.says(user(1), &"x".repeat(if large { 20_000 } else { 50 }));
            let mut rows: Vec<_> = (0..ROWS_EACH).map(|_| script.row(user(1), None, &event)).collect();
            if large {
                rows.iter_mut().take(2).for_each(|row| row.body = bytes::Bytes::from_static(b"{}"));
            }
            let append = Append { bucket: 0, fence: script.fence, cursor: script.wseq - 1, first_wseq: script.wseq, rows };
            script.wseq += ROWS_EACH;
            waiting.push(store.log.append(script.shard, append));
        }
        let mut cut = false;
        for ((script, acked), append) in scripts.iter_mut().zip(waiting) {
            match append.await {
                Ok(Outcome::Applied) => *acked = script.seq,
                _ => cut = true,
            }
        }
        if cut {
            redb.close();
            return scripts;
        }
    }
}

#[tokio::test]
async fn power_cuts() {
    let only: Option<u64> = std::env::var("CRASH_SEED").ok().and_then(|text| text.parse().ok());
    for seed in only.map_or(0..ROUNDS, |seed| seed..seed + 1) {
        eprintln!("replay with CRASH_SEED={seed}");
        let mut random = Random(seed);
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::with_free(u64::MAX);
        let written = write_until_cut(&disk, folder.path(), &mut random).await;
        let after = disk.after_cut(&mut random);
        let redb = RedbStore::open(folder.path(), after.options(), |message| panic!("{message}")).unwrap();
        let store = redb.store();
        for (script, acked) in written {
            let rows = store.rows.read(script.conversation.into(), ALL).await.unwrap();
            let top = rows.len() as u64;
            assert!(rows.iter().map(|row| row.seq).eq(1..=top), "each row once, in order");
            assert!(top >= acked, "acknowledged up to {acked}, found up to {top}");
            assert_eq!((top - 1) % ROWS_EACH, 0, "an append is there whole or not at all");
            let head = store.log.head(script.shard, 0).await.unwrap();
            assert_eq!(head.cursor, top, "the cursor is at the end");
        }
        redb.verify().unwrap();
    }
}
