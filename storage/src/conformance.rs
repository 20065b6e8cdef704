//! One suite for every backend: what the traits promise, tried with ordinary and with hostile input.
//!
//! [`run_all`] wants a fresh, empty store for each case, with a dedupe index cut into partitions of [`PART_ROWS`] rows. It panics at the first promise that
//! is not kept. [`Script`] writes conversations the way their owner does; other tests may use it too.

mod accounts;
mod bodies;
mod dedupe;
mod fences;
mod ranges;
mod records;
mod script;
mod shared;
pub mod soft;
mod views;
pub mod whole;

use std::future::Future;
use std::pin::Pin;

use crate::Store;

pub use script::{Script, consume, user};

/// Rows of one partition in this suite: small, so that the cases cross partitions.
pub const PART_ROWS: u64 = 4;

type Case = fn(Store) -> Pin<Box<dyn Future<Output = ()>>>;

const CASES: [(&str, Case); 31] = [
    ("claims swap the fence", |store| Box::pin(fences::claims(store))),
    ("a stale owner is fenced", |store| Box::pin(fences::stale_owner(store))),
    ("rows are dense or refused", |store| Box::pin(fences::density(store))),
    ("a repeated append stands once", |store| Box::pin(fences::repeated(store))),
    ("a sealed bucket takes nothing", |store| Box::pin(fences::sealed(store))),
    ("one of many claimants wins", |store| Box::pin(fences::racing_claims(store))),
    ("a shared log gives its rows back", |store| Box::pin(shared::tail(store))),
    ("a shared log's cursor never moves back", |store| Box::pin(shared::cursor(store))),
    ("a shared log is truncated behind its seal", |store| Box::pin(shared::truncation(store))),
    ("consumers may write again and late", |store| Box::pin(shared::late_consumers(store))),
    ("rows may be parked", |store| Box::pin(shared::parking(store))),
    ("the dedupe index is read by partitions", |store| Box::pin(dedupe::partitions(store))),
    ("an id belongs to a sender and an entity", |store| Box::pin(dedupe::identity(store))),
    ("ranges go both ways", |store| Box::pin(ranges::both_ways(store))),
    ("activation is snapshot and tail", |store| Box::pin(ranges::activation(store))),
    ("large bodies come back whole", |store| Box::pin(bodies::large_rows(store))),
    ("blobs are stored and removed", |store| Box::pin(bodies::blobs(store))),
    ("limits refuse before they store", |store| Box::pin(bodies::limits(store))),
    ("lists are ordered and paged", |store| Box::pin(views::lists(store))),
    ("public conversations are listed and searched", |store| Box::pin(views::public(store))),
    ("members have roles and may be gone", |store| Box::pin(views::members(store))),
    ("pages fold what changed a message", |store| Box::pin(views::messages(store))),
    ("a summary holds what unread needs", |store| Box::pin(views::unread(store))),
    ("markers never move back", |store| Box::pin(views::marks(store))),
    ("one of many equal names wins", |store| Box::pin(accounts::unique_names(store))),
    ("families change by compare-and-set", |store| Box::pin(accounts::families(store))),
    ("tokens, revocations, idempotency", |store| Box::pin(accounts::tokens(store))),
    ("records change by compare-and-set", |store| Box::pin(records::compare_and_set(store))),
    ("records are paged by their ids", |store| Box::pin(records::pages(store))),
    ("mutes stand until they are over or taken back", |store| Box::pin(accounts::mutes(store))),
    ("hostile names are just names", |store| Box::pin(accounts::hostile_names(store))),
];

/// Runs every case, each on a store of its own. What `fresh` returns beside the store is kept until the case is over.
///
/// # Panics
/// At the first promise that is not kept; the case's name is logged before.
pub async fn run_all<Guard>(mut fresh: impl AsyncFnMut() -> (Store, Guard)) {
    for (name, case) in CASES {
        let (store, guard) = fresh().await;
        tracing::info!(case = name, "conformance");
        case(store).await;
        drop(guard);
    }
}
