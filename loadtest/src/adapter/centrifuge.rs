//! The Centrifuge client protocol in JSON, for any server that speaks it; and Rialto's conversations over its rpc.

use std::collections::HashMap;
use std::io::Write as _;

use anyhow::{Context as _, Result};
use rialto_protocol::ws_frame;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{About, Adapter, Delivery, Incoming, Position, Subscribed};
use crate::scenario::{ChannelKind, Target};
use crate::stamp::Stamp;
use crate::wire;

/// Ids of commands: the upper four bits say what they are about.
const KIND_SHIFT: u32 = 28;
const NUMBER_MASK: u32 = (1 << KIND_SHIFT) - 1;

/// The adapter.
pub(super) struct Centrifuge {
    topic_prefix: String,
    conversations: bool,
    /// Conversation ids by room.
    ids: HashMap<u32, String>,
    /// Rooms by conversation id.
    rooms: HashMap<String, u32>,
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(default)]
    id: u32,
    #[serde(borrow)]
    error: Option<ReplyError<'a>>,
    #[serde(borrow)]
    push: Option<Push<'a>>,
    subscribe: Option<SubscribeResult<'a>>,
    #[serde(borrow)]
    rpc: Option<RpcResult<'a>>,
}

#[derive(Deserialize)]
struct ReplyError<'a> {
    code: u32,
    #[serde(default)]
    message: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(default, borrow)]
    channel: std::borrow::Cow<'a, str>,
    #[serde(borrow, rename = "pub")]
    publication: Option<Publication<'a>>,
    #[serde(borrow)]
    unsubscribe: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Publication<'a> {
    #[serde(borrow)]
    data: &'a RawValue,
    offset: Option<u64>,
}

#[derive(Deserialize)]
struct SubscribeResult<'a> {
    #[serde(default)]
    recoverable: bool,
    #[serde(default)]
    epoch: String,
    #[serde(default)]
    offset: u64,
    #[serde(default)]
    recovered: bool,
    #[serde(default)]
    was_recovering: bool,
    #[serde(default, borrow)]
    publications: Vec<Publication<'a>>,
}

#[derive(Deserialize)]
struct RpcResult<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Created {
    id: String,
}

impl Centrifuge {
    pub(super) fn new(target: &Target, tag: &str) -> Self {
        let prefix = target.channel_prefix.as_deref().unwrap_or("load");
        Self {
            topic_prefix: format!("{prefix}-{tag}-"),
            conversations: target.channel == ChannelKind::Conversation,
            ids: HashMap::new(),
            rooms: HashMap::new(),
        }
    }

    fn id_of(&self, room: u32) -> &str {
        self.ids.get(&room).map_or("", String::as_str)
    }

    fn channel(&self, room: u32) -> String {
        if self.conversations { format!("conversation:{}", self.id_of(room)) } else { format!("{}{room}", self.topic_prefix) }
    }

    /// Appends one command as a frame.
    fn command(about: About, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
        wire::write(ws_frame::TEXT, out, |payload| {
            put(payload, format_args!("{{\"id\":{},", id(about)));
            body(payload);
            payload.push(b'}');
        });
    }

    fn room(&self, channel: &str) -> Option<u32> {
        if let Some(number) = channel.strip_prefix(&self.topic_prefix) {
            return number.parse().ok();
        }
        self.rooms.get(channel.strip_prefix("conversation:")?).copied()
    }

    fn push(&self, push: &Push<'_>, sink: &mut Vec<Incoming>) {
        let Some(room) = self.room(&push.channel) else { return };
        if let Some(publication) = &push.publication {
            sink.push(Incoming::Delivery(delivery(room, publication)));
        } else if push.unsubscribe.is_some() {
            sink.push(Incoming::Unsubscribed(room));
        }
    }

    fn reply(&mut self, reply: Reply<'_>, sink: &mut Vec<Incoming>) {
        let Some(about) = about(reply.id) else { return };
        if let Some(error) = reply.error {
            sink.push(Incoming::Refused { about, code: error.code, message: error.message.into_owned() });
            return;
        }
        match about {
            About::Connect => sink.push(Incoming::Ready),
            About::Create(slot) => {
                let data = reply.rpc.and_then(|rpc| rpc.data).map_or("", RawValue::get);
                match serde_json::from_str::<Created>(data) {
                    Ok(created) => sink.push(Incoming::Created(slot, created.id)),
                    Err(error) => sink.push(Incoming::Refused { about, code: 0, message: error.to_string() }),
                }
            }
            About::Join(slot) => sink.push(Incoming::Joined(slot)),
            About::Subscribe(slot) => sink.push(Incoming::Subscribed(subscribed(slot, reply.subscribe))),
            About::Send(message) => sink.push(Incoming::Acked(message)),
        }
    }
}

/// `write!` into a vector cannot fail.
fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a vector takes every byte");
}

