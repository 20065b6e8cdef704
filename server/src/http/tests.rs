//! The API through actix, over a store in memory and actors that answer what the test says.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use actix_http::Request as HttpRequest;
use actix_web::App;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::test::{self, TestRequest};
use actix_web::web::Data;
use rialto_actors::accounts::{Accounts, KeyMaterial, KeyRing, Settings, Tables, Verifier, time_of};
use rialto_actors::commands::Commands;
use rialto_actors::entity::{Answer, Caller};
use rialto_actors::gateway::operator::Desk;
use rialto_actors::kernel::Clock;
use rialto_actors::router::Router;
use rialto_actors::webhooks::{self, Changes, Outgoing, Post, Posting, Webhooks};
use rialto_protocol::rpc::{Appended, Request};
use rialto_protocol::{ErrorCode, Refusal};
use rialto_storage::backend::memory::MemoryStore;
use serde_json::{Value, json};

use super::*;
use crate::admin::console::Facts;
use crate::admin::{Console, LogRing};

const PASSWORD: &str = "correct-horse-7-battery";

/// Remembers what was asked and answers with what the test has put in.
#[derive(Default)]
struct Actors {
    asked: Mutex<Vec<(Caller, Request)>>,
    refusal: Mutex<Option<Refusal>>,
    duplicate: Mutex<bool>,
}

impl Requests for Actors {
    fn request(&self, caller: Caller, request: Request) -> Answering {
        self.asked.lock().unwrap().push((caller, request));
        let duplicate = *self.duplicate.lock().unwrap();
        let answer = match self.refusal.lock().unwrap().clone() {
            Some(refusal) => Err(refusal),
            None => Ok(Answer::Appended(Appended { offset: 7, epoch: "e".into(), time: 1, duplicate })),
        };
        Box::pin(async move { answer })
    }
}

/// Leads nowhere.
struct Nowhere;

impl Post for Nowhere {
    fn check(&self, _url: &str) -> Result<(), Refusal> {
        Ok(())
    }

    fn post(&self, _outgoing: Outgoing) -> Posting {
        Box::pin(async { Err("nowhere".to_owned()) })
    }
}

struct Scene {
    actors: Arc<Actors>,
    state: Data<HttpState>,
}

impl Scene {
    async fn with(settings: Settings, origins: &[&str]) -> Self {
        let now = time_of(Clock::new(Clock::process_start()));
        let keys = KeyRing::new(&KeyMaterial::generate(1)).unwrap();
        let verifier = Verifier::new(keys, Vec::new(), false);
        let store = MemoryStore::default().store();
        let tables = Tables::from(&store);
        let facts = Facts { store: "embedded", started_ms: 1, threads: 1, configuration: "[server]".into() };
        let console = Console::new(facts, Desk::new(0), store.views.clone(), LogRing::default());
        let accounts = Accounts::open(tables, verifier, settings, now.clone()).await.unwrap();
        let actors = Arc::new(Actors::default());
        let origins: Vec<String> = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let state = HttpState {
            commands: Commands::new(store.records.clone(), accounts.clone(), Router::default()),
            webhooks: Webhooks::new(
                store,
                accounts.clone(),
                Changes::default(),
                Arc::new(Nowhere),
                webhooks::Settings { retry_after_ms: Vec::new(), at_once_max: 1 },
            ),
            accounts,
            requests: actors.clone(),
            now,
            origins: Origins::new(&origins),
            trusted_proxies: Vec::new(),
            probes: Vec::new(),
            draining: Arc::new(AtomicBool::new(false)),
            metrics: Arc::new(|| "rialto_test 1\n".to_owned()),
            console: Arc::new(console),
        };
        Self { actors, state: Data::new(state) }
    }

    async fn new() -> Self {
        Self::with(Settings::default(), &[]).await
    }

    fn asked(&self) -> Vec<Request> {
        self.actors.asked.lock().unwrap().iter().map(|(_, request)| request.clone()).collect()
    }
}

macro_rules! app {
    ($scene:expr) => {{
        let state = $scene.state.clone();
        test::init_service(App::new().configure(move |services| configure(services, state))).await
    }};
}

struct Got {
    status: u16,
    headers: actix_web::http::header::HeaderMap,
    body: Vec<u8>,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The cookie as a browser sends it back.
    fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    #[track_caller]
    fn problem(&self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status, body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], self.header("x-request-id"));
        assert!(["type", "title", "detail"].iter().all(|field| body[*field].is_string()), "{body}");
    }
}

