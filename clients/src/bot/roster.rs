//! Which conversations a bot follows: those that it is in, as its list and its inbox tell.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use rialto_protocol::command::History;
use rialto_protocol::event::{ConversationEvent, InboxEvent};
use rialto_protocol::rpc::{Conversation, ConversationKind};
use rialto_protocol::{Channel, ConversationId, ErrorCode};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::again::until_done;
use super::follower::Follower;
use super::handling::{BoxFuture, Handling, Phase};
use super::limits::{NAMED_MAX, STOP_WITHIN_MS};
use crate::client::ListPage;
use crate::error::Error;
use crate::event::{Event, Events};
use crate::state::Position;

/// Conversations that the bot is in, and where to begin in those that it does not follow yet.
type Found = Vec<(ConversationId, Option<Position>)>;

/// One task of a bot: it hears all events, and tells each follower its own.
pub(crate) struct Roster {
    bot: Arc<Handling>,
    followers: HashMap<ConversationId, Arc<Follower>>,
    tasks: JoinSet<()>,
    /// Conversations to look at, or the whole list.
    named: BTreeSet<ConversationId>,
    wants_list: bool,
    looking: Option<BoxFuture<Result<Found, Error>>>,
    /// Told once the list was followed for the first time.
    ready: Option<oneshot::Sender<()>>,
}

impl Roster {
    pub(crate) fn new(bot: Arc<Handling>, ready: oneshot::Sender<()>) -> Self {
        Self {
            bot,
            followers: HashMap::new(),
            tasks: JoinSet::new(),
            named: BTreeSet::new(),
            wants_list: true,
            looking: None,
            ready: Some(ready),
        }
    }

    /// Runs until `stop` is told or dropped, or the client is closed for good; lets running handlers end for a limited time.
    pub(crate) async fn run(mut self, mut events: Events, mut stop: oneshot::Receiver<()>) {
        loop {
            self.look();
            tokio::select! {
                event = events.next() => match event {
                    Some(event) => self.hear(event),
                    None => break,
                },
                found = looked(&mut self.looking) => self.follow(found),
                _ = &mut stop => break,
            }
            while self.tasks.try_join_next().is_some() {}
        }
        self.end().await;
    }

    async fn end(mut self) {
        let bot = Arc::clone(&self.bot);
        bot.phase.send_replace(Phase::Stopping);
        for follower in self.followers.values() {
            follower.stop();
        }
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(Duration::from_millis(STOP_WITHIN_MS), all).await.is_err() {
            tracing::warn!("handlers that took too long are dropped");
        }
        bot.phase.send_replace(Phase::Ended);
        while self.tasks.join_next().await.is_some() {}
        if let Err(error) = bot.keeper.save().await {
            bot.report(&error.into(), None);
        }
        bot.client.close().await;
    }

    // ---- what is heard ----

    fn hear(&mut self, event: Event) {
        match event {
            Event::Conversation { conversation, offset: Some(offset), event } => self.tell(conversation, |f| f.offer(offset, Some(event))),
            Event::Unknown { channel, offset: Some(offset), .. } => self.tell_of(&channel, |follower| follower.offer(offset, None)),
            Event::Subscribed { channel, was_recovering, recovered, position, by_server } => {
                let is_complete = recovered || !was_recovering;
                if !by_server {
                    self.tell_of(&channel, |follower| follower.subscribed(is_complete, position));
                } else if !is_complete {
                    self.wants_list = true;
                }
            }
            Event::Unsubscribed { channel, .. } => self.tell_of(&channel, Follower::unsubscribed),
            Event::Inbox { event, .. } => self.inbox(&event),
            Event::Gap { .. } => self.wants_list = true,
            Event::Lagged { .. } => {
                self.wants_list = true;
                self.followers.values().for_each(|follower| follower.missed());
            }
            _ => {}
        }
    }

    fn inbox(&mut self, event: &InboxEvent) {
        let conversation = match event {
            InboxEvent::ConversationRemoved(removed) => {
                self.bot.keeper.forget(removed.conversation);
                if let Some(follower) = self.followers.remove(&removed.conversation) {
                    follower.stop();
                }
                return;
            }
            InboxEvent::ConversationAdded(added) => added.conversation,
            InboxEvent::ConversationChanged(changed) => changed.conversation,
            InboxEvent::Read(_) => return,
        };
        match self.followers.get(&conversation).filter(|follower| !follower.is_over()) {
            Some(follower) => follower.poke(),
            None if self.named.len() < NAMED_MAX => drop(self.named.insert(conversation)),
            None => self.wants_list = true,
        }
    }

