//! How many rows per second the embedded store acknowledges as durable, beside a plain file with the same group commit and fdatasync, in one run.
//!
//! ```text
//! commit_rate rate  [DIR] [SENDERS] [ROOMS] [SECONDS]   both, one after the other, three rounds
//! commit_rate fill  DIR ROWS [ROOMS] [abort]            fills a store; `abort` leaves it as kill -9 would
//! commit_rate open  DIR                                         how long a store takes to open and to answer its first read
//! ```
#![expect(clippy::print_stdout, reason = "a measurement prints what it measured")]
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rialto_protocol::rpc::ConversationKind;
use rialto_storage::backend::redb::{RedbOptions, RedbStore};
use rialto_storage::conformance::{Script, user};
use rialto_storage::entity_rows::RowRange;
use rialto_storage::shard_log::Outcome;
use tokio::sync::oneshot;
use uuid::Uuid;

const RECORD_BYTES: usize = 300;
const LINGER_MAX: Duration = Duration::from_millis(1);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let abort = arguments.iter().any(|argument| argument == "abort");
    let plain: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "abort").collect();
    let number = |index: usize, default: u64| plain.get(index).and_then(|text| text.parse().ok()).unwrap_or(default);
    let folder = plain.get(1).map_or_else(|| std::env::temp_dir().join(format!("commit-rate-{}", std::process::id())), PathBuf::from);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        match plain.first().copied().unwrap_or("rate") {
            "fill" => fill(&folder, number(2, 1_000_000), number(3, 64), abort).await,
            "open" => open(&folder).await,
            "verify" => verify(&folder),
            _ => rate(&folder, number(2, 64), number(3, 64), number(4, 5)).await,
        }
    });
}

fn options() -> RedbOptions {
    RedbOptions { free_bytes_min: 0, ..RedbOptions::default() }
}

fn fatal(message: String) {
    panic!("the store failed: {message}");
}

/// Texts of about the record's size, so that the row's body has it.
fn text() -> String {
    "x".repeat(RECORD_BYTES - 130)
}

async fn rate(folder: &Path, senders: u64, rooms: u64, seconds: u64) {
    let rooms = rooms.clamp(1, senders);
    println!("{senders} senders in {rooms} rooms, {RECORD_BYTES} B, {seconds} s a round");
    std::fs::create_dir_all(folder).expect("the folder can be made");
    for round in 1..=3 {
        let file = plain_file(&folder.join("plain"), senders, seconds).await;
        let store = folder.join(format!("store-{round}"));
        let (rows, batch) = store_rate(&store, senders, rooms, seconds).await;
        let share = rows * 100 / file.max(1);
        println!("round {round}: plain file {file} rows/s, store {rows} rows/s ({share} %), {batch} rows a round trip");
        let _leftover = std::fs::remove_dir_all(&store);
    }
    let _leftover = std::fs::remove_dir_all(folder);
}

type Record = (Vec<u8>, oneshot::Sender<()>);

async fn plain_file(path: &Path, senders: u64, seconds: u64) -> u64 {
    let (queue, records) = sync_channel::<Record>(4096);
    let file = File::create(path).expect("the file can be made");
    let writer = std::thread::spawn(move || write_plain(file, &records));
    let acked = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..senders).map(|_| tokio::spawn(send_plain(queue.clone(), Arc::clone(&acked), until))).collect();
    drop(queue);
    for task in tasks {
        task.await.expect("a sender ends");
    }
    writer.join().expect("the writer ends");
    acked.load(Ordering::Relaxed) / seconds
}

async fn send_plain(queue: SyncSender<Record>, acked: Arc<AtomicU64>, until: Instant) {
    while Instant::now() < until {
        let (done, wait) = oneshot::channel();
        queue.try_send((vec![b'x'; RECORD_BYTES], done)).expect("the queue is longer than there are senders");
        wait.await.expect("the writer answers");
        acked.fetch_add(1, Ordering::Relaxed);
    }
}

