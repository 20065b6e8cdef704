//! Runs the binary on a scenario's text.

use std::process::Command;

use serde_json::Value;

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) exit: i32,
    pub(crate) output: String,
    pub(crate) report: Value,
    pub(crate) html: String,
}

impl Ran {
    /// A count of the whole run.
    pub(crate) fn count(&self, name: &str) -> u64 {
        self.report["total"]["counters"][name].as_u64().unwrap_or_else(|| panic!("no counter {name} in {}", self.output))
    }

    /// The verdict.
    pub(crate) fn last_line(&self) -> &str {
        self.output.lines().last().unwrap_or_default()
    }
}

/// `rialto-load run` against a running server.
pub(crate) fn rialto_load(scenario: &str, url: &str, sets: &[&str]) -> Ran {
    rialto_load_at(scenario, ["--target", url], sets)
}

/// `rialto-load run` with a server of its own.
pub(crate) fn rialto_load_spawning(scenario: &str, command: &str, sets: &[&str]) -> Ran {
    rialto_load_at(scenario, ["--spawn", command], sets)
}

fn rialto_load_at(scenario: &str, target: [&str; 2], sets: &[&str]) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("scenario.toml"), scenario).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_rialto-load"));
    command
        .arg("run")
        .arg(path("scenario.toml"))
        .args(target)
        .arg("--json")
        .arg(path("report.json"))
        .arg("--html")
        .arg(path("report.html"));
    for set in sets {
        command.arg("--set").arg(set);
    }
    let output = command.output().expect("the binary starts");
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    Ran {
        exit: output.status.code().expect("it ends by itself"),
        output: String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        report: serde_json::from_str(&read("report.json")).unwrap_or_default(),
        html: read("report.html"),
    }
}
