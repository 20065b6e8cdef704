//! The Rialto node: command line, configuration, gateway and HTTP API over the actors.

pub mod config;
pub mod gateway;
pub mod http;
pub mod ws;
