//! Counters that show that what the simulator is for really happened.

use std::fmt;

macro_rules! coverage {
    ($( $(#[$doc:meta])* $name:ident, )*) => {
        /// How often each thing happened.
        #[derive(Clone, Debug, Default)]
        pub(crate) struct Coverage {
            /// Events of all runs.
            pub(crate) events: u64,
            $( $(#[$doc])* pub(crate) $name: u64, )*
        }

        impl Coverage {
            /// Adds the counts of another run.
            pub(crate) fn add(&mut self, other: &Self) {
                self.events += other.events;
                $( self.$name += other.$name; )*
            }

            /// The names of what never happened.
            pub(crate) fn never(&self) -> Vec<&'static str> {
                let mut never = Vec::new();
                $( if self.$name == 0 { never.push(stringify!($name)); } )*
                never
            }
        }

        impl fmt::Display for Coverage {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "events {}", self.events)?;
                $( write!(out, ", {} {}", stringify!($name), self.$name)?; )*
                Ok(())
            }
        }
    };
}

coverage! {
    /// Acknowledgements that clients received.
    acks,
    /// Of these, of messages that stood already.
    duplicates,
    /// Messages that a client sent again without knowing what became of the first.
    retries,
    /// Claims that replaced another owner's fence.
    takeovers,
    /// Statements refused because somebody else holds the fence.
    fencings,
    /// Buckets sealed.
    rolls,
    /// Statements carried out whose caller was told that nobody knows.
    unknown_applied,
    /// Statements never carried out whose caller was told that nobody knows.
    unknown_never,
    /// Statements carried out after their caller had been told that nobody knows.
    applied_late,
    /// Of these, conditional writes that somebody's newer fence refused.
    late_fenced,
    /// Messages refused.
    refusals,
    /// Buckets truncated.
    truncations,
    /// Plain writes that came after their caller had been told that they failed.
    rows_late,
    /// Crashes of the store.
    engine_crashes,
    /// Statements refused before anything happened.
    refused,
    /// Look-ups in the index.
    look_ups,
    /// Look-ups that found the id.
    look_ups_found,
    /// Snapshots stored.
    snapshots,
    /// Entities loaded that had a snapshot.
    loads_with_snapshot,
    /// Entities made to panic.
    panics,
    /// Crashes of nodes.
    crashes,
    /// Pauses of nodes.
    pauses,
    /// Nodes cut off from the store, one way or both.
    partitions,
    /// Jumps of a node's wall clock.
    clock_jumps,
    /// Connections broken.
    disconnects,
    /// Subscriptions recovered in whole.
    recovered,
    /// Subscriptions that could not be recovered, and were told so.
    not_recovered,
    /// Rows that came by recovery.
    rows_recovered,
    /// Publications of conversations that came live.
    published,
    /// Subscribers that were told to recover, because their shard had lost its fence.
    told_to_recover,
    /// Publications of topics that came.
    topic_publications,
    /// Events of inboxes that came.
    inbox_events,
    /// Parts of a stream read by `history`.
    histories,
}
