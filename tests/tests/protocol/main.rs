//! The Centrifuge client protocol in JSON, command by command, as a bare client sees it.

mod batches;
mod connect;
mod history;
mod presence;
mod publish;
mod recovery;
mod refresh;
mod rpc;
mod subscribe;
