//! Rialto's actors: the kernel that runs machines, and the machines.

pub mod accounts;
pub mod commands;
pub mod conversation;
pub mod entities;
pub mod entity;
pub mod gateway;
pub mod kernel;
pub mod load;
pub mod node;
pub mod presence;
pub mod reply_to;
pub mod route;
pub mod router;
pub mod session;
pub mod shard;
pub mod topic;
pub mod topic_rules;
pub mod user;
pub mod webhooks;
