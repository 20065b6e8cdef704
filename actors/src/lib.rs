//! Rialto's actors: the kernel that runs machines, and the machines.

pub mod entity;
pub mod gateway;
pub mod kernel;
pub mod reply_to;
