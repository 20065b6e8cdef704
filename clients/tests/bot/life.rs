//! Restarts, cuts, refusals, and the conversations that a bot comes into and leaves.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use rialto_client::bot::{FileStore, Places, Store, limits};
use rialto_client::protocol::CloseCode;
use rialto_client::protocol::command::{Command, CommandKind};
use rialto_client::protocol::rpc::{ConversationKind, Request};
use rialto_client::testing::{Fault, TestServer};
use rialto_client::{Client, ConnectionState, Error, Event};
use tokio::sync::Semaphore;

use crate::examples::echo::echo;
use crate::scene::Scene;

fn echoes(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("echo: m{number}")).collect()
}

#[tokio::test]
async fn started_again_it_goes_on_where_it_stood_and_says_nothing_twice() {
    // It dies between a reply and its mark.
    let is_dying = Arc::new(AtomicBool::new(false));
    let dying = Arc::clone(&is_dying);
    let is_mark =
        |command: &Command| matches!(&command.kind, CommandKind::Request(request) if matches!(**request, Request::ConversationMarkRead(_)));
    let decide = move |command: &Command| (dying.load(Ordering::Relaxed) && is_mark(command)).then_some(Fault::LostBefore);
    let scene = Scene::on(TestServer::faulty(decide).await);
    let first = echo(scene.client()).start().await.expect("it starts");
    scene.ada.says(scene.room, "one");
    let marked = || (scene.server.read_marker(scene.room, &scene.robot) > 1 && scene.texts().len() == 1).then_some(());
    scene.server.until("the first is answered and marked", marked).await;
    is_dying.store(true, Ordering::Relaxed);
    scene.ada.says(scene.room, "two");
    scene.ada.hears(scene.room, |text| text == "echo: two").await;
    // A process that is killed says nothing more.
    first.client().close().await;
    scene.ada.says(scene.room, "three");
    is_dying.store(false, Ordering::Relaxed);
    let second = echo(scene.client()).start().await.expect("it starts");
    scene.ada.hears(scene.room, |text| text == "echo: three").await;
    assert_eq!(scene.texts(), ["echo: one", "echo: two", "echo: three"]);
    second.stop().await;
}

#[tokio::test]
async fn what_was_said_while_it_was_away_however_much_is_handled_once_and_in_order() {
    let scene = Scene::new().await;
    let first = echo(scene.client()).start().await.expect("it starts");
    scene.ada.says(scene.room, "m0");
    scene.ada.hears(scene.room, |text| text == "echo: m0").await;
    first.stop().await;
    for number in 1..=400 {
        scene.ada.says(scene.room, &format!("m{number}"));
    }
    let second = echo(scene.client()).start().await.expect("it starts");
    scene.ada.hears(scene.room, |text| text == "echo: m400").await;
    assert_eq!(scene.texts(), echoes(401));
    second.stop().await;
}

#[tokio::test]
async fn cuts_and_refusals_in_the_middle_of_it_change_nothing() {
    let count = AtomicUsize::new(0);
    let decide = move |command: &Command| {
        let roll = count.fetch_add(1, Ordering::Relaxed);
        match &command.kind {
            CommandKind::Connect(_) | CommandKind::Subscribe(_) => None,
            _ if roll % 7 == 3 => Some(Fault::CutAfter),
            _ if roll % 5 == 1 => Some(Fault::RefusedForNow),
            _ => None,
        }
    };
    let scene = Scene::on(TestServer::faulty(decide).await);
    let bot = echo(scene.client()).start().await.expect("it starts");
    for number in 0..20 {
        scene.ada.says(scene.room, &format!("m{number}"));
    }
    scene.ada.hears(scene.room, |text| text == "echo: m19").await;
    assert_eq!(scene.texts(), echoes(20));
    bot.stop().await;
}

