//! Bytes ↔ commands: the client's half of the Centrifuge client protocol in JSON (`client.proto`, messages `Command` and `*Request`).
//!
//! Size is checked by the socket; here nesting and the number of commands are checked before anything is built for them. A field that is `null`
//! counts as absent, as in every other implementation of this protocol.

mod body;
mod read;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

pub use self::body::{Connect, History, Recover, Since, Subscribe};
use self::body::{Object, or_default};
use crate::limits::{COMMANDS_PER_FRAME_MAX, JSON_DEPTH_MAX, SUBSCRIPTIONS_PER_CONNECTION_MAX};
use crate::rpc::Request;

/// One command with the id that its reply repeats. `send` and a pong have id 0.
#[derive(Clone, Debug)]
pub struct Command {
    /// Echoed in the reply.
    pub id: u32,
    /// What is wanted.
    pub kind: CommandKind,
}

/// What a command wants.
#[derive(Clone, Debug)]
pub enum CommandKind {
    /// The answer to a server ping: `{}`.
    Pong,
    /// The first command of every connection.
    Connect(Connect),
    /// Listen to a channel.
    Subscribe(Subscribe),
    /// Listen no more.
    Unsubscribe {
        /// The channel.
        channel: String,
    },
    /// Publish into a channel.
    Publish {
        /// The channel.
        channel: String,
        /// The payload, raw JSON.
        data: Box<RawValue>,
    },
    /// Who is there.
    Presence {
        /// The channel.
        channel: String,
    },
    /// How many are there.
    PresenceStats {
        /// The channel.
        channel: String,
    },
    /// Read a channel's stream.
    History(History),
    /// Call a method, as it was understood when it was read. Most commands are this.
    Request(Box<Request>),
    /// Call a method whose name or body was not understood: [`Request::parse`] says why. A client writes any call so.
    Rpc {
        /// Its name.
        method: String,
        /// Its body, raw JSON; `null` when absent.
        data: Box<RawValue>,
    },
    /// A message without answer.
    Send,
    /// Bring a new connection token.
    Refresh {
        /// The token.
        token: String,
    },
    /// Bring a new subscription token.
    SubRefresh {
        /// The channel.
        channel: String,
        /// The token.
        token: String,
    },
}

/// Why a frame is no sequence of commands. Each closes with 3501.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCommand {
    /// Not JSON of the right shape, no known command, or one that needs a channel and names none.
    #[error("malformed command")]
    Malformed,
    /// Deeper than [`JSON_DEPTH_MAX`].
    #[error("command nested too deeply")]
    TooDeep,
    /// More than [`COMMANDS_PER_FRAME_MAX`] commands.
    #[error("too many commands in one frame")]
    TooMany,
    /// A command that wants a reply has no id.
    #[error("command without id")]
    NoId,
}

#[derive(Deserialize)]
struct RawCommand<'a> {
    #[serde(default)]
    id: u32,
    #[serde(default, borrow)]
    connect: Option<&'a RawValue>,
    #[serde(default, borrow)]
    subscribe: Option<&'a RawValue>,
    #[serde(default, borrow)]
    unsubscribe: Option<&'a RawValue>,
    #[serde(default, borrow)]
    publish: Option<&'a RawValue>,
    #[serde(default, borrow)]
    presence: Option<&'a RawValue>,
    #[serde(default, borrow)]
    presence_stats: Option<&'a RawValue>,
    #[serde(default, borrow)]
    history: Option<&'a RawValue>,
    #[serde(default)]
    rpc: Option<Object<RpcBody>>,
    #[serde(default, borrow)]
    send: Option<&'a RawValue>,
    #[serde(default, borrow)]
    refresh: Option<&'a RawValue>,
    #[serde(default, borrow)]
    sub_refresh: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OnChannel {
    #[serde(deserialize_with = "or_default")]
    channel: String,
}

