//! `rialto-chat`: conversations in a terminal, line by line. What it prints are plain lines, so it serves in scripts too.

#[path = "../chat/app.rs"]
mod chat;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let arguments = chat::Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            chat::complain(&format!("no runtime: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(chat::run(arguments));
    // A read of the terminal that is under way cannot be cancelled: do not wait for one more line.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            chat::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