async fn send<B: MessageBody>(
    app: &impl Service<HttpRequest, Response = ServiceResponse<B>, Error = actix_web::Error>,
    request: TestRequest,
) -> Got {
    let response = test::call_service(app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Got { status, headers, body: test::read_body(response).await.to_vec() }
}

fn post(path: &str, body: Value) -> TestRequest {
    TestRequest::post().uri(path).set_json(body)
}

fn register(name: &str) -> TestRequest {
    post("/v1/auth/register", json!({"username": name, "password": PASSWORD}))
}

fn bearer(got: &Got) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", got.json()["token"].as_str().unwrap()))
}

#[actix_web::test]
async fn a_session_from_registration_to_logout() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let made = send(&app, register("alice")).await;
    assert_eq!(made.status, 201);
    assert_eq!(made.json()["user"]["username"], "alice");
    assert_eq!(made.json()["expires_in"], 3600);
    let cookie = made.header("set-cookie");
    for part in ["rialto_refresh=", "HttpOnly", "SameSite=Strict", "Path=/v1/auth", "Max-Age=604800"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    let me = send(&app, TestRequest::get().uri("/v1/users/me").insert_header(bearer(&made))).await;
    assert_eq!((me.status, &me.json()), (200, &made.json()["user"]));
    assert_eq!(me.header("cache-control"), "no-store");
    let id = made.json()["user"]["id"].as_str().unwrap().to_owned();
    for path in [format!("/v1/users/{id}"), "/v1/users?username=ALICE".into()] {
        let found = send(&app, TestRequest::get().uri(&path).insert_header(bearer(&made))).await;
        assert_eq!((found.status, found.json()), (200, me.json()), "{path}");
    }
    let refreshed = send(&app, TestRequest::post().uri("/v1/auth/refresh").insert_header(("cookie", made.cookie()))).await;
    assert_eq!(refreshed.status, 200);
    assert_ne!(refreshed.cookie(), made.cookie());
    let logout = TestRequest::post().uri("/v1/auth/logout").insert_header(("cookie", refreshed.cookie()));
    let ended = send(&app, logout).await;
    assert_eq!((ended.status, ended.header("set-cookie").contains("Max-Age=0")), (204, true));
    let after = send(&app, TestRequest::get().uri("/v1/users/me").insert_header(bearer(&made))).await;
    after.problem(401, "invalid_credentials");
    let again = TestRequest::post().uri("/v1/auth/refresh").insert_header(("cookie", refreshed.cookie()));
    send(&app, again).await.problem(401, "invalid_credentials");
    send(&app, TestRequest::post().uri("/v1/auth/refresh")).await.problem(401, "invalid_credentials");
}

#[actix_web::test]
async fn the_cookie_is_secure_off_loopback() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let away = send(&app, register("alice").insert_header(("host", "chat.example"))).await;
    assert!(away.header("set-cookie").contains("; Secure"));
    let here = send(&app, register("bob").insert_header(("host", "127.0.0.1:8080"))).await;
    assert!(!here.header("set-cookie").contains("Secure"));
}

