//! The Rialto node: command line, configuration, gateway and HTTP API over the actors. No business rules.

pub mod admin;
pub mod app;
pub mod cli;
pub mod config;
pub mod gateway;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod run;
pub mod webhooks;
pub mod ws;