    fn tell(&self, conversation: ConversationId, tell: impl FnOnce(&Follower)) {
        if let Some(follower) = self.followers.get(&conversation) {
            tell(follower);
        }
    }

    fn tell_of(&self, channel: &str, tell: impl FnOnce(&Follower)) {
        if let Ok(Channel::Conversation(conversation)) = Channel::parse(channel) {
            self.tell(conversation, tell);
        }
    }

    // ---- whom it follows ----

    /// Looks at what is to be looked at, one thing at a time.
    fn look(&mut self) {
        if self.looking.is_some() {
            return;
        }
        let bot = Arc::clone(&self.bot);
        if std::mem::take(&mut self.wants_list) {
            self.named.clear();
            let known = self.followers.iter().filter(|(_, follower)| !follower.is_over()).map(|(id, _)| *id).collect();
            self.looking = Some(Box::pin(list(bot, known)));
        } else if let Some(conversation) = self.named.pop_first() {
            self.looking = Some(Box::pin(one(bot, conversation)));
        }
    }

    fn follow(&mut self, found: Result<Found, Error>) {
        match found {
            Ok(found) => found.into_iter().for_each(|(conversation, position)| self.follow_one(conversation, position)),
            Err(error) if matches!(error.code(), Some(ErrorCode::NotAMember | ErrorCode::NotFound)) => {}
            Err(error) => self.bot.report_error(error),
        }
        if let Some(ready) = self.ready.take() {
            // Whoever started it may have gone.
            let _ = ready.send(());
        }
    }

    fn follow_one(&mut self, conversation: ConversationId, position: Option<Position>) {
        if let Some(follower) = self.followers.get(&conversation).filter(|follower| !follower.is_over()) {
            return follower.poke();
        }
        // Without a position it was followed when the list was read, and is left by now.
        let Some(position) = position else { return };
        let (follower, bot) = (Arc::new(Follower::new(conversation, position)), Arc::clone(&self.bot));
        self.followers.insert(conversation, Arc::clone(&follower));
        self.tasks.spawn(async move { follower.run(&bot).await });
    }
}

async fn looked(looking: &mut Option<BoxFuture<Result<Found, Error>>>) -> Result<Found, Error> {
    let Some(running) = looking else { return std::future::pending().await };
    let found = running.await;
    *looking = None;
    found
}

/// All conversations of the bot. Those that are `known` are named without a position.
async fn list(bot: Arc<Handling>, known: BTreeSet<ConversationId>) -> Result<Found, Error> {
    let mut found = Found::new();
    let mut cursor = None;
    loop {
        let page = ListPage { limit: None, cursor };
        let page = until_done(|| bot.client.list(page.clone())).await?;
        for conversation in page.items {
            let is_known = known.contains(&conversation.id);
            found.push((conversation.id, if is_known { None } else { Some(place_in(&bot, &conversation).await?) }));
        }
        if page.next.is_none() {
            return Ok(found);
        }
        cursor = page.next;
    }
}

async fn one(bot: Arc<Handling>, conversation: ConversationId) -> Result<Found, Error> {
    let conversation = until_done(|| bot.client.conversation(conversation)).await?;
    Ok(vec![(conversation.id, Some(place_in(&bot, &conversation).await?))])
}

/// Where to begin: at the place that is kept, else behind the read marker, and where there is none yet, where the bot came in.
async fn place_in(bot: &Handling, conversation: &Conversation) -> Result<Position, Error> {
    if let Some(place) = bot.keeper.place(conversation.id) {
        return Ok(place);
    }
    let behind = |offset| Position { offset, epoch: conversation.epoch.clone() };
    if conversation.read > 0 || conversation.kind == ConversationKind::Direct {
        return Ok(behind(conversation.read));
    }
    let newest = History { channel: Channel::Conversation(conversation.id).to_string(), limit: -1, since: None, reverse: true };
    let rows = until_done(|| bot.client.history(newest.clone())).await?.publications;
    let came_in = rows.iter().find(|row| match serde_json::from_str(row.data.get()) {
        Ok(ConversationEvent::MemberJoined(joined)) => joined.user == bot.me.id,
        Ok(ConversationEvent::ConversationCreated(created)) => created.members.contains(&bot.me.id),
        _ => false,
    });
    Ok(behind(came_in.map_or(conversation.offset, |row| row.offset)))
}
