//! What operators do and see: the command line, backups, drains, health, metrics, headers, the web app's files.

mod backup;
mod command_line;
mod configuration;
mod http;
mod lifecycle;
