//! The tables, as steps that are taken once and in order. A step that was released never changes; what changes later is a new step.

/// The step that this program knows last.
pub const SCHEMA_VERSION: u32 = 4;

/// Each step's statements. Every one may be repeated: a step that was broken off is taken again.
pub(super) const STEPS: [&[&str]; SCHEMA_VERSION as usize] = [&FIRST, &SECOND, &THIRD, &FOURTH];

/// Tables that hold a store's contents: all but `meta`.
pub(super) const TABLES: [&str; 23] = [
    "shard_log",
    "shard_hint",
    "entity_row",
    "entity_part",
    "dedupe",
    "snapshot",
    "blob",
    "own_blob",
    "conversation",
    "conv_member",
    "user_conv",
    "conv_overlay",
    "read_mark",
    "parked",
    "username",
    "account",
    "family",
    "user_family",
    "bot_token",
    "revocation",
    "idempotent",
    "record",
    "mute",
];

const FIRST: [&str; 20] = [
    // The shard logs: conditional writes only, never a timestamp of ours. bucket = (wseq - 1) / rows of a bucket.
    "CREATE TABLE IF NOT EXISTS shard_log (shard int, bucket bigint, fence uuid STATIC, sealed boolean STATIC, cursor bigint STATIC,
        wseq bigint, w uuid, kind tinyint, entity uuid, seq bigint, data blob, PRIMARY KEY ((shard, bucket), wseq))",
    // Plain, may be stale: the first bucket that may have rows.
    "CREATE TABLE IF NOT EXISTS shard_hint (shard int PRIMARY KEY, bucket bigint)",
    // Timestamp = row time. part = (seq - 1) / rows of a part. One mutation with dedupe, which has the same partitions.
    "CREATE TABLE IF NOT EXISTS entity_row (kind tinyint, entity uuid, part bigint, seq bigint, ts bigint, data blob,
        PRIMARY KEY ((kind, entity, part), seq)) WITH CLUSTERING ORDER BY (seq DESC)",
    "CREATE TABLE IF NOT EXISTS dedupe (kind tinyint, entity uuid, part bigint, sender uuid, client_id text, seq bigint, ts bigint,
        PRIMARY KEY ((kind, entity, part), sender, client_id))",
    // Which parts an entity has, and when each began.
    "CREATE TABLE IF NOT EXISTS entity_part (kind tinyint, entity uuid, part bigint, first_ts bigint,
        PRIMARY KEY ((kind, entity), part)) WITH CLUSTERING ORDER BY (part DESC)",
    "CREATE TABLE IF NOT EXISTS snapshot (kind tinyint, entity uuid, seq bigint, blob_id uuid,
        PRIMARY KEY ((kind, entity), seq)) WITH CLUSTERING ORDER BY (seq DESC)",
    "CREATE TABLE IF NOT EXISTS blob (kind tinyint, entity uuid, blob_id uuid, part int, parts int, sha256 blob, data blob,
        PRIMARY KEY ((kind, entity, blob_id), part))",
    // Timestamp = seq of the row that says so. One mutation with conv_member, which has the same partitions.
    "CREATE TABLE IF NOT EXISTS conversation (conv_id uuid PRIMARY KEY, kind tinyint, created bigint, title text,
        head_seq bigint, ordinal bigint, active bigint, last_message bigint)",
    "CREATE TABLE IF NOT EXISTS conv_member (conv_id uuid, user_id blob, role tinyint, gone boolean, own bigint,
        PRIMARY KEY (conv_id, user_id))",
    "CREATE TABLE IF NOT EXISTS user_conv (user_id uuid, conv_id uuid, gone boolean, PRIMARY KEY (user_id, conv_id))",
    "CREATE TABLE IF NOT EXISTS conv_overlay (conv_id uuid, part bigint, target bigint, cell text, seq bigint, gone boolean,
        PRIMARY KEY ((conv_id, part), target, cell))",
    // Timestamp = offset: the last write wins and is the highest. Never deleted.
    "CREATE TABLE IF NOT EXISTS read_mark (user_id uuid, conv_id uuid, seq bigint, ordinal bigint, own bigint, PRIMARY KEY (user_id, conv_id))
        WITH compaction = {'class': 'LeveledCompactionStrategy'}",
    "CREATE TABLE IF NOT EXISTS parked (shard int, wseq bigint, kind tinyint, entity uuid, seq bigint, cause text, PRIMARY KEY (shard, wseq))",
    // Conditional writes only.
    "CREATE TABLE IF NOT EXISTS username (name text PRIMARY KEY, user_id uuid, taken bigint)",
    "CREATE TABLE IF NOT EXISTS account (user_id uuid PRIMARY KEY, data blob)",
    "CREATE TABLE IF NOT EXISTS family (id uuid PRIMARY KEY, user_id uuid, serial bigint, expires bigint, data blob)",
    "CREATE TABLE IF NOT EXISTS idempotent (scope text, key text, expires bigint, data blob, PRIMARY KEY ((scope, key)))",
    // Plain writes.
    "CREATE TABLE IF NOT EXISTS user_family (user_id uuid, id uuid, PRIMARY KEY (user_id, id))",
    "CREATE TABLE IF NOT EXISTS bot_token (id uuid PRIMARY KEY, data blob)",
    // Timestamp = the end: a revocation is never shortened.
    "CREATE TABLE IF NOT EXISTS revocation (id uuid PRIMARY KEY, until bigint)",
];

const SECOND: [&str; 1] = [
    // Which blobs are their owner's and not the body of a row or of a snapshot: those are named there.
    "CREATE TABLE IF NOT EXISTS own_blob (kind tinyint, entity uuid, blob_id uuid, PRIMARY KEY ((kind, entity), blob_id))",
];

// Conditional writes only. The id is ordered by its bytes.
const THIRD: [&str; 1] =
    ["CREATE TABLE IF NOT EXISTS record (tab tinyint, part uuid, id blob, version bigint, data blob, PRIMARY KEY ((tab, part), id))"];

const FOURTH: [&str; 1] = [
    // Plain writes, the last one counts. until = 0: no longer.
    "CREATE TABLE IF NOT EXISTS mute (user_id uuid PRIMARY KEY, until bigint)",
];