fn id(about: About) -> u32 {
    let (kind, number) = match about {
        About::Connect => (1, 0),
        About::Create(slot) => (2, slot),
        About::Join(slot) => (3, slot),
        About::Subscribe(slot) => (4, slot),
        About::Send(message) => (5, message),
    };
    kind << KIND_SHIFT | number & NUMBER_MASK
}

fn about(id: u32) -> Option<About> {
    let number = id & NUMBER_MASK;
    match id >> KIND_SHIFT {
        1 => Some(About::Connect),
        2 => Some(About::Create(number)),
        3 => Some(About::Join(number)),
        4 => Some(About::Subscribe(number)),
        5 => Some(About::Send(number)),
        _ => None,
    }
}

fn delivery(room: u32, publication: &Publication<'_>) -> Delivery {
    Delivery { room, offset: publication.offset, stamp: Stamp::find(publication.data.get().as_bytes()) }
}

/// The room of `missed` is the slot's; the engine knows it and puts it in.
fn subscribed(slot: u32, result: Option<SubscribeResult<'_>>) -> Subscribed {
    let Some(result) = result else { return Subscribed { slot, position: None, recovered: None, missed: Vec::new() } };
    let missed: Vec<Delivery> = result.publications.iter().map(|publication| delivery(u32::MAX, publication)).collect();
    let position = result.recoverable.then_some(Position { offset: result.offset, epoch: result.epoch });
    Subscribed { slot, position, recovered: result.was_recovering.then_some(result.recovered), missed }
}

impl Adapter for Centrifuge {
    fn opened(&mut self, token: Option<&str>, out: &mut Vec<u8>) -> bool {
        Self::command(About::Connect, out, |body| match token {
            Some(token) => put(body, format_args!("\"connect\":{{\"token\":\"{token}\",\"name\":\"rialto-load\"}}")),
            None => put(body, format_args!("\"connect\":{{\"name\":\"rialto-load\"}}")),
        });
        false
    }

    fn has_members(&self) -> bool {
        self.conversations
    }

    fn create(&mut self, slot: u32, room: u32, out: &mut Vec<u8>) {
        let client_id = Uuid::now_v7();
        Self::command(About::Create(slot), out, |body| {
            put(
                body,
                format_args!(
                    "\"rpc\":{{\"method\":\"conversation.create\",\"data\":{{\"kind\":\"public\",\"title\":\"load {room}\",\"client_id\":\"{client_id}\"}}}}"
                ),
            );
        });
    }

    fn created(&mut self, room: u32, id: &str) {
        self.ids.insert(room, id.to_owned());
        self.rooms.insert(id.to_owned(), room);
    }

    fn join(&mut self, slot: u32, room: u32, out: &mut Vec<u8>) {
        let (client_id, id) = (Uuid::now_v7(), self.id_of(room));
        Self::command(About::Join(slot), out, |body| {
            put(
                body,
                format_args!(
                    "\"rpc\":{{\"method\":\"conversation.join\",\"data\":{{\"conversation\":\"{id}\",\"client_id\":\"{client_id}\"}}}}"
                ),
            );
        });
    }

    fn subscribe(&mut self, slot: u32, room: u32, from: Option<&Position>, out: &mut Vec<u8>) -> bool {
        let channel = self.channel(room);
        Self::command(About::Subscribe(slot), out, |body| {
            put(body, format_args!("\"subscribe\":{{\"channel\":\"{channel}\",\"recoverable\":true"));
            if let Some(position) = from {
                put(body, format_args!(",\"recover\":true,\"offset\":{},\"epoch\":\"{}\"", position.offset, position.epoch));
            }
            body.push(b'}');
        });
        false
    }

    fn publish(&mut self, message: u32, room: u32, text: &[u8], out: &mut Vec<u8>) {
        let client_id = if self.conversations { Uuid::now_v7() } else { Uuid::nil() };
        Self::command(About::Send(message), out, |body| {
            if self.conversations {
                let id = self.id_of(room);
                put(
                    body,
                    format_args!(
                        "\"rpc\":{{\"method\":\"conversation.send\",\"data\":{{\"conversation\":\"{id}\",\"client_id\":\"{client_id}\",\"text\":\""
                    ),
                );
                body.extend_from_slice(text);
                body.extend_from_slice(b"\"}}");
            } else {
                put(body, format_args!("\"publish\":{{\"channel\":\"{}{room}\",\"data\":\"", self.topic_prefix));
                body.extend_from_slice(text);
                body.extend_from_slice(b"\"}");
            }
        });
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<u8>, sink: &mut Vec<Incoming>) -> Result<()> {
        for line in payload.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()) {
            if line == b"{}" {
                wire::write(ws_frame::TEXT, out, |body| body.extend_from_slice(b"{}"));
                continue;
            }
            let reply: Reply<'_> =
                serde_json::from_slice(line).with_context(|| format!("not a reply: {:.200}", String::from_utf8_lossy(line)))?;
            match &reply.push {
                Some(push) => self.push(push, sink),
                None => self.reply(reply, sink),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
