//! Conversations as people use them, over rpc and over HTTP.

mod changes;
mod http;
mod idempotence;
mod inbox;
mod kinds;
mod markers;
mod members;
mod pages;
mod presence;
mod roles;