#[tokio::test]
async fn it_begins_where_it_came_in_follows_what_it_is_invited_to_and_leaves_what_it_is_removed_from() {
    let scene = Scene::new().await;
    let other = scene.ada.creates(ConversationKind::Group, Some("other"), &[]);
    scene.ada.says(other, "before");
    let bot = echo(scene.client()).start().await.expect("it starts");
    scene.ada.invites(other, &[&scene.robot]);
    scene.ada.says(other, "after");
    scene.ada.hears(other, |text| text.starts_with("echo")).await;
    let texts = |room| scene.ada.reads(room).into_iter().map(|message| message.text).collect::<Vec<_>>();
    assert_eq!(texts(other), ["before", "after", "echo: after"]);
    scene.ada.removes(other, &scene.robot);
    scene.ada.says(other, "gone");
    let direct = scene.ada.creates(ConversationKind::Direct, None, &[&scene.robot]);
    scene.ada.says(direct, "in private");
    scene.ada.hears(direct, |text| text == "echo: in private").await;
    assert_eq!(texts(other).last().map(String::as_str), Some("gone"));
    scene.ada.invites(other, &[&scene.robot]);
    scene.ada.says(other, "welcome back");
    scene.ada.hears(other, |text| text == "echo: welcome back").await;
    bot.stop().await;
}

#[tokio::test]
async fn a_conversation_that_cannot_be_listened_to_is_read_when_the_inbox_tells() {
    let decide = |command: &Command| matches!(command.kind, CommandKind::Subscribe(_)).then_some(Fault::Refused);
    let scene = Scene::on(TestServer::faulty(decide).await);
    let bot = echo(scene.client()).start().await.expect("it starts");
    for (number, text) in ["m0", "m1", "m2"].into_iter().enumerate() {
        scene.ada.says(scene.room, text);
        let wanted = format!("echo: m{number}");
        scene.ada.hears(scene.room, |text| text == wanted).await;
    }
    assert_eq!(scene.texts(), echoes(3));
    bot.stop().await;
}

#[tokio::test]
async fn stop_lets_the_running_handler_end_and_begins_no_other() {
    let scene = Scene::new().await;
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (Arc::clone(&started), Arc::clone(&gate));
    let bot = scene.bot().message(move |context| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.add_permits(1);
            wait.acquire().await?.forget();
            context.reply(format!("done {}", context.text())).await?;
            Ok(())
        }
    });
    let bot = bot.start().await.expect("it starts");
    let first = scene.ada.says(scene.room, "a");
    scene.ada.says(scene.room, "b");
    started.acquire().await.expect("open").forget();
    // It is told to stop before the handler may go on.
    let mut stop = std::pin::pin!(bot.stop());
    assert!(stop.as_mut().now_or_never().is_none());
    gate.add_permits(1);
    stop.await;
    assert_eq!(scene.texts(), ["done a"]);
    assert_eq!((scene.server.read_marker(scene.room, &scene.robot), started.available_permits()), (first, 0));
}

#[tokio::test]
async fn stop_drops_a_handler_that_does_not_end_and_its_row_is_handled_at_the_next_start() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = || FileStore::new(folder.path().join("places.json"));
    let started = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&started);
    let bot = scene.bot().message(move |_| {
        tell.add_permits(1);
        std::future::pending()
    });
    let bot = bot.store(store()).start().await.expect("it starts");
    scene.ada.says(scene.room, "m0");
    started.acquire().await.expect("open").forget();
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    bot.stop().await;
    assert!(begin.elapsed() >= Duration::from_millis(limits::STOP_WITHIN_MS));
    tokio::time::resume();
    let second = echo(scene.client()).store(store()).start().await.expect("it starts");
    scene.ada.hears(scene.room, |text| text == "echo: m0").await;
    second.stop().await;
}

#[tokio::test]
async fn a_row_whose_handler_lost_the_connection_for_good_is_handled_at_the_next_start() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = || FileStore::new(folder.path().join("places.json"));
    let started = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&started);
    let bot = scene.bot().message(move |context| {
        let tell = Arc::clone(&tell);
        async move {
            tell.add_permits(1);
            context.client().closed_for_good().await;
            context.reply("too late").await?;
            Ok(())
        }
    });
    let bot = bot.store(store()).start().await.expect("it starts");
    scene.ada.says(scene.room, "m0");
    started.acquire().await.expect("open").forget();
    scene.server.close_all(CloseCode::InvalidToken);
    bot.closed().await;
    bot.stop().await;
    let second = echo(scene.client()).store(store()).start().await.expect("it starts");
    scene.ada.hears(scene.room, |text| text == "echo: m0").await;
    second.stop().await;
}

