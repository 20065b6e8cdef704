//! Who may.

use rialto_tests::{Pick as _, Rialto, json};

use crate::client::with_role;

const CALLS: [(&str, &str); 9] = [
    ("GET", "node"),
    ("GET", "users/ID"),
    ("POST", "users/ID/kick"),
    ("POST", "users/ID/revoke"),
    ("POST", "users/ID/mute"),
    ("DELETE", "users/ID/mute"),
    ("GET", "conversations/ID"),
    ("GET", "config"),
    ("GET", "log"),
];

#[tokio::test]
async fn no_call_without_a_token_and_none_without_the_role() {
    let node = Rialto::start(&[]).await;
    let ada = node.user("ada").await;
    let bot = node.command(&["bot", "add", "helper", "--scopes", "conversation.*,user.get"]).await.ok();
    for (method, path) in CALLS {
        let path = format!("/v1/admin/{}", path.replace("ID", &ada.id));
        let ask = || node.http().ask(method.parse().expect("a method"), &path).json(&json!({"duration_ms": 1000}));
        ask().send().await.problem(401, "invalid_credentials");
        ask().token("nonsense").send().await.problem(401, "invalid_credentials");
        ask().token(&ada.token).send().await.problem(403, "forbidden");
        ask().token(bot.trim()).send().await.problem(403, "forbidden");
    }
    let page = node.http().get("/admin").send().await;
    assert_eq!((page.status, page.text().contains("/console-")), (200, true), "the page itself is for everybody");
    assert!(page.header("content-security-policy").contains("default-src 'self'"));
}

#[tokio::test]
async fn operators_may_and_only_admins_touch_admins() {
    let node = Rialto::start(&[]).await;
    let (olga, root, other) =
        (with_role(&node, "olga", "operator").await, with_role(&node, "root", "admin").await, node.user("other").await);
    assert_eq!(olga.get("/v1/admin/node").await.expect(200).text("role"), "operator");
    let facts = root.get("/v1/admin/node").await.expect(200);
    assert_eq!((facts.text("role"), facts.text("store"), facts.number("sample_seconds")), ("admin".into(), "embedded".into(), 1));
    let kick = |id: &str| format!("/v1/admin/users/{id}/kick");
    olga.post(&kick(&other.id), &json!({})).await.expect(200);
    olga.post(&kick(&root.id), &json!({})).await.problem(403, "forbidden");
    root.post(&kick(&olga.id), &json!({})).await.expect(200);
    olga.post(&kick("nobody"), &json!({})).await.problem(404, "not_found");
    olga.post(&kick("00000000-0000-7000-8000-000000000000"), &json!({})).await.problem(404, "not_found");
    // Whoever loses the role loses the console with the next call.
    node.command(&["user", "role", &olga.username, "user"]).await.ok();
    assert_eq!(olga.get("/v1/admin/node").await.status, 401);
    olga.log_in().await.get("/v1/admin/node").await.problem(403, "forbidden");
}
