//! A store moves from the embedded one to a CQL engine and back, by backups taken while nodes serve: what people read is the same. Needs an engine: `RIALTO_TEST_CQL`.

use std::path::Path;

use rialto_tests::engine::Keyspace;
use rialto_tests::{Pick as _, Rialto, User, Value, json, note, rialto};
use tempfile::TempDir;

/// Exit code of bad usage.
const USAGE: i32 = 2;
/// Characters of a message that is kept apart from its row.
const LARGE: usize = 17_000;

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// A command on a keyspace that no node serves from here.
fn on<'a>(keyspace: &'a [String], arguments: &[&'a str], data: &'a str) -> Vec<&'a str> {
    let settings = keyspace.iter().flat_map(|setting| ["--set", setting.as_str()]);
    arguments.iter().copied().chain(["--data", data]).chain(settings).collect()
}

/// Talk with something of everything; answers the rooms.
async fn talk(ada: &User, ben: &User) -> Vec<String> {
    let mut rooms = Vec::new();
    for title in ["tea", "work", "quiet"] {
        rooms.push(ada.creates("group", title, &[&ben.id]).await.text("id"));
    }
    let [tea, work, quiet] = [0, 1, 2].map(|room| rooms[room].as_str());
    let first = ada.sends(tea, "hello").await;
    ben.sends(tea, &"large ".repeat(LARGE / 6)).await;
    let path = format!("/v1/conversations/{tea}/messages/{first}");
    ada.patch(&path, &json!({"text": "hello!", "client_id": rialto_tests::user::client_id()})).await.expect(200);
    ben.post(&format!("/v1/conversations/{tea}/read"), &json!({"offset": first})).await.expect(200);
    for number in 0..40 {
        ben.sends(work, &format!("message {number}")).await;
    }
    ada.sends(quiet, "only one").await;
    rooms
}

/// What somebody sees: the list with what is unread, and every message. Epochs begin anew with a restored store.
async fn seen(user: &User, rooms: &[String]) -> Value {
    let mut list = user.get("/v1/conversations").await.expect(200).list("items");
    for entry in &mut list {
        entry.as_object_mut().expect("an entry is an object").remove("epoch");
    }
    let mut all = vec![json!(list)];
    for room in rooms {
        all.push(json!(user.reads(room, "limit=100").await));
    }
    json!(all)
}

#[tokio::test]
async fn a_served_store_moves_to_an_engine_and_back() {
    let Some(keyspace) = Keyspace::empty().await else { return note("SKIPPED: RIALTO_TEST_CQL names no engine") };
    let folder = TempDir::new().expect("a temporary folder can be made");
    let at = |name: &str| text(&folder.path().join(name));
    let embedded = Rialto::start_embedded(&folder.path().join("first")).await;
    let people = [embedded.user("ada").await, embedded.user("ben").await];
    let rooms = talk(&people[0], &people[1]).await;
    let before = [seen(&people[0], &rooms).await, seen(&people[1], &rooms).await];
    embedded.command(&["backup", &at("there")]).await.ok();
    people[0].sends(&rooms[0], "after the backup").await;
    let epoch = people[0].get(&format!("/v1/conversations/{}", rooms[0])).await.expect(200).text("epoch");

    let (there, nowhere) = (at("there"), at("nowhere"));
    let settings = keyspace.settings();
    rialto(on(&settings, &["restore", &there], &nowhere)).await.ok();
    let complaint = rialto(on(&settings, &["restore", &there], &nowhere)).await.fails_with(USAGE);
    assert!(complaint.contains("holds a store already"), "{complaint}");
    rialto(on(&settings, &["verify"], &nowhere)).await.ok();

    let mut moved = Rialto::start_on_keyspace(keyspace).await;
    let mut there_now = Vec::new();
    for person in &people {
        there_now.push(person.at(moved.url()).log_in().await);
    }
    let after = [seen(&there_now[0], &rooms).await, seen(&there_now[1], &rooms).await];
    assert_eq!(after, before, "everybody reads what they read before");
    let (ada, ben) = (&there_now[0], &there_now[1]);
    assert_ne!(ada.get(&format!("/v1/conversations/{}", rooms[0])).await.expect(200).text("epoch"), epoch, "positions must not go on");
    ben.sends(&rooms[2], "life goes on").await;
    let before = [seen(ada, &rooms).await, seen(ben, &rooms).await];
    moved.command(&["verify"]).await.ok();
    moved.command(&["backup", &at("back")]).await.ok();
    ada.sends(&rooms[1], "after the backup").await;
    moved.kill9().await;
    let said = moved.command(&["verify"]).await.ok();
    assert!(said.contains("sound"), "a store whose node was killed is sound: {said}");

    let (back, third) = (at("back"), at("third"));
    rialto(["restore", &back, "--data", &third]).await.ok();
    rialto(["verify", "--data", &third]).await.ok();
    let home = Rialto::start_embedded(&folder.path().join("third")).await;
    for (person, before) in people.iter().zip(before) {
        assert_eq!(seen(&person.at(home.url()).log_in().await, &rooms).await, before, "and after the way back");
    }
}
