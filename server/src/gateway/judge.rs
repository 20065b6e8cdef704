//! What a request head means for the gateway. Pure: bytes in, verdict out.

use std::net::IpAddr;

use httparse::{EMPTY_HEADER, Request, Status};

use super::boundary::TransportInfo;
use super::limits::{HEADERS_MAX, USER_AGENT_BYTES_MAX};
use super::metrics::RefusalReason;
use super::policy::{UpgradePolicy, UpgradeRequest, path_of};
use super::refuse::Refusal;
use crate::ws::handshake::{self, HandshakeError, Header};

pub(crate) enum Verdict {
    /// The head has more to come.
    Incomplete,
    /// For the HTTP application. So is what cannot be parsed: it has the better words for it.
    Http,
    /// For the pump.
    Upgrade(Box<Upgrade>),
    /// A WebSocket of ours that is not let in.
    Refuse {
        reason: RefusalReason,
        refusal: Refusal,
        /// Length of the head, behind which the next request may follow if `keeps_alive`.
        head_bytes: usize,
        keeps_alive: bool,
    },
}

pub(crate) struct Upgrade {
    /// The complete `101`.
    pub(crate) answer: Vec<u8>,
    /// Length of the head, behind which the first frames may follow.
    pub(crate) head_bytes: usize,
    pub(crate) transport: TransportInfo,
}

/// Judges the head at the front of `bytes`, of which the first `searched` were `Incomplete` before.
pub(crate) fn judge(bytes: &[u8], searched: usize, head_bytes_max: usize, policy: &dyn UpgradePolicy, peer: IpAddr) -> Verdict {
    // A head that comes byte by byte must not be parsed at each byte; only garbage at the front is worth a look.
    if searched > 0 && !has_head_end(&bytes[searched.saturating_sub(3)..]) {
        return Verdict::Incomplete;
    }
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    match request.parse(bytes) {
        Err(_) => Verdict::Http,
        Ok(Status::Partial) => Verdict::Incomplete,
        Ok(Status::Complete(head_bytes)) if head_bytes > head_bytes_max => {
            Verdict::Refuse { reason: RefusalReason::TooLarge, refusal: Refusal::HEAD_TOO_LARGE, head_bytes, keeps_alive: false }
        }
        Ok(Status::Complete(head_bytes)) => judge_request(&request, head_bytes, policy, peer),
    }
}

fn has_head_end(bytes: &[u8]) -> bool {
    bytes.windows(2).any(|window| window == b"\n\n") || bytes.windows(3).any(|window| window == b"\n\r\n")
}

fn judge_request(request: &Request<'_, '_>, head_bytes: usize, policy: &dyn UpgradePolicy, peer: IpAddr) -> Verdict {
    let target = request.path.unwrap_or_default();
    let headers = &*request.headers;
    if !policy.is_ours(path_of(target)) || !handshake::asks_for_websocket(headers) {
        return Verdict::Http;
    }
    let admitted = admit(request, target, headers, policy, peer);
    match admitted {
        Ok((answer, transport)) => Verdict::Upgrade(Box::new(Upgrade { answer, head_bytes, transport })),
        Err((reason, refusal)) => {
            let has_body = handshake::header(headers, "content-length").is_some_and(|length| length != "0")
                || handshake::header(headers, "transfer-encoding").is_some();
            let keeps_alive = !has_body && request.version == Some(1);
            Verdict::Refuse { reason, refusal, head_bytes, keeps_alive }
        }
    }
}

