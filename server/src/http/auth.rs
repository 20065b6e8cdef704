//! Sessions over HTTP: the refresh token lives in a cookie that no script can read.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use rialto_actors::accounts::{RefreshToken, Registration, Session, Verified};
use rialto_protocol::rpc::Page;
use rialto_protocol::{ErrorCode, Refusal};
use uuid::Uuid;

use super::address::is_loopback_host;
use super::bodies::{DeviceBody, GuestBody, LoginBody, PasswordBody, RegisterBody, SessionBody, TokenBody};
use super::extract::{AUTH_BODY_BYTES_MAX, Address, IdempotencyKey, Json, Signed, Visit, bearer, id};
use super::origin::Origins;
use super::problem::Problem;
use super::state::HttpState;

/// The cookie of the refresh token.
pub(super) const REFRESH_COOKIE: &str = "rialto_refresh";

type AuthJson<T> = Json<T, AUTH_BODY_BYTES_MAX>;

pub(super) async fn register(
    request: HttpRequest,
    state: Data<HttpState>,
    Visit(visitor): Visit,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Json(body): AuthJson<RegisterBody>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    let RegisterBody { username, password, display_name } = body;
    let wanted = Registration { username, password, display_name, idempotency_key };
    let (session, created) = state.accounts.register(wanted, visitor).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(opened(status, &request, session))
}

pub(super) async fn login(
    request: HttpRequest,
    state: Data<HttpState>,
    Visit(visitor): Visit,
    Json(body): AuthJson<LoginBody>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    let session = state.accounts.login(&body.username, body.password, visitor).await?;
    Ok(opened(StatusCode::OK, &request, session))
}

pub(super) async fn guest(
    request: HttpRequest,
    state: Data<HttpState>,
    Visit(visitor): Visit,
    Json(body): AuthJson<GuestBody>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    let session = state.accounts.guest(&body.display_name, visitor).await?;
    Ok(opened(StatusCode::CREATED, &request, session))
}

pub(super) async fn refresh(request: HttpRequest, state: Data<HttpState>, Address(address): Address) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    let token =
        refresh_cookie(request.headers()).ok_or_else(|| Refusal::because(ErrorCode::InvalidCredentials, "there is no refresh cookie"))?;
    let refreshed = state.accounts.refresh(&token, address).await?;
    let mut response = HttpResponse::Ok().json(TokenBody { token: refreshed.access.token, expires_in: refreshed.access.expires_in_s });
    put_cookie(&mut response, &request, &refreshed.refresh);
    Ok(response)
}

pub(super) async fn logout(request: HttpRequest, state: Data<HttpState>, Address(address): Address) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    // A token that counts no more is no reason to stay logged in.
    let now_ms = (state.now)().wall_ms;
    let by_access = bearer(request.headers()).and_then(|token| state.accounts.verifier().verify(&token, now_ms).ok());
    let session = by_access.and_then(|verified| verified.session);
    state.accounts.logout(refresh_cookie(request.headers()).as_deref(), session, address).await?;
    let mut response = HttpResponse::NoContent().finish();
    put_cookie(&mut response, &request, &RefreshToken { token: String::new(), expires_in_s: 0 });
    Ok(response)
}

pub(super) async fn password(
    request: HttpRequest,
    state: Data<HttpState>,
    Address(address): Address,
    Signed(verified): Signed,
    Json(body): AuthJson<PasswordBody>,
) -> Result<HttpResponse, Problem> {
    check_origin(&request, &state.origins)?;
    state.accounts.change_password(verified.user, verified.session, body.old, body.new, address).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn sessions(state: Data<HttpState>, Signed(verified): Signed) -> Result<HttpResponse, Problem> {
    let standing = state.accounts.sessions(verified.user).await?;
    let items = standing.into_iter().map(|family| DeviceBody {
        id: family.id,
        device: family.device,
        created: created_ms(family.id).unwrap_or(family.rotated_ms),
        used: family.rotated_ms,
        current: verified.session == Some(family.id),
    });
    Ok(HttpResponse::Ok().json(Page { items: items.collect(), next: None }))
}

pub(super) async fn end_others(state: Data<HttpState>, Signed(verified): Signed) -> Result<HttpResponse, Problem> {
    may_end(&verified)?;
    state.accounts.end_sessions(verified.user, verified.session).await?;
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn end_one(state: Data<HttpState>, Signed(verified): Signed, session: Path<String>) -> Result<HttpResponse, Problem> {
    may_end(&verified)?;
    state.accounts.end_one_session(verified.user, id(&session)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A bot's scopes are about conversations; who is logged in is for people.
fn may_end(verified: &Verified) -> Result<(), Problem> {
    if verified.session.is_some() { Ok(()) } else { Err(Refusal::because(ErrorCode::Forbidden, "only a login may end logins").into()) }
}

/// When a session began: its id is dated.
fn created_ms(session: Uuid) -> Option<u64> {
    let (seconds, nanos) = session.get_timestamp()?.to_unix();
    Some(seconds * 1000 + u64::from(nanos) / 1_000_000)
}

/// A foreign page must not act with a visitor's cookie.
fn check_origin(request: &HttpRequest, origins: &Origins) -> Result<(), Problem> {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    if origins.may_use_cookies(header("origin"), header("host")) {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::Forbidden, "this origin is not in server.allowed_origins").into())
}

fn opened(status: StatusCode, request: &HttpRequest, session: Session) -> HttpResponse {
    let body = SessionBody { user: session.profile, token: session.access.token, expires_in: session.access.expires_in_s };
    let mut response = HttpResponse::build(status).json(body);
    put_cookie(&mut response, request, &session.refresh);
    response
}

fn put_cookie(response: &mut HttpResponse, request: &HttpRequest, refresh: &RefreshToken) {
    let secure = if is_loopback_host(request.headers()) { "" } else { "; Secure" };
    let cookie =
        format!("{REFRESH_COOKIE}={}; HttpOnly; SameSite=Strict; Path=/v1/auth; Max-Age={}{secure}", refresh.token, refresh.expires_in_s);
    let value = HeaderValue::from_str(&cookie).expect("tokens are visible ASCII");
    response.headers_mut().append(SET_COOKIE, value);
    // A secret beside text that others choose must not be compressed: its length would tell about it.
    response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("identity"));
}

/// The refresh token of the cookie headers.
fn refresh_cookie(headers: &HeaderMap) -> Option<String> {
    for header in headers.get_all(COOKIE) {
        for pair in header.to_str().unwrap_or_default().split(';') {
            if let Some((REFRESH_COOKIE, value)) = pair.trim().split_once('=') {
                return Some(value.to_owned()).filter(|value| !value.is_empty());
            }
        }
    }
    None
}
