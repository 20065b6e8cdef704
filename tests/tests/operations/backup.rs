//! backup while serving, verify, restore into a store that nobody serves, and a store that is damaged.

use std::path::{Path, PathBuf};

use rialto_tests::{Pick as _, Rialto, User, json, rialto};

const USAGE: i32 = 2;
const HELD: i32 = 3;
const STORAGE_FAILED: i32 = 4;

/// A node with one conversation of three messages.
async fn node_with_talk() -> (Rialto, User, String) {
    let node = Rialto::start(&[]).await;
    let alice = node.user("alice").await;
    let room = alice.creates("group", "tea", &[]).await.text("id");
    for text in ["one", "two", "three"] {
        alice.sends(&room, text).await;
    }
    (node, alice, room)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

async fn epoch(user: &User, room: &str) -> String {
    user.get(&format!("/v1/conversations/{room}")).await.expect(200).text("epoch")
}

#[tokio::test]
async fn a_backup_taken_while_serving_can_be_restored_elsewhere() {
    let (node, alice, room) = node_with_talk().await;
    let (backup, elsewhere) = (node.folder().join("backup"), node.folder().join("elsewhere"));
    let said_before = epoch(&alice, &room).await;
    node.command(&["backup", &text(&backup)]).await.ok();
    alice.sends(&room, "after the backup").await;
    node.command(&["verify"]).await.ok();

    rialto(["restore", &text(&backup), "--data", &text(&elsewhere)]).await.ok();
    rialto(["verify", "--data", &text(&elsewhere)]).await.ok();
    let restored = Rialto::start_on(&elsewhere, &[]).await;
    let alice = alice.at(restored.url()).log_in().await;
    let texts: Vec<String> = alice.reads(&room, "").await.iter().map(|message| message.text("text")).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert_ne!(epoch(&alice, &room).await, said_before, "a restored store begins a new life: positions must not go on");
    assert_eq!(alice.sends(&room, "life goes on").await, 5);
}

#[tokio::test]
async fn restore_into_a_served_store_exits_with_3_and_changes_nothing() {
    let (node, alice, room) = node_with_talk().await;
    let backup = node.folder().join("backup");
    node.command(&["backup", &text(&backup)]).await.ok();
    let complaint = node.command(&["restore", &text(&backup)]).await.fails_with(HELD);
    assert_eq!(complaint.trim().lines().count(), 1, "one clear line: {complaint}");
    assert_eq!(alice.sends(&room, "undisturbed").await, 5);
}

#[tokio::test]
async fn a_backup_of_nothing_or_over_something_is_refused() {
    let (node, ..) = node_with_talk().await;
    let occupied = node.folder().join("occupied");
    std::fs::create_dir_all(&occupied).expect("a folder");
    std::fs::write(occupied.join("precious"), "data").expect("a file");
    let ran = node.command(&["backup", &text(&occupied)]).await;
    assert_ne!(ran.code, Some(0), "{ran:?}");
    assert_eq!(std::fs::read_to_string(occupied.join("precious")).expect("still there"), "data");
    let nowhere = node.folder().join("nowhere");
    let fresh = node.folder().join("fresh");
    let ran = rialto(["restore", &text(&nowhere), "--data", &text(&fresh)]).await;
    assert!([USAGE, STORAGE_FAILED].contains(&ran.code.unwrap_or(0)), "{ran:?}");
    let ran = rialto(["verify", "--data", &text(&nowhere)]).await;
    assert_ne!(ran.code, Some(0), "{ran:?}");
}

#[tokio::test]
async fn a_damaged_backup_is_not_restored() {
    let (node, ..) = node_with_talk().await;
    let backup = node.folder().join("backup");
    node.command(&["backup", &text(&backup)]).await.ok();
    damage(&largest_file(&backup));
    let fresh = node.folder().join("fresh");
    let ran = rialto(["restore", &text(&backup), "--data", &text(&fresh)]).await;
    assert!(ran.code.is_some_and(|code| code != 0), "{ran:?}");
}

#[tokio::test]
async fn a_damaged_store_is_noticed_and_not_served() {
    let (mut node, ..) = node_with_talk().await;
    node.kill9().await;
    damage(&largest_file(node.data()));
    node.command(&["verify"]).await.fails_with(STORAGE_FAILED);
    node.command(&["serve", "--listen", "127.0.0.1:0"]).await.fails_with(STORAGE_FAILED);
}

#[tokio::test]
async fn commands_that_need_the_store_work_without_a_node_too() {
    let (mut node, ..) = node_with_talk().await;
    node.sigterm().await;
    node.exit().await;
    node.command(&["verify"]).await.ok();
    node.command(&["backup", &text(&node.folder().join("backup"))]).await.ok();
    node.command_with_input(&["user", "add", "olga"], "a-long-password-7\n").await.ok();
    node.restart().await;
    let body = json!({"username": "olga", "password": "a-long-password-7"});
    node.http().post("/v1/auth/login").json(&body).send().await.expect(200);
}

fn largest_file(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).expect("the folder exists").map(|entry| entry.expect("an entry").path());
    let files = entries.filter(|path| path.is_file());
    files.max_by_key(|path| path.metadata().map_or(0, |metadata| metadata.len())).expect("the folder has files")
}

/// Overwrites the beginning and a stretch in the middle, as a broken disk would.
fn damage(path: &Path) {
    let mut bytes = std::fs::read(path).expect("the file can be read");
    let length = bytes.len();
    for position in (0..length.min(8192)).chain(length / 2..(length / 2 + 8192).min(length)) {
        bytes[position] ^= 0xa5;
    }
    std::fs::write(path, bytes).expect("the file can be written");
}
