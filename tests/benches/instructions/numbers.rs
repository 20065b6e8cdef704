//! The committed numbers: one line for the compiler, one for each case.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// The counts of one compiler.
pub(crate) struct Numbers {
    pub(crate) compiler: String,
    counts: BTreeMap<String, u64>,
}

impl Numbers {
    pub(crate) fn new(compiler: String) -> Self {
        Self { compiler, counts: BTreeMap::new() }
    }

    pub(crate) fn get(&self, case: &str) -> Option<u64> {
        self.counts.get(case).copied()
    }

    pub(crate) fn set(&mut self, case: &str, count: u64) {
        self.counts.insert(case.to_owned(), count);
    }

    pub(crate) fn read() -> Result<Self, String> {
        let text = std::fs::read_to_string(path()).map_err(|error| format!("{}: {error}", path().display()))?;
        let (compiler, counts) = text.split_once('\n').ok_or("the numbers name no compiler")?;
        let count = |line: &str| {
            let (case, count) = line.split_once(' ')?;
            Some((case.to_owned(), count.trim().parse().ok()?))
        };
        let counts: Option<_> = counts.lines().map(count).collect();
        Ok(Self { compiler: compiler.to_owned(), counts: counts.ok_or("a line of the numbers is no name and count")? })
    }

    pub(crate) fn write(&self) -> Result<(), String> {
        let mut text = format!("{}\n", self.compiler);
        for (case, count) in &self.counts {
            let _ = writeln!(text, "{case} {count}");
        }
        std::fs::write(path(), text).map_err(|error| format!("{}: {error}", path().display()))
    }
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("benches/instructions/numbers.txt")
}

/// The compiler that makes what is counted, with the machine it makes it for.
pub(crate) fn compiler() -> Result<String, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().map_err(|error| format!("rustc does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut lines = text.lines();
    let version = lines.next().ok_or("rustc does not say its version")?;
    let host = lines.find_map(|line| line.strip_prefix("host: ")).ok_or("rustc does not say its host")?;
    Ok(format!("{version} {host}"))
}
