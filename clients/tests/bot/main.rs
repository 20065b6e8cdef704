//! What bots do, against the server in memory of the test kit.
#![allow(clippy::duplicate_mod, reason = "each example is a program of its own, and brings what it shares with the others")]

mod examples;
mod life;
mod scene;
mod schedules;

use std::sync::{Arc, Mutex};

use rialto_client::Error;
use rialto_client::bot::{Bot, Context, Panicked, Regex, option};
use rialto_client::protocol::event::{ConversationEvent, EventTag};
use rialto_client::protocol::rpc::{BotCommand, CommandOption, OptionKind};
use scene::Scene;

/// What handlers were called with, for looking at from outside.
type Heard<T> = Arc<Mutex<Vec<T>>>;

fn taken<T>(heard: &Heard<T>) -> Vec<T> {
    std::mem::take(&mut heard.lock().expect("no panic"))
}

#[tokio::test]
async fn commands_get_typed_options_and_wrong_ones_are_answered_with_the_usage() {
    let scene = Scene::new().await;
    let heard = Heard::default();
    let options = (
        option::integer("sides").min(2).max(100).or(6),
        option::choice("mood", &["good", "bad"]).optional(),
        option::rest("reason").or(String::new()),
    );
    let hear = Arc::clone(&heard);
    let bot = scene.bot().command("roll", "rolls a die", options, move |context, (sides, mood, reason)| {
        hear.lock().expect("no panic").push((sides, mood, reason));
        async move {
            context.reply("rolled").await?;
            Ok(())
        }
    });
    let running = bot.start().await.expect("it starts");
    for line in ["/roll", "/roll 20 GOOD for the win", "/ROLL mood:bad \"12\"", "/rolls", "so /roll"] {
        scene.ada.says(scene.room, line);
    }
    let last = scene.ada.says(scene.room, "/roll 1");
    let refusal = scene.ada.hears(scene.room, |text| text.contains("Usage")).await;
    assert_eq!(refusal.text, "sides: it must be 2 or more\nUsage: /roll [sides: number] [mood: good|bad] [reason: text …]");
    assert_eq!(refusal.reply_to, Some(last));
    let expected = [(6, None, String::new()), (20, Some("good"), "for the win".to_owned()), (12, Some("bad"), String::new())];
    assert_eq!(taken(&heard), expected);
    running.stop().await;
}

#[tokio::test]
async fn its_commands_are_registered_at_the_start_as_clients_complete_them() {
    let scene = Scene::new().await;
    let options = (option::integer("sides").min(2).or(6).describe("how many"), option::choice("mood", &["good", "bad"]));
    let bot = scene.bot().command("Roll", "rolls a die", options, async |_, _| Ok(()));
    let running = bot.start().await.expect("it starts");
    let shown = |name: &str, kind, required, choices: &[&str], description: &str| CommandOption {
        name: name.to_owned(),
        description: description.to_owned(),
        kind,
        required,
        choices: choices.iter().map(|&word| word.to_owned()).collect(),
    };
    let options =
        vec![shown("sides", OptionKind::Integer, false, &[], "how many"), shown("mood", OptionKind::Choice, true, &["good", "bad"], "")];
    let roll = BotCommand { name: "roll".to_owned(), description: "rolls a die".to_owned(), options };
    assert_eq!(scene.server.commands(&scene.robot), [roll]);
    running.stop().await;
    let other = scene.bot().prefix("!").command("shout", "", (), async |_, ()| Ok(()));
    let running = other.start().await.expect("it starts");
    assert_eq!(scene.server.commands(&scene.robot)[0].name, "roll", "only commands behind / are completed");
    running.stop().await;
}

#[tokio::test]
async fn patterns_mentions_and_other_rows_find_their_handlers() {
    let scene = Scene::new().await;
    let name = Regex::new(r"(?i)^my name is (?<name>\w+)").expect("a pattern");
    let bot = scene.bot();
    let bot = bot.pattern(name, |context, found| async move {
        context.say(format!("hello {}", found.name("name").unwrap_or_default())).await?;
        Ok(())
    });
    let bot = bot.mention(|context| async move {
        context.reply("you called?").await?;
        Ok(())
    });
    let bot = bot.on(EventTag::MemberJoined, |context| async move {
        let ConversationEvent::MemberJoined(joined) = context.event() else { return Err("another event".into()) };
        context.say(format!("welcome, {}", joined.user)).await?;
        Ok(())
    });
    let bot = bot.on(EventTag::ReactionAdded, |context| async move {
        let ConversationEvent::ReactionAdded(reaction) = context.event() else { return Err("another event".into()) };
        context.say(format!("thanks for {}", reaction.emoji)).await?;
        Ok(())
    });
    let running = bot.start().await.expect("it starts");
    scene.ada.says(scene.room, "My name is Ada");
    scene.ada.says(scene.room, "hey @Robot, are you there");
    let last = scene.ada.says(scene.room, "mail me at x@robot or @robots");
    scene.ada.reacts(scene.room, last, "👍");
    let bea = scene.server.person("bea");
    scene.ada.invites(scene.room, &[&bea]);
    scene.ada.hears(scene.room, |text| text.starts_with("welcome")).await;
    assert_eq!(scene.texts(), ["hello Ada", "you called?", "thanks for 👍", &format!("welcome, {}", bea.id())]);
    running.stop().await;
}

