//! One conversation that a bot follows: every row behind its position is handled, one after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rialto_protocol::command::{History, Since};
use rialto_protocol::event::ConversationEvent;
use rialto_protocol::{Channel, ConversationId, ErrorCode};

use super::again::until_done;
use super::handling::{Handling, Phase};
use super::limits::{BACKLOG_MAX, CATCH_UP_ROWS, KEPT_EVERY_ROWS};
use crate::client::SubscribeOptions;
use crate::error::Error;
use crate::state::Position;

/// A row as it waits: `event` is `None` when it is of a kind that this version does not know.
struct Waiting {
    offset: u64,
    event: Option<ConversationEvent>,
}

/// The roster tells it what is new; its own task handles that.
pub(crate) struct Follower {
    conversation: ConversationId,
    waiting: Mutex<Backlog>,
    news: tokio::sync::Notify,
}

struct Backlog {
    /// The last row that was handled.
    position: Position,
    /// The last row that was taken to be handled, in the position's epoch.
    taken: u64,
    rows: VecDeque<Waiting>,
    /// There are rows that only the server has.
    is_behind: bool,
    /// New rows come by themselves.
    is_live: bool,
    is_over: bool,
}

enum Step {
    Handle(Waiting, String),
    CatchUp(Position),
    Rest,
    End,
}

impl Follower {
    pub(crate) fn new(conversation: ConversationId, position: Position) -> Self {
        let backlog = Backlog { taken: position.offset, position, rows: VecDeque::new(), is_behind: false, is_live: false, is_over: false };
        Self { conversation, waiting: Mutex::new(backlog), news: tokio::sync::Notify::new() }
    }

    // ---- what the roster tells ----

    /// A row came.
    pub(crate) fn offer(&self, offset: u64, event: Option<ConversationEvent>) {
        self.change(|backlog| {
            let last = backlog.last();
            // What does not join on, or finds no room, is read from the server later.
            if offset > last + 1 || (offset > last && backlog.rows.len() >= BACKLOG_MAX) {
                backlog.is_behind = true;
            } else if offset > last {
                backlog.rows.push_back(Waiting { offset, event });
            }
        });
    }

    /// Rows come by themselves from `position` on, or from where it stood when they are `complete`.
    pub(crate) fn subscribed(&self, complete: bool, now: Position) {
        self.change(|backlog| {
            backlog.is_live = true;
            if !complete {
                backlog.lost(now);
            }
        });
    }

    /// Rows come by themselves no more.
    pub(crate) fn unsubscribed(&self) {
        self.change(|backlog| {
            backlog.is_live = false;
            backlog.is_behind = true;
        });
    }

    /// There may be something new that nobody listens for.
    pub(crate) fn poke(&self) {
        self.change(|backlog| backlog.is_behind |= !backlog.is_live);
    }

    /// Something was missed.
    pub(crate) fn missed(&self) {
        self.change(|backlog| backlog.is_behind = true);
    }

    /// Begins no more rows.
    pub(crate) fn stop(&self) {
        self.change(|backlog| backlog.is_over = true);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over
    }

    // ---- its task ----

    /// Handles row after row until it is stopped, or dropped because the bot waits no more.
    pub(crate) async fn run(&self, bot: &Arc<Handling>) {
        tokio::select! {
            () = self.follow(bot) => {}
            () = bot.reached(Phase::Ended) => {}
        }
        self.stop();
    }

    async fn follow(&self, bot: &Arc<Handling>) {
        tokio::select! {
            () = self.listen(bot) => {}
            () = bot.reached(Phase::Stopping) => self.stop(),
        }
        let (mut kept, mut unkept_rows) = (self.lock().position.offset, 0);
        loop {
            match self.step() {
                Step::Handle(row, epoch) => {
                    if !self.handle(bot, row, &epoch).await {
                        self.stop();
                    }
                    unkept_rows += 1;
                    if unkept_rows >= KEPT_EVERY_ROWS {
                        self.keep(bot, &mut kept).await;
                        unkept_rows = 0;
                    }
                }
                Step::CatchUp(position) => {
                    tokio::select! {
                        () = self.catch_up(bot, position) => {}
                        () = bot.reached(Phase::Stopping) => self.stop(),
                    }
                }
                Step::Rest => {
                    self.keep(bot, &mut kept).await;
                    unkept_rows = 0;
                    self.news.notified().await;
                }
                // Without a connection the mark would be waited for in vain: what it says is said again then.
                Step::End if bot.client.state().is_connected() => return self.keep(bot, &mut kept).await,
                Step::End => return,
            }
        }
    }

