//! The `rialto` program.

use std::process::ExitCode;

/// The resident size per connection decides how many fit on a machine; jemalloc returns what bursts have taken.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    rialto_server::cli::run(rialto_server::app::serve)
}
