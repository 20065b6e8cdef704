//! Engines that are slow, silent, cut off, killed with -9 and started again: nothing acknowledged is lost, doubled or reordered, what can go on goes on, and
//! everything heals without a restart of ours. The parts whose engine is not there say so: Cassandra needs `RIALTO_TEST_CASSANDRA_JARS`, rivals that share
//! Redis need `RIALTO_TEST_CQL`.

mod cassandra;
mod redis;
mod shared;
