//! Rolls dice: say `/roll 20`, or name it.

use std::hash::{BuildHasher as _, RandomState};

use rialto_client::Client;
use rialto_client::bot::{Bot, FileStore, option};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt::init();
    let url = std::env::var("RIALTO_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned());
    let (client, _events) = Client::builder([url]).token(std::env::var("RIALTO_TOKEN")?).start()?;
    let sides = option::integer("sides").min(2).max(1_000).or(6).describe("how many it has");
    let bot = Bot::new(client)
        .store(FileStore::new("dice.json"))
        .command("roll", "rolls a die", sides, |context, sides| async move {
            let random = RandomState::new().hash_one(context.offset());
            context.reply(format!("{} of {sides}", 1 + random % sides.unsigned_abs())).await?;
            Ok(())
        })
        .mention(|context| async move {
            context.react("🎲").await?;
            Ok(())
        });
    Ok(bot.run().await?)
}
