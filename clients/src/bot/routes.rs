//! What a bot does about which row.

use std::sync::Arc;

use regex::Regex;
use rialto_protocol::event::{ConversationEvent, EventTag};
use rialto_protocol::rpc::BotCommand;

use super::context::Context;
use super::handling::{Failure, Hear, Middleware, Next, Outcome, Route, log};
use super::option::{Options, read_options, usage_of};
use super::store::Store;
use crate::client::Client;

/// A bot in the making: [`Bot::start`] or [`Bot::run`] gives it life. It follows every conversation that it is in, hands each row to the handlers that want
/// it, in order and one at a time within a conversation, and goes on where it stood when it is started again.
pub struct Bot {
    pub(crate) client: Client,
    pub(crate) prefix: String,
    pub(crate) hears_bots: bool,
    pub(crate) routes: Vec<Route>,
    pub(crate) commands: Vec<BotCommand>,
    pub(crate) middleware: Vec<Middleware>,
    pub(crate) hear: Hear,
    pub(crate) store: Option<Arc<dyn Store>>,
}

/// What a pattern found in a message: the whole match is group 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    groups: Vec<(Option<String>, Option<String>)>,
}

impl Found {
    fn of(pattern: &Regex, text: &str) -> Option<Self> {
        let found = pattern.captures(text)?;
        let names = pattern.capture_names().map(|name| name.map(str::to_owned));
        Some(Self { groups: names.zip(found.iter().map(|group| group.map(|group| group.as_str().to_owned()))).collect() })
    }

    /// A group by its number.
    #[must_use]
    pub fn get(&self, group: usize) -> Option<&str> {
        self.groups.get(group)?.1.as_deref()
    }

    /// A group by its name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<&str> {
        self.groups.iter().find(|(known, _)| known.as_deref() == Some(name))?.1.as_deref()
    }
}

