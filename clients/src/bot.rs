//! Bots: commands with typed options, patterns and mentions over every conversation that the bot is in.
//!
//! ```no_run
//! use rialto_client::Client;
//! use rialto_client::bot::{Bot, option};
//!
//! # async fn run() -> Result<(), rialto_client::Error> {
//! let (client, _) = Client::builder(["http://127.0.0.1:8080"]).token("a bot's token").start()?;
//! Bot::new(client)
//!     .command("greet", "greets somebody", option::user("whom"), |context, whom| async move {
//!         context.reply(format!("hello, {whom}")).await?;
//!         Ok(())
//!     })
//!     .mention(|context| async move {
//!         context.react("👋").await?;
//!         Ok(())
//!     })
//!     .run()
//!     .await
//! # }
//! ```
//!
//! # Guarantees
//! * Within a conversation rows are handled in order and one at a time; [`limits::RUNNING_MAX`] conversations at the same time.
//! * Every row is handled at least once: the bot's place in a conversation moves on behind a row that was handled. The server keeps it as the bot's read
//!   marker; a [`Store`] keeps it beside the bot.
//! * What a handler does through its [`Context`] is done once, also when the row is handled again after a crash: the ids are made of the row, the handler
//!   and the number of the action, so the server knows a repeat.
//! * A handler that fails, panics or takes longer than [`limits::HANDLER_WITHIN_MS`] harms neither the others nor the bot: it is logged, or told to
//!   [`Bot::catch`].
//! * Rates, overload and cuts are waited out inside, with pauses up to [`limits::AGAIN_MS_MAX`].

mod again;
mod context;
mod follower;
mod handling;
mod life;
pub mod limits;
pub mod option;
mod roster;
mod routes;
mod store;

pub use regex::Regex;

pub use self::context::{BOT_ID_PREFIX, Context, actor_of};
pub use self::handling::{Failure, Next, Outcome, Panicked};
pub use self::life::Running;
pub use self::option::{InvalidOption, Opt, Options};
pub use self::routes::{Bot, Found};
pub use self::store::{FileStore, Places, Store};
