//! What operators ask and hear: bodies of `/v1/admin/…` and the frames of the live feed `/admin/feed`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{ConversationId, UserId};
use crate::rpc::{ConversationKind, Profile};

/// Milliseconds that a user is muted at most: 10 years.
pub const MUTE_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;

macro_rules! bodies {
    ($( $(#[$doc:meta])* $name:ident { $( $(#[$field_doc:meta])* $field:ident : $type:ty ),* $(,)? } )*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
            pub struct $name { $( $(#[$field_doc])* pub $field: $type, )* }
        )*
    };
}

bodies! {
    /// `GET /v1/admin/node`: who asks, and what answers.
    NodeFacts {
        /// The caller's role: `operator` or `admin`.
        role: String,
        /// The server's version.
        version: String,
        /// `embedded` or `cql`.
        store: String,
        /// When the process began.
        started: u64,
        /// Threads that share sockets and shards.
        threads: u64,
        /// Seconds between two samples of the feed.
        sample_seconds: u64,
    }
    /// `GET /v1/admin/users/{id or name}`.
    UserDetails {
        /// What everybody sees.
        user: Profile,
        /// `user`, `bot`, `operator` or `admin`.
        role: String,
        /// `own`, `guest`, or the issuer that vouches for the user.
        origin: String,
        /// When the account was made.
        created: u64,
        /// Until when an operator has muted the user.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        muted_until: Option<u64>,
        /// Connections to this node, oldest first.
        connections: Vec<ConnectionDetails>,
    }
    /// One connection of a user.
    ConnectionDetails {
        /// Its id.
        connection: Uuid,
        /// The client's address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        address: Option<String>,
        /// What the client calls itself; may be empty.
        client: String,
        /// When it came.
        since: u64,
        /// Channels that it listens to.
        channels: Vec<String>,
    }
    /// `GET /v1/admin/conversations/{id}`.
    ConversationDetails {
        /// Its id.
        id: ConversationId,
        /// Direct, group or public.
        kind: ConversationKind,
        /// Its title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        /// When it was made.
        created: u64,
        /// The newest row.
        offset: u64,
        /// Messages so far.
        messages: u64,
        /// How many members it has.
        member_count: u64,
        /// The first of them.
        members: Vec<UserId>,
    }
    /// Connections were ended.
    Kicked {
        /// How many.
        disconnected: u64,
    }
    /// `POST /v1/admin/users/{id}/mute`.
    Mute {
        /// Milliseconds, at most 10 years.
        duration_ms: u64,
    }
    /// A user is muted.
    Muted {
        /// Until when.
        until: u64,
    }
    /// `GET /v1/admin/config`.
    Configuration {
        /// The effective configuration as TOML, secrets masked.
        toml: String,
    }
    /// `GET /v1/admin/log`.
    LogPage {
        /// Lines as logged in JSON, oldest first.
        items: Vec<BTreeMap<String, serde_json::Value>>,
        /// For `after` of the next call.
        next: u64,
    }
    /// The first frame of a feed that was let in: what a row of numbers means, and the last hour.
    FeedHistory {
        /// What stands at each place of a row.
        columns: Vec<String>,
        /// One row for each second, oldest first.
        samples: Vec<FeedRow>,
        /// Whether another such frame with later rows follows.
        more: bool,
    }
    /// What was measured at one moment, about the second before it.
    FeedRow {
        /// When.
        time: u64,
        /// By column; null where there was nothing to measure.
        values: Vec<Option<f32>>,
    }
    /// One sample, each second.
    FeedSample {
        /// The numbers.
        row: FeedRow,
        /// The busiest rooms of the last minute.
        rooms: Vec<RoomRate>,
        /// What the node depends on.
        dependencies: BTreeMap<String, Dependency>,
    }
    /// What a room did within the last minute.
    RoomRate {
        /// Its channel.
        channel: String,
        /// What was published there.
        publications: u64,
        /// Chunks of publications given to listeners.
        deliveries: u64,
    }
    /// Something that the node depends on.
    Dependency {
        /// `ok`, `failing`, or `degraded`: away, and the node serves without it.
        state: String,
        /// Milliseconds that it took to answer when it was looked at last.
        ms: u64,
    }
    /// Who listens: the first frame to the feed, unless the token came as subprotocol; later again with a fresh token.
    FeedAuth {
        /// The access token.
        token: String,
    }
}

/// `POST /v1/admin/users/{id}/kick`: all connections, for good, unless it says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Kick {
    /// Only this connection; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Uuid>,
    /// Whether clients are to come back by themselves (3011); else they stay away (3503).
    #[serde(default)]
    pub reconnect: bool,
}

/// A frame of the feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FeedMessage {
    /// The last hour.
    History(FeedHistory),
    /// One second.
    Sample(FeedSample),
}

/// A frame to the feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FeedRequest {
    /// Who listens.
    Auth(FeedAuth),
}
