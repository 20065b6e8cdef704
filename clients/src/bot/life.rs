//! A bot's start, its running, and its end.

use std::sync::Arc;

use rialto_protocol::ErrorCode;
use rialto_protocol::rpc::Profile;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;

use super::again::until_done;
use super::handling::{Handling, Phase};
use super::limits::RUNNING_MAX;
use super::roster::Roster;
use super::routes::Bot;
use super::store::Keeper;
use crate::client::Client;
use crate::error::Error;

/// A bot that follows its conversations. Dropping it stops it too, but nobody waits for its handlers then.
pub struct Running {
    bot: Arc<Handling>,
    stop: Option<oneshot::Sender<()>>,
    roster: JoinHandle<()>,
}

impl Bot {
    /// Connects, registers the commands, and follows every conversation that the bot is in and will be in. Returns when it does.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Closed`] when the server does not let it in, [`Error::Misuse`] when its store cannot be read.
    pub async fn start(self) -> Result<Running, Error> {
        let Self { client, prefix, hears_bots, routes, commands, middleware, hear, store } = self;
        let keeper = Keeper::load(store).await.map_err(|error| Error::Misuse(format!("the places cannot be read: {error}")))?;
        // From before the list is read: what comes meanwhile is in either.
        let events = client.events();
        client.connected().await?;
        let me = Arc::new(until_done(|| client.me()).await?);
        let (turns, phase) = (Semaphore::new(RUNNING_MAX), watch::Sender::new(Phase::Running));
        let bot = Handling { client, me, routes, middleware, hear, hears_bots, keeper, turns, phase };
        if prefix == "/" && !commands.is_empty() {
            // Says what it understands. A person's account and a token without this scope work all the same.
            match until_done(|| bot.client.set_commands(commands.clone())).await {
                Err(error) if error.code() != Some(ErrorCode::Forbidden) => bot.report_error(error),
                _ => {}
            }
        }
        let bot = Arc::new(bot);
        let ((ready, is_ready), (stop, told)) = (oneshot::channel(), oneshot::channel());
        let roster = tokio::spawn(Roster::new(Arc::clone(&bot), ready).run(events, told));
        let running = Running { bot, stop: Some(stop), roster };
        match is_ready.await {
            Ok(()) => Ok(running),
            Err(_) => Err(running.closed().await),
        }
    }

    /// Runs until the process is told to end (SIGINT, SIGTERM).
    ///
    /// # Errors
    /// As [`Bot::start`]; also [`Error::Closed`] when the server closed the connection for good.
    pub async fn run(self) -> Result<(), Error> {
        let signal = |kind| signal(kind).map_err(|error| Error::Misuse(format!("no signals: {error}")));
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let told = async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        tokio::pin!(told);
        let client = self.client.clone();
        // It may be told to end before there is a server.
        let running = tokio::select! {
            running = self.start() => running?,
            () = &mut told => {
                client.close().await;
                return Ok(());
            }
        };
        tracing::info!(user = %running.me().username, "the bot is here");
        let lost = tokio::select! {
            error = running.closed() => Err(error),
            () = &mut told => Ok(()),
        };
        running.stop().await;
        lost
    }
}

impl Running {
    /// Who it is.
    #[must_use]
    pub fn me(&self) -> &Profile {
        &self.bot.me
    }

    /// The bot's client.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.bot.client
    }

    /// Waits until the connection is closed for good, and says why.
    pub async fn closed(&self) -> Error {
        Error::Closed(self.bot.client.closed_for_good().await)
    }

    /// Begins nothing new, lets running handlers end for a limited time ([`super::limits::STOP_WITHIN_MS`]), keeps the places and closes the client. What was
    /// not handled is handled at the next start.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Err(error) = self.roster.await {
            tracing::error!(%error, "the bot ended badly");
        }
    }
}