fn write_plain(mut file: File, records: &Receiver<Record>) {
    let (mut last, mut took) = (0_usize, Duration::ZERO);
    while let Ok(first) = records.recv() {
        let mut batch = vec![first];
        let linger = Instant::now() + (took / 2).min(LINGER_MAX);
        loop {
            batch.extend(records.try_iter());
            let left = linger.saturating_duration_since(Instant::now());
            if batch.len() >= last || left.is_zero() {
                break;
            }
            batch.extend(records.recv_timeout(left).ok());
        }
        let began = Instant::now();
        let bytes: Vec<u8> = batch.iter().flat_map(|(record, _)| record.iter().copied()).collect();
        file.write_all(&bytes).expect("the file takes it");
        file.sync_data().expect("the file is synced");
        (last, took) = (batch.len(), began.elapsed());
        for (_, done) in batch {
            let _gone = done.send(());
        }
    }
}

async fn store_rate(folder: &Path, senders: u64, rooms: u64, seconds: u64) -> (u64, u64) {
    let redb = RedbStore::open(folder, options(), fatal).expect("the store opens");
    let scripts = scripts(&redb, rooms).await;
    let acked = Arc::new(AtomicU64::new(0));
    let trips = Arc::new(AtomicU64::new(0));
    let until = Instant::now() + Duration::from_secs(seconds);
    let each = senders / rooms;
    let tasks: Vec<_> = scripts
        .into_iter()
        .map(|mut script| {
            let (acked, trips) = (Arc::clone(&acked), Arc::clone(&trips));
            tokio::spawn(async move {
                while Instant::now() < until {
                    append(&mut script, each).await;
                    acked.fetch_add(each, Ordering::Relaxed);
                    trips.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a room ends");
    }
    redb.close();
    let rows = acked.load(Ordering::Relaxed);
    (rows / seconds, rows / trips.load(Ordering::Relaxed).max(1))
}

async fn scripts(redb: &RedbStore, rooms: u64) -> Vec<Script> {
    let store = redb.store();
    let mut scripts = Vec::new();
    for room in 0..rooms {
        let mut script = Script::claim(&store, u16::try_from(room).expect("few rooms")).await;
        script.conversation.0 = Uuid::new_v4();
        let members: Vec<_> = (1..=8).map(|number| user(room * 100 + number)).collect();
        script.create(ConversationKind::Group, &members).await;
        scripts.push(script);
    }
    scripts
}

/// One append of `rows` rows by different members, with ids as our clients make them.
async fn append(script: &mut Script, rows: u64) {
    let text = text();
    let mut batch = Vec::new();
    for number in 0..rows {
        let sender = user(u64::from(script.shard) * 100 + 1 + number % 8);
        let event = script.says(sender, &text);
        batch.push(script.row(sender, Some(&Uuid::now_v7().to_string()), &event));
    }
    assert_eq!(script.append(batch).await, Outcome::Applied, "an append of the owner is applied");
}

async fn fill(folder: &Path, rows: u64, rooms: u64, abort: bool) {
    let began = Instant::now();
    let redb = RedbStore::open(folder, options(), fatal).expect("the store opens");
    let scripts = scripts(&redb, rooms).await;
    let each = 100;
    let tasks: Vec<_> = scripts
        .into_iter()
        .map(|mut script| {
            tokio::spawn(async move {
                for _ in 0..rows.div_ceil(rooms * each) {
                    append(&mut script, each).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("a room ends");
    }
    println!("filled {rows} rows in {rooms} rooms in {:?}", began.elapsed());
    if abort {
        std::process::abort();
    }
    redb.close();
}

async fn open(folder: &Path) {
    let began = Instant::now();
    let redb = RedbStore::open(folder, options(), fatal).expect("the store opens");
    let opened = began.elapsed();
    let range = RowRange { from: 1, to: 10, limit: 10, reverse: true };
    let rows = redb.store().rows.read(user(1).into(), range).await.expect("it answers");
    let (_, answered) = (rows, began.elapsed());
    let bytes = std::fs::metadata(folder.join("store.redb")).map_or(0, |file| file.len());
    println!("opened {} MiB in {opened:?}, first read after {answered:?}", bytes / 1024 / 1024);
    redb.close();
}

fn verify(folder: &Path) {
    let redb = RedbStore::open(folder, options(), fatal).expect("the store opens");
    let began = Instant::now();
    println!("{:?} in {:?}", redb.verify(), began.elapsed());
}
