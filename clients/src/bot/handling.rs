//! One row and those who want it: middleware around handlers, each handler within its time and its error boundary.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use rialto_protocol::ConversationId;
use rialto_protocol::event::ConversationEvent;
use rialto_protocol::rpc::Profile;
use tokio::sync::{Semaphore, watch};

use super::context::{BOT_ID_PREFIX, Context, Row, actor_of};
use super::limits::HANDLER_WITHIN_MS;
use super::store::Keeper;
use crate::client::Client;
use crate::error::Error;

/// What went wrong in a handler.
pub type Failure = Box<dyn StdError + Send + Sync>;
/// How a handler or a layer of middleware ended.
pub type Outcome = Result<(), Failure>;

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// What is done about a row by one who wants it.
pub(crate) type Action = Box<dyn FnOnce(Context) -> BoxFuture<Outcome> + Send>;
/// `None` when the row is none of its business; the text is the bot's user name.
pub(crate) type Route = Box<dyn Fn(&ConversationEvent, &str) -> Option<Action> + Send + Sync>;
pub(crate) type Middleware = Box<dyn Fn(Context, Next) -> BoxFuture<Outcome> + Send + Sync>;
pub(crate) type Hear = Box<dyn Fn(&Failure, Option<&Context>) + Send + Sync>;

/// A handler panicked. The text is what it panicked with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(pub String);

impl Panicked {
    fn of(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("with something else than a text").to_owned())
    }
}

/// How far the bot is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Running,
    /// No row begins any more.
    Stopping,
    /// What runs is dropped.
    Ended,
}

/// A started bot, as all its tasks share it.
pub(crate) struct Handling {
    pub(crate) client: Client,
    pub(crate) me: Arc<Profile>,
    pub(crate) routes: Vec<Route>,
    pub(crate) middleware: Vec<Middleware>,
    pub(crate) hear: Hear,
    pub(crate) hears_bots: bool,
    pub(crate) keeper: Keeper,
    pub(crate) turns: Semaphore,
    pub(crate) phase: watch::Sender<Phase>,
}

impl Handling {
    /// Hands a row to those who want it; false when it is not handled: the bot stops and has not begun with it, or lost its connection for good, so that what
    /// handlers wanted to do may not be done.
    pub(crate) async fn dispatch(self: &Arc<Self>, conversation: ConversationId, offset: u64, event: ConversationEvent) -> bool {
        let Ok(_turn) = self.turns.acquire().await else { return false };
        if *self.phase.borrow() != Phase::Running {
            return false;
        }
        let is_bots = matches!(&event, ConversationEvent::Message(message) if message.client_id.as_str().starts_with(BOT_ID_PREFIX));
        if actor_of(&event) == self.me.id || (is_bots && !self.hears_bots) {
            return true;
        }
        let row = Row { client: self.client.clone(), me: Arc::clone(&self.me), conversation, offset, event };
        let context = Context::new(row, self.routes.len());
        let first = Next { bot: Arc::clone(self), context: context.clone(), layer: 0 };
        self.guarded(&context, first.run()).await;
        self.client.state().will_retry()
    }

    async fn handle(&self, outer: &Context) {
        for (number, route) in self.routes.iter().enumerate() {
            let Some(action) = route(outer.event(), &self.me.username) else { continue };
            let context = outer.of(number);
            let called = context.clone();
            // Called inside the future, so that its panics before the first wait are caught with the others.
            let run = limited(async move { action(called).await }, || self.client.state().is_connected());
            self.guarded(&context, run).await;
        }
    }

    /// The error boundary of one handler.
    async fn guarded(&self, context: &Context, run: impl Future<Output = Outcome>) {
        let outcome = AssertUnwindSafe(run).catch_unwind().await;
        if let Err(failure) = outcome.unwrap_or_else(|panic| Err(Panicked::of(&*panic).into())) {
            self.report(&failure, Some(context));
        }
    }

    /// Tells whoever listens to failures; a listener that panics harms nobody.
    pub(crate) fn report(&self, failure: &Failure, context: Option<&Context>) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| (self.hear)(failure, context))).is_err() {
            tracing::error!(%failure, "whoever hears of failures panicked");
        }
    }

    /// As [`Handling::report`], for what is no handler's; a closed client is told otherwise.
    pub(crate) fn report_error(&self, error: Error) {
        if !matches!(error, Error::Closed(_)) {
            self.report(&error.into(), None);
        }
    }

    /// Waits until the bot's life is so far.
    pub(crate) async fn reached(&self, wanted: Phase) {
        // The sender lives as long as `self`.
        let _ = self.phase.subscribe().wait_for(|phase| *phase >= wanted).await;
    }
}

/// Runs a handler for a limited time of being connected: what waits for the server to come back is not late.
async fn limited(run: impl Future<Output = Outcome>, is_connected: impl Fn() -> bool) -> Outcome {
    let late = async {
        loop {
            tokio::time::sleep(Duration::from_millis(HANDLER_WITHIN_MS)).await;
            if is_connected() {
                return;
            }
        }
    };
    tokio::select! {
        outcome = run => outcome,
        () = late => Err("the handler took too long".into()),
    }
}

/// By default failures are logged.
pub(crate) fn log(failure: &Failure, context: Option<&Context>) {
    match context {
        Some(context) => {
            tracing::error!(conversation = %context.conversation(), offset = context.offset(), failure = &**failure, "a handler failed");
        }
        None => tracing::error!(failure = &**failure, "the bot could not do something"),
    }
}

/// The rest of the way of a row: the next layer of middleware, or the handlers.
pub struct Next {
    bot: Arc<Handling>,
    context: Context,
    layer: usize,
}

impl Next {
    /// Goes on. A layer that does not call it passes the row over. What handlers fail with is heard by their own boundaries, so an error is a layer's.
    ///
    /// # Errors
    /// What a later layer fails with.
    pub fn run(self) -> Pin<Box<dyn Future<Output = Outcome> + Send>> {
        let Self { bot, context, layer } = self;
        Box::pin(async move {
            match bot.middleware.get(layer) {
                Some(run) => run(context.clone(), Self { bot: Arc::clone(&bot), context, layer: layer + 1 }).await,
                None => {
                    bot.handle(&context).await;
                    Ok(())
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_handler_has_its_time_while_connected() {
        let (begin, looks) = (tokio::time::Instant::now(), Cell::new(0));
        let is_connected = || {
            looks.set(looks.get() + 1);
            looks.get() == 3
        };
        let late = limited(std::future::pending(), is_connected).await.expect_err("it never ends");
        assert_eq!(late.to_string(), "the handler took too long");
        assert_eq!(begin.elapsed(), Duration::from_millis(3 * HANDLER_WITHIN_MS));
    }
}
