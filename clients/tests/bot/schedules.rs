//! Cuts, refusals and deaths at any moment: every message is answered, once, in order.

use std::sync::{Arc, Mutex};

use rialto_client::bot::FileStore;
use rialto_client::protocol::command::{Command, CommandKind};
use rialto_client::testing::{Fault, TestServer};

use crate::examples::echo::echo;
use crate::scene::Scene;

const SCHEDULES: u64 = 20;
const MESSAGES: usize = 15;

/// splitmix64.
struct Dice(u64);

impl Dice {
    /// True once in so many times.
    fn one_in(&mut self, sides: u64) -> bool {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).is_multiple_of(sides)
    }
}

#[tokio::test]
async fn every_message_is_answered_once_whatever_happens_when() {
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 0..SCHEDULES {
        let dice = Arc::new(Mutex::new(Dice(seed)));
        let roll = |sides| dice.lock().expect("no panic").one_in(sides);
        let befalls = Arc::clone(&dice);
        let decide = move |command: &Command| {
            let mut dice = befalls.lock().expect("no panic");
            match &command.kind {
                CommandKind::Connect(_) => None,
                _ if dice.one_in(9) => Some(Fault::CutAfter),
                _ if dice.one_in(40) => Some(Fault::RefusedForNow),
                _ => None,
            }
        };
        let scene = Scene::on(TestServer::faulty(decide).await);
        // Half of the bots keep their places themselves.
        let path = folder.path().join(format!("{seed}.json"));
        let start = async || {
            let bot = echo(scene.client());
            let bot = if seed % 2 == 0 { bot.store(FileStore::new(&path)) } else { bot };
            bot.start().await.expect("it starts")
        };
        let mut bot = start().await;
        for number in 0..MESSAGES {
            scene.ada.says(scene.room, &format!("m{number}"));
            if roll(4) {
                let wanted = format!("echo: m{number}");
                scene.ada.hears(scene.room, |text| text == wanted).await;
            }
            if roll(8) {
                scene.server.cut();
            }
            if roll(6) {
                // A process that is killed says nothing more.
                bot.client().close().await;
                bot = start().await;
            }
        }
        let last = format!("echo: m{}", MESSAGES - 1);
        scene.ada.hears(scene.room, |text| text == last).await;
        let expected: Vec<String> = (0..MESSAGES).map(|number| format!("echo: m{number}")).collect();
        assert_eq!(scene.texts(), expected, "seed {seed}");
        bot.stop().await;
    }
}