#[derive(Clone)]
struct Found(&'static str);

#[tokio::test]
async fn middleware_runs_around_the_handlers_in_order_and_may_pass_a_row_over() {
    let scene = Scene::new().await;
    let order = Heard::<String>::default();
    let note = Arc::clone(&order);
    let bot = scene.bot().middleware(move |context, next| {
        let note = Arc::clone(&note);
        async move {
            note.lock().expect("no panic").push(format!("in {}", context.text()));
            context.insert(Found("first"));
            next.run().await?;
            note.lock().expect("no panic").push(format!("out {}", context.text()));
            Ok(())
        }
    });
    let bot = bot.middleware(|context, next| async move { if context.text().contains("secret") { Ok(()) } else { next.run().await } });
    let bot = bot.message(|context| async move {
        let Found(who) = context.get().expect("middleware ran");
        context.reply(format!("{} by {who}", context.text())).await?;
        Ok(())
    });
    let running = bot.start().await.expect("it starts");
    for text in ["a", "a secret", "b"] {
        scene.ada.says(scene.room, text);
    }
    scene.ada.hears(scene.room, |text| text.starts_with('b')).await;
    running.stop().await;
    assert_eq!(scene.texts(), ["a by first", "b by first"]);
    assert_eq!(taken(&order), ["in a", "out a", "in a secret", "out a secret", "in b", "out b"]);
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_harms_neither_the_others_nor_the_next_row() {
    let scene = Scene::new().await;
    let failures = Heard::<(String, Option<u64>)>::default();
    let note = Arc::clone(&failures);
    let fails = |pattern: &str| Regex::new(pattern).expect("a pattern");
    let bot = scene.bot().catch(move |failure, context| {
        note.lock().expect("no panic").push((failure.to_string(), context.map(Context::offset)));
        assert!(failure.downcast_ref::<Panicked>().is_none(), "whoever hears of it may panic too");
    });
    let bot = bot.pattern(fails("err"), |_, _| async move { Err("broken".into()) });
    let bot = bot.pattern(fails("panic"), |context, _| async move { panic!("at {}", context.text()) });
    let bot = bot.message(|context| async move {
        context.reply(format!("heard {}", context.text())).await?;
        Ok(())
    });
    let running = bot.start().await.expect("it starts");
    let at = ["err", "panic", "fine"].map(|text| scene.ada.says(scene.room, text));
    scene.ada.hears(scene.room, |text| text == "heard fine").await;
    assert_eq!(scene.texts(), ["heard err", "heard panic", "heard fine"]);
    assert_eq!(taken(&failures), [("broken".to_owned(), Some(at[0])), ("panicked: at panic".to_owned(), Some(at[1]))]);
    running.stop().await;
}

#[tokio::test]
async fn a_handler_may_do_so_many_things_about_one_row() {
    let scene = Scene::new().await;
    let failures = Heard::<bool>::default();
    let note = Arc::clone(&failures);
    let bot = scene.bot().catch(move |failure, _| {
        let is_misuse = matches!(failure.downcast_ref(), Some(Error::Misuse(_)));
        note.lock().expect("no panic").push(is_misuse);
    });
    let bot = bot.message(|context| async move {
        if context.text() == "go" {
            for number in 0..=100 {
                context.say(number.to_string()).await?;
            }
        }
        context.say("that was all").await?;
        Ok(())
    });
    let running = bot.start().await.expect("it starts");
    scene.ada.says(scene.room, "go");
    scene.ada.says(scene.room, "next");
    scene.ada.hears(scene.room, |text| text == "that was all").await;
    assert_eq!((scene.texts().len(), taken(&failures)), (101, vec![true]));
    running.stop().await;
}

#[tokio::test]
async fn two_bots_in_a_room_do_not_answer_each_other() {
    let scene = Scene::new().await;
    let second = scene.server.person("second");
    scene.ada.invites(scene.room, &[&second]);
    let one = examples::echo::echo(scene.client()).start().await.expect("it starts");
    let other = examples::echo::echo(scene.server.client(&second)).start().await.expect("it starts");
    for (text, count) in [("hi", 3), ("again", 6)] {
        scene.ada.says(scene.room, text);
        scene.server.until("both answer", || (scene.ada.reads(scene.room).len() == count).then_some(())).await;
    }
    assert!(scene.ada.reads(scene.room).iter().all(|message| !message.text.starts_with("echo: echo")));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    let scene = Scene::new().await;
    let (client, _events) = rialto_client::Client::builder([scene.server.url()]).token("stolen").start().expect("a client");
    let refused = Bot::new(client).message(async |_| Ok(())).start().await.err().expect("it does not start");
    assert!(matches!(&refused, Error::Closed(reason) if reason.code == 3500), "{refused}");
}
