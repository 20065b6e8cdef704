//! The example bots, and the one of the README.

use crate::scene::Scene;

#[allow(dead_code, reason = "its `main` is not called here")]
#[path = "../../examples/echo.rs"]
pub(crate) mod echo;

#[allow(dead_code, reason = "its `main` is not called here")]
#[path = "../../examples/poll.rs"]
mod poll;

#[tokio::test]
async fn the_poll_asks_counts_and_is_closed_over_a_restart_of_the_bot() {
    let scene = Scene::new().await;
    let bea = scene.server.person("bea");
    scene.ada.invites(scene.room, &[&bea]);
    let first = poll::poll(scene.client()).start().await.expect("it starts");
    scene.ada.says(scene.room, "/poll \"Where to?\" pizza \"the usual place\"");
    let asked = scene.ada.hears(scene.room, |text| text.starts_with("📊")).await;
    assert_eq!(asked.text, "📊 Where to?\n1️⃣ pizza\n2️⃣ the usual place");
    let offered = || scene.ada.reads(scene.room).into_iter().find(|message| message.offset == asked.offset && message.reactions.len() == 2);
    scene.server.until("both answers are offered", offered).await;
    first.stop().await;
    bea.reacts(scene.room, asked.offset, "2️⃣");
    scene.ada.reacts(scene.room, asked.offset, "2️⃣");
    let second = poll::poll(scene.client()).start().await.expect("it starts");
    scene.ada.says(scene.room, "/close");
    let result = scene.ada.hears(scene.room, |text| text.starts_with("Result")).await;
    assert_eq!(result.text, "Result: Where to?\n2️⃣ the usual place: 2\n1️⃣ pizza: 0");
    scene.ada.says(scene.room, "/poll only");
    scene.ada.hears(scene.room, |text| text.starts_with("answers is missing\nUsage: /poll")).await;
    second.stop().await;
}

#[test]
fn the_readme_shows_the_bot_that_is_run() {
    let readme = include_str!("../../../README.md");
    let dice = include_str!("../../examples/dice.rs");
    assert!(readme.contains(&format!("```rust\n{dice}```\n")), "the README's bot in Rust is clients/examples/dice.rs");
}
