//! A TCP connection that speaks WebSocket badly on purpose: every byte of a frame is the test's.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::clock;

/// The opcodes of RFC 6455.
pub mod opcode {
    /// Continuation of a fragmented message.
    pub const CONTINUATION: u8 = 0x0;
    /// A text message.
    pub const TEXT: u8 = 0x1;
    /// A binary message.
    pub const BINARY: u8 = 0x2;
    /// The close handshake.
    pub const CLOSE: u8 = 0x8;
    /// A ping.
    pub const PING: u8 = 0x9;
    /// A pong.
    pub const PONG: u8 = 0xA;
}

/// A mask that changes every byte, so that an unmasking bug shows.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A connection without any manners.
#[derive(Debug)]
pub struct RawSocket {
    stream: TcpStream,
}

impl RawSocket {
    /// A TCP connection to the node at `base` (`http://host:port`), silent.
    ///
    /// # Panics
    /// When nobody listens.
    pub async fn dial(base: &str) -> Self {
        let address = base.strip_prefix("http://").expect("the node's address is plain http");
        let stream = clock::within("a TCP connection", TcpStream::connect(address)).await;
        Self { stream: stream.expect("the node accepts connections") }
    }

    /// A connection after its WebSocket upgrade.
    ///
    /// # Panics
    /// When the upgrade is refused.
    pub async fn upgrade(base: &str, path: &str) -> Self {
        let mut raw = Self::dial(base).await;
        raw.send(upgrade_head(path).as_bytes()).await;
        let head = raw.read_head().await;
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        raw
    }

    /// An authenticated connection of the client protocol.
    pub async fn connect(base: &str, token: &str) -> Self {
        let mut raw = Self::upgrade(base, "/connection/websocket").await;
        raw.send_frame(opcode::TEXT, format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#).as_bytes()).await;
        let (_, reply) = raw.frame().await.expect("connect is answered");
        let reply = String::from_utf8(reply).expect("an answer is text");
        assert!(reply.contains(r#""connect""#), "{reply}");
        raw
    }

    /// Sends bytes as they are. A connection that is gone swallows them: the end shows on reading.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _shows_on_reading = clock::within("bytes leave", self.stream.write_all(bytes)).await;
    }

    /// Sends bytes unless the other side has ended the connection; says whether they left.
    pub async fn try_send(&mut self, bytes: &[u8]) -> bool {
        clock::within("bytes leave", self.stream.write_all(bytes)).await.is_ok()
    }

    /// Sends one whole masked frame, as a client should.
    pub async fn send_frame(&mut self, opcode: u8, payload: &[u8]) {
        self.send(&frame_bytes(true, opcode, true, payload)).await;
    }

    /// The response head, up to and with the blank line.
    ///
    /// # Panics
    /// When the connection ends first.
    pub async fn read_head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = clock::within("a response head", self.stream.read_u8()).await;
            head.push(byte.unwrap_or_else(|error| panic!("{error} in a head: {}", String::from_utf8_lossy(&head))));
        }
        String::from_utf8(head).expect("a response head is text")
    }

    /// The next frame of the server as (opcode, payload); `None` at the end of the connection.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        clock::within("a frame from the server", self.read_frame()).await
    }

    async fn read_frame(&mut self) -> Option<(u8, Vec<u8>)> {
        let first = self.stream.read_u8().await.ok()?;
        let second = self.stream.read_u8().await.ok()?;
        assert_eq!(second & 0x80, 0, "a server does not mask");
        let length = match second & 0x7f {
            126 => u64::from(self.stream.read_u16().await.ok()?),
            127 => self.stream.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a frame of the server fits in memory")];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((first & 0x0f, payload))
    }

    /// Reads until the connection ends, and gives the close code if there was one.
    pub async fn close_code(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some((opcode, payload)) = self.frame().await {
            if opcode == opcode::CLOSE && payload.len() >= 2 {
                code = Some(u16::from_be_bytes([payload[0], payload[1]]));
            }
        }
        code
    }

    /// Reads and discards until the other side ends the connection.
    ///
    /// # Panics
    /// When it never does.
    pub async fn ended(&mut self) {
        let mut buffer = vec![0_u8; 64 * 1024];
        clock::within("the server ends the connection", async {
            while matches!(self.stream.read(&mut buffer).await, Ok(read) if read > 0) {}
        })
        .await;
    }
}

/// The bytes of a frame, masked or (wrongly) not.
#[must_use]
pub fn frame_bytes(fin: bool, opcode: u8, masked: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![if fin { 0x80 | opcode } else { opcode }];
    let mask_bit = if masked { 0x80 } else { 0 };
    match payload.len() {
        short @ 0..=125 => bytes.push(mask_bit | u8::try_from(short).expect("at most 125")),
        medium @ 126..=0xffff => {
            bytes.push(mask_bit | 126);
            bytes.extend(u16::try_from(medium).expect("at most 65535").to_be_bytes());
        }
        long => {
            bytes.push(mask_bit | 127);
            bytes.extend(u64::try_from(long).expect("a length fits in 64 bits").to_be_bytes());
        }
    }
    if masked {
        bytes.extend(MASK);
        bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    } else {
        bytes.extend(payload);
    }
    bytes
}

/// A correct upgrade request for `path`.
#[must_use]
pub fn upgrade_head(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}
