//! The example bot `echo`: answers every message of every conversation that it is in. Invite it, and it speaks.
//!
//! ```text
//! RIALTO_PASSWORD=… cargo run -p rialto-client --example echo -- --url http://127.0.0.1:8080 --user echo --register
//! ```
//!
//! It never answers twice, whatever happens, and never answers itself or another bot: the bot layer sees to that.

#[path = "support/account.rs"]
mod account;

use anyhow::Result;
use rialto_client::Client;
use rialto_client::bot::Bot;
use rialto_client::protocol::limits::TEXT_BYTES_MAX;

/// What every answer begins with.
const PREFIX: &str = "echo: ";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Ok(echo(account::client("echo").await?).run().await?)
}

/// The bot.
pub(crate) fn echo(client: Client) -> Bot {
    Bot::new(client).message(|context| async move {
        context.reply(shortened(context.text())).await?;
        Ok(())
    })
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(TEXT_BYTES_MAX - PREFIX.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{PREFIX}{}", &text[..end])
}
