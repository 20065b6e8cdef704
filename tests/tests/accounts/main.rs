//! Accounts: registration, log-in, sessions, guests, tokens of other issuers, and what ends a connection.

mod bots;
mod external;
mod guests;
mod login;
mod register;
mod sessions;
mod tokens;
