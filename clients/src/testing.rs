//! For unit tests of bots and apps: a Rialto server in memory that speaks the real protocol over a loopback socket, in the process of the test.
//!
//! ```no_run
//! use rialto_client::bot::Bot;
//! use rialto_client::protocol::rpc::ConversationKind;
//! use rialto_client::testing::TestServer;
//!
//! # async fn test() -> Result<(), rialto_client::Error> {
//! let server = TestServer::start().await;
//! let (ada, robot) = (server.person("ada"), server.person("robot"));
//! let room = ada.creates(ConversationKind::Group, Some("room"), &[&robot]);
//! let bot = Bot::new(server.client(&robot)).message(|context| async move {
//!     context.reply("pong").await?;
//!     Ok(())
//! });
//! let bot = bot.start().await?;
//! ada.says(room, "ping");
//! ada.hears(room, |text| text == "pong").await;
//! bot.stop().await;
//! # Ok(()) }
//! ```
//!
//! It has durable conversations (for as long as it lives), dedupe, recovery, inboxes and topics; no accounts over HTTP, limits or bans.

mod conversation;
mod methods;
mod peer;
mod person;
mod server;
mod stream;
mod world;

pub use self::peer::Fault;
pub use self::person::Person;
pub use self::server::TestServer;
