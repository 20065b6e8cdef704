//! Large bodies, in parts; the first part says how many there are and what all of them hash to.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt, stream};
use rialto_protocol::EntityKey;
use scylla::value::CqlValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::core::{Core, corrupt, limit};
use super::open::CqlStore;
use super::value::{Value, Values, bytes, entity, id};
use crate::blobs::Blobs;
use crate::limits::{BLOB_BYTES_MAX, BLOB_PART_BYTES};
use crate::{Pending, Row, StorageError};

/// Parts of one blob that are written or read at once.
const PARTS_AT_ONCE: usize = 4;

type Part = (i32, Vec<u8>, Option<Vec<u8>>);

fn number(number: usize) -> Value {
    Some(CqlValue::Int(i32::try_from(number).unwrap_or(i32::MAX)))
}

fn place(of: EntityKey, blob: Uuid) -> Values {
    let [kind, entity] = entity(of);
    vec![kind, entity, id(blob)]
}

/// Writes a blob: the first part last, so that a blob which can be found is whole.
pub(super) async fn put(core: &Core, of: EntityKey, blob: Uuid, data: &[u8]) -> Result<(), StorageError> {
    let what = "store a blob";
    if data.len() > BLOB_BYTES_MAX {
        return Err(limit(what, format_args!("{} bytes", data.len())));
    }
    let digest = Sha256::digest(data);
    let chunks: Vec<&[u8]> = if data.is_empty() { vec![&[]] } else { data.chunks(BLOB_PART_BYTES).collect() };
    let values = |index: usize| {
        let mut values = place(of, blob);
        values.extend([number(index), number(chunks.len()), bytes(&digest), bytes(chunks[index])]);
        values
    };
    let rest = stream::iter(1..chunks.len()).map(|index| core.write(what, &core.statements.blob_put, values(index)));
    rest.buffer_unordered(PARTS_AT_ONCE).try_collect::<()>().await?;
    core.write(what, &core.statements.blob_put, values(0)).await
}

async fn part(core: &Core, of: EntityKey, blob: Uuid, index: usize) -> Result<Option<Part>, StorageError> {
    let mut values = place(of, blob);
    values.push(number(index));
    core.first("read a blob", &core.statements.blob_get, values).await
}

/// Reads a blob.
pub(super) async fn get(core: &Core, of: EntityKey, blob: Uuid) -> Result<Option<Bytes>, StorageError> {
    let Some((parts, digest, first)) = part(core, of, blob, 0).await? else { return Ok(None) };
    let mut data = BytesMut::from(first.unwrap_or_default().as_slice());
    let rest = stream::iter(1..usize::try_from(parts).unwrap_or(0)).map(|index| part(core, of, blob, index));
    let rest: Vec<Option<Part>> = rest.buffered(PARTS_AT_ONCE).try_collect().await?;
    for found in rest {
        let (_, _, more) = found.ok_or_else(|| corrupt("read a blob", "a part is not there"))?;
        data.extend_from_slice(&more.unwrap_or_default());
    }
    if Sha256::digest(&data)[..] != digest[..] {
        return Err(corrupt("read a blob", "it is not what was stored"));
    }
    Ok(Some(data.freeze()))
}

/// A row with its body, wherever that is kept.
pub(super) async fn with_body(core: &Core, mut row: Row, blob: Option<Uuid>) -> Result<Row, StorageError> {
    if let Some(blob) = blob {
        row.body = get(core, row.entity, blob).await?.ok_or_else(|| corrupt("read a row", "its body is not there"))?;
    }
    Ok(row)
}

/// Removes a blob.
pub(super) async fn delete(core: &Core, of: EntityKey, blob: Uuid) -> Result<(), StorageError> {
    core.write("remove a blob", &core.statements.blob_cut, place(of, blob)).await
}

/// Stores a caller's blob. It is listed first: one that a list lacks could not be copied.
pub(super) async fn put_own(core: &Core, of: EntityKey, blob: Uuid, data: &[u8]) -> Result<(), StorageError> {
    core.write("store a blob", &core.statements.own_blob_put, place(of, blob)).await?;
    put(core, of, blob, data).await
}

impl Blobs for CqlStore {
    fn put(&self, entity: EntityKey, blob: Uuid, data: Bytes) -> Pending<()> {
        self.run(move |core| async move { put_own(&core, entity, blob, &data).await })
    }

    fn get(&self, entity: EntityKey, blob: Uuid) -> Pending<Option<Bytes>> {
        self.run(move |core| async move { get(&core, entity, blob).await })
    }

    fn delete(&self, entity: EntityKey, blob: Uuid) -> Pending<()> {
        self.run(move |core| async move {
            delete(&core, entity, blob).await?;
            core.write("remove a blob", &core.statements.own_blob_cut, place(entity, blob)).await
        })
    }
}
