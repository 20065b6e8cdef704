//! The terminal chat: reads lines, prints lines. [`command`] says what a line means, [`render`] what an event looks like, [`room`] does it.

mod command;
mod login;
mod render;
mod room;

use std::io::Write;

use anyhow::Result;
use futures_util::StreamExt;
use rialto_client::{Client, ConnectionState, Event, Events};
use tokio::io::{AsyncBufReadExt, BufReader};

use self::command::Line;
pub(crate) use self::login::Arguments;
use self::room::Rooms;

/// Prints a line. A reader that is gone is no reason to fail: the end of the input will end us.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints a line about a failure.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "rialto-chat: {text}");
}

/// Runs until `/quit`, the end of the input, or the end of the connection for good.
pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let session = login::log_in(&arguments).await?;
    let (client, mut events) = Client::builder(arguments.url.clone()).token(session.token_source()).start()?;
    // A stream of its own, so that news of the connection comes while a command waits for it.
    let mut news = client.events();
    client.connected().await?;
    say(&format!("logged in as {}", render::clean(&session.user().username)));
    let mut rooms = Rooms::new(client.clone(), session.user().clone());
    rooms.list().await?;
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { break };
                match command::parse(&line) {
                    Ok(Line::Quit) => break,
                    Ok(line) => obey(&mut rooms, line, &mut news).await,
                    Err(help) => say(help),
                }
            }
            Some(event) = events.next() => {
                if let Err(error) = rooms.hear(event).await {
                    say(&format!("! {error}"));
                }
            }
            event = news.next() => match event {
                Some(event) => notice(&event),
                None => break,
            },
        }
    }
    client.close().await;
    match client.state() {
        ConnectionState::Closed { reason } if reason.code != rialto_client::Reason::CLOSED_BY_OWNER => anyhow::bail!("closed: {reason}"),
        _ => Ok(()),
    }
}

async fn obey(rooms: &mut Rooms, line: Line, news: &mut Events) {
    let mut work = std::pin::pin!(rooms.obey(line));
    loop {
        tokio::select! {
            result = &mut work => {
                if let Err(error) = result {
                    say(&format!("! {error}"));
                }
                return;
            }
            Some(event) = news.next() => notice(&event),
        }
    }
}

fn notice(event: &Event) {
    if let Event::State(state) = event
        && let Some(line) = render::state(state)
    {
        say(&line);
    }
}
