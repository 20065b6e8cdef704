//! What operators look at and do. Everything that is done is written into the log, with who did what to whom.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use rialto_actors::accounts::{Known, Verified, role_word};
use rialto_actors::gateway::operator::{Connection, Whose};
use rialto_protocol::admin::{
    Configuration, ConnectionDetails, ConversationDetails, Kick, Kicked, LogPage, MUTE_MS_MAX, Mute, Muted, NodeFacts, UserDetails,
};
use rialto_protocol::{CloseCode, ConversationId, ErrorCode, Refusal, UserId};
use rialto_storage::accounts::AccountRole;
use serde::Deserialize;
use uuid::Uuid;

use super::extract::{Json, JsonOrNothing, Operator, Query, id};
use super::problem::Problem;
use super::state::HttpState;
use crate::admin::limits::SAMPLE_EVERY;
use crate::admin::log_ring::LogFilter;

/// Bytes of a body here: all are small.
const ADMIN_BODY_BYTES_MAX: usize = 4 * 1024;

/// `GET /v1/admin/log`.
#[derive(Deserialize)]
pub(super) struct LogQuery {
    #[serde(default)]
    level: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    after: u64,
}

pub(super) async fn node(state: Data<HttpState>, Operator(operator): Operator) -> HttpResponse {
    let facts = &state.console.facts;
    HttpResponse::Ok().json(NodeFacts {
        role: role_word(operator.role).to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        store: facts.store.to_owned(),
        started: facts.started_ms,
        threads: facts.threads.into(),
        sample_seconds: SAMPLE_EVERY.as_secs(),
    })
}

pub(super) async fn user(state: Data<HttpState>, _operator: Operator, name: Path<String>) -> Result<HttpResponse, Problem> {
    let Known { profile, role, origin, created_ms, muted_until_ms } = state.accounts.known(&name).await?;
    let connections = state.console.desk.connections(profile.id).await?;
    let started_ms = state.console.facts.started_ms;
    Ok(HttpResponse::Ok().json(UserDetails {
        user: profile,
        role: role_word(role).to_owned(),
        origin,
        created: created_ms,
        muted_until: muted_until_ms,
        connections: connections.into_iter().map(|connection| details(connection, started_ms)).collect(),
    }))
}

fn details(connection: Connection, started_ms: u64) -> ConnectionDetails {
    ConnectionDetails {
        connection: connection.id,
        address: connection.address.map(|address| address.to_string()),
        client: connection.client,
        since: started_ms + u64::from(connection.since_s) * 1000,
        channels: connection.channels.iter().map(ToString::to_string).collect(),
    }
}

pub(super) async fn kick(
    state: Data<HttpState>,
    Operator(operator): Operator,
    user: Path<String>,
    JsonOrNothing(Kick { connection, reconnect }): JsonOrNothing<Kick>,
) -> Result<HttpResponse, Problem> {
    let user = victim(&state, &operator, &user).await?;
    let code = if reconnect { CloseCode::ForceReconnect } else { CloseCode::ForceDisconnect };
    let done = state.console.desk.disconnect(Whose { user, connection }, code).await;
    let connection = connection.map(|connection| connection.to_string()).unwrap_or_default();
    audit(&operator, "kick", user, &done, &connection);
    Ok(HttpResponse::Ok().json(Kicked { disconnected: done? as u64 }))
}

pub(super) async fn revoke(state: Data<HttpState>, Operator(operator): Operator, user: Path<String>) -> Result<HttpResponse, Problem> {
    let user = victim(&state, &operator, &user).await?;
    let done = end_everywhere(&state, user).await;
    audit(&operator, "revoke", user, &done, "");
    Ok(HttpResponse::Ok().json(Kicked { disconnected: done? as u64 }))
}