#[actix_web::test]
async fn every_failure_is_a_problem_with_its_code() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let made = send(&app, register("alice")).await;
    let signed = |request: TestRequest| request.insert_header(bearer(&made));
    let room = "/v1/conversations/01920000-0000-7000-8000-000000000000";
    let raw = |path: &str, kind: &'static str, body: Vec<u8>| {
        TestRequest::post().uri(path).insert_header(("content-type", kind)).set_payload(body)
    };
    let messages = format!("{room}/messages");
    for (request, status, code) in [
        (register("ALICE"), 409, "conflict"),
        (post("/v1/auth/register", json!({"username": "bob", "password": "short"})), 400, "invalid_argument"),
        (post("/v1/auth/register", json!({"username": "bob"})), 400, "invalid_argument"),
        (post("/v1/auth/login", json!({"username": "alice", "password": "wrong"})), 401, "invalid_credentials"),
        (post("/v1/auth/guest", json!({"display_name": "x"})), 501, "not_configured"),
        (raw("/v1/auth/login", "application/json", b"{\"username\":".to_vec()), 400, "invalid_argument"),
        (raw("/v1/auth/login", "application/json", b"\xff\xfe".to_vec()), 400, "invalid_argument"),
        (raw("/v1/auth/login", "application/json", vec![b'['; 10_000]), 400, "invalid_argument"),
        (raw("/v1/auth/login", "text/plain", b"{}".to_vec()), 415, "unsupported_media_type"),
        (raw("/v1/auth/login", "application/json", vec![b' '; 20_000]), 413, "too_large"),
        (signed(raw(&messages, "application/json", vec![b' '; 300_000])), 413, "too_large"),
        (TestRequest::get().uri("/v1/users/me"), 401, "invalid_credentials"),
        (TestRequest::get().uri("/v1/users/me").insert_header(("authorization", "Bearer nonsense")), 401, "invalid_credentials"),
        (TestRequest::get().uri("/v1/users/me").insert_header(("authorization", "Basic eDp5")), 401, "invalid_credentials"),
        (signed(TestRequest::get().uri("/v1/users/nonsense")), 404, "not_found"),
        (signed(TestRequest::get().uri("/v1/users?name=x")), 400, "invalid_argument"),
        (signed(TestRequest::get().uri("/v1/users?username=nobody")), 404, "not_found"),
        (TestRequest::get().uri("/no/such/path"), 404, "not_found"),
        (TestRequest::get().uri("/v1/nothing"), 404, "not_found"),
        (TestRequest::get().uri("/debug/echo"), 404, "not_found"),
        (TestRequest::get().uri("/connection/websocket"), 426, "upgrade_required"),
        (TestRequest::delete().uri("/v1/auth/login"), 405, "method_not_allowed"),
        (signed(post(&messages, json!({"text": "hi"}))), 400, "invalid_argument"),
        (signed(post(&messages, json!({"text": "", "client_id": "1"}))), 400, "invalid_argument"),
        (signed(post(&messages, json!({"text": "x".repeat(33_000), "client_id": "1"}))), 413, "too_large"),
        (signed(post(&messages, json!({"text": "hi"})).insert_header(("idempotency-key", "x".repeat(65)))), 400, "invalid_argument"),
        (signed(TestRequest::patch().uri(&format!("{messages}/x")).set_json(json!({"text": "hi"}))), 400, "invalid_argument"),
        (signed(TestRequest::get().uri(&format!("{messages}?limit=x"))), 400, "invalid_argument"),
    ] {
        send(&app, request).await.problem(status, code);
    }
    assert!(scene.asked().is_empty(), "nothing of that reached an actor");
    let not_allowed = send(&app, TestRequest::delete().uri("/v1/conversations")).await;
    assert_eq!(not_allowed.header("allow"), "POST, GET, HEAD");
}

#[actix_web::test]
async fn guessing_is_429_with_a_hint() {
    let scene = Scene::new().await;
    let app = app!(scene);
    send(&app, register("alice")).await;
    let guess = || post("/v1/auth/login", json!({"username": "alice", "password": "wrong wrong"}));
    for _ in 0..10 {
        send(&app, guess()).await.problem(401, "invalid_credentials");
    }
    let slowed = send(&app, guess()).await;
    slowed.problem(429, "rate_limited");
    assert!(slowed.json()["retry_after_ms"].as_u64().unwrap() > 50_000);
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() >= 50);
}

#[actix_web::test]
async fn calls_reach_the_actors_as_the_rpc_requests_that_they_are() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let made = send(&app, register("alice")).await;
    let me = made.json()["user"]["id"].as_str().unwrap().to_owned();
    let room = "/v1/conversations/01920000-0000-7000-8000-000000000000";
    let other = "01920000-0000-7000-8000-000000000001";
    let with = |method: actix_web::http::Method, path: String, body: Value| {
        TestRequest::default().method(method).uri(&path).insert_header(bearer(&made)).set_json(body)
    };
    use actix_web::http::Method;
    for (method, path, body, expected, status) in [
        (Method::POST, format!("{room}/messages"), json!({"text": "hi", "client_id": "1"}), "conversation.send", 201),
        (Method::PATCH, format!("{room}/messages/3"), json!({"text": "hi"}), "conversation.edit", 200),
        (Method::DELETE, format!("{room}/messages/3"), json!({}), "conversation.delete", 200),
        (Method::PUT, format!("{room}/messages/3/reactions/%F0%9F%8E%89"), json!({}), "conversation.react", 200),
        (Method::DELETE, format!("{room}/messages/3/reactions/%F0%9F%8E%89"), json!({}), "conversation.unreact", 200),
        (Method::PATCH, room.into(), json!({"title": "tea"}), "conversation.set", 200),
        (Method::POST, format!("{room}/members"), json!({"users": [other]}), "conversation.invite", 201),
        (Method::PUT, format!("{room}/members/{other}"), json!({"role": "admin"}), "conversation.set_role", 200),
        (Method::DELETE, format!("{room}/members/{other}"), json!({}), "conversation.remove", 200),
        (Method::DELETE, format!("{room}/members/{me}"), json!({}), "conversation.leave", 200),
        (Method::POST, format!("{room}/join"), json!({}), "conversation.join", 200),
        (Method::POST, format!("{room}/read"), json!({"offset": 3}), "conversation.mark_read", 200),
    ] {
        let got = send(&app, with(method, path.clone(), body)).await;
        assert_eq!((got.status, got.json()["offset"].as_u64()), (status, Some(7)), "{path}");
        let asked = scene.asked().pop().unwrap();
        assert_eq!(asked.method(), expected);
        if let Request::ConversationReact(react) = asked {
            assert_eq!((react.emoji.as_str(), react.target), ("🎉", 3));
        }
    }
    let bare = TestRequest::post().uri(&format!("{room}/join")).insert_header(bearer(&made));
    assert_eq!(send(&app, bare).await.status, 200, "a call without a body");
    let caller = scene.actors.asked.lock().unwrap()[0].0.clone();
    assert_eq!((caller.user.to_string(), caller.client), (me, None));
}

