//! Bodies of the commands that have more than a channel.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Body of `connect`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Connect {
    /// The access token; empty for an anonymous connection.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub token: String,
    /// Positions of server-side subscriptions to recover.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub subs: BTreeMap<String, Recover>,
    /// The SDK's name.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub name: String,
    /// The SDK's version.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub version: String,
}

/// A position to recover from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recover {
    /// Whether recovery is wanted.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub recover: bool,
    /// The epoch known; empty is not compared.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub epoch: String,
    /// The last offset seen.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub offset: u64,
}

/// Body of `subscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subscribe {
    /// The channel.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub channel: String,
    /// A subscription token, where the channel wants one.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub token: String,
    /// Whether recovery is wanted.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub recover: bool,
    /// The epoch known; empty is not compared.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub epoch: String,
    /// The last offset seen.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub offset: u64,
    /// Wants the server to check positions.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub positioned: bool,
    /// Wants to be able to recover later.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub recoverable: bool,
    /// Wants join and leave pushes.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub join_leave: bool,
    /// Bit 1 (value 2): answer error 112 instead of `recovered: false`.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub flag: u32,
}

/// Body of `history`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The channel.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub channel: String,
    /// 0 = only the position, −1 = up to the cap.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub limit: i32,
    /// Exclusive starting point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Since>,
    /// Newest first.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub reverse: bool,
}

/// A stream position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Since {
    /// The offset.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub offset: u64,
    /// The epoch; empty is not compared.
    #[serde(deserialize_with = "or_default", skip_serializing_if = "is_default")]
    pub epoch: String,
}

/// `null` is as good as absent.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A value that is a JSON object: for a struct alone serde would take an array too.
pub(super) struct Object<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}
