//! Messages and what changes them.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use rialto_protocol::rpc::{DeleteMessage, EditMessage, ListMessages, React, Request, SendMessage};

use super::asking::{ask, client_id, create};
use super::bodies::{ChangeBody, EditBody, MessageBody, MessagesQuery};
use super::extract::{IdempotencyKey, Json, JsonOrNothing, Query, Signed, id, offset};
use super::problem::Problem;
use super::state::HttpState;

type Outcome = Result<HttpResponse, Problem>;

pub(super) async fn send(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<MessageBody>,
) -> Outcome {
    let MessageBody { client_id, text, reply_to } = body;
    // Nobody else can make one for a message: a repeat after a lost answer would be a second message.
    let client_id = client_id.or(key).ok_or_else(|| Problem::invalid("client_id (or Idempotency-Key) is needed"))?;
    create(&state, &signed, Request::ConversationSend(SendMessage { conversation: id(&path)?, client_id, text, reply_to })).await
}

pub(super) async fn list(state: Data<HttpState>, signed: Signed, path: Path<String>, Query(query): Query<MessagesQuery>) -> Outcome {
    let MessagesQuery { before, after, limit } = query;
    ask(&state, &signed, Request::ConversationMessages(ListMessages { conversation: id(&path)?, before, after, limit })).await
}

pub(super) async fn edit(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String)>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<EditBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    let (conversation, target) = (id(&path.0)?, offset(&path.1)?);
    ask(&state, &signed, Request::ConversationEdit(EditMessage { conversation, client_id, target, text: body.text })).await
}

pub(super) async fn delete(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String)>,
    IdempotencyKey(key): IdempotencyKey,
    JsonOrNothing(body): JsonOrNothing<ChangeBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    let (conversation, target) = (id(&path.0)?, offset(&path.1)?);
    ask(&state, &signed, Request::ConversationDelete(DeleteMessage { conversation, client_id, target })).await
}

pub(super) async fn react(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String, String)>,
    key: IdempotencyKey,
    body: JsonOrNothing<ChangeBody>,
) -> Outcome {
    ask(&state, &signed, Request::ConversationReact(reaction(&state, path, key, body)?)).await
}

pub(super) async fn unreact(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String, String)>,
    key: IdempotencyKey,
    body: JsonOrNothing<ChangeBody>,
) -> Outcome {
    ask(&state, &signed, Request::ConversationUnreact(reaction(&state, path, key, body)?)).await
}

fn reaction(
    state: &HttpState,
    path: Path<(String, String, String)>,
    key: IdempotencyKey,
    body: JsonOrNothing<ChangeBody>,
) -> Result<React, Problem> {
    let (conversation, target, emoji) = path.into_inner();
    let client_id = client_id(state, body.0.client_id, key.0);
    Ok(React { conversation: id(&conversation)?, client_id, target: offset(&target)?, emoji })
}