#[actix_web::test]
async fn a_repeat_is_200_and_the_idempotency_key_is_the_client_id() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let made = send(&app, register("alice")).await;
    *scene.actors.duplicate.lock().unwrap() = true;
    let path = "/v1/conversations/01920000-0000-7000-8000-000000000000/messages";
    let request = post(path, json!({"text": "hi"})).insert_header(bearer(&made)).insert_header(("idempotency-key", "key-1"));
    assert_eq!(send(&app, request).await.status, 200);
    let Some(Request::ConversationSend(message)) = scene.asked().pop() else { panic!("a message was sent") };
    assert_eq!(message.client_id.as_str(), "key-1");
    let keyed = || register("bob").insert_header(("idempotency-key", "key-2"));
    let (first, again) = (send(&app, keyed()).await, send(&app, keyed()).await);
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json()["user"], again.json()["user"]);
}

#[actix_web::test]
async fn refusals_keep_their_code_and_hint() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let made = send(&app, register("alice")).await;
    for (refusal, status, code) in [
        (Refusal::from(ErrorCode::NotAMember), 403, "not_a_member"),
        (Refusal::retry(ErrorCode::Overloaded, 1500), 503, "overloaded"),
        (ErrorCode::StorageFull.into(), 507, "storage_full"),
        (ErrorCode::ClientIdExpired.into(), 409, "client_id_expired"),
        (ErrorCode::Internal.into(), 500, "internal"),
    ] {
        *scene.actors.refusal.lock().unwrap() = Some(refusal.clone());
        let got = send(&app, TestRequest::get().uri("/v1/conversations").insert_header(bearer(&made))).await;
        got.problem(status, code);
        assert_eq!(got.header("retry-after"), if refusal.retry_after_ms.is_some() { "2" } else { "" });
    }
}

#[actix_web::test]
async fn a_bot_may_do_what_its_scopes_name() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let bot = scene.state.accounts.create_bot("echo", vec!["conversation.list".into()], None).await.unwrap();
    let ask = |path: &str| TestRequest::get().uri(path).insert_header(("authorization", format!("Bearer {}", bot.token)));
    assert_eq!(send(&app, ask("/v1/conversations")).await.status, 200);
    send(&app, ask("/v1/users/me")).await.problem(403, "forbidden");
}

#[actix_web::test]
async fn foreign_pages_neither_read_nor_use_cookies() {
    let scene = Scene::with(Settings::default(), &["https://app.example"]).await;
    let app = app!(scene);
    let preflight = |origin: &str| {
        let request = TestRequest::default().method(actix_web::http::Method::OPTIONS).uri("/v1/conversations");
        request
            .insert_header(("origin", origin))
            .insert_header(("access-control-request-method", "POST"))
            .insert_header(("host", "rialto.example"))
    };
    let allowed = send(&app, preflight("https://app.example")).await;
    assert_eq!((allowed.status, allowed.header("access-control-allow-origin")), (204, "https://app.example"));
    assert!(allowed.header("access-control-allow-headers").contains("idempotency-key"));
    let refused = send(&app, preflight("https://evil.example")).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, ""));
    let login = |origin: &str| register("alice").insert_header(("origin", origin)).insert_header(("host", "rialto.example"));
    send(&app, login("https://evil.example")).await.problem(403, "forbidden");
    assert_eq!(send(&app, login("https://app.example")).await.header("access-control-allow-credentials"), "true");
}

