//! The least that a durable server must do, as a yardstick: one thread answers each message with itself, after all messages that came together have
//! been written to a plain file and synced. No rooms, no accounts, no protocol: what Rialto adds is measured against this.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use rialto_protocol::ws_frame;

use crate::limits::{EVENTS_PER_POLL, READ_BUFFER_BYTES};
use crate::view::say;
use crate::wire;

const LISTENER: Token = Token(usize::MAX);
/// Bytes of one message that are accepted.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

struct Client {
    stream: TcpStream,
    upgraded: bool,
    inbox: Vec<u8>,
    out: Vec<u8>,
}

struct Peer {
    clients: Vec<Option<Client>>,
    log: File,
    /// What the next commit writes.
    batch: Vec<u8>,
    buffer: Vec<u8>,
}

/// Serves until it is ended.
///
/// # Errors
/// When the file cannot be written or the kernel refuses a socket.
pub(crate) fn run(path: &Path) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut listener = TcpListener::bind("127.0.0.1:0".parse()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let log = File::create(path).with_context(|| path.display().to_string())?;
    let mut peer = Peer { clients: Vec::new(), log, batch: Vec::new(), buffer: vec![0; READ_BUFFER_BYTES] };
    say(&format!("listening on http://{}", listener.local_addr()?));
    let mut events = Events::with_capacity(EVENTS_PER_POLL * 4);
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error).context("epoll"),
            _ => {}
        }
        for event in &events {
            if event.token() == LISTENER {
                peer.accept(&listener, poll.registry())?;
            } else if event.is_readable() {
                peer.read(event.token().0);
            }
        }
        if !peer.batch.is_empty() {
            peer.log.write_all(&peer.batch)?;
            peer.log.sync_data()?;
            peer.batch.clear();
        }
        for number in 0..peer.clients.len() {
            peer.flush(number);
        }
    }
}

impl Peer {
    fn accept(&mut self, listener: &TcpListener, registry: &Registry) -> Result<()> {
        loop {
            match listener.accept() {
                Ok((mut stream, _)) => {
                    _ = stream.set_nodelay(true);
                    let number = self.clients.iter().position(Option::is_none).unwrap_or(self.clients.len());
                    registry.register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
                    let client = Some(Client { stream, upgraded: false, inbox: Vec::new(), out: Vec::new() });
                    if number == self.clients.len() {
                        self.clients.push(client);
                    } else {
                        self.clients[number] = client;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("accept"),
            }
        }
    }

    fn read(&mut self, number: usize) {
        let Some(client) = self.clients.get_mut(number).and_then(Option::as_mut) else { return };
        loop {
            match client.stream.read(&mut self.buffer) {
                Ok(0) => break,
                Ok(count) => client.inbox.extend_from_slice(&self.buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if take(client, &mut self.batch).is_ok() {
                        return;
                    }
                    break;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.clients[number] = None;
    }

    fn flush(&mut self, number: usize) {
        let Some(client) = self.clients[number].as_mut() else { return };
        while !client.out.is_empty() {
            match client.stream.write(&client.out) {
                Ok(count) => _ = client.out.drain(..count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.clients[number] = None;
                    return;
                }
            }
        }
    }
}

/// Takes whole frames out of a client's inbox: into the batch, and answered.
fn take(client: &mut Client, batch: &mut Vec<u8>) -> Result<()> {
    let mut at = 0;
    if !client.upgraded {
        let Some(end) = client.inbox.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(()) };
        at = end + 4;
        client.upgraded = true;
        client.out.extend_from_slice(&wire::upgrade_answer_for_us());
    }
    while let Some((opcode, payload, end)) = masked_frame(&client.inbox, at)? {
        at = end;
        match opcode {
            ws_frame::TEXT | ws_frame::BINARY => {
                batch.extend_from_slice(&(payload.len() as u32).to_le_bytes());
                batch.extend_from_slice(&payload);
                ws_frame::encode(opcode, &payload, &mut client.out);
            }
            ws_frame::PING => ws_frame::encode(ws_frame::PONG, &payload, &mut client.out),
            _ => bail!("the client closes"),
        }
    }
    client.inbox.drain(..at);
    Ok(())
}

/// A whole client frame at `at`: opcode, payload, where the next begins.
fn masked_frame(bytes: &[u8], at: usize) -> Result<Option<(u8, Vec<u8>, usize)>> {
    let Some([first, second]) = bytes.get(at..at + 2) else { return Ok(None) };
    let (length_bytes, length) = match second & 0x7f {
        126 => (2, bytes.get(at + 2..at + 4).map(|bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))),
        127 => bail!("a frame above {MESSAGE_BYTES_MAX} bytes"),
        length => (0, Some(usize::from(length))),
    };
    let Some(length) = length else { return Ok(None) };
    let start = at + 2 + length_bytes + 4;
    let (Some(mask), Some(payload)) = (bytes.get(start - 4..start), bytes.get(start..start + length)) else { return Ok(None) };
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Ok(Some((first & 0x0f, payload, start + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_harness_writes_is_read_back() {
        let mut out = Vec::new();
        wire::write(ws_frame::TEXT, &mut out, |payload| payload.extend_from_slice(b"first"));
        wire::write(ws_frame::TEXT, &mut out, |payload| payload.extend([b'a'; 300]));
        let (opcode, payload, next) = masked_frame(&out, 0).unwrap().unwrap();
        assert_eq!((opcode, payload.as_slice()), (ws_frame::TEXT, &b"first"[..]));
        let (_, payload, end) = masked_frame(&out, next).unwrap().unwrap();
        assert_eq!((payload.len(), end), (300, out.len()));
        assert!(masked_frame(&out[..end - 1], next).unwrap().is_none());
    }
}
