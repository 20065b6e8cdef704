//! The little HTTP that registering users needs: one request a connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::limits::HTTP_BYTES_MAX;

/// Seconds that one answer may take.
const ANSWER_SECONDS: u64 = 30;

/// POSTs JSON; gives status and JSON body (null when it is none).
///
/// # Errors
/// When the server cannot be reached or does not speak HTTP.
pub(crate) fn post_json(host: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
    let body = body.to_string();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).with_context(|| format!("connect to {host}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(ANSWER_SECONDS)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(HTTP_BYTES_MAX as u64).read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("the answer is no HTTP")?;
    let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("the answer has no status")?;
    let body = &answer[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunk(body)? } else { body.to_vec() };
    Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
}

fn unchunk(mut bytes: &[u8]) -> Result<Vec<u8>> {
    let mut whole = Vec::new();
    while let Some(line) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(String::from_utf8_lossy(&bytes[..line]).trim(), 16).context("a chunk without size")?;
        if size == 0 {
            break;
        }
        ensure!(bytes.len() >= line + 2 + size, "a chunk is cut");
        whole.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = bytes.get(line + 4 + size..).unwrap_or_default();
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined() {
        assert_eq!(unchunk(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n").unwrap(), b"abcde");
        assert!(unchunk(b"9\r\nabc").is_err());
    }
}
