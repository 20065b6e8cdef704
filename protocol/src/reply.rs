//! Answers → bytes: the server's half of the Centrifuge client protocol in JSON. Zero values are omitted, `data` is embedded as raw JSON.
//! The bodies can be read too, absent fields as zero values: clients use the same types.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::code::{Refusal, UnsubscribeCode};
use crate::json::put_text;
use crate::rpc::Appended;

/// Bytes around the payload of a reply or push, channel and publisher apart, at most.
pub const ENVELOPE_BYTES: usize = 80;

/// The server's ping.
pub const PING: &str = "{}";

/// Who published, joined or is present.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ClientInfo {
    /// User id; empty for an anonymous connection.
    #[serde(default)]
    pub user: String,
    /// Connection id.
    pub client: String,
    /// `info` of the connection's token, raw JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conn_info: Option<RawJson>,
    /// `info` of the subscription's token, raw JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chan_info: Option<RawJson>,
}

/// JSON text that is embedded as it is. Equality is that of the text.
#[derive(Clone, Debug)]
pub struct RawJson(std::sync::Arc<RawValue>);

impl RawJson {
    /// Takes a checked value.
    #[must_use]
    pub fn new(value: Box<RawValue>) -> Self {
        Self(value.into())
    }

    /// The text.
    #[must_use]
    pub fn get(&self) -> &str {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::new)
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for RawJson {}

/// Any JSON.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for RawJson {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RawJson".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        true.into()
    }
}

impl Serialize for RawJson {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// One publication: of a push, a history answer or a recovery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Publication {
    /// The payload, raw JSON.
    pub data: RawJson,
    /// The publisher, if it was a client of a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub info: Option<ClientInfo>,
    /// Position in the stream; 0 = none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
}

/// Body of a `connect` reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct ConnectResult {
    /// The connection's id.
    pub client: String,
    /// Our version. Not read by clients.
    #[serde(skip_deserializing)]
    pub version: &'static str,
    /// Whether the connection ends unless refreshed.
    #[serde(skip_serializing_if = "is_false")]
    pub expires: bool,
    /// Seconds until it does.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub ttl: u32,
    /// Server-side subscriptions.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub subs: BTreeMap<String, SubscribeResult>,
    /// Seconds between pings.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub ping: u32,
    /// Whether pings want pongs.
    #[serde(skip_serializing_if = "is_false")]
    pub pong: bool,
    /// The session, for emulated transports.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub session: String,
    /// The node.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// The server's clock, milliseconds since 1970: SDKs date their ids by it.
    #[serde(skip_serializing_if = "is_zero")]
    pub time: u64,
}

/// Body of a `subscribe` reply, of a server-side subscription, and of a subscribe push.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct SubscribeResult {
    /// Whether the subscription ends unless refreshed.
    #[serde(skip_serializing_if = "is_false")]
    pub expires: bool,
    /// Seconds until it does.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub ttl: u32,
    /// Whether a later subscribe may recover.
    #[serde(skip_serializing_if = "is_false")]
    pub recoverable: bool,
    /// The stream's epoch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// What was missed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<Publication>,
    /// Whether nothing is missing.
    #[serde(skip_serializing_if = "is_false")]
    pub recovered: bool,
    /// On recovery the request's offset, else the stream's top.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// Whether the server checks positions.
    #[serde(skip_serializing_if = "is_false")]
    pub positioned: bool,
    /// Whether recovery was tried.
    #[serde(skip_serializing_if = "is_false")]
    pub was_recovering: bool,
}

/// Body of a `history` reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct HistoryResult {
    /// The publications asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub publications: Vec<Publication>,
    /// The stream's epoch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub epoch: String,
    /// The stream's top.
    #[serde(skip_serializing_if = "is_zero")]
    pub offset: u64,
}

/// Body of a `refresh` or `sub_refresh` reply.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct RefreshResult {
    /// The connection's id (`refresh` only).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Whether it ends unless refreshed again.
    #[serde(skip_serializing_if = "is_false")]
    pub expires: bool,
    /// Seconds until it does.
    #[serde(skip_serializing_if = "is_zero_u32")]
    pub ttl: u32,
}

/// The body of a reply to one command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is the reply to the command of the same name")]
pub enum ReplyBody {
    Connect(Box<ConnectResult>),
    Subscribe(Box<SubscribeResult>),
    Unsubscribe(Empty),
    Publish(Empty),
    Presence {
        presence: BTreeMap<String, ClientInfo>,
    },
    PresenceStats {
        #[serde(skip_serializing_if = "is_zero_u32")]
        num_clients: u32,
        #[serde(skip_serializing_if = "is_zero_u32")]
        num_users: u32,
    },
    History(HistoryResult),
    Rpc {
        data: RawJson,
    },
    Refresh(RefreshResult),
    SubRefresh(RefreshResult),
    Error(WireError),
}

