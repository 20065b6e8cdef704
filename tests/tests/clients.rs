//! The programs that come with the SDK, as people run them: the example bots and the terminal chat. They and the node are killed with -9.

use reqwest::Method;
use rialto_tests::json::Pick as _;
use rialto_tests::user::{PASSWORD, client_id};
use rialto_tests::{Door, Program, Rialto, User, eventually, program};
use serde_json::{Value, json};

const PREFIX: &str = "echo: ";

fn bot(door: &Door, echo: &User) -> Program {
    Program::start(&program::bot("echo"), &["--url", door.url(), "--user", &echo.username, "--register"], PASSWORD)
}

fn chat(door: &Door, user: &User) -> Program {
    Program::start(&program::chat(), &["--url", door.url(), "--user", &user.username], PASSWORD)
}

/// A bot's account with the scopes that the README gives it; its id and its token.
async fn bot_of(owner: &User, name: &str) -> (String, String) {
    let body = json!({"username": name, "scopes": ["conversation.*", "user.me", "bot.set_commands"]});
    let made = owner.post("/v1/bots", &body).await.expect(201);
    (made["bot"]["user"].text("id"), made.text("token"))
}

/// Waits until a bot has said what people's clients complete, and gives the names.
async fn commands(user: &User, conversation: &str) -> Vec<String> {
    eventually("the bot's commands are registered", async || {
        let items = user.get(&format!("/v1/conversations/{conversation}/commands")).await.expect(200).list("items");
        (!items.is_empty()).then(|| items.iter().map(|command| command.text("name")).collect())
    })
    .await
}

/// Waits for a text that begins so.
async fn said(user: &User, conversation: &str, begin: &str) -> Value {
    eventually(&format!("somebody says {begin}"), async || {
        let items = user.reads(conversation, "limit=100").await;
        items.into_iter().find(|item| item.text("text").starts_with(begin))
    })
    .await
}

async fn direct(one: &User, other: &User) -> String {
    let body = json!({"kind": "direct", "members": [other.id], "client_id": client_id()});
    let answer = one.post("/v1/conversations", &body).await;
    // 200 gives the one that there is.
    answer.expect(if answer.status == 200 { 200 } else { 201 }).text("id")
}

async fn texts(user: &User, conversation: &str) -> Vec<String> {
    user.reads(conversation, "limit=100").await.iter().map(|message| message.text("text")).collect()
}

/// Every message is answered, each by one answer that refers to it.
async fn each_is_answered_once(user: &User, conversation: &str, said: &[&str]) {
    let (items, answers) = eventually("the bot answers all", async || {
        let items = user.reads(conversation, "limit=100").await;
        let answers: Vec<_> = items.iter().filter(|item| item.text("text").starts_with(PREFIX)).cloned().collect();
        (answers.len() >= said.len()).then_some((items, answers))
    })
    .await;
    let mut answered: Vec<_> = answers
        .iter()
        .map(|answer| {
            let to = items.iter().find(|item| item["offset"] == answer["reply_to"]).expect("an answer refers to its message");
            assert_eq!(answer.text("text"), format!("{PREFIX}{}", to.text("text")));
            to.text("text")
        })
        .collect();
    answered.sort();
    let mut expected: Vec<String> = said.iter().map(|text| (*text).to_owned()).collect();
    expected.sort();
    assert_eq!(answered, expected);
}

#[tokio::test]
async fn the_example_bot_answers_everything_once_whoever_is_killed() {
    let mut node = Rialto::start(&[]).await;
    let door = Door::open(node.url()).await;
    let (alice, echo) = (node.user("alice").await, node.user("echo").await);
    let running = bot(&door, &echo);
    let group = alice.creates("group", "with a bot", &[&echo.id]).await.text("id");
    let pair = direct(&alice, &echo).await;
    alice.sends(&group, "one").await;
    alice.sends(&pair, "in private").await;
    each_is_answered_once(&alice, &group, &["one"]).await;
    each_is_answered_once(&alice, &pair, &["in private"]).await;

    node.kill9().await;
    door.shut();
    node.restart().await;
    let alice = alice.at(node.url());
    alice.sends(&group, "said while the bot is away").await;
    door.leads_to(node.url());
    alice.sends(&group, "said when it may be back").await;
    let said = ["one", "said while the bot is away", "said when it may be back"];
    each_is_answered_once(&alice, &group, &said).await;

    running.kill9().await;
    alice.sends(&group, "said to a dead bot").await;
    alice.sends(&pair, "and this").await;
    let _running = bot(&door, &echo);
    each_is_answered_once(&alice, &group, &[said.as_slice(), &["said to a dead bot"]].concat()).await;
    each_is_answered_once(&alice, &pair, &["in private", "and this"]).await;
}