impl Bot {
    /// A bot that speaks through this client, and closes it when it stops.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self {
            client,
            prefix: "/".to_owned(),
            hears_bots: false,
            routes: Vec::new(),
            commands: Vec::new(),
            middleware: Vec::new(),
            hear: Box::new(log),
            store: None,
        }
    }

    /// What a command begins with; `/` by default. To be said before the commands. Only commands that begin with `/` are registered.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Hears other bots too. Two bots that answer each other never end.
    #[must_use]
    pub fn hear_bots(mut self) -> Self {
        self.hears_bots = true;
        self
    }

    /// Keeps the bot's places beside it; without one its read markers are its places.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Handles `/name …`. Wrong options are answered with the usage; the handler hears of right ones only. A bot's account registers its commands at the
    /// start, so that people's clients complete them with this description.
    #[must_use]
    pub fn command<O, Answer>(
        mut self,
        name: &str,
        description: &str,
        options: O,
        handler: impl Fn(Context, O::Values) -> Answer + Send + Sync + 'static,
    ) -> Self
    where
        O: Options,
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let shown = options.shown().into_iter().map(|(option, _)| option).collect();
        self.commands.push(BotCommand { name: name.to_lowercase(), description: description.to_owned(), options: shown });
        let (word, shared) = (format!("{}{name}", self.prefix), Arc::new((options, handler)));
        self.of_message(move |text, _| {
            let line = behind_command(text, &word)?;
            let shared = Arc::clone(&shared);
            let given = read_options(&shared.0, line).map_err(|error| format!("{error}\nUsage: {}", usage_of(&word, &shared.0)));
            Some(Box::new(move |context| {
                Box::pin(async move {
                    match given {
                        Ok(values) => (shared.1)(context, values).await,
                        Err(refusal) => context.reply(refusal).await.map(drop).map_err(Failure::from),
                    }
                })
            }))
        })
    }

    /// Handles all messages.
    #[must_use]
    pub fn message<Answer>(self, handler: impl Fn(Context) -> Answer + Send + Sync + 'static) -> Self
    where
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.of_message(move |_, _| {
            let handler = Arc::clone(&handler);
            Some(Box::new(move |context| Box::pin(async move { handler(context).await })))
        })
    }

    /// Handles messages in which a pattern is found.
    #[must_use]
    pub fn pattern<Answer>(self, pattern: Regex, handler: impl Fn(Context, Found) -> Answer + Send + Sync + 'static) -> Self
    where
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.of_message(move |text, _| {
            let (found, handler) = (Found::of(&pattern, text)?, Arc::clone(&handler));
            Some(Box::new(move |context| Box::pin(async move { handler(context, found).await })))
        })
    }

    /// Handles messages that name the bot as `@its-name`.
    #[must_use]
    pub fn mention<Answer>(self, handler: impl Fn(Context) -> Answer + Send + Sync + 'static) -> Self
    where
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.of_message(move |text, me| {
            let handler = mentions(text, me).then(|| Arc::clone(&handler))?;
            Some(Box::new(move |context| Box::pin(async move { handler(context).await })))
        })
    }

    /// Handles any other kind of row: [`EventTag::MemberJoined`], [`EventTag::ReactionAdded`] … The event is [`Context::event`].
    #[must_use]
    pub fn on<Answer>(mut self, kind: EventTag, handler: impl Fn(Context) -> Answer + Send + Sync + 'static) -> Self
    where
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let handler = Arc::new(handler);
        self.routes.push(Box::new(move |event, _| {
            let handler = (event.tag() == Some(kind)).then(|| Arc::clone(&handler))?;
            Some(Box::new(move |context| Box::pin(async move { handler(context).await })))
        }));
        self
    }

    /// Runs around the handlers of every row, in the order of these calls. (`use` is a keyword.)
    #[must_use]
    pub fn middleware<Answer>(mut self, layer: impl Fn(Context, Next) -> Answer + Send + Sync + 'static) -> Self
    where
        Answer: Future<Output = Outcome> + Send + 'static,
    {
        let layer = Arc::new(layer);
        self.middleware.push(Box::new(move |context, next| {
            let layer = Arc::clone(&layer);
            // Called inside the future: a panic belongs to the row.
            Box::pin(async move { layer(context, next).await })
        }));
        self
    }

    /// Hears what handlers fail with, panics included ([`super::Panicked`]); by default it is logged. It comes without a context when no row is concerned.
    #[must_use]
    pub fn catch(mut self, hear: impl Fn(&Failure, Option<&Context>) + Send + Sync + 'static) -> Self {
        self.hear = Box::new(hear);
        self
    }

    fn of_message(mut self, prepare: impl Fn(&str, &str) -> Option<super::handling::Action> + Send + Sync + 'static) -> Self {
        self.routes.push(Box::new(move |event, me| match event {
            ConversationEvent::Message(message) => prepare(&message.text, me),
            _ => None,
        }));
        self
    }
}

/// What is written behind the command's word, if the text is that command.
fn behind_command<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (begin, behind) = text.split_at_checked(word.len())?;
    let is_it = begin.eq_ignore_ascii_case(word) && behind.chars().next().is_none_or(char::is_whitespace);
    is_it.then(|| behind.trim())
}

/// Whether a text names somebody.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |next: char| next.is_alphanumeric() || next == '_';
    let text = text.to_lowercase();
    text.match_indices(&format!("@{}", name.to_lowercase())).any(|(at, called)| {
        let (before, behind) = (text[..at].chars().next_back(), text[at + called.len()..].chars().next());
        !before.is_some_and(|c| is_part(c) || c == '@') && !behind.is_some_and(|c| is_part(c) || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_its_whole_word_in_any_case() {
        assert_eq!(behind_command("/roll", "/roll"), Some(""));
        assert_eq!(behind_command("/ROLL  20 ", "/roll"), Some("20"));
        assert_eq!(behind_command("/roll\n20", "/roll"), Some("20"));
        for text in ["/rolls", "so /roll", "/rol", "", "/röll"] {
            assert_eq!(behind_command(text, "/roll"), None, "{text}");
        }
    }

    #[test]
    fn a_mention_is_a_whole_name() {
        for text in ["@robot", "hey @Robot, are you there", "(@robot)", "@robot @robots"] {
            assert!(mentions(text, "robot"), "{text}");
        }
        for text in ["robot", "x@robot", "@@robot", "@robots", "@robot-2", "@ robot"] {
            assert!(!mentions(text, "robot"), "{text}");
        }
    }
}
