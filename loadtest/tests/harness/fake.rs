//! Small servers that do one thing wrong. A thread a connection; they live as long as the test process.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rialto_protocol::ws_frame;
use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};

/// What a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Nothing,
    /// Every 20th message is kept from one subscriber.
    Loses,
    /// Every 20th message comes twice to one subscriber.
    Doubles,
    /// Every 20th message comes after its successor.
    Reorders,
    /// Every message waits for [`SLOW_MS`].
    Slow,
    /// After 20 messages one client is cut off.
    HangsUp,
    /// A resume claims to be whole, but lacks a publication.
    ForgetsOnResume,
}

/// Milliseconds that the slow server takes.
pub(crate) const SLOW_MS: u64 = 300;
const EVERY: usize = 20;
const AT: usize = 7;

struct Room {
    members: Vec<TcpStream>,
    sent: usize,
    held: Option<Vec<u8>>,
    history: Vec<Value>,
}

type Rooms = Arc<Mutex<HashMap<String, Room>>>;

/// Starts a plain WebSocket broadcast server; gives its address.
pub(crate) fn broadcast(fault: Fault) -> String {
    serve(move |mut stream, path, rooms| {
        join(&rooms, &path, &stream);
        while let Some((opcode, payload)) = read_frame(&mut stream) {
            if opcode == ws_frame::TEXT {
                send_to(&rooms, &path, ws_frame::text(&payload), fault);
            }
        }
    })
}

/// Starts a server that speaks enough of the Centrifuge protocol; gives its address.
pub(crate) fn centrifuge(fault: Fault) -> String {
    serve(move |mut stream, _, rooms| {
        while let Some((opcode, payload)) = read_frame(&mut stream) {
            if opcode != ws_frame::TEXT {
                continue;
            }
            let command: Value = serde_json::from_slice(&payload).expect("the harness sends JSON");
            let mut reply = json!({"id": command["id"]});
            if command.get("connect").is_some() {
                reply["connect"] = json!({"client": "c", "ping": 25, "pong": true});
            } else if let Some(wanted) = command.get("subscribe") {
                let channel = wanted["channel"].as_str().expect("a channel").to_owned();
                let mut all = rooms.lock().expect("no panic holds it");
                let room = all.entry(channel).or_insert_with(Room::new);
                reply["subscribe"] = room.subscribe(wanted, fault);
                room.members.push(stream.try_clone().expect("a handle"));
                // Within the lock, so that no publication overtakes the reply.
                write(&mut stream, &reply);
                continue;
            } else if let Some(publish) = command.get("publish") {
                let channel = publish["channel"].as_str().expect("a channel").to_owned();
                let mut all = rooms.lock().expect("no panic holds it");
                let room = all.entry(channel.clone()).or_insert_with(Room::new);
                let publication = json!({"data": publish["data"], "offset": room.history.len() + 1});
                room.history.push(publication.clone());
                let push = json!({"push": {"channel": channel, "pub": publication}});
                room.broadcast(&ws_frame::text(push.to_string().as_bytes()));
                reply["publish"] = json!({});
            }
            write(&mut stream, &reply);
        }
    })
}

impl Room {
    fn new() -> Self {
        Self { members: Vec::new(), sent: 0, held: None, history: Vec::new() }
    }

    fn subscribe(&self, wanted: &Value, fault: Fault) -> Value {
        let top = self.history.len();
        if wanted["recover"] != json!(true) {
            return json!({"recoverable": true, "epoch": "e", "offset": top});
        }
        let from = wanted["offset"].as_u64().expect("a position") as usize;
        let mut missed = self.history[from..].to_vec();
        if fault == Fault::ForgetsOnResume && missed.len() > 1 {
            missed.remove(0);
        }
        json!({"recoverable": true, "epoch": "e", "offset": from, "was_recovering": true, "recovered": true, "publications": missed})
    }

    fn broadcast(&mut self, frame: &[u8]) {
        self.members.retain_mut(|member| member.write_all(frame).is_ok());
    }
}

fn join(rooms: &Rooms, path: &str, stream: &TcpStream) {
    let mut all = rooms.lock().expect("no panic holds it");
    let room = all.entry(path.to_owned()).or_insert_with(Room::new);
    room.members.push(stream.try_clone().expect("a handle"));
}

fn send_to(rooms: &Rooms, path: &str, frame: Vec<u8>, fault: Fault) {
    if fault == Fault::Slow {
        let (_keep, never) = std::sync::mpsc::sync_channel::<()>(0);
        _ = never.recv_timeout(Duration::from_millis(SLOW_MS));
    }
    let mut all = rooms.lock().expect("no panic holds it");
    let room = all.get_mut(path).expect("the sender is in it");
    room.sent += 1;
    let is_it = room.sent % EVERY == AT;
    if fault == Fault::HangsUp && room.sent == EVERY {
        _ = room.members[0].shutdown(Shutdown::Both);
    }
    if fault == Fault::Reorders && is_it {
        room.held = Some(frame);
        return;
    }
    for (index, member) in room.members.iter_mut().enumerate() {
        let times = match fault {
            Fault::Loses if is_it && index == 0 => 0,
            Fault::Doubles if is_it && index == 0 => 2,
            _ => 1,
        };
        for _ in 0..times {
            _ = member.write_all(&frame);
        }
    }
    if let Some(held) = room.held.take() {
        room.broadcast(&held);
    }
}

fn serve(talk: impl Fn(TcpStream, String, Rooms) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let (talk, rooms) = (Arc::new(talk), Rooms::default());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (talk, rooms) = (Arc::clone(&talk), Arc::clone(&rooms));
            std::thread::spawn(move || {
                _ = stream.set_nodelay(true);
                let mut stream = stream;
                if let Some(path) = upgrade(&mut stream) {
                    talk(stream, path, rooms);
                }
            });
        }
    });
    url
}

/// Answers the upgrade; gives the path.
fn upgrade(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "))?;
    let accept = STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")));
    let answer =
        format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()?;
    head.split(' ').nth(1).map(str::to_owned)
}

fn read_frame(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).ok()?;
    assert_eq!(head[1] & 0x80, 0x80, "clients mask");
    let length = match head[1] & 0x7f {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).ok()?;
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut rest = vec![0; 4 + length];
    stream.read_exact(&mut rest).ok()?;
    let (mask, payload) = rest.split_at(4);
    let payload = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    Some((head[0] & 0x0f, payload))
}

fn write(stream: &mut TcpStream, value: &Value) {
    _ = stream.write_all(&ws_frame::text(value.to_string().as_bytes()));
}
