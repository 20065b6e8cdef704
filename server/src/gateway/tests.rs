//! The gateway over real loopback sockets: `harness` a server in this process with a gateway of its own, the other
//! files a behaviour each.

mod drain;
mod harness;
mod hostile;
mod http;
mod rooms;
mod slow;
mod storm;
mod websocket;
