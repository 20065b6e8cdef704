//! Keyspace and tables: made and brought up to date, safely from any number of nodes at once. One of them holds a lock for which it has compared and set; steps may be repeated.

use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::{ExecutionError, UseKeyspaceError};
use uuid::Uuid;

use super::check::Engine;
use super::open::CqlError;
use super::options::CqlOptions;
use super::outcome::Conditional;
use super::schema::{SCHEMA_VERSION, STEPS};

/// Seconds after which the lock of somebody who died is free.
const LOCK_TTL_S: u32 = 120;
/// Time between two looks at a lock that somebody else holds.
const LOCK_PAUSE: Duration = Duration::from_millis(300);
/// Looks before giving up: more than the lock's life.
const LOCK_LOOKS_MAX: u32 = 600;
/// Times that keyspace and first table are asked for.
const BEGIN_ATTEMPTS_MAX: u32 = 10;
const VERSION_KEY: &str = "schema_version";
const LOCK_KEY: &str = "migration";

type Done<T> = Result<T, CqlError>;

fn schema(error: &ExecutionError) -> CqlError {
    CqlError::Schema(error.to_string())
}

/// Checks a keyspace's name: it stands in statements as it is.
fn check_name(keyspace: &str) -> Done<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let good = keyspace.len() <= 48 && keyspace.starts_with(|first: char| first.is_ascii_lowercase()) && keyspace.bytes().all(plain);
    if good {
        Ok(())
    } else {
        Err(CqlError::Schema(format!("{keyspace:?} is no keyspace name: lower case letters, digits and underscores")))
    }
}

async fn exists(session: &Session, query: &str, name: &str) -> Done<bool> {
    let result = session.query_unpaged(query, (name,)).await.map_err(|error| schema(&error))?;
    Ok(result.into_rows_result().is_ok_and(|rows| rows.rows_num() > 0))
}

async fn data_centre(session: &Session) -> Done<String> {
    let unreadable = |error: &dyn std::fmt::Display| CqlError::Schema(format!("read the engine's data centre: {error}"));
    let result = session.query_unpaged("SELECT data_center FROM system.local", ()).await.map_err(|error| schema(&error))?;
    let rows = result.into_rows_result().map_err(|error| unreadable(&error))?;
    let (name,): (String,) = rows.first_row().map_err(|error| unreadable(&error))?;
    Ok(name)
}

async fn make_keyspace(session: &Session, engine: Engine, options: &CqlOptions) -> Done<()> {
    let keyspace = &options.keyspace;
    if exists(session, "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?", keyspace).await? {
        return Ok(());
    }
    let data_centre = data_centre(session).await?.replace('\'', "''");
    // Conditional writes over tablets are new there; without tablets they work in every version.
    let tablets = if engine == Engine::Scylla { " AND tablets = {'enabled': false}" } else { "" };
    let statement = format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {{'class': 'NetworkTopologyStrategy', '{data_centre}': {}}}{tablets}",
        options.replication
    );
    session.query_unpaged(statement, ()).await.map(drop).map_err(|error| schema(&error))
}

/// The table that holds the lock is made without one: its id follows from its name, so that two who make it at once make the same.
async fn make_meta(session: &Session, options: &CqlOptions) -> Done<()> {
    let query = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'meta'";
    if exists(session, query, &options.keyspace).await? {
        return Ok(());
    }
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{}.meta", options.keyspace).as_bytes());
    let statement = format!("CREATE TABLE IF NOT EXISTS meta (k text PRIMARY KEY, v text) WITH ID = {id}");
    session.query_unpaged(statement, ()).await.map(drop).map_err(|error| schema(&error))
}

async fn conditional(session: &Session, statement: &str, values: (&str, &str)) -> Done<Conditional> {
    let what = "change the schema's version";
    let prepared = session.prepare(statement).await.map_err(|error| CqlError::Schema(error.to_string()))?;
    let result = session.execute_unpaged(&prepared, values).await.map_err(|error| schema(&error))?;
    Ok(Conditional::read(what, result)?)
}

