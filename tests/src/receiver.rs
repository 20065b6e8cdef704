//! The target of webhooks: a small HTTP server that keeps what is posted to it and answers what the test says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::clock::eventually;

/// One post as it came.
#[derive(Debug, Clone)]
pub struct Posted {
    head: String,
    body: Vec<u8>,
}

impl Posted {
    /// A header, empty if absent.
    #[must_use]
    pub fn header(&self, name: &str) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next().unwrap_or_default()
    }

    /// The JSON body.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a post has a JSON body")
    }

    /// Whether one of its signatures is of this secret.
    #[must_use]
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let right = signature(secret, &id, &timestamp, &self.body);
        self.header("webhook-signature").split(' ').any(|one| one == right)
    }
}

/// A signature as standardwebhooks.com says, by a way of its own.
///
/// # Panics
/// When the secret is none.
#[must_use]
pub fn signature(secret: &str, id: &str, timestamp: &str, body: &[u8]) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a secret")).expect("base64 behind the prefix");
    let message = [format!("{id}.{timestamp}.").as_bytes(), body].concat();
    let mac = jsonwebtoken::crypto::sign(&message, &EncodingKey::from_secret(&key), Algorithm::HS256).expect("a MAC");
    format!("v1,{}", STANDARD.encode(URL_SAFE_NO_PAD.decode(mac).expect("base64")))
}

#[derive(Debug, Default)]
struct State {
    came: Vec<Posted>,
    /// Statuses to answer; 200 when there is none left.
    answers: VecDeque<u16>,
}

/// The target. Dropping it ends it.
#[derive(Debug)]
pub struct Receiver {
    url: String,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    /// Listens on a free port.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook?a=b", listener.local_addr().expect("a bound socket has an address"));
        let state: Arc<Mutex<State>> = Arc::default();
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, Arc::clone(&state)));
        Self { url, state, _tasks: tasks }
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Answers the next posts with these statuses.
    pub fn will_answer(&self, statuses: impl IntoIterator<Item = u16>) {
        self.state().answers.extend(statuses);
    }

    /// Everything posted so far.
    #[must_use]
    pub fn came(&self) -> Vec<Posted> {
        self.state().came.clone()
    }

    /// Waits until a post has come that `wanted` wants.
    pub async fn gets(&self, what: &str, wanted: impl Fn(&Posted) -> bool) -> Posted {
        eventually(what, async || self.came().into_iter().find(|post| wanted(post))).await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no task panics while it writes")
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    let mut answering = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        answering.spawn(async move { drop(answer(stream, &state).await) });
    }
}

async fn answer(mut stream: TcpStream, state: &Mutex<State>) -> Option<TcpStream> {
    let mut bytes = Vec::new();
    let (end, length) = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = Posted { head, body: Vec::new() }.header("content-length").parse::<usize>().ok()?;
            break (end + 4, length);
        }
        stream.read_buf(&mut bytes).await.ok().filter(|count| *count > 0)?;
    };
    while bytes.len() < end + length {
        stream.read_buf(&mut bytes).await.ok().filter(|count| *count > 0)?;
    }
    let posted = Posted { head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: bytes[end..].to_vec() };
    let status = {
        let mut state = state.lock().expect("no task panics while it writes");
        state.came.push(posted);
        state.answers.pop_front().unwrap_or(200)
    };
    let text = format!("HTTP/1.1 {status} Said\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(text.as_bytes()).await.ok()?;
    Some(stream)
}
