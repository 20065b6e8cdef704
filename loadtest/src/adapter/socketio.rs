//! Socket.IO 4 over Engine.IO 4, WebSocket only. The server understands `join` (room; acknowledged) and `message` (room, text; acknowledged), and emits
//! `message` (text) to the room.

use std::io::Write as _;

use anyhow::{Result, bail};
use rialto_protocol::ws_frame;

use super::{About, Adapter, Delivery, Incoming, Position, Subscribed};
use crate::stamp::Stamp;
use crate::wire;

/// Acknowledgement ids from here on belong to joins.
const JOIN_BASE: u32 = 1 << 30;

/// The adapter.
pub(super) struct SocketIo {
    prefix: String,
}

impl SocketIo {
    pub(super) fn new(tag: &str) -> Self {
        Self { prefix: format!("load-{tag}-") }
    }
}

fn text(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    wire::write(ws_frame::TEXT, out, |payload| payload.write_fmt(text).expect("a vector takes every byte"));
}

impl Adapter for SocketIo {
    fn opened(&mut self, _token: Option<&str>, _out: &mut Vec<u8>) -> bool {
        false
    }

    fn subscribe(&mut self, slot: u32, room: u32, _from: Option<&Position>, out: &mut Vec<u8>) -> bool {
        text(out, format_args!("42{}[\"join\",\"{}{room}\"]", JOIN_BASE + slot, self.prefix));
        false
    }

    fn publish(&mut self, message: u32, room: u32, body: &[u8], out: &mut Vec<u8>) {
        let body = String::from_utf8_lossy(body);
        text(out, format_args!("42{message}[\"message\",\"{}{room}\",\"{body}\"]", self.prefix));
    }

    fn decode(&mut self, payload: &[u8], out: &mut Vec<u8>, sink: &mut Vec<Incoming>) -> Result<()> {
        match payload {
            [b'0', ..] => text(out, format_args!("40")),
            [b'2', probe @ ..] => text(out, format_args!("3{}", String::from_utf8_lossy(probe))),
            [b'4', b'0', ..] => sink.push(Incoming::Ready),
            [b'4', b'2', event @ ..] => {
                if let Some(stamp) = Stamp::find(event) {
                    sink.push(Incoming::Delivery(Delivery { room: stamp.room, offset: None, stamp: Some(stamp) }));
                }
            }
            [b'4', b'3', answer @ ..] => {
                let digits: String = answer.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
                match digits.parse::<u32>()? {
                    id if id >= JOIN_BASE => {
                        sink.push(Incoming::Subscribed(Subscribed {
                            slot: id - JOIN_BASE,
                            position: None,
                            recovered: None,
                            missed: Vec::new(),
                        }));
                    }
                    id => sink.push(Incoming::Acked(id)),
                }
            }
            [b'4', b'4', reason @ ..] => {
                let message = String::from_utf8_lossy(reason).into_owned();
                sink.push(Incoming::Refused { about: About::Connect, code: 0, message });
            }
            [b'1' | b'6', ..] | [b'4', b'1', ..] => {}
            other => bail!("no packet of Socket.IO: {:.100}", String::from_utf8_lossy(other)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(payload: &str) -> (Vec<u8>, Vec<Incoming>) {
        let (mut out, mut sink) = (Vec::new(), Vec::new());
        SocketIo::new("t").decode(payload.as_bytes(), &mut out, &mut sink).unwrap();
        (out, sink)
    }

    #[test]
    fn greeting_ping_join_and_acknowledgement() {
        let (out, sink) = decode(r#"0{"sid":"x","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#);
        assert_eq!((out.len(), sink.len()), (2 + 4 + 2, 0), "a masked «40»");
        assert_eq!(decode("40{\"sid\":\"y\"}").1, [Incoming::Ready]);
        assert_eq!(decode("2").0.len(), 2 + 4 + 1, "a masked «3»");
        assert_eq!(decode("43917[]").1, [Incoming::Acked(917)]);
        let joined = Subscribed { slot: 2, position: None, recovered: None, missed: Vec::new() };
        assert_eq!(decode(&format!("43{}[]", JOIN_BASE + 2)).1, [Incoming::Subscribed(joined)]);
    }

    #[test]
    fn events_are_messages() {
        let stamp = Stamp { room: 8, sender: 0, seq: 1, intended_ns: 2, sent_ns: 3 };
        let mut body = Vec::new();
        stamp.write(100, &mut body);
        let frame = format!("42[\"message\",\"{}\"]", String::from_utf8(body).unwrap());
        assert_eq!(decode(&frame).1, [Incoming::Delivery(Delivery { room: 8, offset: None, stamp: Some(stamp) })]);
        let (mut out, mut sink) = (Vec::new(), Vec::new());
        assert!(SocketIo::new("t").decode(b"x", &mut out, &mut sink).is_err());
    }
}
