//! Webhooks of a real process: what is posted out, over failures and kills, and what is posted in.

use rialto_tests::receiver::{Posted, signature};
use rialto_tests::user::client_id;
use rialto_tests::{Answer, Http, Pick as _, Receiver, Rialto, User, Value, eventually, json, now_ms};

const PRIVATE: &str = "webhooks.allow_private=true";
const HASTY: &str = "webhooks.retry_after_ms=[20, 20]";

/// A webhook of all conversations of `user`, with its secret.
async fn webhook(user: &User, receiver: &Receiver) -> (String, String) {
    let made = user.post("/v1/webhooks", &json!({"url": receiver.url()})).await.expect(201);
    (format!("/v1/webhooks/{}", made["webhook"].text("id")), made.text("secret"))
}

fn text_of(post: &Posted) -> String {
    post.json()["data"]["event"]["text"].as_str().unwrap_or_default().to_owned()
}

fn texts(receiver: &Receiver) -> Vec<String> {
    receiver.came().iter().map(text_of).filter(|text| !text.is_empty()).collect()
}

#[tokio::test]
async fn events_are_posted_signed_and_in_order() {
    let node = Rialto::start(&[PRIVATE]).await;
    let (alice, bob, receiver) = (node.user("alice").await, node.user("bob").await, Receiver::open().await);
    let (path, secret) = webhook(&alice, &receiver).await;
    let room = alice.creates("group", "tea", &[&bob.id]).await.text("id");
    for text in ["one", "two", "three"] {
        bob.sends(&room, text).await;
    }
    let last = receiver.gets("the last message", |post| text_of(post) == "three").await;
    assert_eq!(texts(&receiver), ["one", "two", "three"]);
    assert_eq!(receiver.came()[0].json()["type"], "conversation_created", "a conversation that is made later is one of the user's too");
    let body = last.json();
    assert_eq!((body["data"].text("conversation"), body["data"].number("offset")), (room.clone(), 4));
    assert!(receiver.came().iter().all(|post| post.is_signed_with(&secret)));
    assert!(now_ms() / 1000 - last.header("webhook-timestamp").parse::<u64>().expect("seconds") < 90);
    let deliveries = alice.get(&format!("{path}/deliveries")).await.expect(200).list("items");
    assert!(deliveries.iter().all(|one| one["state"] == "delivered") && deliveries.len() == 4, "{deliveries:?}");
    for path in [path.clone(), format!("{path}/deliveries"), format!("{path}/dead_letters")] {
        bob.get(&path).await.problem(404, "not_found");
    }
    assert!(alice.get(&path).await.expect(200)["secret"].is_null());
    let fresh = alice.post(&format!("{path}/secret"), &json!({})).await.expect(200).text("secret");
    bob.sends(&room, "four").await;
    let post = receiver.gets("the message behind the rotation", |post| text_of(post) == "four").await;
    assert!(post.is_signed_with(&fresh) && post.is_signed_with(&secret), "for a day both count");
    assert!(!node.log().contains(&fresh) && !node.log().contains(&fresh[8..]), "secrets are not logged");
    alice.delete(&path, None).await.expect(204);
    alice.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_kill_in_the_middle_skips_nothing_and_keeps_the_order() {
    let mut node = Rialto::start(&[PRIVATE, HASTY]).await;
    let (mut alice, receiver) = (node.user("alice").await, Receiver::open().await);
    webhook(&alice, &receiver).await;
    let room = alice.creates("group", "tea", &[]).await.text("id");
    let mut said = Vec::new();
    for round in 0..3 {
        for number in 0..15 {
            said.push(format!("{round}-{number}"));
            alice.sends(&room, &said[said.len() - 1]).await;
        }
        node.kill9().await;
        node.restart().await;
        alice = alice.at(node.url());
    }
    receiver.gets("the last message", |post| text_of(post) == "2-14").await;
    let mut came = texts(&receiver);
    assert!(
        came.windows(2).all(|pair| said.iter().position(|text| *text == pair[0]) <= said.iter().position(|text| *text == pair[1])),
        "{came:?}"
    );
    came.dedup();
    assert_eq!(came, said, "each, in order; one that a kill met twice");
}

#[tokio::test]
async fn what_a_target_refuses_is_tried_again_then_a_dead_letter_and_posted_by_hand() {
    let node = Rialto::start(&[PRIVATE, HASTY]).await;
    let (alice, receiver) = (node.user("alice").await, Receiver::open().await);
    let room = alice.creates("group", "tea", &[]).await.text("id");
    let body = json!({"url": receiver.url(), "conversation": room, "events": ["message"]});
    let path = format!("/v1/webhooks/{}", alice.post("/v1/webhooks", &body).await.expect(201)["webhook"].text("id"));
    receiver.will_answer([500, 302, 200, 500, 429, 404]);
    alice.sends(&room, "third time").await;
    let offset = alice.sends(&room, "never").await;
    alice.sends(&room, "next").await;
    receiver.gets("the one behind it", |post| text_of(post) == "next").await;
    assert_eq!(texts(&receiver), ["third time", "third time", "third time", "never", "never", "never", "next"], "no redirect is followed");
    let ids: Vec<String> = receiver.came().iter().map(|post| post.header("webhook-id")).collect();
    assert!(ids[..3].iter().all(|id| *id == ids[0]) && ids[3] != ids[0], "a retry has the id of the first try");
    let letters = alice.get(&format!("{path}/dead_letters")).await.expect(200).list("items");
    assert_eq!(
        (letters.len(), letters[0].number("offset"), letters[0].number("status"), letters[0].number("attempts")),
        (1, offset, 404, 3)
    );
    let again = json!({"conversation": room, "offset": offset});
    assert_eq!(alice.post(&format!("{path}/redeliver"), &again).await.expect(200)["state"], "delivered");
    assert_eq!(text_of(&receiver.came()[7]), "never");
    assert_eq!(alice.get(&format!("{path}/dead_letters")).await.expect(200).list("items"), Vec::<Value>::new());
    receiver.will_answer([410]);
    alice.sends(&room, "gone").await;
    let disabled = async || alice.get(&path).await.expect(200).get("disabled").cloned();
    eventually("the target ends it", disabled).await;
}

#[tokio::test]
async fn targets_inside_are_refused_and_webhooks_are_limited() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    for url in [
        "http://example.com/",
        "https://127.0.0.1/",
        "https://[::1]:8443/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "https://u:p@example.com/",
        "x",
    ] {
        alice.post("/v1/webhooks", &json!({"url": url})).await.problem(400, "invalid_argument");
    }
    let receiver = Receiver::open().await;
    let port = receiver.url().rsplit(':').next().expect("a port").split('/').next().expect("a number").to_owned();
    // The name is public as far as anybody can see; it is judged when it is connected to.
    let made = alice.post("/v1/webhooks", &json!({"url": format!("https://localhost:{port}/")})).await.expect(201);
    let room = alice.creates("group", "tea", &[]).await.text("id");
    alice.sends(&room, "inside").await;
    let path = format!("/v1/webhooks/{}/deliveries", made["webhook"].text("id"));
    let reason = eventually("the try is over", async || {
        let tried = alice.get(&path).await.expect(200).list("items");
        tried.first().map(|delivery| delivery.text("reason"))
    })
    .await;
    assert!(reason.contains("public internet"), "{reason}");
    assert!(receiver.came().is_empty());
    for _ in 1..20 {
        alice.post("/v1/webhooks", &json!({"url": "https://example.com/"})).await.expect(201);
    }
    alice.post("/v1/webhooks", &json!({"url": "https://example.com/"})).await.problem(409, "conflict");
    alice.post("/v1/webhooks", &json!({"url": "https://example.com/", "events": ["typing"]})).await.problem(400, "invalid_argument");
}

