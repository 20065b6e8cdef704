//! The server: sockets, HTTP, configuration and commands around Rialto's actors. No business rules.

pub mod gateway;
pub mod run;
pub mod ws;
