//! Bytes → what the server says. The bodies are the protocol crate's; only the envelope of replies and pushes is read here.

use rialto_protocol::reply::{ClientInfo, Publication, SubscribeResult};
use serde::Deserialize;
use serde_json::value::RawValue;

/// One line of a server frame.
#[derive(Debug)]
pub(crate) enum Heard {
    /// `{}`: answer it when pongs are wanted.
    Ping,
    /// The answer to one of our commands; the body is that of whichever command it was, raw JSON.
    Reply { id: u32, result: Result<String, WireError> },
    /// Something that nobody asked for.
    Push(Box<Push>),
}

/// Body of an error reply.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct WireError {
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) temporary: bool,
}

impl WireError {
    /// 109: fetch a new token.
    pub(crate) fn token_expired(&self) -> bool {
        self.code == rialto_protocol::ErrorCode::TokenExpired.number()
    }

    /// Whether connecting or subscribing again may help.
    pub(crate) fn may_pass(&self) -> bool {
        self.temporary || self.code < 100 || self.token_expired()
    }
}

/// A push; at most one of the optional fields is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Push {
    pub(crate) channel: String,
    #[serde(rename = "pub")]
    pub(crate) publication: Option<Publication>,
    pub(crate) join: Option<Presence>,
    pub(crate) leave: Option<Presence>,
    pub(crate) unsubscribe: Option<Ended>,
    pub(crate) subscribe: Option<SubscribeResult>,
    pub(crate) message: Option<ServerMessage>,
    pub(crate) disconnect: Option<Ended>,
}

/// Body of join and leave pushes.
#[derive(Debug, Deserialize)]
pub(crate) struct Presence {
    pub(crate) info: ClientInfo,
}

/// Body of unsubscribe and disconnect pushes.
#[derive(Debug, Deserialize)]
pub(crate) struct Ended {
    #[serde(default)]
    pub(crate) code: u32,
    #[serde(default)]
    pub(crate) reason: String,
}

/// Body of a message push.
#[derive(Debug, Deserialize)]
pub(crate) struct ServerMessage {
    pub(crate) data: Box<RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    id: u32,
    error: Option<WireError>,
    push: Option<Box<Push>>,
    #[serde(borrow)]
    connect: Option<&'a RawValue>,
    #[serde(borrow)]
    subscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    unsubscribe: Option<&'a RawValue>,
    #[serde(borrow)]
    publish: Option<&'a RawValue>,
    #[serde(borrow)]
    presence: Option<&'a RawValue>,
    #[serde(borrow)]
    presence_stats: Option<&'a RawValue>,
    #[serde(borrow)]
    history: Option<&'a RawValue>,
    #[serde(borrow)]
    rpc: Option<&'a RawValue>,
    #[serde(borrow)]
    refresh: Option<&'a RawValue>,
    #[serde(borrow)]
    sub_refresh: Option<&'a RawValue>,
}

/// Reads one line. `None` for what this version does not understand: it is skipped, and the numbers of streams and requests show what is missing.
pub(crate) fn read(line: &str) -> Option<Heard> {
    let line = line.trim_ascii();
    if line == "{}" {
        return Some(Heard::Ping);
    }
    let envelope: Envelope<'_> = serde_json::from_str(line).ok()?;
    if let Some(push) = envelope.push {
        return Some(Heard::Push(push));
    }
    if envelope.id == 0 {
        return None;
    }
    if let Some(error) = envelope.error {
        return Some(Heard::Reply { id: envelope.id, result: Err(error) });
    }
    let bodies = [
        envelope.rpc,
        envelope.publish,
        envelope.subscribe,
        envelope.connect,
        envelope.history,
        envelope.presence,
        envelope.presence_stats,
        envelope.unsubscribe,
        envelope.refresh,
        envelope.sub_refresh,
    ];
    let body = bodies.into_iter().flatten().next().map_or("{}", RawValue::get);
    Some(Heard::Reply { id: envelope.id, result: Ok(body.to_owned()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: &str = include_str!("../../protocol/tests/golden/commands.jsonl");
    const PUSHES: &str = include_str!("../../protocol/tests/golden/pushes.jsonl");
    const ERRORS: &str = include_str!("../../protocol/tests/golden/errors.jsonl");

    fn heard(file: &'static str) -> impl Iterator<Item = (&'static str, Heard)> {
        let lines = file.lines().filter_map(|line| line.strip_prefix('←'));
        lines.map(|line| (line, read(line).unwrap_or_else(|| panic!("not understood: {line}"))))
    }

    #[test]
    fn every_golden_reply_is_understood() {
        for (line, heard) in heard(COMMANDS) {
            match heard {
                Heard::Reply { result: Ok(body), .. } => assert!(line.contains(&body), "{line}"),
                Heard::Ping => assert_eq!(line.trim(), "{}"),
                other => panic!("{line}: {other:?}"),
            }
        }
    }

    #[test]
    fn every_golden_error_is_understood() {
        for (line, heard) in heard(ERRORS) {
            let Heard::Reply { result: Err(error), .. } = heard else { panic!("{line}") };
            assert!(line.contains(&error.code.to_string()) && line.contains(&error.message), "{line}");
            assert_eq!(error.temporary, line.contains("temporary"), "{line}");
        }
    }

    #[test]
    fn every_golden_push_says_one_thing() {
        for (line, heard) in heard(PUSHES) {
            let Heard::Push(push) = heard else { panic!("{line}") };
            let said = [
                push.publication.is_some(),
                push.join.is_some(),
                push.leave.is_some(),
                push.unsubscribe.is_some(),
                push.subscribe.is_some(),
            ];
            assert_eq!(said.iter().filter(|said| **said).count(), 1, "{line}");
        }
    }

    #[test]
    fn what_is_new_or_broken_is_skipped() {
        for line in ["", "{", "[]", "{\"id\":0}", "{\"new\":1}", "{\"id\":\"x\"}", "{\"push\":7}"] {
            assert!(read(line).is_none(), "{line}");
        }
        assert!(matches!(read(r#"{"push":{"channel":"c","news":{}}}"#), Some(Heard::Push(_))));
        assert!(matches!(read(r#"{"id":4,"new_reply":{}}"#), Some(Heard::Reply { id: 4, result: Ok(_) })));
    }

    #[test]
    fn a_payload_that_no_string_can_hold_does_not_break_the_frame() {
        let Some(Heard::Push(push)) = read(r#"{"push":{"channel":"c","pub":{"data":{"a":"\ud800"},"offset":1}}}"#) else {
            panic!("skipped")
        };
        assert_eq!(push.publication.expect("a publication").data.get(), r#"{"a":"\ud800"}"#);
    }
}