async fn version(session: &Session) -> Done<u32> {
    let unreadable = || CqlError::Schema("the stored schema version cannot be read".to_owned());
    let mut read = session.prepare("SELECT v FROM meta WHERE k = ?").await.map_err(|error| CqlError::Schema(error.to_string()))?;
    read.set_consistency(scylla::statement::Consistency::LocalSerial);
    let result = session.execute_unpaged(&read, (VERSION_KEY,)).await.map_err(|error| schema(&error))?;
    let rows = result.into_rows_result().map_err(|_| unreadable())?;
    match rows.maybe_first_row::<(String,)>().map_err(|_| unreadable())? {
        None => Ok(0),
        Some((text,)) => text.parse().map_err(|_| unreadable()),
    }
}

/// Makes and uses the keyspace and the one table that must be there before any other. Answers the version that is there.
async fn begin_once(session: &Session, engine: Engine, options: &CqlOptions) -> Done<u32> {
    make_keyspace(session, engine, options).await?;
    session.use_keyspace(&options.keyspace, false).await.map_err(|error: UseKeyspaceError| CqlError::Schema(error.to_string()))?;
    make_meta(session, options).await?;
    version(session).await
}

/// What somebody else has just made is listed by the engine some moments before it can be used.
async fn begin(session: &Session, engine: Engine, options: &CqlOptions) -> Done<u32> {
    for _ in 1..BEGIN_ATTEMPTS_MAX {
        match begin_once(session, engine, options).await {
            Err(CqlError::Schema(cause)) => tracing::debug!(cause, "schema not ready"),
            other => return other,
        }
        tokio::time::sleep(LOCK_PAUSE).await;
    }
    begin_once(session, engine, options).await
}

/// Makes keyspace and tables, or brings them up to date, and uses them. Answers the version that was found.
pub(super) async fn migrate(session: &Session, engine: Engine, options: &CqlOptions) -> Done<u32> {
    check_name(&options.keyspace)?;
    let found = begin(session, engine, options).await?;
    let holder = Uuid::new_v4().to_string();
    for _ in 0..LOCK_LOOKS_MAX {
        let now = version(session).await?;
        if now > SCHEMA_VERSION {
            return Err(CqlError::Newer { found: now });
        }
        if now == SCHEMA_VERSION {
            return Ok(found);
        }
        let lock = format!("INSERT INTO meta (k, v) VALUES (?, ?) IF NOT EXISTS USING TTL {LOCK_TTL_S}");
        if conditional(session, &lock, (LOCK_KEY, &holder)).await?.applied {
            let taken = take_steps(session).await;
            conditional(session, "DELETE FROM meta WHERE k = ? IF v = ?", (LOCK_KEY, &holder)).await?;
            taken?;
        } else {
            tokio::time::sleep(LOCK_PAUSE).await;
        }
    }
    Err(CqlError::Schema("somebody else prepares the tables and does not come to an end".to_owned()))
}

/// Takes the steps that are missing. Under the lock.
async fn take_steps(session: &Session) -> Done<()> {
    let at = version(session).await?;
    for (number, statements) in (1..).zip(STEPS).skip(usize::try_from(at).unwrap_or(usize::MAX)) {
        for statement in statements {
            session.query_unpaged(*statement, ()).await.map_err(|error| schema(&error))?;
        }
        let (before, after) = ((number - 1).to_string(), number.to_string());
        let set = if number == 1 {
            conditional(session, "INSERT INTO meta (k, v) VALUES (?, ?) IF NOT EXISTS", (VERSION_KEY, &after)).await?
        } else {
            let statement = format!("UPDATE meta SET v = '{after}' WHERE k = ? IF v = ?");
            conditional(session, &statement, (VERSION_KEY, &before)).await?
        };
        if !set.applied {
            return Err(CqlError::Schema("somebody else changed the schema's version at the same time".to_owned()));
        }
        tracing::info!(version = number, "tables prepared");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyspace_has_a_plain_name() {
        for good in ["rialto", "a", "r_2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "2a", "Rialto", "a-b", "a; DROP KEYSPACE x", "ä", &"a".repeat(49)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
