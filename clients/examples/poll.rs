//! The example bot `poll`: polls by reactions.
//!
//! ```text
//! /poll "Where do we eat?" pizza noodles "the usual place"     asks, and offers a number for each answer
//! /close                                                       counts the newest poll; as a reply to a poll, that one
//! ```
//!
//! The poll itself is all that is kept: its message and the reactions on it. So nothing is lost when the bot is started again.
//!
//! ```text
//! RIALTO_TOKEN=… cargo run -p rialto-client --example poll -- --url http://127.0.0.1:8080
//! ```

#[path = "support/account.rs"]
mod account;

use anyhow::Result;
use rialto_client::bot::{Bot, Context, option};
use rialto_client::protocol::rpc::{ListMessages, Message};
use rialto_client::{Client, Error};

const NUMBERS: [&str; 9] = ["1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣"];
/// What the message of a poll begins with.
const MARK: &str = "📊 ";
/// Messages that are looked through for the newest poll.
const LOOKED_THROUGH: usize = 100;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    Ok(poll(account::client("poll").await?).run().await?)
}

/// The bot.
pub(crate) fn poll(client: Client) -> Bot {
    let asks = (option::text("question"), option::list("answers").count(2, NUMBERS.len()));
    Bot::new(client)
        .command("poll", "asks, and offers a number for each answer", asks, |context, (question, answers)| async move {
            let lines = answers.iter().zip(NUMBERS).map(|(answer, number)| format!("\n{number} {answer}"));
            let asked = context.say(format!("{MARK}{question}{}", lines.collect::<String>())).await?;
            for number in &NUMBERS[..answers.len()] {
                context.react_to(asked.offset, *number).await?;
            }
            Ok(())
        })
        .command("close", "counts the newest poll, or the one that it replies to", (), |context, ()| async move {
            let answer = match find(&context).await? {
                Some(poll) => result(&context, &poll),
                None => "There is no poll here.".to_owned(),
            };
            context.reply(answer).await?;
            Ok(())
        })
}

fn result(context: &Context, poll: &Message) -> String {
    let mut lines = poll.text.lines();
    let question = lines.next().unwrap_or_default().trim_start_matches(MARK);
    let voters = |number| poll.reactions.get(number).into_iter().flatten().filter(|user| **user != context.me().id);
    let mut votes: Vec<(usize, &str)> = lines.zip(NUMBERS).map(|(line, number)| (voters(number).count(), line)).collect();
    votes.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let votes: String = votes.iter().map(|(count, line)| format!("\n{line}: {count}")).collect();
    format!("Result: {question}{votes}")
}

/// The poll that is meant.
async fn find(context: &Context) -> Result<Option<Message>, Error> {
    let before = Some(context.offset());
    let list = ListMessages { conversation: context.conversation(), before, after: None, limit: Some(LOOKED_THROUGH) };
    let wanted = context.message().and_then(|message| message.reply_to);
    let is_poll = |message: &Message| message.sender == context.me().id && message.text.starts_with(MARK);
    let mut polls = context.client().messages(&list).await?.items.into_iter().filter(is_poll);
    Ok(match wanted {
        Some(offset) => polls.find(|poll| poll.offset == offset),
        None => polls.next_back(),
    })
}
