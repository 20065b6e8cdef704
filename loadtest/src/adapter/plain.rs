//! A plain WebSocket server: the room is the path, a message is its text, and the only acknowledgement is one's own message coming back.

use anyhow::Result;
use rialto_protocol::ws_frame;

use super::{Acks, Adapter, Delivery, Incoming, Position};
use crate::stamp::Stamp;
use crate::wire;

/// The adapter.
pub(super) struct Plain;

impl Adapter for Plain {
    fn opened(&mut self, _token: Option<&str>, _out: &mut Vec<u8>) -> bool {
        true
    }

    fn subscribe(&mut self, _slot: u32, _room: u32, _from: Option<&Position>, _out: &mut Vec<u8>) -> bool {
        true
    }

    fn publish(&mut self, _message: u32, _room: u32, text: &[u8], out: &mut Vec<u8>) {
        wire::write(ws_frame::TEXT, out, |payload| payload.extend_from_slice(text));
    }

    fn decode(&mut self, payload: &[u8], _out: &mut Vec<u8>, sink: &mut Vec<Incoming>) -> Result<()> {
        if let Some(stamp) = Stamp::find(payload) {
            sink.push(Incoming::Delivery(Delivery { room: stamp.room, offset: None, stamp: Some(stamp) }));
        }
        Ok(())
    }

    fn acks(&self) -> Acks {
        Acks::Echo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_its_text_and_other_text_is_nothing() {
        let stamp = Stamp { room: 5, sender: 0, seq: 1, intended_ns: 2, sent_ns: 3 };
        let (mut text, mut out, mut sink) = (Vec::new(), Vec::new(), Vec::new());
        stamp.write(100, &mut text);
        Plain.decode(&text, &mut out, &mut sink).unwrap();
        Plain.decode(b"welcome", &mut out, &mut sink).unwrap();
        assert_eq!(sink, [Incoming::Delivery(Delivery { room: 5, offset: None, stamp: Some(stamp) })]);
    }
}
