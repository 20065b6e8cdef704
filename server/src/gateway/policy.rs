//! Which upgrade requests the pump keeps, and whom it lets in.

use std::net::IpAddr;

use super::boundary::PathKind;
use super::refuse::Refusal;
use crate::config::Network;
use crate::http::Origins;
use crate::http::address::{FORWARDED_FOR, client_address};
use crate::ws::handshake::{self, Header};

/// The path of the client protocol.
pub const CLIENT_PATH: &str = "/connection/websocket";
/// The path of the echo for conformance suites.
pub const ECHO_PATH: &str = "/debug/echo";
/// The subprotocol of the client protocol in JSON; offering none means the same.
const SUBPROTOCOL_JSON: &str = "centrifuge-json";

/// An upgrade request whose handshake is in order.
#[derive(Debug)]
pub struct UpgradeRequest<'h> {
    /// The other end of the socket.
    pub peer: IpAddr,
    /// The request target as sent.
    pub target: &'h str,
    /// Subprotocols offered, in the client's order.
    pub subprotocols: &'h [&'h str],
    pub(crate) headers: &'h [Header<'h>],
}

impl UpgradeRequest<'_> {
    /// The value of the first header of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        handshake::header(self.headers, name)
    }

    /// The values of all headers of that name, as sent.
    pub fn values<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'n [u8]> {
        self.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        path_of(self.target)
    }
}

/// What an admitted connection is.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Its endpoint.
    pub path_kind: PathKind,
    /// The client's address; a policy that trusts a proxy names the one behind it.
    pub peer: IpAddr,
    /// The subprotocol to grant: one of those offered, or none.
    pub subprotocol: Option<Box<str>>,
}

/// Decides over upgrade requests. Called once for each, on the gateway thread; must not block.
pub trait UpgradePolicy {
    /// Whether WebSockets of this path are for the pump. All else goes to the HTTP application.
    fn is_ours(&self, path: &str) -> bool;

    /// Lets a connection in.
    ///
    /// # Errors
    /// The refusal to answer with; the connection goes on as HTTP.
    fn admit(&self, request: &UpgradeRequest<'_>) -> Result<Admission, Refusal>;
}

/// The usual policy: the client endpoint, the echo if switched on, and the rules that hold for HTTP too.
#[derive(Clone, Debug, Default)]
pub struct StandardPolicy {
    /// Whether [`ECHO_PATH`] is served.
    pub serves_echo: bool,
    /// Which browser origins are let in.
    pub origins: Origins,
    /// Whose word about the client's address is believed.
    pub trusted_proxies: Vec<Network>,
}

impl StandardPolicy {
    fn kind_of(&self, path: &str) -> Option<PathKind> {
        match path {
            CLIENT_PATH => Some(PathKind::Client),
            ECHO_PATH if self.serves_echo => Some(PathKind::Echo),
            _ => None,
        }
    }
}

impl UpgradePolicy for StandardPolicy {
    fn is_ours(&self, path: &str) -> bool {
        self.kind_of(path).is_some()
    }

    fn admit(&self, request: &UpgradeRequest<'_>) -> Result<Admission, Refusal> {
        let path_kind = self.kind_of(request.path()).ok_or(Refusal::BAD_REQUEST)?;
        if !self.origins.origin_allowed(request.header("origin"), request.header("host")) {
            return Err(Refusal::FORBIDDEN);
        }
        let subprotocol =
            (path_kind == PathKind::Client && request.subprotocols.contains(&SUBPROTOCOL_JSON)).then(|| SUBPROTOCOL_JSON.into());
        let peer = client_address(request.peer, request.values(FORWARDED_FOR), &self.trusted_proxies);
        Ok(Admission { path_kind, peer, subprotocol })
    }
}

pub(crate) fn path_of(target: &str) -> &str {
    target.split_once('?').map_or(target, |(path, _)| path)
}
