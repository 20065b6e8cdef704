//! The operators' console: who may use it, what its feed says, and what its actions do to people who are connected.

mod actions;
mod client;
mod feed;
mod looking;
mod mute;
mod roles;
