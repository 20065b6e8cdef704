//! Outgoing webhooks.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use rialto_protocol::UserId;
use rialto_protocol::integrations::{CreateWebhook, Redeliver};
use rialto_protocol::rpc::Page;
use serde::Deserialize;
use uuid::Uuid;

use super::asking::check_scope_word;
use super::bodies::PageQuery;
use super::bots::{part, secret};
use super::extract::{IdempotencyKey, Json, Query, Signed, id};
use super::problem::Problem;
use super::state::HttpState;

type Outcome = Result<HttpResponse, Problem>;

/// What a bot's token must name to look at or change webhooks.
pub(super) const SCOPE: &str = "webhook.manage";

/// `GET /v1/webhooks`, `GET /v1/hooks`.
#[derive(Deserialize)]
pub(super) struct OfUser {
    /// Whose.
    pub(super) user: Option<UserId>,
}

pub(super) async fn create(
    state: Data<HttpState>,
    signed: Signed,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateWebhook>,
) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let (made, created) = state.webhooks.create(&signed.caller(), body, key).await?;
    Ok(secret(if created { HttpResponse::Created() } else { HttpResponse::Ok() }, &made))
}

pub(super) async fn list(state: Data<HttpState>, signed: Signed, Query(query): Query<OfUser>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let items = state.webhooks.list(&signed.caller(), query.user).await?;
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

pub(super) async fn get(state: Data<HttpState>, signed: Signed, webhook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    Ok(HttpResponse::Ok().json(state.webhooks.get(&signed.caller(), id(&webhook)?).await?))
}

pub(super) async fn delete(state: Data<HttpState>, signed: Signed, webhook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    state.webhooks.delete(&signed.caller(), id(&webhook)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn rotate(state: Data<HttpState>, signed: Signed, webhook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    Ok(secret(HttpResponse::Ok(), &state.webhooks.rotate(&signed.caller(), id(&webhook)?).await?))
}

pub(super) async fn deliveries(state: Data<HttpState>, signed: Signed, webhook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let items = state.webhooks.deliveries(&signed.caller(), id(&webhook)?).await?;
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

pub(super) async fn dead_letters(state: Data<HttpState>, signed: Signed, webhook: Path<String>, Query(query): Query<PageQuery>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let part = part(&query)?;
    let mut letters = state.webhooks.dead_letters(&signed.caller(), id(&webhook)?, part.one_more()).await?;
    let has_more = letters.len() > part.0.limit;
    letters.truncate(part.0.limit);
    let next = letters.last().filter(|_| has_more).map(|(letter, _): &(Uuid, _)| letter.to_string());
    Ok(HttpResponse::Ok().json(Page { items: letters.into_iter().map(|(_, letter)| letter).collect(), next }))
}

pub(super) async fn redeliver(state: Data<HttpState>, signed: Signed, webhook: Path<String>, Json(body): Json<Redeliver>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let Redeliver { conversation, offset } = body;
    Ok(HttpResponse::Ok().json(state.webhooks.redeliver(&signed.caller(), id(&webhook)?, conversation, offset).await?))
}
