//! Bots and their commands.

use actix_web::http::header::{CONTENT_ENCODING, HeaderValue};
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, HttpResponseBuilder};
use rialto_actors::accounts::{Page as Part, WantedBot};
use rialto_protocol::UserId;
use rialto_protocol::integrations::{CreateBot, RotateToken, SetScopes};
use rialto_protocol::limits::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use rialto_protocol::rpc::{OneConversation, Page, Request, SetCommands};
use serde::Serialize;
use uuid::Uuid;

use super::asking::{ask, check_scope, check_scope_word};
use super::bodies::PageQuery;
use super::extract::{IdempotencyKey, Json, JsonOrNothing, Query, Signed, id};
use super::problem::Problem;
use super::state::HttpState;

type Outcome = Result<HttpResponse, Problem>;

/// What a bot's token must name to look at or change bots.
const SCOPE: &str = "bot.manage";

pub(super) async fn create(
    state: Data<HttpState>,
    signed: Signed,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): Json<CreateBot>,
) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let CreateBot { username, display_name, scopes, expires_in: ttl_s } = body;
    let wanted = WantedBot { username, display_name, scopes, ttl_s, idempotency_key };
    let (made, created) = state.accounts.make_bot(&signed.caller(), wanted).await?;
    Ok(secret(if created { HttpResponse::Created() } else { HttpResponse::Ok() }, &made))
}

pub(super) async fn list(state: Data<HttpState>, signed: Signed, Query(query): Query<PageQuery>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let part = part(&query)?;
    let bots = state.accounts.bots(&signed.caller(), part.one_more()).await?;
    Ok(HttpResponse::Ok().json(page(bots, part.0.limit, |bot| bot.user.id.0)))
}

pub(super) async fn get(state: Data<HttpState>, signed: Signed, bot: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    Ok(HttpResponse::Ok().json(state.accounts.bot(&signed.caller(), id(&bot)?).await?))
}

pub(super) async fn rotate(
    state: Data<HttpState>,
    signed: Signed,
    bot: Path<String>,
    JsonOrNothing(body): JsonOrNothing<RotateToken>,
) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let rotated = state.accounts.rotate_bot(&signed.caller(), id(&bot)?, body.expires_in).await?;
    Ok(secret(HttpResponse::Ok(), &rotated))
}

pub(super) async fn set_scopes(state: Data<HttpState>, signed: Signed, bot: Path<String>, Json(body): Json<SetScopes>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    Ok(HttpResponse::Ok().json(state.accounts.set_bot_scopes(&signed.caller(), id(&bot)?, body.scopes).await?))
}

pub(super) async fn delete(state: Data<HttpState>, signed: Signed, bot: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let (bot, caller): (UserId, _) = (id(&bot)?, signed.caller());
    state.accounts.check_manages_other(&caller, bot).await?;
    state.commands.remove(bot).await?;
    state.webhooks.remove_all_of(bot).await?;
    state.accounts.delete_bot(&caller, bot).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn set_commands(state: Data<HttpState>, signed: Signed, bot: Path<String>, Json(body): Json<SetCommands>) -> Outcome {
    let request = Request::BotSetCommands(body);
    check_scope(&signed, &request)?;
    request.check()?;
    let Request::BotSetCommands(set) = request else { unreachable!("it was made a line above") };
    state.commands.set(&signed.caller(), id(&bot)?, set).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn of_conversation(state: Data<HttpState>, signed: Signed, path: Path<String>) -> Outcome {
    ask(&state, &signed, Request::ConversationCommands(OneConversation { conversation: id(&path)? })).await
}

/// A part of a list by id.
pub(super) struct Wanted(pub(super) Part);

impl Wanted {
    /// One more than the page: whether it is there says whether there is another page.
    pub(super) fn one_more(&self) -> Part {
        Part { limit: self.0.limit + 1, ..self.0 }
    }
}

pub(super) fn part(query: &PageQuery) -> Result<Wanted, Problem> {
    let after = query.cursor.as_deref().map(str::parse::<Uuid>).transpose();
    let after = after.map_err(|_| Problem::invalid("cursor is not one of ours"))?;
    Ok(Wanted(Part { after, limit: query.limit.unwrap_or(PAGE_ITEMS_DEFAULT).clamp(1, PAGE_ITEMS_MAX) }))
}

pub(super) fn page<T>(mut items: Vec<T>, limit: usize, id: impl Fn(&T) -> Uuid) -> Page<T> {
    let has_more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| has_more).map(|item| id(item).to_string());
    Page { items, next }
}

/// An answer with a secret in it. Beside text that others choose it must not be compressed: its length would tell about it.
pub(super) fn secret(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    let mut response = response.json(body);
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
    response
}
