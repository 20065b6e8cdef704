//! Values to bind. `None` is null.

use rialto_protocol::EntityKey;
use scylla::value::CqlValue;
use uuid::Uuid;

/// One bound value.
pub(super) type Value = Option<CqlValue>;
/// The bound values of one statement.
pub(super) type Values = Vec<Value>;

/// A number. Ours stay below 2^63; the end of time is the largest that the engine has.
pub(super) fn big(number: u64) -> Value {
    Some(CqlValue::BigInt(signed(number)))
}

/// A number as the engine keeps it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number of the engine's. It has no negative ones of ours.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// A time to live.
pub(super) fn seconds(number: u64) -> Value {
    Some(CqlValue::Int(i32::try_from(number).unwrap_or(i32::MAX)))
}

pub(super) fn int(number: u16) -> Value {
    Some(CqlValue::Int(number.into()))
}

/// How many rows are wanted.
pub(super) fn count(rows: usize) -> Value {
    Some(CqlValue::Int(i32::try_from(rows).unwrap_or(i32::MAX)))
}

pub(super) fn tiny(number: u8) -> Value {
    Some(CqlValue::TinyInt(i8::try_from(number).unwrap_or(i8::MAX)))
}

pub(super) fn id(id: Uuid) -> Value {
    Some(CqlValue::Uuid(id))
}

/// An id that is ordered by its bytes: the engine's own order of ids looks at their versions first.
pub(super) fn ordered(id: Uuid) -> Value {
    bytes(id.as_bytes())
}

pub(super) fn bytes(data: &[u8]) -> Value {
    Some(CqlValue::Blob(data.to_vec()))
}

pub(super) fn text(text: impl Into<String>) -> Value {
    Some(CqlValue::Text(text.into()))
}

pub(super) fn flag(is_set: bool) -> Value {
    Some(CqlValue::Boolean(is_set))
}

/// The first two columns of every table by entity.
pub(super) fn entity(entity: EntityKey) -> [Value; 2] {
    [tiny(entity.kind as u8), id(entity.id)]
}