#[derive(Deserialize)]
struct PublishBody {
    #[serde(default, deserialize_with = "or_default")]
    channel: String,
    data: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct RpcBody {
    #[serde(default, deserialize_with = "or_default")]
    method: String,
    data: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TokenBody {
    #[serde(deserialize_with = "or_default")]
    channel: String,
    #[serde(deserialize_with = "or_default")]
    token: String,
}

/// Splits a frame into commands and parses each; stops at the first bad one. The iterator ends after an error.
pub fn commands(frame: &str) -> impl Iterator<Item = Result<Command, InvalidCommand>> + '_ {
    let mut rest = Some(frame.trim_ascii());
    let mut count = 0_usize;
    std::iter::from_fn(move || {
        let text = rest?;
        count += 1;
        if count > COMMANDS_PER_FRAME_MAX {
            rest = None;
            return Some(Err(InvalidCommand::TooMany));
        }
        let (line, after) = match memchr::memchr(b'\n', text.as_bytes()) {
            Some(end) => (&text[..end], Some(text[end + 1..].trim_ascii_start()).filter(|after| !after.is_empty())),
            None => (text, None),
        };
        let parsed = parse(line);
        rest = match parsed {
            Ok(_) => after,
            Err(_) => None,
        };
        Some(parsed)
    })
}

/// Parses one command.
///
/// # Errors
/// See [`InvalidCommand`].
pub fn parse(line: &str) -> Result<Command, InvalidCommand> {
    match read::command(line) {
        Some(command) => Ok(command),
        None => parse_any(line),
    }
}

/// As [`parse`], for what is bad and what is rare: serde reads it.
fn parse_any(line: &str) -> Result<Command, InvalidCommand> {
    if is_empty_object(line) {
        return Ok(Command { id: 0, kind: CommandKind::Pong });
    }
    if is_too_deep(line) {
        return Err(InvalidCommand::TooDeep);
    }
    // serde would take an array for a struct.
    if !line.trim_ascii_start().starts_with('{') {
        return Err(InvalidCommand::Malformed);
    }
    let raw: RawCommand<'_> = serde_json::from_str(line).map_err(|_| InvalidCommand::Malformed)?;
    let id = raw.id;
    if id == 0 {
        return if raw.send.is_some() { Ok(Command { id: 0, kind: CommandKind::Send }) } else { Err(InvalidCommand::NoId) };
    }
    let kind = kind(raw)?;
    // A command that is only good on a channel and names none is no command at all; every other flaw of a body is answered.
    if channel_of(&kind) == Some("") {
        return Err(InvalidCommand::Malformed);
    }
    let id = if matches!(kind, CommandKind::Send) { 0 } else { id };
    Ok(Command { id, kind })
}

fn is_empty_object(line: &str) -> bool {
    let inside = line.trim_ascii().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| inside.trim_ascii().is_empty())
}

/// The channel that a command names, if it is of a kind that names one.
#[must_use]
pub fn channel_of(kind: &CommandKind) -> Option<&str> {
    match kind {
        CommandKind::Subscribe(Subscribe { channel, .. })
        | CommandKind::History(History { channel, .. })
        | CommandKind::Unsubscribe { channel }
        | CommandKind::Publish { channel, .. }
        | CommandKind::Presence { channel }
        | CommandKind::PresenceStats { channel }
        | CommandKind::SubRefresh { channel, .. } => Some(channel),
        _ => None,
    }
}

fn kind(raw: RawCommand<'_>) -> Result<CommandKind, InvalidCommand> {
    let bad = || InvalidCommand::Malformed;
    if let Some(Object(RpcBody { method, data })) = raw.rpc {
        return Ok(CommandKind::Rpc { method, data: data.unwrap_or_else(null) });
    }
    if let Some(body) = raw.publish {
        let PublishBody { channel, data } = typed(body).ok_or_else(bad)?;
        return Ok(CommandKind::Publish { channel, data: data.ok_or_else(bad)? });
    }
    if let Some(body) = raw.subscribe {
        return Ok(CommandKind::Subscribe(typed(body).ok_or_else(bad)?));
    }
    if let Some(body) = raw.connect {
        let connect: Connect = typed(body).ok_or_else(bad)?;
        if connect.subs.len() > SUBSCRIPTIONS_PER_CONNECTION_MAX {
            return Err(bad());
        }
        return Ok(CommandKind::Connect(connect));
    }
    if let Some(body) = raw.history {
        return Ok(CommandKind::History(typed(body).ok_or_else(bad)?));
    }
    if let Some(body) = raw.refresh {
        let TokenBody { token, .. } = typed(body).ok_or_else(bad)?;
        return Ok(CommandKind::Refresh { token });
    }
    if let Some(body) = raw.sub_refresh {
        let TokenBody { channel, token } = typed(body).ok_or_else(bad)?;
        return Ok(CommandKind::SubRefresh { channel, token });
    }
    let named = |body: &RawValue| typed::<OnChannel>(body).map(|on| on.channel).ok_or_else(bad);
    match (raw.unsubscribe, raw.presence, raw.presence_stats) {
        (Some(body), _, _) => Ok(CommandKind::Unsubscribe { channel: named(body)? }),
        (_, Some(body), _) => Ok(CommandKind::Presence { channel: named(body)? }),
        (_, _, Some(body)) => Ok(CommandKind::PresenceStats { channel: named(body)? }),
        _ if raw.send.is_some() => Ok(CommandKind::Send),
        _ => Err(InvalidCommand::Malformed),
    }
}

