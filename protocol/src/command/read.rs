//! Commands as all clients write them, read in one pass. What is not of that form, good or bad, is serde's to judge: see [`super::parse`].

use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Command, CommandKind, Connect, Subscribe, channel_of};
use crate::id::{ClientId, ConversationId};
use crate::json::Scanner;
use crate::limits::SUBSCRIPTIONS_PER_CONNECTION_MAX;
use crate::rpc::{self, Request, SendMessage};

/// The keys of a command: its id, the kinds that are read here, and the others.
const COMMAND: [&str; 12] = [
    "id",
    "rpc",
    "publish",
    "subscribe",
    "connect",
    "history",
    "refresh",
    "sub_refresh",
    "unsubscribe",
    "presence",
    "presence_stats",
    "send",
];

/// One command; `None` when it is bad or rare.
pub(super) fn command(line: &str) -> Option<Command> {
    let (mut id, mut kind) = (None, None);
    let mut scanner = Scanner::new(line);
    scanner.object(&COMMAND, |scanner, key| {
        kind = Some(match (key, &kind) {
            (0, _) => {
                id = Some(u32::try_from(scanner.number()?).ok()?);
                return Some(());
            }
            (1, None) => CommandKind::Request(Box::new(request(scanner)?)),
            (2, None) => publish(scanner)?,
            (3, None) => CommandKind::Subscribe(subscribe(scanner)?),
            (4, None) => CommandKind::Connect(connect(scanner)?),
            _ => return None,
        });
        Some(())
    })?;
    scanner.end()?;
    let (id, kind) = (id.filter(|id| *id != 0)?, kind?);
    (channel_of(&kind) != Some("")).then_some(Command { id, kind })
}

/// The body of `rpc`. That of a message, which nearly all are, is read as it comes by.
fn request(scanner: &mut Scanner<'_>) -> Option<Request> {
    let (mut method, mut data, mut message) = (None, None, None);
    scanner.object(&["method", "data"], |scanner, field| {
        match (field, method) {
            (0, _) => method = Some(scanner.text()?.plain()?),
            (_, Some("conversation.send")) => message = Some(send_message(scanner)?),
            _ => data = Some(scanner.value()?),
        }
        Some(())
    })?;
    match message {
        Some(message) => Some(Request::ConversationSend(message)),
        None => Request::parse(method?, data.unwrap_or("null")).ok(),
    }
}

/// The body of `conversation.send`, checked.
fn send_message(scanner: &mut Scanner<'_>) -> Option<SendMessage> {
    let (mut conversation, mut client_id, mut text, mut reply_to) = (None, None, None, None);
    scanner.object(&["conversation", "client_id", "text", "reply_to"], |scanner, field| {
        match field {
            0 => conversation = Some(Uuid::try_parse(scanner.text()?.plain()?).ok()?),
            1 => client_id = Some(ClientId::new(scanner.text()?.plain()?).ok()?),
            2 => text = Some(scanner.text()?.to_owned()?),
            _ => reply_to = Some(scanner.number()?),
        }
        Some(())
    })?;
    let message = SendMessage { conversation: ConversationId(conversation?), client_id: client_id?, text: text?, reply_to };
    rpc::check::text(&message.text).ok()?;
    Some(message)
}

fn publish(scanner: &mut Scanner<'_>) -> Option<CommandKind> {
    let (mut channel, mut data) = (None, None);
    scanner.object(&["channel", "data"], |scanner, field| {
        match field {
            0 => channel = Some(scanner.text()?.to_owned()?),
            _ => data = Some(scanner.value()?),
        }
        Some(())
    })?;
    Some(CommandKind::Publish { channel: channel?, data: RawValue::from_string(data?.to_owned()).ok()? })
}

fn subscribe(scanner: &mut Scanner<'_>) -> Option<Subscribe> {
    const FIELDS: [&str; 9] = ["channel", "recover", "epoch", "offset", "token", "positioned", "recoverable", "join_leave", "flag"];
    let mut body = Subscribe::default();
    scanner.object(&FIELDS, |scanner, field| {
        match field {
            0 => body.channel = scanner.text()?.to_owned()?,
            1 => body.recover = scanner.truth()?,
            2 => body.epoch = scanner.text()?.to_owned()?,
            3 => body.offset = scanner.number()?,
            4 => body.token = scanner.text()?.to_owned()?,
            5 => body.positioned = scanner.truth()?,
            6 => body.recoverable = scanner.truth()?,
            7 => body.join_leave = scanner.truth()?,
            _ => body.flag = u32::try_from(scanner.number()?).ok()?,
        }
        Some(())
    })?;
    Some(body)
}

fn connect(scanner: &mut Scanner<'_>) -> Option<Connect> {
    let mut body = Connect::default();
    scanner.object(&["token", "subs", "name", "version"], |scanner, field| {
        match field {
            0 => body.token = scanner.text()?.to_owned()?,
            1 => body.subs = serde_json::from_str(scanner.value()?).ok()?,
            2 => body.name = scanner.text()?.to_owned()?,
            _ => body.version = scanner.text()?.to_owned()?,
        }
        Some(())
    })?;
    (body.subs.len() <= SUBSCRIPTIONS_PER_CONNECTION_MAX).then_some(body)
}

#[cfg(test)]
mod tests;
