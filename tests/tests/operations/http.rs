//! Health, metrics, OpenAPI, security headers, CORS, and the files of the web app.

use rialto_tests::{Answer, Pick as _, Rialto, json};

async fn get(node: &Rialto, path: &str) -> Answer {
    node.http().get(path).send().await
}

#[tokio::test]
async fn health_tells_of_life_and_of_each_dependency() {
    let node = Rialto::start(&[]).await;
    assert_eq!(get(&node, "/health/live").await.expect(200), json!({"status": "ok"}));
    let ready = get(&node, "/health/ready").await.expect(200);
    let dependencies = ready["dependencies"].as_object().expect("dependencies").clone();
    assert!(!dependencies.is_empty());
    for (name, dependency) in dependencies {
        assert!(dependency["state"].is_string() && dependency["ms"].is_number(), "{name}: {dependency}");
    }
}

#[tokio::test]
async fn metrics_are_prometheus_text_with_our_names() {
    let node = Rialto::start(&[]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    alice.says("hi").await;
    let answer = get(&node, "/metrics").await;
    assert_eq!(answer.status, 200);
    let text = answer.text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(names.len() >= 10, "every queue, mailbox, commit, connection, delivery and refusal: {names:?}");
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        assert!(line.starts_with("rialto_"), "{line}");
        let value = line.rsplit(' ').next().expect("a value");
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}

#[tokio::test]
async fn openapi_names_every_call_and_its_page_needs_nobody_else() {
    let node = Rialto::start(&[]).await;
    let document = get(&node, "/openapi.json").await.expect(200);
    assert!(document.text("openapi").starts_with("3.1"), "{}", document["openapi"]);
    let paths = document["paths"].as_object().expect("paths").clone();
    for path in [
        "/v1/auth/register",
        "/v1/auth/login",
        "/v1/auth/refresh",
        "/v1/auth/logout",
        "/v1/auth/password",
        "/v1/users/me",
        "/v1/conversations",
        "/health/live",
        "/health/ready",
    ] {
        assert!(paths.contains_key(path), "{path} in {:?}", paths.keys().collect::<Vec<_>>());
    }
    let page = get(&node, "/docs").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    for outside in ["src=\"http", "src='http", "href=\"http", "//cdn", "unpkg", "jsdelivr"] {
        assert!(!text.contains(outside), "{outside}");
    }
}

#[tokio::test]
async fn answers_carry_security_headers_and_a_request_id() {
    let node = Rialto::start(&[]).await;
    for path in ["/", "/health/live", "/docs", "/v1/users/me", "/no/such/page"] {
        let answer = get(&node, path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(!answer.header("referrer-policy").is_empty(), "{path}");
        assert!(!answer.header("x-request-id").is_empty(), "{path}");
    }
    let policy = get(&node, "/").await.header("content-security-policy");
    assert!(policy.contains("default-src"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-eval") && !policy.contains("script-src 'unsafe-inline'"), "{policy}");
}

#[tokio::test]
async fn the_web_app_is_served_with_hashed_immutable_parts() {
    let node = Rialto::start(&[]).await;
    let index = get(&node, "/").await;
    assert_eq!(index.status, 200);
    assert!(index.header("content-type").starts_with("text/html"));
    assert!(!index.header("cache-control").contains("immutable"), "the index must be looked at again");
    let text = index.text();
    let parts = linked_files(&text);
    assert!(parts.iter().any(|part| part.ends_with(".js")), "{text}");
    for part in &parts {
        let answer = get(&node, part).await;
        assert_eq!(answer.status, 200, "{part}");
        if part.ends_with(".js") || part.ends_with(".css") {
            assert!(answer.header("cache-control").contains("immutable"), "{part}: {answer:?}");
            let packed = node.http().get(part).header("accept-encoding", "gzip, br").send().await;
            assert!(["gzip", "br"].contains(&packed.header("content-encoding").as_str()), "{part}");
        }
    }
    for path in ["/sw.js", "/manifest.webmanifest"] {
        let answer = get(&node, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.header("cache-control").contains("immutable"), "{path}");
    }
}

/// Local `src` and `href` values of a page.
fn linked_files(html: &str) -> Vec<String> {
    let starts = html.split("src=\"").skip(1).chain(html.split("href=\"").skip(1));
    let values = starts.filter_map(|rest| rest.split('"').next());
    values.filter(|value| value.starts_with('/') && value.len() > 1).map(str::to_owned).collect()
}

#[tokio::test]
async fn an_unchanged_page_is_304() {
    let node = Rialto::start(&[]).await;
    let tag = get(&node, "/").await.header("etag");
    assert!(!tag.is_empty());
    let again = node.http().get("/").header("if-none-match", &tag).send().await;
    assert_eq!((again.status, again.body.len()), (304, 0));
}

#[tokio::test]
async fn only_allowed_origins_may_read() {
    let node = Rialto::start(&[r#"server.allowed_origins=["https://app.example"]"#]).await;
    let ask = async |origin: &str| {
        let ask = node.http().ask(reqwest::Method::OPTIONS, "/v1/conversations").header("origin", origin);
        let ask = ask.header("access-control-request-method", "POST");
        ask.header("access-control-request-headers", "authorization,content-type").send().await
    };
    let allowed = ask("https://app.example").await;
    assert!([200, 204].contains(&allowed.status));
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(ask("https://evil.example").await.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn echo_is_off_unless_configured() {
    let node = Rialto::start(&[]).await;
    assert_eq!(get(&node, "/debug/echo").await.status, 404);
}