/// `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Empty {}

/// Body of an error reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WireError {
    /// Its number.
    pub code: u32,
    /// Its word.
    pub message: &'static str,
    /// Whether trying again may help.
    #[serde(skip_serializing_if = "is_false")]
    pub temporary: bool,
}

impl From<&Refusal> for ReplyBody {
    fn from(refusal: &Refusal) -> Self {
        use crate::code::ErrorCode;
        // The two HTTP-only words have a protocol number of the same meaning.
        let code = match refusal.code {
            ErrorCode::InvalidCredentials => ErrorCode::Unauthorized,
            ErrorCode::RateLimited => ErrorCode::TooManyRequests,
            code => code,
        };
        Self::Error(WireError { code: code.number(), message: code.word(), temporary: code.temporary() })
    }
}

/// One reply as JSON text.
#[must_use]
pub fn reply(id: u32, body: &ReplyBody) -> String {
    let mut out = Vec::with_capacity(ENVELOPE_BYTES);
    write_reply(&mut out, id, body);
    String::from_utf8(out).expect("all parts are text")
}

/// Writes one reply.
pub fn write_reply(out: &mut Vec<u8>, id: u32, body: &ReplyBody) {
    out.extend_from_slice(b"{\"id\":");
    put(out, &id);
    // A body is an object with one field, named for its kind: that becomes the reply's second.
    let begin = out.len();
    put(out, body);
    out[begin] = b',';
}

/// Writes the reply to an rpc, whose answer `data` writes as JSON.
pub fn write_rpc_reply(out: &mut Vec<u8>, id: u32, data: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"{\"id\":");
    put(out, &id);
    out.extend_from_slice(b",\"rpc\":{\"data\":");
    data(out);
    out.extend_from_slice(b"}}");
}

impl Appended {
    /// Bytes of it as JSON, about.
    pub const JSON_BYTES: usize = 88;

    /// Writes it as JSON: the same text as the derived form at a fraction of its cost, because every durable send is answered with one.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"offset\":");
        put(out, &self.offset);
        out.extend_from_slice(b",\"epoch\":");
        put_text(out, &self.epoch);
        out.extend_from_slice(b",\"time\":");
        put(out, &self.time);
        out.extend_from_slice(if self.duplicate { b",\"duplicate\":true}".as_slice() } else { b",\"duplicate\":false}" });
    }
}

/// Writes a publication push. `data` is JSON; `offset` 0 is left out.
pub fn write_publication_push(out: &mut Vec<u8>, channel: &str, data: &str, offset: u64, info: Option<&ClientInfo>) {
    out.extend_from_slice(b"{\"push\":{\"channel\":");
    put_text(out, channel);
    out.extend_from_slice(b",\"pub\":{\"data\":");
    out.extend_from_slice(data.as_bytes());
    if let Some(info) = info {
        out.extend_from_slice(b",\"info\":");
        put(out, info);
    }
    if offset != 0 {
        out.extend_from_slice(b",\"offset\":");
        put(out, &offset);
    }
    out.extend_from_slice(b"}}}");
}

/// A join push, or a leave push.
#[must_use]
pub fn presence_push(channel: &str, joined: bool, info: &ClientInfo) -> String {
    let word = if joined { "join" } else { "leave" };
    format!("{{\"push\":{{\"channel\":{},\"{word}\":{{\"info\":{}}}}}}}", json(channel), json(info))
}

/// An unsubscribe push.
#[must_use]
pub fn unsubscribe_push(channel: &str, code: UnsubscribeCode) -> String {
    format!(
        "{{\"push\":{{\"channel\":{},\"unsubscribe\":{{\"code\":{},\"reason\":\"{}\"}}}}}}",
        json(channel),
        code.number(),
        code.reason()
    )
}

/// A push that adds a server-side subscription.
#[must_use]
pub fn subscribe_push(channel: &str, result: &SubscribeResult) -> String {
    format!("{{\"push\":{{\"channel\":{},\"subscribe\":{}}}}}", json(channel), json(result))
}

fn put<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(out, value).expect("these types have string keys and no failing serialiser");
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("these types have string keys and no failing serialiser")
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}

fn is_zero_u32(value: &u32) -> bool {
    *value == 0
}
