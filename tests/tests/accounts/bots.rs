//! Bots over HTTP: made, limited, rotated, ended; and their slash commands.

use reqwest::Method;
use rialto_tests::user::client_id;
use rialto_tests::{Answer, Pick as _, Rialto, User, Value, Wire, json};

/// A bot of `owner` as the API shows it, with its token.
async fn bot_of(owner: &User, scopes: &[&str]) -> (User, Value) {
    let username = format!("bot-{}", &client_id()[24..]);
    let made = owner.post("/v1/bots", &json!({"username": username, "scopes": scopes})).await.expect(201);
    let id = made["bot"]["user"].text("id");
    (User { id, username, token: made.text("token"), ..owner.clone() }, made["bot"].clone())
}

async fn put(caller: &User, path: &str, body: &Value) -> Answer {
    caller.http.ask(Method::PUT, path).token(&caller.token).json(body).send().await
}

#[tokio::test]
async fn a_user_makes_bots_that_only_they_manage() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let (bot, shown) = bot_of(&alice, &["conversation.*", "user.me"]).await;
    assert_eq!((shown.text("owner"), shown["scopes"].clone()), (alice.id.clone(), json!(["conversation.*", "user.me"])));
    assert_eq!(bot.get("/v1/users/me").await.expect(200).text("username"), bot.username);
    bot.get("/v1/users?username=x").await.problem(403, "forbidden");
    let path = format!("/v1/bots/{}", bot.id);
    assert_eq!(alice.get(&path).await.expect(200), shown);
    assert_eq!(alice.get("/v1/bots").await.expect(200), json!({"items": [shown], "next": null}));
    assert_eq!(bob.get("/v1/bots").await.expect(200).list("items"), Vec::<Value>::new());
    bob.get(&path).await.problem(404, "not_found");
    bob.post(&format!("{path}/token"), &json!({})).await.problem(404, "not_found");
    bob.delete(&path, None).await.problem(404, "not_found");
    bot.delete(&path, None).await.problem(403, "forbidden");
    bot.post("/v1/bots", &json!({"username": "another-bot", "scopes": ["*"]})).await.problem(403, "forbidden");
    alice.post("/v1/bots", &json!({"username": bot.username, "scopes": ["*"]})).await.problem(409, "conflict");
    alice.post("/v1/bots", &json!({"username": "named", "scopes": ["conv*"]})).await.problem(400, "invalid_argument");

    let operator = User { token: operator_token(&node, &bob).await, ..bob };
    assert_eq!(operator.get("/v1/bots").await.expect(200).list("items"), vec![shown]);
    assert!(operator.delete(&path, None).await.status < 300);
    alice.get(&path).await.problem(404, "not_found");
    bot.get("/v1/users/me").await.problem(401, "invalid_credentials");
    assert_eq!(alice.get(&format!("/v1/users/{}", bot.id)).await.expect(200).text("id"), bot.id, "messages name it for ever");
}

async fn operator_token(node: &Rialto, user: &User) -> String {
    node.command(&["token", "--user", &user.id, "--role", "operator"]).await.ok().trim().to_owned()
}

#[tokio::test]
async fn a_repeated_creation_is_one_bot_with_a_fresh_token() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let body = json!({"username": "once-only", "scopes": ["*"]});
    let make = async || alice.http.post("/v1/bots").token(&alice.token).idempotency_key("make-1").json(&body).send().await;
    let (first, again) = (make().await.expect(201), make().await.expect(200));
    assert_eq!(first["bot"], again["bot"]);
    let me = async |token: &str| node.http().get("/v1/users/me").token(token).send().await.status;
    assert_eq!((me(&first.text("token")).await, me(&again.text("token")).await), (401, 200));
}

