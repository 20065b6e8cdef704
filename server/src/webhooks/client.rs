//! One HTTP/1.1 POST over a connection of its own. Names are resolved here and the very address that was judged is connected to, so that no answer of a name server leads inside.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rialto_actors::webhooks::{Outgoing, Post, Posting};
use rialto_protocol::{ErrorCode, Refusal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::address::is_public;
use super::target::Target;
use super::tls;

/// Bytes of an answer's head that are read. Above, the try has failed. The body is not read at all.
const HEAD_BYTES_MAX: usize = 16 * 1024;
/// Headers of an answer.
const HEADERS_MAX: usize = 100;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// Who posts.
const USER_AGENT: &str = concat!("Rialto/", env!("CARGO_PKG_VERSION"), " (webhooks)");

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Whether `http://` and addresses that are not public are allowed: for development, and for targets in one's own network.
    pub allow_private: bool,
    /// From resolving the name to the answer's head.
    pub timeout: Duration,
    /// More roots of trust, PEM.
    pub ca_file: Option<PathBuf>,
}

/// The way to targets.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    options: ClientOptions,
    tls: TlsConnector,
}

impl Client {
    /// A client.
    ///
    /// # Errors
    /// In words, when the roots of trust cannot be read.
    pub fn new(options: ClientOptions) -> Result<Self, String> {
        let tls = tls::connector(options.ca_file.as_deref())?;
        Ok(Self(Arc::new(Inner { options, tls })))
    }

    async fn send(&self, outgoing: Outgoing) -> Result<u16, String> {
        let target = Target::parse(&outgoing.url, self.0.options.allow_private).map_err(str::to_owned)?;
        let stream = self.connect(&target).await?;
        let head = head(&target, &outgoing);
        if !target.is_tls {
            return exchange(stream, &head, &outgoing.body).await;
        }
        let name = ServerName::try_from(target.host.clone()).map_err(|_| "the host has no name for TLS".to_owned())?;
        let stream = self.0.tls.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
        exchange(stream, &head, &outgoing.body).await
    }

    async fn connect(&self, target: &Target) -> Result<TcpStream, String> {
        let resolved = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
        let addresses: Vec<SocketAddr> = resolved.map_err(|_| "the host's name has no address".to_owned())?.collect();
        let allowed = addresses.into_iter().filter(|address| self.0.options.allow_private || is_public(address.ip()));
        let mut problem = "the host's name does not lead to the public internet".to_owned();
        for address in allowed.take(ADDRESSES_MAX) {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => problem = format!("connect: {}", error.kind()),
            }
        }
        Err(problem)
    }
}

impl Post for Client {
    fn check(&self, url: &str) -> Result<(), Refusal> {
        let checked = Target::parse(url, self.0.options.allow_private);
        checked.map(drop).map_err(|problem| Refusal::because(ErrorCode::InvalidArgument, problem))
    }

    fn post(&self, outgoing: Outgoing) -> Posting {
        let client = self.clone();
        Box::pin(async move {
            let timeout = client.0.options.timeout;
            tokio::time::timeout(timeout, client.send(outgoing)).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
        })
    }
}

fn head(target: &Target, outgoing: &Outgoing) -> String {
    let Target { authority, path, .. } = target;
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {authority}\r\nuser-agent: {USER_AGENT}\r\naccept: */*\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
        outgoing.body.len()
    );
    for (name, value) in &outgoing.headers {
        head.extend([name, ": ", value.as_str(), "\r\n"]);
    }
    head.push_str("\r\n");
    head
}

async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, head: &str, body: &[u8]) -> Result<u16, String> {
    let broken = |error: std::io::Error| format!("the connection broke: {}", error.kind());
    // A target may answer, and close, before it has read everything: what it says counts.
    let written = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        stream.flush().await
    }
    .await;
    let mut answer = Vec::new();
    loop {
        if let Some(status) = status_of(&answer)? {
            return Ok(status);
        }
        if answer.len() >= HEAD_BYTES_MAX {
            return Err("the answer's head is larger than 16 KiB".to_owned());
        }
        let mut chunk = [0; 2048];
        let room = chunk.len().min(HEAD_BYTES_MAX - answer.len());
        let count = stream.read(&mut chunk[..room]).await.map_err(broken)?;
        if count == 0 {
            return Err(written.err().map_or_else(|| "the target closed without an answer".to_owned(), broken));
        }
        answer.extend_from_slice(&chunk[..count]);
    }
}

/// The status of the final answer, once its head is whole; interim ones (1xx) are passed over.
fn status_of(mut answer: &[u8]) -> Result<Option<u16>, String> {
    loop {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(answer) {
            Ok(httparse::Status::Complete(bytes)) => match response.code {
                Some(100..=199) => answer = &answer[bytes..],
                Some(code) => return Ok(Some(code)),
                None => return Err("the answer has no status".to_owned()),
            },
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err("the answer is no HTTP".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_final_status_counts() {
        assert_eq!(status_of(b"HTTP/1.1 204 No"), Ok(None));
        assert_eq!(status_of(b"HTTP/1.1 204 No Content\r\n\r\n"), Ok(Some(204)));
        assert_eq!(status_of(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n"), Ok(Some(302)));
        assert!(status_of(b"SSH-2.0-OpenSSH\r\n").is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let options = ClientOptions { allow_private: false, timeout: Duration::from_secs(5), ca_file: None };
        let client = Client::new(options).unwrap();
        client.check(&url).expect("a name is judged when it is resolved");
        let outgoing = Outgoing { url, headers: Vec::new(), body: bytes::Bytes::from_static(b"{}") };
        let refused = client.post(outgoing).await.unwrap_err();
        assert!(refused.contains("public internet"), "{refused}");
    }

    #[tokio::test]
    async fn an_endless_head_ends_the_try() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/x?y=1", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = vec![0; 1024];
            let count = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
            while stream.write_all(b"x: y\r\n").await.is_ok() {}
            String::from_utf8_lossy(&head[..count]).into_owned()
        });
        let client = Client::new(ClientOptions { allow_private: true, timeout: Duration::from_secs(60), ca_file: None }).unwrap();
        let headers = vec![("webhook-id", "msg_1".to_owned())];
        let refused = client.post(Outgoing { url, headers, body: bytes::Bytes::from_static(b"{}") }).await.unwrap_err();
        assert!(refused.contains("no HTTP") || refused.contains("16 KiB"), "{refused}");
        let head = serving.await.unwrap();
        assert!(
            head.starts_with("POST /x?y=1 HTTP/1.1\r\n") && head.contains("\r\nwebhook-id: msg_1\r\n") && head.ends_with("\r\n\r\n{}")
                || head.ends_with("\r\n\r\n"),
            "{head}"
        );
    }
}
