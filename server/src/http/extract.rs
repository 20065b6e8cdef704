//! What calls take out of a request, each with its limit and its problem.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, USER_AGENT};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::StreamExt as _;
use rialto_actors::accounts::{Verified, Visitor};
use rialto_actors::entity::Caller;
use rialto_protocol::{ClientId, ErrorCode, Refusal};
use rialto_storage::accounts::AccountRole;
use serde::de::DeserializeOwned;

use super::address;
use super::problem::Problem;
use super::state::HttpState;

/// Bytes of a JSON body: the largest text, every byte of it escaped, and some. Above: `too_large`.
pub const BODY_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the body of a call that needs no credentials yet. Above: `too_large`.
pub const AUTH_BODY_BYTES_MAX: usize = 16 * 1024;
/// Time in which a whole body must arrive. After: `request_timeout`.
const BODY_WITHIN: Duration = Duration::from_secs(15);

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

/// The caller, by access token.
pub struct Signed(pub Verified);

impl Signed {
    /// As the actors see it.
    #[must_use]
    pub fn caller(&self) -> Caller {
        Caller { user: self.0.user, client: None, role: self.0.role, info: self.0.info.clone() }
    }
}

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let token = bearer(request.headers());
        let state = state_of(request);
        Box::pin(async move {
            let token = token.ok_or_else(|| Refusal::because(ErrorCode::InvalidCredentials, "an access token is needed"))?;
            let verified = state?.accounts.authenticate(&token).await?;
            if verified.is_anonymous() {
                return Err(Refusal::because(ErrorCode::Forbidden, "the token names nobody").into());
            }
            tracing::Span::current().record("user", tracing::field::display(verified.user));
            Ok(Self(verified))
        })
    }
}

/// Whether somebody may use the console.
#[must_use]
pub fn is_operator(verified: &Verified) -> bool {
    matches!(verified.role, AccountRole::Operator | AccountRole::Admin)
}

/// The caller, who is an operator or an admin.
pub struct Operator(pub Verified);

impl FromRequest for Operator {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let signed = Signed::from_request(request, payload);
        Box::pin(async move {
            let Signed(verified) = signed.await?;
            if is_operator(&verified) {
                return Ok(Self(verified));
            }
            Err(Refusal::because(ErrorCode::Forbidden, "only operators and admins may do this").into())
        })
    }
}

/// The token of `Authorization: Bearer`.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

fn state_of(request: &HttpRequest) -> Result<Data<HttpState>, Problem> {
    request.app_data::<Data<HttpState>>().cloned().ok_or_else(|| ErrorCode::Internal.into())
}

/// The client's address.
pub struct Address(pub IpAddr);

impl FromRequest for Address {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(state_of(request).map(|state| Self(address::of_request(request, &state))))
    }
}

/// From where somebody asks to be let in: the client's address, and what its device says of itself.
pub struct Visit(pub Visitor);

impl FromRequest for Visit {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let device = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        std::future::ready(state_of(request).map(|state| Self(Visitor::new(address::of_request(request, &state), device))))
    }
}

/// A JSON body.
pub struct Json<T, const BYTES_MAX: usize = BODY_BYTES_MAX>(pub T);

impl<T: DeserializeOwned + 'static, const BYTES_MAX: usize> FromRequest for Json<T, BYTES_MAX> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request.headers());
        let fits = declared_within(request.headers(), BYTES_MAX);
        let payload = payload.take();
        Box::pin(async move {
            fits?;
            if !is_json {
                return Err(not_json());
            }
            parse(&read(payload, BYTES_MAX).await?).map(Self)
        })
    }
}

/// A body of JSON as its bytes: signatures are of these.
pub struct Body(pub Vec<u8>);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request.headers());
        let fits = declared_within(request.headers(), BODY_BYTES_MAX);
        let payload = payload.take();
        Box::pin(async move {
            fits?;
            if is_json { read(payload, BODY_BYTES_MAX).await.map(Self) } else { Err(not_json()) }
        })
    }
}

/// A JSON body, or none.
pub struct JsonOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for JsonOrNothing<T> {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_json = is_json(request.headers());
        let payload = payload.take();
        Box::pin(async move {
            let body = read(payload, BODY_BYTES_MAX).await?;
            match (body.is_empty(), is_json) {
                (true, _) => Ok(Self(T::default())),
                (false, true) => parse(&body).map(Self),
                (false, false) => Err(not_json()),
            }
        })
    }
}

/// Whether the body that the head promises is within the limit: otherwise no byte of it is waited for.
///
/// # Errors
/// `too_large`.
pub fn declared_within(headers: &HeaderMap, bytes_max: usize) -> Result<(), Problem> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > bytes_max as u64) { Err(too_large(bytes_max)) } else { Ok(()) }
}

fn too_large(bytes_max: usize) -> Problem {
    Refusal::because(ErrorCode::TooLarge, format!("the body has more than {bytes_max} bytes")).into()
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn not_json() -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "the body must be application/json")
}

/// The value of a JSON body.
///
/// # Errors
/// `invalid_argument`.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::invalid(format!("the body does not fit: {error}")))
}

async fn read(mut payload: Payload, bytes_max: usize) -> Result<Vec<u8>, Problem> {
    let reading = async {
        let mut body = Vec::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| Problem::invalid("the body ended early"))?;
            if body.len() + chunk.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    };
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "the body did not arrive in time");
    tokio::time::timeout(BODY_WITHIN, reading).await.map_err(late)?
}

/// The query.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Query<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let parsed = web::Query::<T>::from_query(request.query_string());
        std::future::ready(parsed.map(|query| Self(query.into_inner())).map_err(|_| Problem::invalid("the query does not fit")))
    }
}

/// `Idempotency-Key`, if there is one.
pub struct IdempotencyKey(pub Option<ClientId>);

impl FromRequest for IdempotencyKey {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request.headers().get("idempotency-key").map(|value| {
            let key = value.to_str().ok().and_then(|text| ClientId::new(text).ok());
            key.ok_or_else(|| Problem::invalid("Idempotency-Key must be 1 to 64 visible ASCII characters"))
        });
        std::future::ready(key.transpose().map(Self))
    }
}

/// A part of the path that is an id. What is no id names nothing.
///
/// # Errors
/// `not_found`.
pub fn id<T: FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| ErrorCode::NotFound.into())
}

/// A part of the path that is an offset.
///
/// # Errors
/// `invalid_argument`.
pub fn offset(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::invalid("an offset is a whole number"))
}
