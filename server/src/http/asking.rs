//! From a call to the actors and back.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use rialto_actors::entity::{Answer, Caller};
use rialto_protocol::rpc::Request;
use rialto_protocol::{ClientId, ErrorCode, Refusal};
use uuid::Uuid;

use super::extract::Signed;
use super::problem::Problem;
use super::state::HttpState;

/// Asks the entity that a request names and turns its answer into a response. What a request creates answers 201, what stood already 200.
pub(super) async fn ask(state: &HttpState, signed: &Signed, request: Request) -> Result<HttpResponse, Problem> {
    let answer = asked(state, signed, request).await?;
    respond(StatusCode::OK, answer)
}

/// The same for what creates a row.
pub(super) async fn create(state: &HttpState, signed: &Signed, request: Request) -> Result<HttpResponse, Problem> {
    check_scope(signed, &request)?;
    send_as(state, signed.caller(), request).await
}

/// The same on behalf of somebody whose right was judged otherwise.
pub(super) async fn send_as(state: &HttpState, caller: Caller, request: Request) -> Result<HttpResponse, Problem> {
    request.check()?;
    let answer = state.requests.request(caller, request).await?;
    let stood = matches!(&answer, Answer::Appended(appended) if appended.duplicate)
        || matches!(&answer, Answer::Conversation { created: false, .. });
    respond(if stood { StatusCode::OK } else { StatusCode::CREATED }, answer)
}

async fn asked(state: &HttpState, signed: &Signed, request: Request) -> Result<Answer, Problem> {
    check_scope(signed, &request)?;
    request.check()?;
    Ok(state.requests.request(signed.caller(), request).await?)
}

/// Bots may only do what their token names.
pub(super) fn check_scope(signed: &Signed, request: &Request) -> Result<(), Problem> {
    check_scope_word(signed, request.method())
}

/// The same for what is no request to an entity.
pub(super) fn check_scope_word(signed: &Signed, method: &str) -> Result<(), Problem> {
    if signed.0.allows(method) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::Forbidden, format!("the token's scopes do not include {method}")).into())
}

fn respond(status: StatusCode, answer: Answer) -> Result<HttpResponse, Problem> {
    let mut response = HttpResponse::build(status);
    Ok(match answer {
        Answer::Appended(appended) => response.json(appended),
        Answer::Conversation { conversation, .. } => response.json(conversation),
        Answer::Conversations(page) => response.json(page),
        Answer::PublicConversations(page) => response.json(page),
        Answer::Members(page) => response.json(page),
        Answer::Messages(page) => response.json(page),
        Answer::Marked(marked) => response.json(marked),
        Answer::Profile(profile) => response.json(profile),
        Answer::Commands(page) => response.json(page),
        Answer::Done => HttpResponse::NoContent().finish(),
        Answer::Subscribed(_)
        | Answer::History(_)
        | Answer::Allowed
        | Answer::Users(_)
        | Answer::Published
        | Answer::Presence(_)
        | Answer::PresenceStats { .. } => {
            tracing::error!("an entity gave a call the answer of a subscription");
            return Err(ErrorCode::Internal.into());
        }
    })
}

/// The sender's id of a change: of the body, else the `Idempotency-Key`, else a fresh one.
pub(super) fn client_id(state: &HttpState, body: Option<ClientId>, key: Option<ClientId>) -> ClientId {
    body.or(key).unwrap_or_else(|| {
        let now = (state.now)();
        let mut random = [0_u8; 10];
        random.copy_from_slice(&now.entropy.to_le_bytes()[..10]);
        let id: Uuid = uuid::Builder::from_unix_timestamp_millis(now.wall_ms, &random).into_uuid();
        ClientId::new(&id.to_string()).expect("a UUID is visible ASCII")
    })
}