#[actix_web::test]
async fn answers_carry_security_headers_and_the_callers_id() {
    let scene = Scene::new().await;
    let app = app!(scene);
    for path in ["/health/live", "/docs", "/openapi.json", "/no/such/path", "/v1/users/me"] {
        let got = send(&app, TestRequest::get().uri(path).insert_header(("x-request-id", "my-id.1"))).await;
        assert_eq!(got.header("x-request-id"), "my-id.1", "{path}");
        assert_eq!(got.header("x-content-type-options"), "nosniff");
        assert_eq!(got.header("referrer-policy"), "no-referrer");
        assert_eq!(got.header("cross-origin-opener-policy"), "same-origin");
        let policy = got.header("content-security-policy");
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src") && !policy.contains("unsafe"), "{policy}");
    }
    let forged = send(&app, TestRequest::get().uri("/health/live").insert_header(("x-request-id", "a b<script>"))).await;
    assert_eq!(forged.header("x-request-id").len(), 32, "a fresh one");
}

/// A browser takes a 304's headers over into the page that it kept, and rules a worker by its script's own policy.
#[actix_web::test]
async fn every_file_of_the_app_has_the_pages_policy_when_not_modified_too() {
    let scene = Scene::new().await;
    let app = app!(scene);
    for path in ["/", "/sw.js"] {
        let first = send(&app, TestRequest::get().uri(path)).await;
        let policy = first.header("content-security-policy");
        assert!(policy.contains("default-src 'self'"), "{path}: {policy}");
        let again = send(&app, TestRequest::get().uri(path).insert_header(("if-none-match", first.header("etag")))).await;
        assert_eq!((again.status, again.header("content-security-policy")), (304, policy), "{path}");
    }
}

#[actix_web::test]
async fn health_metrics_and_compression() {
    let scene = Scene::new().await;
    let app = app!(scene);
    assert_eq!(send(&app, TestRequest::get().uri("/health/live")).await.json(), json!({"status": "ok"}));
    let ready = send(&app, TestRequest::get().uri("/health/ready")).await;
    assert_eq!((ready.status, ready.json()["dependencies"].is_object()), (200, true));
    scene.state.draining.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(send(&app, TestRequest::get().uri("/health/ready")).await.status, 503);
    assert_eq!(send(&app, TestRequest::get().uri("/metrics")).await.body, b"rialto_test 1\n");
    let packed = send(&app, TestRequest::get().uri("/openapi.json").insert_header(("accept-encoding", "gzip"))).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let head = TestRequest::default().method(actix_web::http::Method::HEAD).uri("/health/live");
    assert_eq!(send(&app, head).await.status, StatusCode::OK.as_u16());
}

#[actix_web::test]
async fn the_description_is_the_table_of_calls() {
    let scene = Scene::new().await;
    let app = app!(scene);
    let document = send(&app, TestRequest::get().uri("/openapi.json")).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        documented.extend(item.as_object().unwrap().keys().map(|method| (method.to_ascii_uppercase(), path.clone())));
    }
    let registered: BTreeSet<_> =
        routes::ENDPOINTS.iter().map(|endpoint| (endpoint.method.as_str().to_owned(), endpoint.path.to_owned())).collect();
    assert_eq!(documented, registered);
    let names: BTreeSet<_> = routes::ENDPOINTS.iter().map(|endpoint| endpoint.name).collect();
    assert_eq!(names.len(), routes::ENDPOINTS.len(), "operation ids are unique");
    for (method, path) in &documented {
        let path = path.replace("{offset}", "1").replace("{id}", "x").replace("{user}", "x").replace("{emoji}", "x");
        let got = send(&app, TestRequest::default().method(method.parse().unwrap()).uri(&path)).await;
        assert!(got.status != 405, "{method} {path} is registered");
        assert!(got.json()["detail"] != "there is nothing at this path", "{method} {path} is registered");
    }
    every_reference_resolves(&document, &document);
}

fn every_reference_resolves(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').expect("references stay inside");
                assert!(document.pointer(pointer).is_some(), "{reference}");
            }
            fields.values().for_each(|field| every_reference_resolves(document, field));
        }
        Value::Array(items) => items.iter().for_each(|item| every_reference_resolves(document, item)),
        _ => {}
    }
}
