//! The backends. Only here are databases named.

pub mod cql;
pub mod memory;
pub mod redb;
pub mod redis;