fn typed<T: serde::de::DeserializeOwned>(body: &RawValue) -> Option<T> {
    if body.get().starts_with('{') { serde_json::from_str(body.get()).ok() } else { None }
}

fn null() -> Box<RawValue> {
    RawValue::from_string("null".to_owned()).expect("null is JSON")
}

/// Whether arrays and objects nest too deeply: checked before the recursive parser runs. What opens few of them needs no closer look.
fn is_too_deep(text: &str) -> bool {
    text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() > JSON_DEPTH_MAX && depth(text) > JSON_DEPTH_MAX
}

/// The deepest nesting of arrays and objects, strings skipped. Linear and without recursion.
fn depth(text: &str) -> usize {
    let (mut now, mut deepest, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                now += 1;
                deepest = deepest.max(now);
            }
            b'}' | b']' if !in_string => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// One command as a client writes it, zero values omitted; the inverse of [`parse`]. A pong and `send` carry no id.
#[must_use]
pub fn encode(id: u32, kind: &CommandKind) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        channel: &'a str,
        #[serde(skip_serializing_if = "str::is_empty")]
        method: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<&'a RawValue>,
        #[serde(skip_serializing_if = "str::is_empty")]
        token: &'a str,
    }
    let empty = Body { channel: "", method: "", data: None, token: "" };
    let body = match kind {
        CommandKind::Pong => return "{}".to_owned(),
        CommandKind::Send => return "{\"send\":{}}".to_owned(),
        CommandKind::Connect(connect) => json(connect),
        CommandKind::Subscribe(subscribe) => json(subscribe),
        CommandKind::History(history) => json(history),
        CommandKind::Unsubscribe { channel } | CommandKind::Presence { channel } | CommandKind::PresenceStats { channel } => {
            json(&Body { channel, ..empty })
        }
        CommandKind::Publish { channel, data } => json(&Body { channel, data: Some(data), ..empty }),
        CommandKind::Request(request) => format!("{{\"method\":{},\"data\":{}}}", json(request.method()), json(request)),
        CommandKind::Rpc { method, data } => json(&Body { method, data: Some(data), ..empty }),
        CommandKind::Refresh { token } => json(&Body { token, ..empty }),
        CommandKind::SubRefresh { channel, token } => json(&Body { channel, token, ..empty }),
    };
    format!("{{\"id\":{id},\"{}\":{body}}}", name(kind))
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("these types have string keys and no failing serialiser")
}

/// The name that logs and metrics use for a command.
#[must_use]
pub fn name(kind: &CommandKind) -> &'static str {
    match kind {
        CommandKind::Pong => "pong",
        CommandKind::Connect(_) => "connect",
        CommandKind::Subscribe(_) => "subscribe",
        CommandKind::Unsubscribe { .. } => "unsubscribe",
        CommandKind::Publish { .. } => "publish",
        CommandKind::Presence { .. } => "presence",
        CommandKind::PresenceStats { .. } => "presence_stats",
        CommandKind::History(_) => "history",
        CommandKind::Request(_) | CommandKind::Rpc { .. } => "rpc",
        CommandKind::Send => "send",
        CommandKind::Refresh { .. } => "refresh",
        CommandKind::SubRefresh { .. } => "sub_refresh",
    }
}

#[cfg(test)]
mod tests;
