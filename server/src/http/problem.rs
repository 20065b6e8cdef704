//! How a call fails: `application/problem+json`, always.

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use rialto_actors::accounts::TokenProblem;
use rialto_protocol::{ErrorCode, Refusal};
use schemars::JsonSchema;
use serde::Serialize;

/// The media type of failures.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A failure on its way out. Its body is written at the edge, where the request's id is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: Option<Cow<'static, str>>,
    retry_after_ms: Option<u32>,
    allow: Option<String>,
}

/// The body of every failed call.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody<'a> {
    /// Where the code is explained.
    r#type: String,
    /// The code in words.
    title: String,
    /// The HTTP status.
    status: u16,
    /// The stable word.
    code: &'a str,
    /// A sentence for people.
    detail: &'a str,
    /// The request's id, also in `X-Request-Id`.
    request_id: &'a str,
    /// When trying again makes sense, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u32>,
}

impl Problem {
    /// A failure that only HTTP knows.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: code.into(), detail: Some(detail.into()), retry_after_ms: None, allow: None }
    }

    /// `invalid_argument`.
    #[must_use]
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Refusal::because(ErrorCode::InvalidArgument, detail).into()
    }

    /// The path exists, but not with this method.
    #[must_use]
    pub fn method_not_allowed(allow: String) -> Self {
        Self { allow: Some(allow), ..Self::of_status(StatusCode::METHOD_NOT_ALLOWED) }
    }

    /// The failure that a response of the framework stands for.
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST => "invalid_argument",
            StatusCode::UNAUTHORIZED => "invalid_credentials",
            StatusCode::FORBIDDEN => "forbidden",
            StatusCode::NOT_FOUND => "not_found",
            StatusCode::METHOD_NOT_ALLOWED => "method_not_allowed",
            StatusCode::REQUEST_TIMEOUT => "request_timeout",
            StatusCode::CONFLICT => "conflict",
            StatusCode::PAYLOAD_TOO_LARGE => "too_large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "unsupported_media_type",
            StatusCode::TOO_MANY_REQUESTS => "rate_limited",
            StatusCode::SERVICE_UNAVAILABLE => "unavailable",
            status if status.is_client_error() => "invalid_argument",
            _ => "internal",
        };
        Self { status, code: code.into(), detail: None, retry_after_ms: None, allow: None }
    }

    /// The stable word.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The whole answer for a request.
    #[must_use]
    pub fn response(&self, request_id: &str) -> HttpResponse {
        let body = ProblemBody {
            r#type: format!("/docs#code-{}", self.code),
            title: self.code.replace('_', " "),
            status: self.status.as_u16(),
            code: &self.code,
            detail: self.detail.as_deref().unwrap_or_else(|| sentence(&self.code)),
            request_id,
            retry_after_ms: self.retry_after_ms,
        };
        let mut response = HttpResponse::build(self.status).json(body);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if let Some(retry_after_ms) = self.retry_after_ms {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after_ms.div_ceil(1000)));
        }
        if let Some(allow) = self.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(ALLOW, allow);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// What a code means, where nothing closer is known.
fn sentence(code: &str) -> &'static str {
    match code {
        "invalid_argument" => "the request does not make sense",
        "invalid_credentials" => "the credentials do not count",
        "token_expired" => "the token has expired; fetch a new one",
        "forbidden" => "the caller's role does not allow it",
        "not_a_member" => "the caller is not a member",
        "banned" => "the caller is banned here",
        "not_found" => "there is none, or the caller may not see it",
        "method_not_allowed" => "this path takes other methods; see Allow",
        "conflict" => "it contradicts what is there",
        "client_id_expired" => "the id is dated too far ahead or too long ago to be told from a repeat",
        "too_large" => "it is above a size limit",
        "rate_limited" => "too many tries; wait and try again",
        "overloaded" => "a queue is full; wait and try again",
        "unavailable" => "it cannot answer now; try again",
        "not_configured" => "the operator has not configured this",
        "storage_full" => "the store has no room; nothing was stored",
        "internal" => "a defect of the server; the request id helps to find it",
        _ => "the request was refused",
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let code = match refusal.code {
            ErrorCode::Internal => "internal".into(),
            code => code.word().replace(' ', "_").into(),
        };
        Self { status, code, detail: refusal.detail, retry_after_ms: refusal.retry_after_ms, allow: None }
    }
}

impl From<ErrorCode> for Problem {
    fn from(code: ErrorCode) -> Self {
        Refusal::from(code).into()
    }
}

impl From<TokenProblem> for Problem {
    fn from(problem: TokenProblem) -> Self {
        Refusal::from(problem).into()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.code)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        self.response("")
    }
}
