//! The backends. Only here are databases named.

pub mod memory;
pub mod redb;
