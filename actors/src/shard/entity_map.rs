//! A map by entity. Each message looks its entity up several times, so the hash is a cheap one; it is keyed per process, because callers choose ids.

use std::collections::HashMap;

use rialto_protocol::EntityKey;

/// What a shard knows by entity.
pub(super) type EntityMap<V> = HashMap<EntityKey, V, foldhash::fast::RandomState>;
