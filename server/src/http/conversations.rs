//! Conversations and their members.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use rialto_protocol::rpc::{
    BrowseConversations, CreateConversation, Invite, JoinOrLeave, ListConversations, ListMembers, MarkRead, OneConversation, RemoveMember,
    Request, SetRole, SetSettings,
};
use rialto_protocol::{ConversationId, UserId};

use super::asking::{ask, client_id, create};
use super::bodies::{ChangeBody, InviteBody, PageQuery, ReadBody, RoleBody, SettingsBody};
use super::extract::{IdempotencyKey, Json, JsonOrNothing, Query, Signed, id};
use super::problem::Problem;
use super::state::HttpState;

type Outcome = Result<HttpResponse, Problem>;

pub(super) async fn begin(
    state: Data<HttpState>,
    signed: Signed,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<CreateConversation>,
) -> Outcome {
    let client_id = body.client_id.or(key);
    create(&state, &signed, Request::ConversationCreate(CreateConversation { client_id, ..body })).await
}

pub(super) async fn list(state: Data<HttpState>, signed: Signed, Query(query): Query<PageQuery>) -> Outcome {
    let PageQuery { limit, cursor } = query;
    ask(&state, &signed, Request::ConversationList(ListConversations { limit, cursor })).await
}

pub(super) async fn browse(state: Data<HttpState>, signed: Signed, Query(query): Query<BrowseConversations>) -> Outcome {
    ask(&state, &signed, Request::ConversationBrowse(query)).await
}

pub(super) async fn get(state: Data<HttpState>, signed: Signed, path: Path<String>) -> Outcome {
    ask(&state, &signed, Request::ConversationGet(OneConversation { conversation: id(&path)? })).await
}

pub(super) async fn set(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<SettingsBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    ask(&state, &signed, Request::ConversationSet(SetSettings { conversation: id(&path)?, client_id, title: body.title })).await
}

pub(super) async fn members(state: Data<HttpState>, signed: Signed, path: Path<String>, Query(query): Query<PageQuery>) -> Outcome {
    let PageQuery { limit, cursor } = query;
    ask(&state, &signed, Request::ConversationMembers(ListMembers { conversation: id(&path)?, limit, cursor })).await
}

pub(super) async fn invite(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<InviteBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    create(&state, &signed, Request::ConversationInvite(Invite { conversation: id(&path)?, client_id, users: body.users })).await
}

pub(super) async fn set_role(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String)>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json<RoleBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    let (conversation, user) = (id(&path.0)?, id(&path.1)?);
    ask(&state, &signed, Request::ConversationSetRole(SetRole { conversation, client_id, user, role: body.role })).await
}

/// Removing oneself is leaving.
pub(super) async fn remove(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<(String, String)>,
    IdempotencyKey(key): IdempotencyKey,
    JsonOrNothing(body): JsonOrNothing<ChangeBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    let (conversation, user): (ConversationId, UserId) = (id(&path.0)?, id(&path.1)?);
    let request = if user == signed.0.user {
        Request::ConversationLeave(JoinOrLeave { conversation, client_id })
    } else {
        Request::ConversationRemove(RemoveMember { conversation, client_id, user })
    };
    ask(&state, &signed, request).await
}

pub(super) async fn join(
    state: Data<HttpState>,
    signed: Signed,
    path: Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    JsonOrNothing(body): JsonOrNothing<ChangeBody>,
) -> Outcome {
    let client_id = client_id(&state, body.client_id, key);
    ask(&state, &signed, Request::ConversationJoin(JoinOrLeave { conversation: id(&path)?, client_id })).await
}

pub(super) async fn read(state: Data<HttpState>, signed: Signed, path: Path<String>, Json(body): Json<ReadBody>) -> Outcome {
    ask(&state, &signed, Request::ConversationMarkRead(MarkRead { conversation: id(&path)?, offset: body.offset })).await
}