#[tokio::test]
async fn the_bot_of_the_readme_is_completed_and_goes_on_where_it_was_killed() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let (id, token) = bot_of(&alice, "dice").await;
    let group = alice.creates("group", "with dice", &[&id]).await.text("id");
    let start = || Program::start_bot(&program::bot("dice"), node.url(), &token, node.folder());
    let running = start();
    assert_eq!(commands(&alice, &group).await, ["roll"]);
    alice.sends(&group, "/roll 20").await;
    eventually("it rolls", async || texts(&alice, &group).await.iter().any(|text| text.ends_with(" of 20")).then_some(())).await;
    running.kill9().await;
    alice.sends(&group, "/roll 30").await;
    alice.sends(&group, "/roll many").await;
    let running = start();
    assert_eq!(said(&alice, &group, "sides: ").await.text("text"), "sides: it must be a whole number\nUsage: /roll [sides: number]");
    let (status, printed) = running.terminated().await;
    assert!(status.success(), "{printed:?}");
    let answers: Vec<_> = texts(&alice, &group).await.into_iter().filter(|text| text.contains(" of ")).collect();
    assert!(matches!(&answers[..], [first, second] if first.ends_with(" of 20") && second.ends_with(" of 30")), "{answers:?}");
}

#[tokio::test]
async fn the_example_bot_poll_asks_and_counts_whoever_is_killed() {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let (id, token) = bot_of(&alice, "poll").await;
    let group = alice.creates("group", "with a poll", &[&id]).await.text("id");
    let start = || Program::start_bot(&program::bot("poll"), node.url(), &token, node.folder());
    let running = start();
    assert_eq!(commands(&alice, &group).await, ["close", "poll"]);
    alice.sends(&group, "/poll \"Where to?\" pizza noodles").await;
    let asked = said(&alice, &group, "📊").await["offset"].clone();
    running.kill9().await;
    let reaction = format!("/v1/conversations/{group}/messages/{asked}/reactions/2️⃣");
    alice.http.ask(Method::PUT, &reaction).token(&alice.token).json(&json!({"client_id": client_id()})).send().await.expect(200);
    alice.sends(&group, "/close").await;
    let _running = start();
    let result = said(&alice, &group, "Result").await;
    assert_eq!(result.text("text"), "Result: Where to?\n2️⃣ noodles: 1\n1️⃣ pizza: 0");
    // Killed at whatever point of asking, it has offered each number once.
    let poll = said(&alice, &group, "📊").await;
    assert!(poll["reactions"]["1️⃣"] == json!([id]) && poll["reactions"]["2️⃣"].as_array().is_some_and(|users| users.len() == 2), "{poll}");
    assert_eq!(texts(&alice, &group).await.iter().filter(|text| text.starts_with("📊")).count(), 1);
}

#[tokio::test]
async fn the_terminal_chat_talks_and_comes_back_by_itself() {
    let mut node = Rialto::start(&[]).await;
    let door = Door::open(node.url()).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let mut terminal = chat(&door, &alice);
    terminal.prints(&format!("logged in as {}", alice.username)).await;
    terminal.types(&format!("/new group \"Tea room\" {}", bob.username)).await;
    let opened = terminal.prints("--- Tea room [").await;
    let room = opened.rsplit_once('[').expect("the id is shown").1.trim_end_matches(']').to_owned();
    terminal.types("hello from the terminal").await;
    terminal.prints(&format!("{}: hello from the terminal", alice.username)).await;
    bob.sends(&room, "hello back").await;
    terminal.prints(&format!("{}: hello back", bob.username)).await;

    node.kill9().await;
    door.shut();
    node.restart().await;
    let bob = bob.at(node.url());
    bob.sends(&room, "said while the terminal was away").await;
    door.leads_to(node.url());
    terminal.prints(&format!("{}: said while the terminal was away", bob.username)).await;
    terminal.types("back again").await;
    terminal.prints(&format!("{}: back again", alice.username)).await;
    terminal.types("/quit").await;
    let (status, printed) = terminal.ends().await;
    assert!(status.success(), "{printed:?}");
    let said = ["hello from the terminal", "hello back", "said while the terminal was away", "back again"];
    assert_eq!(texts(&bob, &room).await, said);
    for text in said {
        assert_eq!(printed.iter().filter(|line| line.ends_with(text)).count(), 1, "{text} is shown once: {printed:?}");
    }
}

#[tokio::test]
async fn the_terminal_chat_serves_in_a_pipe() {
    let node = Rialto::start(&[]).await;
    let door = Door::open(node.url()).await;
    let (alice, bob) = (node.user("alice").await, node.user("bob").await);
    let mut terminal = chat(&door, &alice);
    for line in [&format!("/direct {}", bob.username), "first", "second", "//not a command"] {
        terminal.types(line).await;
    }
    terminal.types_no_more();
    let (status, printed) = terminal.ends().await;
    assert!(status.success(), "{printed:?}");
    let room = direct(&bob, &alice).await;
    assert_eq!(texts(&bob, &room).await, ["first", "second", "/not a command"]);
}
