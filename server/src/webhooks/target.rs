//! A target's URL, taken apart.

use std::net::IpAddr;

use actix_web::http::Uri;
use rialto_actors::webhooks::limits::URL_BYTES_MAX;

use super::address::is_public;

/// Where a post goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) is_tls: bool,
    /// A name or an address, without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// As the `Host` header has it.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// Takes a URL apart.
    ///
    /// # Errors
    /// In words, for people.
    pub(super) fn parse(url: &str, allow_private: bool) -> Result<Self, &'static str> {
        if url.len() > URL_BYTES_MAX || url.contains(['#', ' ']) || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("url has at most 2048 visible ASCII characters and no fragment");
        }
        let uri: Uri = url.parse().map_err(|_| "url is no URL")?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if allow_private => false,
            _ => return Err("url begins with https://"),
        };
        let authority = uri.authority().ok_or("url names a host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || authority.as_str().contains('@') {
            return Err("url names a host, and nobody's name and password");
        }
        if !allow_private && host.parse::<IpAddr>().is_ok_and(|address| !is_public(address)) {
            return Err("url does not lead to the public internet");
        }
        let has_port = authority.as_str().len() > authority.host().len();
        let port = match authority.port_u16() {
            None if has_port => return Err("url has a port below 65536"),
            port => port.unwrap_or(if is_tls { 443 } else { 80 }),
        };
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self { is_tls, host: host.to_owned(), port, authority: authority.as_str().to_owned(), path: path.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart() {
        let target = Target::parse("https://hooks.example.com/a/b?c=d", false).unwrap();
        assert_eq!((target.is_tls, target.host.as_str(), target.port, target.path.as_str()), (true, "hooks.example.com", 443, "/a/b?c=d"));
        let target = Target::parse("http://[::1]:8080", true).unwrap();
        assert_eq!((target.is_tls, target.host.as_str(), target.port, target.path.as_str()), (false, "::1", 8080, "/"));
        assert_eq!(target.authority, "[::1]:8080");
    }

    #[test]
    fn what_is_no_target_is_refused() {
        for url in [
            "",
            "hooks.example.com",
            "ftp://example.com/",
            "http://example.com/",
            "https://",
            "https:///x",
            "https://u:p@example.com/",
            "https://example.com/#x",
            "https://example.com/a b",
            "https://example.com/é",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://10.1.2.3:8443/x",
            "https://169.254.169.254/latest",
            "https://[::ffff:127.0.0.1]/",
            "https://example.com:99999/",
            "https://a\r\nb/",
            &format!("https://example.com/{}", "x".repeat(2048)),
        ] {
            assert!(Target::parse(url, false).is_err(), "{url:?}");
        }
    }
}