fn admit(
    request: &Request<'_, '_>,
    target: &str,
    headers: &[Header<'_>],
    policy: &dyn UpgradePolicy,
    peer: IpAddr,
) -> Result<(Vec<u8>, TransportInfo), (RefusalReason, Refusal)> {
    let method = request.method.unwrap_or_default();
    let handshake = handshake::check(method, request.version.unwrap_or_default(), headers).map_err(|error| match error {
        HandshakeError::BadRequest => (RefusalReason::BadHandshake, Refusal::BAD_REQUEST),
        HandshakeError::BadVersion => (RefusalReason::BadHandshake, Refusal::BAD_VERSION),
    })?;
    let admission = policy
        .admit(&UpgradeRequest { peer, target, subprotocols: &handshake.subprotocols, headers })
        .map_err(|refusal| (RefusalReason::Forbidden, refusal))?;
    let answer = handshake.accept(admission.subprotocol.as_deref());
    let transport = TransportInfo {
        peer: admission.peer,
        path_kind: admission.path_kind,
        user_agent: handshake::header(headers, "user-agent").map(cut_user_agent),
        target: target.into(),
        subprotocol: admission.subprotocol,
    };
    Ok((answer, transport))
}

fn cut_user_agent(value: &str) -> Box<str> {
    let mut end = value.len().min(USER_AGENT_BYTES_MAX);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].into()
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{Verdict, judge};
    use crate::gateway::policy::StandardPolicy;
    use crate::http::Origins;

    const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const UPGRADE: &str = "GET /connection/websocket?x=1 HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

    fn verdict(head: &str) -> Verdict {
        let policy = StandardPolicy {
            origins: Origins::new(&["https://ok.example".to_owned()]),
            trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
            ..StandardPolicy::default()
        };
        judge(head.as_bytes(), 0, 16 << 10, &policy, PEER)
    }

    #[test]
    fn keeps_our_upgrades_and_what_follows_them() {
        let Verdict::Upgrade(upgrade) = verdict(&format!("{UPGRADE}User-Agent: t\r\n\r\nframes")) else {
            panic!("not kept");
        };
        assert_eq!(upgrade.head_bytes, UPGRADE.len() + "User-Agent: t\r\n\r\n".len());
        assert_eq!(&*upgrade.transport.target, "/connection/websocket?x=1");
        assert_eq!(upgrade.transport.user_agent.as_deref(), Some("t"));
    }

    #[test]
    fn origins_are_checked() {
        for (origin, is_allowed) in [
            ("http://a.example", true),
            ("https://ok.example", true),
            ("http://A.example:80", true),
            ("https://evil.example", false),
            ("null", false),
        ] {
            let verdict = verdict(&format!("{UPGRADE}Origin: {origin}\r\n\r\n"));
            assert_eq!(matches!(verdict, Verdict::Upgrade(_)), is_allowed, "{origin}");
        }
    }

    #[test]
    fn the_address_is_the_one_that_a_trusted_proxy_names() {
        for (forwarded, expected) in [("", "127.0.0.1"), ("X-Forwarded-For: 9.9.9.9, 2.2.2.2\r\n", "2.2.2.2")] {
            let Verdict::Upgrade(upgrade) = verdict(&format!("{UPGRADE}{forwarded}\r\n")) else { panic!("not kept") };
            assert_eq!(upgrade.transport.peer, expected.parse::<IpAddr>().unwrap());
        }
    }

    #[test]
    fn all_else_is_for_http() {
        for head in [
            "GET / HTTP/1.1\r\nhost: x\r\n\r\n",
            "GET /connection/websocket HTTP/1.1\r\nhost: x\r\n\r\n",
            "\u{1}\u{2} garbage",
            "GET / HTTP/9.9\r\n\r\n",
        ] {
            assert!(matches!(verdict(head), Verdict::Http), "{head}");
        }
        assert!(matches!(verdict(&UPGRADE.replace("connection/websocket", "debug/echo")), Verdict::Incomplete));
        assert!(matches!(verdict("GET / HTT"), Verdict::Incomplete));
    }

    #[test]
    fn a_head_in_single_bytes_is_found_where_it_ends() {
        let head = format!("{UPGRADE}\r\n");
        let policy = StandardPolicy::default();
        for length in 1..head.len() {
            let verdict = judge(&head.as_bytes()[..length], length - 1, 16 << 10, &policy, PEER);
            assert!(matches!(verdict, Verdict::Incomplete), "{length}");
        }
        let verdict = judge(head.as_bytes(), head.len() - 1, 16 << 10, &policy, PEER);
        assert!(matches!(verdict, Verdict::Upgrade(_)));
    }
}
