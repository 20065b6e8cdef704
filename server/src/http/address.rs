//! Where a client really is: behind a trusted proxy, what the proxy says.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap, HeaderValue};

use super::state::HttpState;
use crate::config::Network;

/// Addresses in one `X-Forwarded-For` that are looked at: a longer chain is forged.
const HOPS_MAX: usize = 16;

/// The header in which proxies say for whom they ask.
pub const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address, of a request or of a WebSocket: `forwarded` are the values of [`FORWARDED_FOR`] in order. Only what trusted proxies appended is
/// believed, from the nearest hop on.
#[must_use]
pub fn client_address<'h>(peer: IpAddr, forwarded: impl Iterator<Item = &'h [u8]>, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut nearest = peer;
    if !is_trusted(peer) {
        return nearest;
    }
    // Several headers are one list; the last entry is what the nearest proxy saw.
    let mut hops: Vec<&str> = Vec::new();
    for value in forwarded {
        hops.extend(std::str::from_utf8(value).unwrap_or_default().split(',').map(str::trim));
    }
    for hop in hops.iter().rev().take(HOPS_MAX) {
        let Some(address) = address_of(hop) else { return nearest };
        nearest = address;
        if !is_trusted(address) {
            return nearest;
        }
    }
    nearest
}

/// An address, with or without port.
fn address_of(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    plain.or_else(|| text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
}

/// The client's address of a request.
#[must_use]
pub fn of_request(request: &HttpRequest, state: &HttpState) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let forwarded = request.headers().get_all(FORWARDED_FOR);
    client_address(peer, forwarded.map(HeaderValue::as_bytes), &state.trusted_proxies)
}

/// Whether the browser speaks to this very machine, where cookies travel unencrypted without harm.
#[must_use]
pub fn is_loopback_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut all = HeaderMap::new();
        for (name, value) in pairs {
            all.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        all
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted: Vec<Network> = vec!["10.0.0.0/8".parse().unwrap()];
        for (peer, forwarded, expected) in [
            ("1.1.1.1", vec!["2.2.2.2"], "1.1.1.1"),
            ("10.0.0.1", vec![], "10.0.0.1"),
            ("10.0.0.1", vec!["2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", vec!["9.9.9.9, 2.2.2.2, 10.0.0.2"], "2.2.2.2"),
            ("10.0.0.1", vec!["9.9.9.9", "2.2.2.2"], "2.2.2.2"),
            ("10.0.0.1", vec!["2.2.2.2, nonsense"], "10.0.0.1"),
            ("10.0.0.1", vec!["[2001:db8::1]:443"], "2001:db8::1"),
        ] {
            let values = forwarded.iter().map(|value| value.as_bytes());
            let found = client_address(peer.parse().unwrap(), values, &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn loopback_hosts_are_known() {
        for (host, expected) in
            [("localhost:8080", true), ("127.0.0.1", true), ("[::1]:80", true), ("chat.example", false), ("127.evil.example", false)]
        {
            assert_eq!(is_loopback_host(&headers(&[("host", host)])), expected, "{host}");
        }
    }
}
