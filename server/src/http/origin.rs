//! Which browser origins may call. Programs that are no browsers send no `Origin` and are always allowed: they bring a token of their own.

/// The origins allowed by the configuration, besides the server's own.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    allowed: Vec<String>,
    any: bool,
}

impl Origins {
    /// Lower-case origins; `*` allows every one to do what needs no cookie.
    #[must_use]
    pub fn new(allowed: &[String]) -> Self {
        Self { allowed: allowed.to_vec(), any: allowed.iter().any(|origin| origin == "*") }
    }

    /// Whether a request with this `Origin` and `Host` may be made, a WebSocket upgrade included. An absent origin is allowed.
    #[must_use]
    pub fn origin_allowed(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        self.any || self.may_use_cookies(origin, host)
    }

    /// Whether it may be made with cookies: `*` does not count.
    #[must_use]
    pub fn may_use_cookies(&self, origin: Option<&str>, host: Option<&str>) -> bool {
        let Some(origin) = origin else { return true };
        is_same(origin, host) || self.allowed.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
    }
}

/// The page came from this server. The scheme is not compared: behind a proxy we see http where the browser sees https.
fn is_same(origin: &str, host: Option<&str>) -> bool {
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else { return false };
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return false,
    };
    let bare = |authority: &str| authority.strip_suffix(default_port).unwrap_or(authority).to_ascii_lowercase();
    bare(authority) == bare(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_and_listed_origins_are_allowed() {
        let origins = Origins::new(&["https://chat.example".to_owned()]);
        for (origin, host, expected) in [
            (None, None, true),
            (Some("http://127.0.0.1:8080"), Some("127.0.0.1:8080"), true),
            (Some("https://Rialto.example"), Some("rialto.example"), true),
            (Some("http://rialto.example"), Some("rialto.example:80"), true),
            (Some("https://chat.example"), Some("rialto.example"), true),
            (Some("https://chat.example.evil"), Some("rialto.example"), false),
            (Some("http://127.0.0.1:8081"), Some("127.0.0.1:8080"), false),
            (Some("null"), Some("rialto.example"), false),
            (Some("file://rialto.example"), Some("rialto.example"), false),
            (Some("https://rialto.example"), None, false),
            (Some(""), Some(""), false),
        ] {
            assert_eq!(origins.origin_allowed(origin, host), expected, "{origin:?} {host:?}");
        }
    }

    #[test]
    fn a_star_allows_all_but_cookies() {
        let origins = Origins::new(&["*".to_owned()]);
        assert!(origins.origin_allowed(Some("https://evil.example"), Some("rialto.example")));
        assert!(!origins.may_use_cookies(Some("https://evil.example"), Some("rialto.example")));
    }
}
