//! The opening handshake: from the head of an upgrade request to the bytes of the answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha1::{Digest as _, Sha1};

/// The constant that RFC 6455 1.3 has hashed with the client's key.
const KEY_SUFFIX: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The only protocol version there is.
const VERSION: &str = "13";
/// A client's key is so many random bytes, in Base64.
const KEY_BYTES: usize = 16;

/// A header as parsed: name and raw value.
pub type Header<'h> = httparse::Header<'h>;

/// Why an upgrade request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeError {
    /// The request is not a GET of HTTP/1.1, or its key is missing, doubled or not 16 bytes: 400.
    BadRequest,
    /// `Sec-WebSocket-Version` is not 13: 426, naming the version that works.
    BadVersion,
}

/// The checked parts of an upgrade request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake<'h> {
    /// The client's `Sec-WebSocket-Key`.
    key: &'h str,
    /// Subprotocols the client offers, in its order of preference.
    pub subprotocols: Vec<&'h str>,
}

/// The value of the first header of that name, if it is visible text.
pub fn header<'h>(headers: &[Header<'h>], name: &str) -> Option<&'h str> {
    headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case(name))
        .and_then(|header| std::str::from_utf8(header.value).ok())
        .map(str::trim)
}

/// Whether the request asks for a WebSocket: `Connection` names `upgrade`, `Upgrade` names `websocket`.
pub fn asks_for_websocket(headers: &[Header<'_>]) -> bool {
    tokens(headers, "connection").any(|token| token.eq_ignore_ascii_case("upgrade"))
        && tokens(headers, "upgrade").any(|token| token.eq_ignore_ascii_case("websocket"))
}

/// Checks an upgrade request. `Origin` is the caller's business; extensions are ignored, so none is granted.
///
/// # Errors
/// See [`HandshakeError`]; the connection may go on as HTTP after it.
pub fn check<'h>(method: &str, minor_version: u8, headers: &[Header<'h>]) -> Result<Handshake<'h>, HandshakeError> {
    if method != "GET" || minor_version != 1 || header(headers, "host").is_none() {
        return Err(HandshakeError::BadRequest);
    }
    if header(headers, "sec-websocket-version") != Some(VERSION) {
        return Err(HandshakeError::BadVersion);
    }
    let num_keys = headers.iter().filter(|header| header.name.eq_ignore_ascii_case("sec-websocket-key")).count();
    let key = header(headers, "sec-websocket-key")
        .filter(|key| num_keys == 1 && BASE64.decode(key).is_ok_and(|key| key.len() == KEY_BYTES))
        .ok_or(HandshakeError::BadRequest)?;
    let subprotocols = tokens(headers, "sec-websocket-protocol").collect();
    Ok(Handshake { key, subprotocols })
}

impl Handshake<'_> {
    /// The complete `101` answer, with the chosen subprotocol, which must be one that the client offers.
    pub fn accept(&self, subprotocol: Option<&str>) -> Vec<u8> {
        let digest = Sha1::new().chain_update(self.key).chain_update(KEY_SUFFIX).finalize();
        let mut answer = String::with_capacity(192);
        answer.push_str("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
        BASE64.encode_string(digest, &mut answer);
        if let Some(subprotocol) = subprotocol {
            answer.push_str("\r\nSec-WebSocket-Protocol: ");
            answer.push_str(subprotocol);
        }
        answer.push_str("\r\n\r\n");
        answer.into_bytes()
    }
}

/// All comma-separated tokens of all headers of that name, in order.
fn tokens<'h>(headers: &[Header<'h>], name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .iter()
        .filter(move |header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{HandshakeError, Header, asks_for_websocket, check};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn headers<'h>(pairs: &[(&'h str, &'h str)]) -> Vec<Header<'h>> {
        pairs.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect()
    }

    fn usual<'h>(changes: &[(&'h str, &'h str)]) -> Vec<Header<'h>> {
        let mut pairs = vec![("Host", "x"), ("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Version", "13")];
        pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| name == changed));
        pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
        headers(&pairs)
    }

    #[test]
    fn accepts_the_example_of_the_rfc() {
        let headers = usual(&[("Sec-WebSocket-Protocol", "chat, superchat"), ("Sec-WebSocket-Protocol", "third")]);
        let handshake = check("GET", 1, &headers).unwrap();
        assert_eq!(handshake.subprotocols, ["chat", "superchat", "third"]);
        let answer = String::from_utf8(handshake.accept(Some("chat"))).unwrap();
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
        assert!(answer.ends_with("\r\nSec-WebSocket-Protocol: chat\r\n\r\n"), "{answer}");
    }

    #[test]
    fn refuses_wrong_versions_keys_and_methods() {
        let version = usual(&[("Sec-WebSocket-Version", "12")]);
        assert_eq!(check("GET", 1, &version), Err(HandshakeError::BadVersion));
        let version = usual(&[("Sec-WebSocket-Version", "")]);
        assert_eq!(check("GET", 1, &version), Err(HandshakeError::BadVersion));
        for key in ["", "c2hvcnQ=", "not base64 at all !!!!!!"] {
            let headers = usual(&[("Sec-WebSocket-Key", key)]);
            assert_eq!(check("GET", 1, &headers), Err(HandshakeError::BadRequest), "{key}");
        }
        let doubled = usual(&[("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Key", KEY)]);
        assert_eq!(check("GET", 1, &doubled), Err(HandshakeError::BadRequest));
        assert_eq!(check("POST", 1, &usual(&[])), Err(HandshakeError::BadRequest));
        assert_eq!(check("GET", 0, &usual(&[])), Err(HandshakeError::BadRequest));
    }

    #[test]
    fn sees_an_upgrade_among_other_tokens() {
        let firefox = headers(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]);
        assert!(asks_for_websocket(&firefox));
        assert!(!asks_for_websocket(&headers(&[("connection", "upgrade"), ("upgrade", "h2c")])));
        assert!(!asks_for_websocket(&headers(&[("upgrade", "websocket")])));
    }
}
