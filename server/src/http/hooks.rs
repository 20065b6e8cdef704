//! Incoming webhooks. The secret comes in a header, never in the URL: URLs are logged everywhere.

use actix_web::http::header::HeaderMap;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use rialto_actors::webhooks::{Proof, client_id_of};
use rialto_protocol::integrations::{CreateHook, HookMessage};
use rialto_protocol::rpc::{Page, Request, SendMessage};
use rialto_protocol::{ErrorCode, Refusal};
use uuid::Uuid;

use super::asking::{check_scope_word, send_as};
use super::bots::secret;
use super::extract::{Body, IdempotencyKey, Json, Query, Signed, bearer, id};
use super::problem::Problem;
use super::state::HttpState;
use super::webhooks::{OfUser, SCOPE};

type Outcome = Result<HttpResponse, Problem>;

pub(super) async fn create(
    state: Data<HttpState>,
    signed: Signed,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateHook>,
) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let (made, created) = state.webhooks.create_incoming(&signed.caller(), body, key).await?;
    Ok(secret(if created { HttpResponse::Created() } else { HttpResponse::Ok() }, &made))
}

pub(super) async fn list(state: Data<HttpState>, signed: Signed, Query(query): Query<OfUser>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    let bot = query.user.ok_or_else(|| Problem::invalid("user (a bot) is needed"))?;
    let items = state.webhooks.list_incoming(&signed.caller(), bot).await?;
    Ok(HttpResponse::Ok().json(Page { items, next: None }))
}

pub(super) async fn rotate(state: Data<HttpState>, signed: Signed, hook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    Ok(secret(HttpResponse::Ok(), &state.webhooks.rotate_incoming(&signed.caller(), id(&hook)?).await?))
}

pub(super) async fn delete(state: Data<HttpState>, signed: Signed, hook: Path<String>) -> Outcome {
    check_scope_word(&signed, SCOPE)?;
    state.webhooks.delete_incoming(&signed.caller(), id(&hook)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A post from outside. A retry under the same `webhook-id` or `Idempotency-Key` is the same message.
pub(super) async fn receive(
    request: HttpRequest,
    state: Data<HttpState>,
    hook: Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Body(body): Body,
) -> Outcome {
    let hook: Uuid = id(&hook)?;
    let token = bearer(request.headers());
    let proof = proof(request.headers(), token.as_deref())?;
    let incoming = state.webhooks.receive(hook, proof, &body).await?;
    let message: HookMessage = super::extract::parse(&body)?;
    let signed_id = match proof {
        Proof::Signature { id, .. } => Some(client_id_of(hook, id)),
        Proof::Secret(_) => header(request.headers(), "webhook-id").map(|id| client_id_of(hook, id)),
    };
    let client_id = message.client_id.or(key).or(signed_id);
    let client_id = client_id.ok_or_else(|| Problem::invalid("client_id, Idempotency-Key or webhook-id is needed"))?;
    let send = SendMessage { conversation: incoming.conversation, client_id, text: message.text, reply_to: None };
    send_as(&state, incoming.caller, Request::ConversationSend(send)).await
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// A signature counts where there is one; else the bearer token.
fn proof<'a>(headers: &'a HeaderMap, token: Option<&'a str>) -> Result<Proof<'a>, Problem> {
    let signature = (header(headers, "webhook-id"), header(headers, "webhook-timestamp"), header(headers, "webhook-signature"));
    match (signature, token) {
        ((Some(id), Some(timestamp), Some(signatures)), _) => Ok(Proof::Signature { id, timestamp, signatures }),
        (_, Some(token)) => Ok(Proof::Secret(token)),
        _ => Err(Refusal::because(ErrorCode::InvalidCredentials, "the secret as bearer token, or a signature, is needed").into()),
    }
}
