//! What holds for every call, whatever it is: request id, origin rules, security headers, problems, metrics, one log line.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, CACHE_CONTROL, CONTENT_SECURITY_POLICY,
    HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpResponse};
use rialto_protocol::{ErrorCode, Refusal};
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use super::extract::{BODY_BYTES_MAX, declared_within};
use super::problem::Problem;
use super::state::HttpState;

/// The header of a request's id, both ways.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Characters of a request's id that we take from a caller.
const REQUEST_ID_CHARS_MAX: usize = 64;
/// Everything from here, nothing inline, framed by nobody.
pub(super) const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
     object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
/// Nothing at all: for answers that are no page.
const POLICY_DATA: &str = "default-src 'none'; frame-ancestors 'none'";
/// What browsers of foreign origins may use.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Headers that they may send.
const HEADERS: &str = "authorization, content-type, idempotency-key, x-request-id";

/// The middleware around everything.
pub(super) async fn edge(request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let began = Instant::now();
    let request_id = request_id(request.headers());
    let method = request.method().clone();
    let is_call = request.path().starts_with("/v1/");
    let cross = cross_origin(&request);
    // The path without its query: a query may carry a token. Whose call it is is known once its token is.
    let span = tracing::info_span!("http", %method, path = request.path(), request_id, user = tracing::field::Empty);
    let answered = if method == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        request.into_response(preflight(&cross))
    } else if let Err(problem) = declared_within(request.headers(), BODY_BYTES_MAX) {
        // Calls with a smaller limit look again; those without a body must not wait for one either.
        request.into_response(problem.response(&request_id))
    } else {
        next.call(request).instrument(span.clone()).await?.map_into_boxed_body()
    };
    let mut response = with_problem(answered, &request_id);
    finish(response.headers_mut(), &request_id, is_call);
    if let Cross::Allowed { origin, cookies } = &cross {
        allow(response.headers_mut(), origin, *cookies);
    }
    span.in_scope(|| observe(&response, &method, began));
    Ok(response)
}

/// The caller's id if it is a plain word, else a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let is_word = |text: &&str| {
        (1..=REQUEST_ID_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    given.filter(is_word).map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned)
}

/// What the browser's page may do.
enum Cross {
    /// No browser, or our own page.
    Same,
    /// A page of an allowed origin.
    Allowed { origin: HeaderValue, cookies: bool },
    /// Another page: it gets no header that would let it read the answer.
    Foreign,
}

fn cross_origin(request: &ServiceRequest) -> Cross {
    let Some(state) = request.app_data::<Data<HttpState>>() else { return Cross::Foreign };
    let Some(origin) = request.headers().get(ORIGIN) else { return Cross::Same };
    let text = origin.to_str().unwrap_or_default();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    if !state.origins.origin_allowed(Some(text), host) {
        return Cross::Foreign;
    }
    Cross::Allowed { origin: origin.clone(), cookies: state.origins.may_use_cookies(Some(text), host) }
}

fn preflight(cross: &Cross) -> HttpResponse {
    if matches!(cross, Cross::Foreign) {
        return Problem::from(Refusal::because(ErrorCode::Forbidden, "this origin is not in server.allowed_origins")).response("");
    }
    HttpResponse::NoContent()
        .insert_header((ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((ACCESS_CONTROL_MAX_AGE, "3600"))
        .finish()
}

fn allow(headers: &mut HeaderMap, origin: &HeaderValue, cookies: bool) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("x-request-id, retry-after"));
    if cookies {
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}

/// Every failure gets the one form, also those that the framework made.
fn with_problem(answered: ServiceResponse<BoxBody>, request_id: &str) -> ServiceResponse<BoxBody> {
    let response = answered.response();
    let status = response.status();
    let known = response.error().and_then(|error| error.as_error::<Problem>()).cloned();
    let is_failure = status.is_client_error() || status.is_server_error();
    let is_ours = response.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/"));
    match known {
        Some(problem) => answered.into_response(problem.response(request_id)),
        None if is_failure && !is_ours => answered.into_response(Problem::of_status(status).response(request_id)),
        None => answered,
    }
}

fn finish(headers: &mut HeaderMap, request_id: &str, is_call: bool) {
    let is_page = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let id = HeaderValue::from_str(request_id).expect("a request id is a plain word");
    for (name, value) in [
        (REQUEST_ID, id),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (HeaderName::from_static("permissions-policy"), HeaderValue::from_static("camera=(), geolocation=(), microphone=()")),
    ] {
        headers.insert(name, value);
    }
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(if is_page { POLICY } else { POLICY_DATA }));
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if is_call {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

fn observe(response: &ServiceResponse<BoxBody>, method: &Method, began: Instant) {
    let elapsed = began.elapsed();
    let status = response.status();
    // The pattern, not the path: a label's values must be few.
    let route = response.request().match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let method = known_method(method);
    metrics::counter!("rialto_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.as_u16().to_string())
        .increment(1);
    metrics::histogram!("rialto_http_request_seconds", "route" => route).record(elapsed.as_secs_f64());
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(status = status.as_u16(), ms, "call failed");
    } else {
        tracing::debug!(status = status.as_u16(), ms, "call answered");
    }
}

fn known_method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    known.into_iter().find(|known| *known == method.as_str()).unwrap_or("OTHER")
}
