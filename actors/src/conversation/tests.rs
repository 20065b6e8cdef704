//! A conversation in a small world of its own: a store in vectors, and a shard that gives every input and takes every effect.

mod memory;
mod property;
mod stories;
mod world;