#[tokio::test]
async fn stop_does_not_wait_for_a_server_that_is_away() {
    let scene = Scene::new().await;
    let (started, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (tell, wait) = (Arc::clone(&started), Arc::clone(&gate));
    let bot = scene.bot().message(move |_| {
        let (tell, wait) = (Arc::clone(&tell), Arc::clone(&wait));
        async move {
            tell.add_permits(1);
            wait.acquire().await?.forget();
            Ok(())
        }
    });
    let bot = bot.start().await.expect("it starts");
    let mut news = bot.client().events();
    scene.ada.says(scene.room, "a row to mark as read");
    started.acquire().await.expect("open").forget();
    drop(scene);
    while !matches!(news.next().await, Some(Event::State(ConnectionState::Disconnected { .. }))) {}
    tokio::time::pause();
    let begin = tokio::time::Instant::now();
    let mut stop = std::pin::pin!(bot.stop());
    assert!(stop.as_mut().now_or_never().is_none());
    gate.add_permits(1);
    stop.await;
    assert!(begin.elapsed() < Duration::from_millis(limits::STOP_WITHIN_MS));
}

#[tokio::test]
async fn places_in_a_file_hold_whatever_is_read_with_the_account_elsewhere() {
    let scene = Scene::new().await;
    let folder = tempfile::tempdir().expect("a folder");
    let store = || FileStore::new(folder.path().join("places.json"));
    let first = echo(scene.client()).store(store()).start().await.expect("it starts");
    scene.ada.says(scene.room, "m0");
    scene.ada.hears(scene.room, |text| text == "echo: m0").await;
    first.stop().await;
    let top = scene.ada.says(scene.room, "m1");
    // Somebody looks at the conversation with the bot's account: its read marker says nothing about what the bot has handled.
    let reader = scene.client();
    reader.mark_read(scene.room, top).await.expect("it is marked");
    reader.close().await;
    let second = echo(scene.client()).store(store()).start().await.expect("it starts");
    scene.ada.hears(scene.room, |text| text == "echo: m1").await;
    second.stop().await;
    assert_eq!(scene.texts(), echoes(2));
    assert!(store().load().expect("a file")[&scene.room].offset >= top);
}

/// A store that keeps nothing and says so.
struct Broken(bool);

impl Store for Broken {
    fn load(&self) -> std::io::Result<Places> {
        if self.0 { Ok(Places::new()) } else { Err(std::io::Error::other("no such luck")) }
    }

    fn save(&self, _: &Places) -> std::io::Result<()> {
        Err(std::io::Error::other("the disk is full"))
    }
}

#[tokio::test]
async fn a_store_that_fails_is_told_and_harms_no_row() {
    let scene = Scene::new().await;
    let refused = echo(scene.client()).store(Broken(false)).start().await.err().expect("it does not start");
    assert!(matches!(&refused, Error::Misuse(why) if why.contains("no such luck")), "{refused}");
    let failures = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&failures);
    let bot = echo(scene.client()).store(Broken(true)).catch(move |failure, _| note.lock().expect("no panic").push(failure.to_string()));
    let bot = bot.start().await.expect("it starts");
    scene.ada.says(scene.room, "m0");
    scene.ada.hears(scene.room, |text| text == "echo: m0").await;
    bot.stop().await;
    assert_eq!(failures.lock().expect("no panic").first().map(String::as_str), Some("the disk is full"));
}

#[tokio::test]
async fn a_bot_whose_connection_is_closed_for_good_says_why() {
    let scene = Scene::new().await;
    let bot = echo(scene.client()).start().await.expect("it starts");
    scene.server.close_all(CloseCode::InvalidToken);
    let Error::Closed(reason) = bot.closed().await else { panic!("another error") };
    assert_eq!(reason.code, 3500);
    bot.stop().await;
}

#[tokio::test]
async fn dropping_it_stops_it() {
    let scene = Scene::new().await;
    let bot = echo(scene.client()).start().await.expect("it starts");
    let client: Client = bot.client().clone();
    drop(bot);
    assert_eq!(client.closed_for_good().await.code, rialto_client::Reason::CLOSED_BY_OWNER);
}
