//! What happened, as lines for people and as one number for comparing runs.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The trace of one run. Lines are only made when somebody wants them.
pub(crate) struct Trace {
    traced: bool,
    lines: Vec<String>,
    hash: u64,
}

impl Trace {
    pub(crate) fn new(traced: bool) -> Self {
        Self { traced, lines: Vec::new(), hash: 0 }
    }

    /// Whether somebody wants lines.
    pub(crate) fn is_on(&self) -> bool {
        self.traced
    }

    /// Says a line.
    pub(crate) fn say(&mut self, now_ms: u64, line: impl FnOnce() -> String) {
        if self.traced {
            let line = format!("{now_ms:>7} {}", line());
            self.hash = xxh3_64_with_seed(line.as_bytes(), self.hash);
            self.lines.push(line);
        }
    }

    /// All lines, in order.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n")
    }

    /// One number that two runs share only if they said the same lines.
    pub(crate) fn hash(&self) -> (u64, usize) {
        (self.hash, self.lines.len())
    }
}
