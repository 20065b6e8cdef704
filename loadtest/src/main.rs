//! `rialto-load`: loads a real-time server with scenarios, measures it from outside, and judges what it measured.
//!
//! The way of a run: [`scenario`] (what shall happen) → [`controller`] (leads it) → [`fleet`] of [`worker`] processes (sockets, by an [`adapter`] per kind of
//! server, [`wire`] frames, [`stamp`]ed messages) → [`sample`]s → [`result`] (merged, per phase and second) → [`threshold`]s → [`report`].

mod adapter;
mod cli;
mod clock;
mod compare;
mod controller;
mod fleet;
mod http;
mod ipc;
mod launch;
mod limits;
mod peer;
mod process;
mod report;
mod result;
mod sample;
mod scenario;
mod stamp;
mod table;
mod target;
mod threshold;
mod users;
mod view;
mod wire;
mod worker;

fn main() -> std::process::ExitCode {
    cli::main()
}
