//! The description of the API, for programs and for people: our own page, no download from anywhere.

use actix_web::HttpResponse;

use super::openapi;

pub(super) async fn openapi() -> HttpResponse {
    answer("application/json", openapi::document())
}

pub(super) async fn page() -> HttpResponse {
    answer("text/html; charset=utf-8", include_str!("docs/page.html"))
}

pub(super) async fn script() -> HttpResponse {
    answer("text/javascript; charset=utf-8", include_str!("docs/docs.js"))
}

pub(super) async fn style() -> HttpResponse {
    answer("text/css; charset=utf-8", include_str!("docs/docs.css"))
}

fn answer(content_type: &'static str, body: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).insert_header(("cache-control", "no-cache")).body(body)
}