    /// Listens from the position on. Where the server lets no more channels be listened to, what the inbox tells has to do.
    async fn listen(&self, bot: &Handling) {
        let position = self.lock().position.clone();
        let subscribed = until_done(|| {
            let options = SubscribeOptions { since: Some(position.clone()), ..SubscribeOptions::default() };
            bot.client.subscribe(self.channel(), options)
        });
        if let Err(error) = subscribed.await {
            tracing::debug!(conversation = %self.conversation, %error, "not listened to");
            self.missed();
        }
    }

    /// False when it is not handled, and no other is to begin.
    async fn handle(&self, bot: &Arc<Handling>, row: Waiting, epoch: &str) -> bool {
        if let Some(event) = row.event
            && !bot.dispatch(self.conversation, row.offset, event).await
        {
            return false;
        }
        self.change(|backlog| {
            // A new timeline may have begun meanwhile.
            if backlog.position.epoch == epoch {
                backlog.position.offset = row.offset;
                bot.keeper.commit(self.conversation, backlog.position.clone());
            }
        });
        true
    }

    async fn catch_up(&self, bot: &Handling, position: Position) {
        if let Err(error) = self.read_behind(bot, position).await {
            self.failed(bot, error).await;
        }
    }

    async fn read_behind(&self, bot: &Handling, position: Position) -> Result<(), Error> {
        let history = History {
            channel: self.channel(),
            limit: i32::from(CATCH_UP_ROWS),
            since: Some(Since { offset: position.offset, epoch: position.epoch.clone() }),
            reverse: false,
        };
        let page = until_done(|| bot.client.history(history.clone())).await?;
        self.change(|backlog| {
            if backlog.position.epoch != position.epoch {
                return;
            }
            let is_empty = page.publications.is_empty();
            for row in page.publications.into_iter().filter(|row| row.offset > 0) {
                if row.offset > backlog.last() {
                    backlog.rows.push_back(Waiting { offset: row.offset, event: serde_json::from_str(row.data.get()).ok() });
                }
            }
            backlog.is_behind |= !is_empty && backlog.last() < page.offset;
        });
        Ok(())
    }

    /// Catching up failed for good.
    async fn failed(&self, bot: &Handling, error: Error) {
        match error.code() {
            // It is a member no more.
            Some(ErrorCode::NotAMember | ErrorCode::NotFound) => self.stop(),
            // A new timeline has begun: rows of the old one are no more.
            Some(ErrorCode::UnrecoverablePosition) => {
                let top = History { channel: self.channel(), ..History::default() };
                match until_done(|| bot.client.history(top.clone())).await {
                    Ok(page) => self.change(|backlog| backlog.lost(Position { offset: page.offset, epoch: page.epoch })),
                    Err(error) => bot.report_error(error),
                }
            }
            // Tried again when there is something new.
            _ => bot.report_error(error),
        }
    }

    /// Keeps the place in the store, and moves the read marker to it.
    async fn keep(&self, bot: &Handling, kept: &mut u64) {
        let offset = self.lock().position.offset;
        if offset == *kept {
            return;
        }
        if let Err(error) = bot.keeper.save().await {
            bot.report(&error.into(), None);
        }
        match until_done(|| bot.client.mark_read(self.conversation, offset)).await {
            Ok(_) => *kept = offset,
            Err(error) if matches!(error.code(), Some(ErrorCode::NotAMember | ErrorCode::NotFound)) => {}
            Err(error) => bot.report_error(error),
        }
    }

    fn step(&self) -> Step {
        let mut backlog = self.lock();
        if backlog.is_over {
            return Step::End;
        }
        match backlog.rows.pop_front() {
            Some(row) => {
                backlog.taken = row.offset;
                Step::Handle(row, backlog.position.epoch.clone())
            }
            None if std::mem::take(&mut backlog.is_behind) => Step::CatchUp(backlog.position.clone()),
            None => Step::Rest,
        }
    }

    fn channel(&self) -> String {
        Channel::Conversation(self.conversation).to_string()
    }

    fn lock(&self) -> MutexGuard<'_, Backlog> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what waits, and wakes the task.
    fn change(&self, change: impl FnOnce(&mut Backlog)) {
        change(&mut self.lock());
        self.news.notify_one();
    }
}

impl Backlog {
    /// The last row that was taken or waits.
    fn last(&self) -> u64 {
        self.rows.back().map_or(self.taken, |row| row.offset)
    }

    /// The stream could not be resumed: read what lies between, or begin anew in a new timeline.
    fn lost(&mut self, now: Position) {
        if now.epoch != self.position.epoch {
            self.taken = now.offset;
            self.position = now;
            self.rows.clear();
        }
        self.is_behind = true;
    }
}
