//! A disk that fills up: new messages are refused with their code, nothing acknowledged is lost, and it goes on when
//! there is room again. It needs a small file system of its own, which only root can mount; without that it says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rialto_tests::{Person, Pick as _, Refusal, Rialto, eventually, json, note};
use tempfile::TempDir;

/// The size of the disk, in MiB.
const DISK_MIB: usize = 96;

/// `storage_full` and `unavailable`: what a sender may be told.
const FULL: [u64; 2] = [411, 408];

/// A mounted tmpfs, unmounted on drop.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount() -> Option<Self> {
        let folder = TempDir::with_prefix("rialto-disk-").expect("a folder");
        let size = format!("size={DISK_MIB}m");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self { folder }),
            other => {
                note(&format!("SKIPPED: no small disk can be mounted here: {other:?}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file until nothing more fits, or until `leave_bytes` are left.
    fn fill(&self, leave_bytes: usize) -> PathBuf {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(&path).expect("a file on the small disk");
        let chunk = vec![0_u8; 64 * 1024];
        while file.write_all(&chunk).is_ok() {}
        let length = file.metadata().expect("metadata").len();
        file.set_len(length.saturating_sub(leave_bytes as u64)).expect("a file can be shortened");
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazy, since the node may hold files a moment longer.
        let _best_effort = Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

async fn try_to_say(person: &mut Person, text: &str) -> Result<u64, Refusal> {
    let data = json!({"conversation": person.room(), "client_id": rialto_tests::user::client_id(), "text": text});
    person.wire.rpc("conversation.send", data).await.map(|answer| answer.number("offset"))
}

/// Talks until refused; gives what was acknowledged and the refusal.
async fn talk_until_refused(person: &mut Person, acknowledged: &mut Vec<u64>) -> Refusal {
    let long = "x".repeat(16 * 1024);
    loop {
        match try_to_say(person, &long).await {
            Ok(offset) => acknowledged.push(offset),
            Err(refusal) => return refusal,
        }
        assert!(acknowledged.len() < DISK_MIB * 1024, "the disk never fills up");
    }
}

async fn talk_again(person: &mut Person, acknowledged: &mut Vec<u64>) {
    let offset = eventually("sending works again", async || match try_to_say(person, "room again").await {
        Ok(offset) => Some(offset),
        Err(refusal) => {
            assert!(FULL.contains(&refusal.code) || refusal.temporary, "{refusal:?}");
            None
        }
    })
    .await;
    acknowledged.push(offset);
}

/// Everything acknowledged stands at its offset, and nothing lies in between twice.
async fn all_is_there(node: &Rialto, person: &Person, acknowledged: &[u64]) {
    let mut wire = rialto_tests::Wire::connect(node.url(), &person.user.token).await;
    let rows = rialto_tests::load::read_log(&mut wire, &person.channel(), 0).await.expect("the log can be read");
    let offsets: Vec<u64> = rows.iter().map(|row| row.offset).collect();
    let dense: Vec<u64> = (1..=offsets.len() as u64).collect();
    assert_eq!(offsets, dense);
    assert!(acknowledged.iter().all(|offset| *offset <= offsets.len() as u64), "an acknowledged message is missing");
}

#[tokio::test]
async fn below_the_free_space_minimum_messages_are_refused_and_reads_go_on() {
    const KEEP_FREE_BYTES: usize = 16 * 1024 * 1024;
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let setting = format!("store.free_bytes_min={KEEP_FREE_BYTES}");
    let mut node = Rialto::start_on(&disk.path().join("data"), &[&setting]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    let mut acknowledged = vec![alice.says("before").await];
    let ballast = disk.fill(KEEP_FREE_BYTES / 2);
    let refusal = talk_until_refused(&mut alice, &mut acknowledged).await;
    assert_eq!(refusal.code, 411, "{refusal:?}");
    assert_eq!(alice.messages(json!({"limit": 1})).await.len(), 1, "reading goes on");
    let message = json!({"client_id": "full-1", "text": "x"});
    let path = format!("/v1/conversations/{}/messages", alice.room());
    alice.user.post(&path, &message).await.problem(507, "storage_full");
    std::fs::remove_file(ballast).expect("the ballast goes");
    talk_again(&mut alice, &mut acknowledged).await;
    all_is_there(&node, &alice, &acknowledged).await;
    node.kill9().await;
    node.restart().await;
    all_is_there(&node, &alice, &acknowledged).await;
}

#[tokio::test]
async fn a_commit_that_finds_no_space_loses_nothing_acknowledged() {
    let Some(disk) = SmallDisk::mount() else {
        return;
    };
    let mut node = Rialto::start_on(&disk.path().join("data"), &["store.free_bytes_min=0"]).await;
    let mut alice = node.person("alice").await;
    alice.opens_group("tea", &[]).await;
    let mut acknowledged = vec![alice.says("before").await];
    let ballast = disk.fill(0);
    for _ in 0..3 {
        let refusal = talk_until_refused(&mut alice, &mut acknowledged).await;
        assert!(FULL.contains(&refusal.code), "{refusal:?}");
    }
    std::fs::remove_file(ballast).expect("the ballast goes");
    talk_again(&mut alice, &mut acknowledged).await;
    all_is_there(&node, &alice, &acknowledged).await;
    node.kill9().await;
    node.restart().await;
    all_is_there(&node, &alice, &acknowledged).await;
}
