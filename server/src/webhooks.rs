//! Posts to the targets of webhooks: one connection each, public addresses only, no redirects, and nothing of what the target says is kept but its status.

mod address;
mod client;
mod target;
mod tls;

pub use client::{Client, ClientOptions};

#[cfg(test)]
mod tests;
