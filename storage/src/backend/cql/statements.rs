//! Every statement, prepared once.

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::prepared::PreparedStatement;

use super::session::Profiles;

/// How a statement is executed.
#[derive(Clone, Copy)]
enum Mode {
    /// Plain read at quorum, repeated elsewhere when it takes long.
    Read,
    /// Read that sees every conditional write before it.
    Serial,
    /// Plain idempotent write at quorum.
    Write,
    /// Conditional write: never repeated by the driver.
    Conditional,
}

macro_rules! statements {
    ($( $name:ident: $mode:ident, $text:literal; )*) => {
        /// Every statement, prepared once.
        pub(super) struct Statements { $( pub(super) $name: PreparedStatement, )* }

        impl Statements {
            /// Prepares all of them in the session's keyspace.
            pub(super) async fn prepare(session: &Session, profiles: &Profiles) -> Result<Self, PrepareError> {
                Ok(Self { $( $name: prepare(session, profiles, Mode::$mode, $text).await?, )* })
            }
        }
    };
}

statements! {
    log_head: Serial, "SELECT fence, sealed, cursor FROM shard_log WHERE shard = ? AND bucket = ? LIMIT 1";
    log_claim_fresh: Conditional, "UPDATE shard_log SET fence = ?, cursor = ? WHERE shard = ? AND bucket = ? IF fence = null";
    log_claim: Conditional, "UPDATE shard_log SET fence = ? WHERE shard = ? AND bucket = ? IF fence = ?";
    log_append: Conditional, "UPDATE shard_log SET fence = ?, cursor = ? WHERE shard = ? AND bucket = ? IF fence = ? AND cursor <= ?";
    log_row: Conditional, "INSERT INTO shard_log (shard, bucket, wseq, w, kind, entity, seq, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    log_tail: Serial, "SELECT wseq, w, kind, entity, seq, data FROM shard_log WHERE shard = ? AND bucket = ? AND wseq >= ?";
    log_page: Serial, "SELECT wseq, w, kind, entity, seq, data FROM shard_log WHERE shard = ? AND bucket = ? AND wseq >= ? LIMIT ?";
    log_partitions: Read, "SELECT DISTINCT shard, bucket FROM shard_log";
    log_seal: Conditional, "UPDATE shard_log SET sealed = true, fence = ? WHERE shard = ? AND bucket = ? IF fence = ?";
    log_keep_seal: Conditional, "UPDATE shard_log SET sealed = true WHERE shard = ? AND bucket = ? IF fence = ?";
    log_cut: Conditional, "DELETE FROM shard_log WHERE shard = ? AND bucket = ? AND wseq >= 0";
    hint_set: Write, "INSERT INTO shard_hint (shard, bucket) VALUES (?, ?) USING TIMESTAMP ?";
    hint_get: Read, "SELECT bucket FROM shard_hint WHERE shard = ?";

    row_put: Write, "INSERT INTO entity_row (kind, entity, part, seq, ts, data) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    rows_up: Read, "SELECT seq, data FROM entity_row WHERE kind = ? AND entity = ? AND part = ? AND seq >= ? AND seq <= ? ORDER BY seq ASC LIMIT ?";
    rows_down: Read, "SELECT seq, data FROM entity_row WHERE kind = ? AND entity = ? AND part = ? AND seq >= ? AND seq <= ? ORDER BY seq DESC LIMIT ?";
    row_last_ts: Read, "SELECT ts FROM entity_row WHERE kind = ? AND entity = ? AND part = ? LIMIT 1";
    part_put: Write, "INSERT INTO entity_part (kind, entity, part, first_ts) VALUES (?, ?, ?, ?) USING TIMESTAMP ?";
    part_newest: Read, "SELECT part FROM entity_part WHERE kind = ? AND entity = ? LIMIT 1";
    entities: Read, "SELECT DISTINCT kind, entity FROM entity_part";
    parts: Read, "SELECT part, first_ts FROM entity_part WHERE kind = ? AND entity = ?";
    dedupe_put: Write, "INSERT INTO dedupe (kind, entity, part, sender, client_id, seq, ts) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
    dedupe_get: Read, "SELECT seq, ts FROM dedupe WHERE kind = ? AND entity = ? AND part = ? AND sender = ? AND client_id = ?";
    dedupe_part: Read, "SELECT sender, client_id, seq, ts FROM dedupe WHERE kind = ? AND entity = ? AND part = ?";
    snapshot_put: Write, "INSERT INTO snapshot (kind, entity, seq, blob_id) VALUES (?, ?, ?, ?)";
    snapshots: Read, "SELECT seq, blob_id FROM snapshot WHERE kind = ? AND entity = ?";
    snapshot_cut: Write, "DELETE FROM snapshot WHERE kind = ? AND entity = ? AND seq = ?";
    blob_put: Write, "INSERT INTO blob (kind, entity, blob_id, part, parts, sha256, data) VALUES (?, ?, ?, ?, ?, ?, ?)";
    blob_get: Read, "SELECT parts, sha256, data FROM blob WHERE kind = ? AND entity = ? AND blob_id = ? AND part = ?";
    blob_cut: Write, "DELETE FROM blob WHERE kind = ? AND entity = ? AND blob_id = ?";
    own_blob_put: Write, "INSERT INTO own_blob (kind, entity, blob_id) VALUES (?, ?, ?)";
    own_blob_cut: Write, "DELETE FROM own_blob WHERE kind = ? AND entity = ? AND blob_id = ?";
    own_blobs: Read, "SELECT kind, entity, blob_id FROM own_blob";

    conv_meta: Write, "UPDATE conversation USING TIMESTAMP ? SET kind = ?, created = ? WHERE conv_id = ?";
    conv_title: Write, "UPDATE conversation USING TIMESTAMP ? SET title = ? WHERE conv_id = ?";
    conv_head: Write, "UPDATE conversation USING TIMESTAMP ? SET head_seq = ?, ordinal = ? WHERE conv_id = ?";
    conv_active: Write, "UPDATE conversation USING TIMESTAMP ? SET active = ? WHERE conv_id = ?";
    conv_last: Write, "UPDATE conversation USING TIMESTAMP ? SET last_message = ? WHERE conv_id = ?";
    conv_get: Read, "SELECT kind, created, title, head_seq, ordinal, active, last_message FROM conversation WHERE conv_id = ?";
    conversations: Read, "SELECT conv_id FROM conversation";
    conv_cells: Read, "SELECT kind, writetime(kind), created, title, writetime(title), head_seq, writetime(head_seq), ordinal,
        active, writetime(active), last_message, writetime(last_message) FROM conversation WHERE conv_id = ?";
    member_role: Write, "UPDATE conv_member USING TIMESTAMP ? SET role = ?, gone = ? WHERE conv_id = ? AND user_id = ?";
    member_own: Write, "UPDATE conv_member USING TIMESTAMP ? SET own = ? WHERE conv_id = ? AND user_id = ?";
    members: Read, "SELECT user_id, role, gone, own FROM conv_member WHERE conv_id = ?";
    member_get: Read, "SELECT role, gone, own FROM conv_member WHERE conv_id = ? AND user_id = ?";
    member_cells: Read, "SELECT user_id, role, gone, writetime(gone), own, writetime(own) FROM conv_member WHERE conv_id = ?";
    user_conv_put: Write, "UPDATE user_conv USING TIMESTAMP ? SET gone = ? WHERE user_id = ? AND conv_id = ?";
    user_convs: Read, "SELECT conv_id, gone FROM user_conv WHERE user_id = ?";
    user_conv_cell: Read, "SELECT gone, writetime(gone) FROM user_conv WHERE user_id = ? AND conv_id = ?";
    user_conv_all: Read, "SELECT user_id, conv_id FROM user_conv";
    overlay_put: Write, "UPDATE conv_overlay USING TIMESTAMP ? SET seq = ?, gone = ? WHERE conv_id = ? AND part = ? AND target = ? AND cell = ?";
    overlay_get: Read, "SELECT target, seq, gone FROM conv_overlay WHERE conv_id = ? AND part = ? AND target >= ? AND target <= ?";
    overlay_cells: Read, "SELECT target, cell, seq, gone FROM conv_overlay WHERE conv_id = ? AND part = ?";
    mark_put: Write, "INSERT INTO read_mark (user_id, conv_id, seq, ordinal, own) VALUES (?, ?, ?, ?, ?) USING TIMESTAMP ?";
    mark_get: Read, "SELECT seq, ordinal, own FROM read_mark WHERE user_id = ? AND conv_id = ?";
    marks: Read, "SELECT user_id, conv_id, seq, ordinal, own FROM read_mark";
    park: Write, "INSERT INTO parked (shard, wseq, kind, entity, seq, cause) VALUES (?, ?, ?, ?, ?, ?)";

    name_take: Conditional, "INSERT INTO username (name, user_id, taken) VALUES (?, ?, ?) IF NOT EXISTS";
    name_retake: Conditional, "UPDATE username SET user_id = ?, taken = ? WHERE name = ? IF user_id = ? AND taken = ?";
    name_free: Conditional, "DELETE FROM username WHERE name = ? IF user_id = ?";
    name_get: Read, "SELECT user_id FROM username WHERE name = ?";
    account_make: Conditional, "INSERT INTO account (user_id, data) VALUES (?, ?) IF NOT EXISTS";
    account_change: Conditional, "UPDATE account SET data = ? WHERE user_id = ? IF data = ?";
    account_get: Read, "SELECT data FROM account WHERE user_id = ?";
    accounts: Read, "SELECT data FROM account";
    account_get_serial: Serial, "SELECT data FROM account WHERE user_id = ?";
    family_make: Conditional, "INSERT INTO family (id, user_id, serial, expires, data) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    family_get: Read, "SELECT data FROM family WHERE id = ?";
    family_change: Conditional, "UPDATE family SET serial = ?, expires = ?, data = ? WHERE id = ? IF serial = ? AND user_id = ?";
    family_end: Conditional, "DELETE FROM family WHERE id = ? IF EXISTS";
    families: Read, "SELECT id, expires FROM family";
    family_records: Read, "SELECT data FROM family";
    user_family_put: Write, "INSERT INTO user_family (user_id, id) VALUES (?, ?)";
    user_family_get: Read, "SELECT id FROM user_family WHERE user_id = ? AND id = ?";
    user_families: Read, "SELECT id FROM user_family WHERE user_id = ?";
    user_family_cut: Write, "DELETE FROM user_family WHERE user_id = ? AND id = ?";
    bot_put: Write, "INSERT INTO bot_token (id, data) VALUES (?, ?)";
    bot_get: Read, "SELECT data FROM bot_token WHERE id = ?";
    bots: Read, "SELECT data FROM bot_token";
    revoke: Write, "INSERT INTO revocation (id, until) VALUES (?, ?) USING TIMESTAMP ?";
    revocations: Read, "SELECT id, until FROM revocation";
    revocation_cut: Write, "DELETE FROM revocation USING TIMESTAMP ? WHERE id = ?";
    mute_put: Write, "INSERT INTO mute (user_id, until) VALUES (?, ?) USING TTL ?";
    mutes: Read, "SELECT user_id, until FROM mute";
    answer_make: Conditional, "INSERT INTO idempotent (scope, key, expires, data) VALUES (?, ?, ?, ?) IF NOT EXISTS";
    answer_get: Read, "SELECT data FROM idempotent WHERE scope = ? AND key = ?";
    answers: Read, "SELECT scope, key, expires FROM idempotent";
    answer_records: Read, "SELECT scope, key, data FROM idempotent";
    answer_cut: Conditional, "DELETE FROM idempotent WHERE scope = ? AND key = ? IF expires = ?";
    record_get: Serial, "SELECT version, data FROM record WHERE tab = ? AND part = ? AND id = ?";
    record_make: Conditional, "INSERT INTO record (tab, part, id, version, data) VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
    record_change: Conditional, "UPDATE record SET version = ?, data = ? WHERE tab = ? AND part = ? AND id = ? IF version = ?";
    record_cut: Conditional, "DELETE FROM record WHERE tab = ? AND part = ? AND id = ? IF version = ?";
    all_records: Read, "SELECT tab, part, id, version, data FROM record";
    records: Read, "SELECT id, version, data FROM record WHERE tab = ? AND part = ? AND id > ? LIMIT ?";
    meta_get: Serial, "SELECT v FROM meta WHERE k = ?";
    meta_make: Conditional, "INSERT INTO meta (k, v) VALUES (?, ?) IF NOT EXISTS";
    meta_change: Conditional, "UPDATE meta SET v = ? WHERE k = ? IF v = ?";
    meta_cut: Conditional, "DELETE FROM meta WHERE k = ? IF v = ?";
}

/// Rows of one page of an unbounded read.
const PAGE_ROWS: i32 = 1_000;

async fn prepare(session: &Session, profiles: &Profiles, mode: Mode, text: &str) -> Result<PreparedStatement, PrepareError> {
    let mut prepared = session.prepare(text).await?;
    prepared.set_page_size(PAGE_ROWS);
    prepared.set_is_idempotent(!matches!(mode, Mode::Conditional));
    prepared.set_execution_profile_handle(Some(match mode {
        Mode::Read => profiles.read.clone(),
        Mode::Serial => profiles.serial.clone(),
        Mode::Write => profiles.write.clone(),
        Mode::Conditional => profiles.conditional.clone(),
    }));
    Ok(prepared)
}
