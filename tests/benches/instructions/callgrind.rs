//! Runs this program under callgrind.

use std::process::Command;

/// Settings of jemalloc: what it tidies up by the clock would be counted in some runs and not in others.
const NO_CLOCK: &str = "experimental_tcache_gc:false,dirty_decay_ms:-1,muzzy_decay_ms:-1";

/// Instructions that a case takes inside `counted_by_callgrind`, all rounds together.
pub(crate) fn count(case: &str) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("this program is nowhere: {error}"))?;
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let counts = folder.path().join("callgrind.out");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_by_callgrind*"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .arg(program)
        .args(["--count", case])
        .env("_RJEM_MALLOC_CONF", NO_CLOCK)
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{case} failed under valgrind:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = std::fs::read_to_string(&counts).map_err(|error| format!("{case}: callgrind wrote nothing: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("totals: "));
    let total = total.and_then(|total| total.trim().parse().ok()).filter(|total| *total > 0);
    total.ok_or_else(|| format!("{case}: callgrind counted nothing"))
}
