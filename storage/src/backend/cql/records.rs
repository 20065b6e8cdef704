//! Small records: conditional writes on their version.

use bytes::Bytes;
use uuid::Uuid;

use super::core::{Core, corrupt, limit};
use super::open::CqlStore;
use super::value::{Value, big, bytes, id, ordered, tiny, unsigned};
use crate::limits::RECORD_BYTES_MAX;
use crate::records::{Record, RecordKey, RecordTable, Records};
use crate::{Pending, StorageError};

type Done<T> = Result<T, StorageError>;

fn columns(key: RecordKey) -> [Value; 3] {
    [tiny(key.table as u8), id(key.part), ordered(key.id)]
}

fn record(version: i64, data: Vec<u8>) -> Record {
    Record { version: unsigned(version), data: data.into() }
}

async fn get(core: &Core, key: RecordKey) -> Done<Option<Record>> {
    let found: Option<(i64, Vec<u8>)> = core.first("read a record", &core.statements.record_get, columns(key).into()).await?;
    Ok(found.map(|(version, data)| record(version, data)))
}

async fn put(core: &Core, key: RecordKey, seen: u64, data: &[u8]) -> Done<bool> {
    let what = "store a record";
    if data.len() > RECORD_BYTES_MAX {
        return Err(limit(what, format_args!("{} bytes", data.len())));
    }
    let [table, part, id] = columns(key);
    let written = match seen {
        0 => core.conditional(what, &core.statements.record_make, vec![table, part, id, big(1), bytes(data)]).await?,
        seen => {
            let values = vec![big(seen + 1), bytes(data), table, part, id, big(seen)];
            core.conditional(what, &core.statements.record_change, values).await?
        }
    };
    Ok(written.applied)
}

async fn remove(core: &Core, key: RecordKey, seen: u64) -> Done<bool> {
    let [table, part, id] = columns(key);
    Ok(core.conditional("remove a record", &core.statements.record_cut, vec![table, part, id, big(seen)]).await?.applied)
}

async fn list(core: &Core, table: RecordTable, part: Uuid, after: Option<Uuid>, limit: usize) -> Done<Vec<(Uuid, Record)>> {
    let what = "list records";
    let after = bytes(after.as_ref().map_or(&[], |after| after.as_bytes().as_slice()));
    let limit = Some(scylla::value::CqlValue::Int(i32::try_from(limit).unwrap_or(i32::MAX)));
    let values = vec![tiny(table as u8), id(part), after, limit];
    let rows: Vec<(Vec<u8>, i64, Vec<u8>)> = core.select_all(what, &core.statements.records, values).await?;
    let named = |(id, version, data): (Vec<u8>, i64, Vec<u8>)| {
        Ok((Uuid::from_slice(&id).map_err(|error| corrupt(what, error))?, record(version, data)))
    };
    rows.into_iter().map(named).collect()
}

/// A row of the whole table → its key, version and data.
pub(super) type Cells = (i8, Uuid, Vec<u8>, i64, Vec<u8>);

/// Reads a row of the whole table.
pub(super) fn stored((table, part, id, version, data): Cells) -> Done<(RecordKey, u64, Vec<u8>)> {
    let what = "read a record";
    let table = u8::try_from(table).ok().and_then(RecordTable::numbered).ok_or_else(|| corrupt(what, format_args!("table {table}")))?;
    let id = Uuid::from_slice(&id).map_err(|error| corrupt(what, error))?;
    Ok((RecordKey { table, part, id }, unsigned(version), data))
}

/// Writes a record as a backup has it, unless an earlier try has.
pub(super) async fn restore(core: &Core, key: RecordKey, version: u64, data: &[u8]) -> Done<()> {
    let [table, part, id] = columns(key);
    core.conditional("restore a record", &core.statements.record_make, vec![table, part, id, big(version), bytes(data)]).await.map(drop)
}

impl Records for CqlStore {
    fn get(&self, key: RecordKey) -> Pending<Option<Record>> {
        self.run(move |core| async move { get(&core, key).await })
    }

    fn put(&self, key: RecordKey, seen: u64, data: Bytes) -> Pending<bool> {
        self.run(move |core| async move { put(&core, key, seen, &data).await })
    }

    fn remove(&self, key: RecordKey, seen: u64) -> Pending<bool> {
        self.run(move |core| async move { remove(&core, key, seen).await })
    }

    fn list(&self, table: RecordTable, part: Uuid, after: Option<Uuid>, limit: usize) -> Pending<Vec<(Uuid, Record)>> {
        self.run(move |core| async move { list(&core, table, part, after, limit).await })
    }
}
