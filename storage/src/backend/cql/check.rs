//! Can this engine keep what we promise? Asked at every start.

use std::collections::HashMap;

use scylla::client::session::Session;

use super::open::CqlError;
use super::options::CqlOptions;

/// Which engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Cassandra,
    Scylla,
}

/// Only `ScyllaDB` has this table.
pub(super) async fn engine(session: &Session) -> Engine {
    match session.query_unpaged("SELECT version FROM system.versions", ()).await {
        Ok(_) => Engine::Scylla,
        Err(_) => Engine::Cassandra,
    }
}

async fn settings(session: &Session, engine: Engine) -> HashMap<String, String> {
    let query = match engine {
        Engine::Cassandra => "SELECT name, value FROM system_views.settings",
        Engine::Scylla => "SELECT name, value FROM system.config",
    };
    let Ok(result) = session.query_unpaged(query, ()).await else { return HashMap::new() };
    let Ok(rows) = result.into_rows_result() else { return HashMap::new() };
    let Ok(typed) = rows.rows::<(String, Option<String>)>() else { return HashMap::new() };
    typed.flatten().filter_map(|(name, value)| Some((name, value?.trim_matches('"').to_owned()))).collect()
}

/// Refuses an engine that would lose acknowledged rows, and warns of what is weak.
pub(super) async fn check(session: &Session, engine: Engine, options: &CqlOptions) -> Result<(), CqlError> {
    let settings = settings(session, engine).await;
    if let Some(danger) = danger(settings.get("commitlog_sync").map(String::as_str)) {
        if !options.allow_unsafe {
            return Err(CqlError::Unsafe(danger));
        }
        tracing::error!("store.cql.allow_unsafe is set, ACKNOWLEDGED MESSAGES MAY BE LOST: {danger}");
    }
    if engine == Engine::Cassandra && settings.get("paxos_variant").is_none_or(|variant| !variant.starts_with("v2")) {
        tracing::warn!("the engine runs Paxos v1: with many writers set paxos_variant: v2");
    }
    Ok(())
}

/// Warns when the keyspace has no second copy.
pub(super) async fn warn_of_single_replica(session: &Session, keyspace: &str) {
    if replicas(session, keyspace).await.is_some_and(|replicas| replicas <= 1) {
        tracing::warn!(keyspace, "one replica only: with the engine's node its data is gone");
    }
}

fn danger(commitlog_sync: Option<&str>) -> Option<String> {
    match commitlog_sync {
        Some("batch" | "group") => None,
        Some(mode) => Some(format!(
            "commitlog_sync is {mode}: the engine acknowledges writes before they are on disk, and even a killed process loses some of them; \
             set commitlog_sync: batch in its configuration"
        )),
        None => Some("the engine does not say what its commitlog_sync is; it must be batch or group".to_owned()),
    }
}

/// The lowest number of replicas in any data centre.
async fn replicas(session: &Session, keyspace: &str) -> Option<u32> {
    let query = "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let rows = session.query_unpaged(query, (keyspace,)).await.ok()?.into_rows_result().ok()?;
    let (replication,): (HashMap<String, String>,) = rows.maybe_first_row().ok()??;
    replication.iter().filter(|(key, _)| *key != "class").filter_map(|(_, value)| value.parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_synced_before_it_is_acknowledged_is_safe() {
        assert_eq!((danger(Some("batch")), danger(Some("group"))), (None, None));
        for unsafe_mode in [Some("periodic"), Some("anything"), None] {
            assert!(danger(unsafe_mode).is_some_and(|why| why.contains("commitlog_sync")));
        }
    }
}
