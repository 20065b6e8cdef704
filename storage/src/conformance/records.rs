//! Small records.

use bytes::Bytes;
use uuid::Uuid;

use crate::limits::RECORD_BYTES_MAX;
use crate::records::{Record, RecordKey, RecordTable};
use crate::{ErrorKind, Store};

fn key(table: RecordTable, part: u128, id: Uuid) -> RecordKey {
    RecordKey { table, part: Uuid::from_u128(part), id }
}

pub(super) async fn compare_and_set(store: Store) {
    let records = &store.records;
    let one = key(RecordTable::Webhook, 1, Uuid::from_u128(7));
    assert_eq!(records.get(one).await.expect("get"), None, "none yet");
    let racing: Vec<_> = (0..12_u8).map(|number| (number, records.put(one, 0, vec![number].into()))).collect();
    let mut won = Vec::new();
    for (number, answer) in racing {
        if answer.await.expect("put") {
            won.push(number);
        }
    }
    assert_eq!(won.len(), 1, "one of many makers wins");
    let stands = records.get(one).await.expect("get").expect("it stands");
    assert_eq!(stands, Record { version: 1, data: vec![won[0]].into() }, "and it is the winner's");
    assert!(!records.put(one, 2, Bytes::new()).await.expect("put"), "a version that nobody has seen");
    assert!(records.put(one, 1, Bytes::from_static(b"\0next")).await.expect("put"), "changed");
    assert!(!records.put(one, 1, Bytes::new()).await.expect("put"), "the same change comes too late");
    assert_eq!(
        records.get(one).await.expect("get").expect("stands"),
        Record { version: 2, data: Bytes::from_static(b"\0next") },
        "every byte"
    );
    assert!(!records.remove(one, 1).await.expect("remove"), "it has changed since");
    assert!(records.remove(one, 2).await.expect("remove"), "removed");
    assert!(!records.remove(one, 2).await.expect("remove"), "gone already");
    assert_eq!(records.get(one).await.expect("get"), None, "gone");
    assert!(records.put(one, 0, Bytes::new()).await.expect("put"), "an empty record is one");
    assert_eq!(records.get(one).await.expect("get"), Some(Record { version: 1, data: Bytes::new() }), "it begins anew");
    let huge = records.put(key(RecordTable::Webhook, 1, Uuid::from_u128(8)), 0, vec![0; RECORD_BYTES_MAX + 1].into());
    assert_eq!(huge.await.expect_err("too large").kind, ErrorKind::Limit, "a record is limited");
}

pub(super) async fn pages(store: Store) {
    let records = &store.records;
    // Of every version, for engines that order ids by it.
    let mut ids = vec![Uuid::nil(), Uuid::max(), Uuid::from_u128(1)];
    ids.extend((0..5).map(|number| Uuid::new_v5(&Uuid::NAMESPACE_OID, &[number])));
    ids.extend((0..5).map(|number| uuid::Builder::from_unix_timestamp_millis(number << 40, &[9; 10]).into_uuid()));
    for id in &ids {
        assert!(records.put(key(RecordTable::Cursor, 3, *id), 0, Bytes::copy_from_slice(id.as_bytes())).await.expect("put"));
    }
    for (table, part) in [(RecordTable::Cursor, 2), (RecordTable::Cursor, 4), (RecordTable::Webhook, 3), (RecordTable::DeadLetter, 3)] {
        assert!(records.put(key(table, part, Uuid::from_u128(5)), 0, Bytes::new()).await.expect("put"), "another partition");
    }
    ids.sort();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = records.list(RecordTable::Cursor, Uuid::from_u128(3), after, 4).await.expect("list");
        assert!(page.len() <= 4, "a page is limited");
        assert!(page.iter().all(|(id, record)| record.data == id.as_bytes().as_slice() && record.version == 1), "each with its record");
        seen.extend(page.iter().map(|(id, _)| *id));
        match page.last() {
            Some((last, _)) => after = Some(*last),
            None => break,
        }
    }
    assert_eq!(seen, ids, "all of the partition, in order of their bytes, each once");
    assert!(records.list(RecordTable::Hook, Uuid::from_u128(3), None, 4).await.expect("list").is_empty(), "an empty table");
}
