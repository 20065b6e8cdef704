//! Looking at users, conversations, the configuration and the log.

use rialto_tests::{Pick as _, Rialto, User, eventually, json};

use crate::client::with_role;

#[tokio::test]
async fn a_user_is_found_by_name_and_id_with_every_connection() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let mut ada = node.person("ada").await;
    let _phone = ada.other_device().await;
    let room = ada.opens_group("plans", &[]).await;
    let by_id = olga.get(&format!("/v1/admin/users/{}", ada.id())).await.expect(200);
    let by_name = olga.get(&format!("/v1/admin/users/{}", ada.user.username.to_uppercase())).await.expect(200);
    assert_eq!(by_id, by_name);
    assert_eq!((by_id["user"].text("id"), by_id.text("role"), by_id.text("origin")), (ada.id().to_owned(), "user".into(), "own".into()));
    assert!(by_id["muted_until"].is_null() && by_id.number("created") > 0);
    let connections = by_id.list("connections");
    assert_eq!(connections.len(), 2);
    for connection in &connections {
        assert_eq!((connection.text("address"), connection.text("client")), ("127.0.0.1".into(), "tests".into()));
        assert!(connection.number("since") > 0 && connection.texts("channels").contains(&format!("user:{}", ada.id())));
    }
    assert!(connections.iter().any(|one| one.texts("channels").contains(&format!("conversation:{room}"))), "{connections:?}");
    assert_eq!(connections.iter().filter(|one| one.text("connection") == ada.wire.hello.text("client")).count(), 1);
    olga.get("/v1/admin/users/nobody-of-this-name").await.problem(404, "not_found");
}

#[tokio::test]
async fn behind_a_proxy_the_address_is_the_one_that_it_names() {
    let node = Rialto::start(&["server.trusted_proxies=[\"127.0.0.1/32\"]"]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let ada = node.user("ada").await;
    let mut socket = rialto_tests::RawSocket::dial(node.url()).await;
    let head = rialto_tests::raw::upgrade_head("/connection/websocket").replacen("\r\n", "\r\nX-Forwarded-For: 192.0.2.7\r\n", 1);
    socket.send(head.as_bytes()).await;
    socket.read_head().await;
    socket.send_frame(1, json!({"id": 1, "connect": {"token": ada.token}}).to_string().as_bytes()).await;
    let found = eventually("she is connected", async || {
        let found = olga.get(&format!("/v1/admin/users/{}", ada.id)).await.expect(200);
        (!found.list("connections").is_empty()).then_some(found)
    })
    .await;
    assert_eq!(found["connections"][0].text("address"), "192.0.2.7");
}

#[tokio::test]
async fn a_conversation_is_shown_without_what_is_said_there() {
    let node = Rialto::start(&[]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let (ada, bob) = (node.user("ada").await, node.user("bob").await);
    let room = ada.creates("group", "secret plans", &[&bob.id]).await.text("id");
    ada.sends(&room, "whisper").await;
    let shown = olga.get(&format!("/v1/admin/conversations/{room}")).await.expect(200);
    assert_eq!((shown.text("kind"), shown.text("title"), shown.number("messages")), ("group".into(), "secret plans".into(), 1));
    assert_eq!(shown.number("member_count"), 2);
    assert!(shown.texts("members").contains(&bob.id) && !shown.to_string().contains("whisper"));
    olga.get("/v1/admin/conversations/nonsense").await.problem(404, "not_found");
    olga.get(&format!("/v1/admin/conversations/{}", ada.id)).await.problem(404, "not_found");
}

#[tokio::test]
async fn the_configuration_is_shown_with_its_secrets_masked() {
    let secret = "a-shared-secret-that-nobody-may-see-0123456789";
    let external = format!("auth.external=[{{algorithm=\"HS256\",key=\"{secret}\",issuer=\"https://issuer.example\"}}]");
    let node = Rialto::start(&[&external]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let toml = olga.get("/v1/admin/config").await.expect(200).text("toml");
    assert!(toml.contains("[limits]") && toml.contains("https://issuer.example") && !toml.contains(secret), "{toml}");
    // The command line does not know the address that this node was started with.
    let without_address = |toml: &str| toml.trim().lines().filter(|line| !line.starts_with("listen")).collect::<Vec<_>>().join("\n");
    assert_eq!(without_address(&toml), without_address(&node.command(&["print-config"]).await.ok()));
}

async fn lines(olga: &User, query: &str) -> (Vec<String>, u64) {
    let page = olga.get(&format!("/v1/admin/log?{query}")).await.expect(200);
    (page.list("items").iter().map(ToString::to_string).collect(), page.number("next"))
}

#[tokio::test]
async fn the_log_is_filtered_followed_and_holds_every_action() {
    let node = Rialto::start(&["log.level=\"warn\""]).await;
    let olga = with_role(&node, "olga", "operator").await;
    let ada = node.user("ada").await;
    let (_, before) = lines(&olga, "level=info").await;
    let about = |action: &str| format!("/v1/admin/users/{}/{action}", ada.id);
    olga.post(&about("mute"), &json!({"duration_ms": 60_000})).await.expect(200);
    olga.delete(&about("mute"), None).await.expect(204);
    olga.post(&about("kick"), &json!({})).await.expect(200);
    olga.post(&about("revoke"), &json!({})).await.expect(200);
    let (all, _) = lines(&olga, &format!("level=info&after={before}")).await;
    for action in ["mute", "unmute", "kick", "revoke"] {
        let said = format!("\"action\":\"{action}\"");
        let found: Vec<&String> = all.iter().filter(|line| line.contains(&said)).collect();
        assert_eq!(found.len(), 1, "{action}: {all:?}");
        assert!(found[0].contains(&olga.id) && found[0].contains(&ada.id) && found[0].contains("\"outcome\":\"done\""), "{found:?}");
    }
    let log = node.log();
    assert_eq!(log.lines().filter(|line| line.contains("operator acted")).count(), 4, "on standard error too, whatever the level: {log}");
    assert_eq!(lines(&olga, &format!("text=UNMUTE&after={before}")).await.0.len(), 1);
    assert!(lines(&olga, &format!("level=warn&after={before}")).await.0.is_empty());
    olga.get("/v1/admin/log?level=loud").await.problem(400, "invalid_argument");
}