struct Incoming {
    path: String,
    secret: String,
    http: Http,
}

impl Incoming {
    async fn posts(&self, secret: &str, key: &str, text: &str) -> Answer {
        self.http.post(&self.path).token(secret).idempotency_key(key).json(&json!({"text": text})).send().await
    }

    async fn posts_signed(&self, secret: &str, id: &str, seconds: u64, text: &str) -> Answer {
        let (body, timestamp) = (json!({"text": text}).to_string(), seconds.to_string());
        let signed = signature(secret, id, &timestamp, body.as_bytes());
        let post = self.http.post(&self.path).header("webhook-id", id).header("webhook-timestamp", &timestamp);
        post.header("webhook-signature", &format!("v1,AAAA {signed}")).raw_json(body).send().await
    }
}

#[tokio::test]
async fn whoever_has_the_secret_posts_as_the_bot_and_a_retry_is_one_message() {
    let node = Rialto::start(&[]).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let username = format!("ci-{}", &client_id()[24..]);
    let bot = alice.post("/v1/bots", &json!({"username": username, "scopes": ["user.me"]})).await.expect(201)["bot"]["user"].text("id");
    let room = alice.creates("group", "builds", &[]).await.text("id");
    let wanted = json!({"conversation": room, "bot": bot});
    alice.post("/v1/hooks", &wanted).await.problem(404, "not_found");
    let invite = json!({"users": [bot], "client_id": client_id()});
    assert!(alice.post(&format!("/v1/conversations/{room}/members"), &invite).await.status < 300);
    bob.post("/v1/hooks", &wanted).await.problem(404, "not_found");
    let made = alice.post("/v1/hooks", &wanted).await.expect(201);
    let id = made["hook"].text("id");
    let hook = Incoming { path: format!("/v1/hooks/{id}"), secret: made.text("secret"), http: node.http() };

    hook.posts("whsec_AAAA", "a", "forged").await.problem(401, "invalid_credentials");
    hook.posts_signed("whsec_AAAA", "msg_1", now_ms() / 1000, "forged").await.problem(401, "invalid_credentials");
    hook.posts_signed(&hook.secret, "msg_1", now_ms() / 1000 - 600, "stale").await.problem(401, "invalid_credentials");
    let first = hook.posts(&hook.secret, "build-1", "build 1 is green").await.expect(201);
    assert_eq!(hook.posts(&hook.secret, "build-1", "build 1 is green").await.expect(200).number("offset"), first.number("offset"));
    let long = format!("msg_{}", "x".repeat(200));
    let signed = hook.posts_signed(&hook.secret, &long, now_ms() / 1000, "signed").await.expect(201);
    assert_eq!(
        hook.posts_signed(&hook.secret, &long, now_ms() / 1000, "signed").await.expect(200).number("offset"),
        signed.number("offset")
    );
    let messages = alice.reads(&room, "").await;
    let said: Vec<(String, String)> = messages.iter().map(|message| (message.text("sender"), message.text("text"))).collect();
    assert_eq!(said, [(bot.clone(), "build 1 is green".to_owned()), (bot.clone(), "signed".to_owned())]);

    let statuses = futures_util::future::join_all((0..80).map(|number| {
        let hook = &hook;
        async move { hook.posts(&hook.secret, &format!("many-{number}"), "many").await.status }
    }))
    .await;
    assert!(statuses.contains(&429), "{statuses:?}");
    bob.post(&format!("{}/secret", hook.path), &json!({})).await.problem(404, "not_found");
    alice.post(&format!("{}/secret", hook.path), &json!({})).await.expect(200);
    hook.posts(&hook.secret, "late", "late").await.problem(401, "invalid_credentials");
    assert!(!node.log().contains(&hook.secret), "secrets are not logged");
    assert_eq!(alice.get(&format!("/v1/hooks?user={bot}")).await.expect(200).list("items").len(), 1);
    alice.delete(&format!("/v1/bots/{bot}"), None).await.expect(204);
    hook.posts(&hook.secret, "later", "later").await.problem(401, "invalid_credentials");
}