/// Ends what a user's tokens stand for, and then their connections: whoever has none of these tokens is gone too.
async fn end_everywhere(state: &HttpState, user: UserId) -> Result<usize, Refusal> {
    let desk = &state.console.desk;
    let connected: Vec<(Uuid, Option<u64>)> = desk.connections(user).await?.into_iter().filter_map(|connection| connection.grant).collect();
    let connections = connected.len();
    state.accounts.end_everywhere(user, &connected).await?;
    // Most have heard of it already.
    let others = desk.disconnect(Whose { user, connection: None }, CloseCode::InvalidToken).await?;
    Ok(connections.max(others))
}

pub(super) async fn mute(
    state: Data<HttpState>,
    Operator(operator): Operator,
    user: Path<String>,
    Json(Mute { duration_ms }): Json<Mute, ADMIN_BODY_BYTES_MAX>,
) -> Result<HttpResponse, Problem> {
    if !(1..=MUTE_MS_MAX).contains(&duration_ms) {
        return Err(Problem::invalid("duration_ms is from 1 to ten years"));
    }
    let user = victim(&state, &operator, &user).await?;
    let done = state.accounts.mute(user, duration_ms).await;
    audit(&operator, "mute", user, &done, &format!("{duration_ms} ms"));
    Ok(HttpResponse::Ok().json(Muted { until: done?.unwrap_or_default() }))
}

pub(super) async fn unmute(state: Data<HttpState>, Operator(operator): Operator, user: Path<String>) -> Result<HttpResponse, Problem> {
    let user = victim(&state, &operator, &user).await?;
    let done = state.accounts.mute(user, 0).await;
    audit(&operator, "unmute", user, &done, "");
    done?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn conversation(state: Data<HttpState>, _operator: Operator, conversation: Path<String>) -> Result<HttpResponse, Problem> {
    let conversation: ConversationId = id(&conversation)?;
    let unavailable = |error: rialto_storage::StorageError| Refusal::because(ErrorCode::Unavailable, error.to_string());
    let summary = state.console.views.summary(conversation, UserId(Uuid::nil())).await.map_err(unavailable)?;
    let summary = summary.ok_or(ErrorCode::NotFound)?;
    Ok(HttpResponse::Ok().json(ConversationDetails {
        id: summary.conversation,
        kind: summary.kind,
        title: summary.title,
        created: summary.created_ms,
        offset: summary.offset,
        messages: summary.ordinal,
        member_count: summary.member_count,
        members: summary.members,
    }))
}

pub(super) async fn config(state: Data<HttpState>, _operator: Operator) -> HttpResponse {
    HttpResponse::Ok().json(Configuration { toml: state.console.facts.configuration.clone() })
}

pub(super) async fn log(state: Data<HttpState>, _operator: Operator, Query(query): Query<LogQuery>) -> Result<HttpResponse, Problem> {
    let level: Result<tracing::Level, _> = query.level.as_deref().unwrap_or("trace").parse();
    let level = level.map_err(|_| Problem::invalid("a level is error, warn, info, debug or trace"))?;
    let (lines, next) = state.console.log.tail(&LogFilter { level, text: query.text, after: query.after });
    let items = lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    Ok(HttpResponse::Ok().json(LogPage { items, next }))
}

/// Whom an action is about. Only an admin may touch an admin.
async fn victim(state: &HttpState, operator: &Verified, user: &str) -> Result<UserId, Problem> {
    let user: UserId = id(user)?;
    let known = state.accounts.known(&user.to_string()).await?;
    if known.role == AccountRole::Admin && operator.role != AccountRole::Admin {
        return Err(Refusal::because(ErrorCode::Forbidden, "only an admin may do this to an admin").into());
    }
    Ok(user)
}

/// One line for each action, whatever came of it.
fn audit<T>(operator: &Verified, action: &'static str, whom: UserId, done: &Result<T, Refusal>, detail: &str) {
    let outcome = done.as_ref().err().map_or("done", |refusal| refusal.code.word());
    tracing::info!(target: "audit", actor = %operator.user, action, %whom, outcome, detail, "operator acted");
}