#[tokio::test]
async fn a_rotated_token_ends_its_connections_and_scopes_bring_them_back() {
    let mut node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let (bot, _) = bot_of(&alice, &["user.me"]).await;
    let path = format!("/v1/bots/{}", bot.id);
    let mut wire = Wire::connect(node.url(), &bot.token).await;
    assert_eq!(wire.refused("user.find", json!({"username": "x-y"})).await, 403);
    assert!(put(&alice, &format!("{path}/scopes"), &json!({"scopes": ["user.*"]})).await.status < 300);
    assert_eq!(wire.closed().await.code, 3011, "the client comes back with the same token");
    let mut wire = Wire::connect(node.url(), &bot.token).await;
    assert_eq!(wire.refused("user.find", json!({"username": "x-y"})).await, 401, "nobody is called so, and it may ask");

    let rotated = alice.post(&format!("{path}/token"), &json!({})).await.expect(200).text("token");
    assert_eq!(wire.closed().await.code, 3500);
    bot.get("/v1/users/me").await.problem(401, "invalid_credentials");
    node.kill9().await;
    node.restart().await;
    let (alice, http) = (alice.at(node.url()), node.http());
    http.get("/v1/users/me").token(&bot.token).send().await.problem(401, "invalid_credentials");
    assert_eq!(http.get("/v1/users/me").token(&rotated).send().await.status, 200);
    assert_eq!(alice.get(&path).await.expect(200)["scopes"], json!(["user.*"]));
}

#[tokio::test]
async fn a_user_has_a_limited_number_of_bots_and_an_operators_bot_has_no_owner() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    for _ in 0..20 {
        bot_of(&alice, &["*"]).await;
    }
    alice.post("/v1/bots", &json!({"username": "one-too-many", "scopes": ["*"]})).await.problem(409, "conflict");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = alice.get(&format!("/v1/bots?limit=7{cursor}")).await.expect(200);
        seen.extend(page.list("items").iter().map(|bot| bot["user"].text("id")));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 20);
    node.command(&["bot", "add", "house-bot", "--scopes", "*"]).await.ok();
    let operator = User { token: operator_token(&node, &alice).await, ..alice };
    let all = operator.get("/v1/bots?limit=100").await.expect(200).list("items");
    let house = all.iter().find(|bot| bot["user"]["username"] == "house-bot").expect("bots of the command line are listed");
    assert!(all.len() == 21 && house["owner"].is_null());
}

#[tokio::test]
async fn commands_are_those_of_the_bots_that_are_members() {
    let mut node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let (bot, _) = bot_of(&alice, &["bot.set_commands"]).await;
    let (other, _) = bot_of(&alice, &["conversation.*"]).await;
    let room = alice.creates("group", "casino", &[&bot.id]).await.text("id");
    let options = json!([{"name": "sides", "kind": "integer", "required": true}]);
    let roll = json!({"name": "roll", "description": "rolls", "options": options});
    let mut wire = Wire::connect(node.url(), &bot.token).await;
    wire.ask("bot.set_commands", json!({"commands": [roll, {"name": "a"}]})).await;
    let path = format!("/v1/bots/{}/commands", other.id);
    assert!(put(&alice, &path, &json!({"commands": [{"name": "elsewhere"}]})).await.status < 300, "an owner may too");
    put(&bob, &path, &json!({"commands": []})).await.problem(404, "not_found");
    put(&other, &path, &json!({"commands": []})).await.problem(403, "forbidden");
    for bad in [
        json!([{"name": "Roll"}]),
        json!([{"name": "a b"}]),
        json!([{"name": "a"}, {"name": "a"}]),
        json!([{"name": "a", "options": [{"name": "x", "kind": "choice"}]}]),
    ] {
        put(&alice, &path, &json!({"commands": bad})).await.problem(400, "invalid_argument");
    }
    let mut person = Wire::connect(node.url(), &alice.token).await;
    assert_eq!(person.refused("bot.set_commands", json!({"commands": []})).await, 403);
    let expected = json!([{"bot": bot.id, "name": "a", "description": "", "options": []},
        {"bot": bot.id, "name": "roll", "description": "rolls", "options": options}]);
    let listed = async |user: &User| user.get(&format!("/v1/conversations/{room}/commands")).await;
    assert_eq!(listed(&alice).await.expect(200), json!({"items": expected, "next": null}));
    listed(&bob).await.problem(404, "not_found");
    node.kill9().await;
    node.restart().await;
    let (alice, mut person) = (alice.at(node.url()), Wire::connect(node.url(), &alice.token).await);
    assert_eq!(person.ask("conversation.commands", json!({"conversation": room})).await["items"], expected);
    alice.delete(&format!("/v1/bots/{}", bot.id), None).await.expect(204);
    assert_eq!(person.ask("conversation.commands", json!({"conversation": room})).await["items"], json!([]));
}
