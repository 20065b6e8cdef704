//! Profiles.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use rialto_protocol::rpc::{FindUser, GetUser, Request, SetUser};

use super::asking::check_scope;
use super::bodies::FindQuery;
use super::extract::{Json, Query, Signed, id};
use super::problem::Problem;
use super::state::HttpState;

pub(super) async fn me(state: Data<HttpState>, signed: Signed) -> Result<HttpResponse, Problem> {
    check_scope(&signed, &Request::UserMe)?;
    Ok(HttpResponse::Ok().json(state.accounts.profile(signed.0.user).await?))
}

pub(super) async fn set(state: Data<HttpState>, signed: Signed, Json(body): Json<SetUser>) -> Result<HttpResponse, Problem> {
    let display_name = body.display_name.clone();
    check_scope(&signed, &Request::UserSet(body))?;
    Ok(HttpResponse::Ok().json(state.accounts.set_profile(signed.0.user, &display_name).await?))
}

pub(super) async fn get(state: Data<HttpState>, signed: Signed, user: Path<String>) -> Result<HttpResponse, Problem> {
    let user = id(&user)?;
    check_scope(&signed, &Request::UserGet(GetUser { user }))?;
    Ok(HttpResponse::Ok().json(state.accounts.profile(user).await?))
}

pub(super) async fn find(state: Data<HttpState>, signed: Signed, Query(query): Query<FindQuery>) -> Result<HttpResponse, Problem> {
    let FindQuery { username } = query;
    check_scope(&signed, &Request::UserFind(FindUser { username: username.clone() }))?;
    Ok(HttpResponse::Ok().json(state.accounts.find(&username).await?))
}
