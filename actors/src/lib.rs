//! Rialto's actors: the kernel that runs machines, and the machines.

pub mod conversation;
pub mod entities;
pub mod entity;
pub mod gateway;
pub mod kernel;
pub mod reply_to;
pub mod topic;
pub mod user;
