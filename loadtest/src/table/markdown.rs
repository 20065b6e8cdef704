//! The table as Markdown: where and when, a line for each figure, and below the command of each row.

use std::process::Command;

use serde_json::Value;

use super::Measured;
use super::date::day;
use crate::compare::Comparison;
use crate::result::RunReport;

/// Versions of the peers.
const PEERS: &str = include_str!("../../peers/package.json");

/// The whole text.
pub(super) fn text(measured: &[Measured]) -> String {
    let mut lines = vec![heading(measured), String::new()];
    lines.push("| row | what | figure | Rialto | beside it | ratio | wanted | |".to_owned());
    lines.push("|---|---|---|---|---|---|---|---|".to_owned());
    for measured in measured {
        match &measured.comparison {
            Some(comparison) => lines.extend((0..comparison.asserts.len()).map(|number| line(measured, comparison, number))),
            None => lines.push(format!("| `{}` | {} | | | | | | not measured |", measured.row.name, measured.row.what)),
        }
    }
    lines.extend([String::new(), "```".to_owned()]);
    lines.extend(measured.iter().map(|measured| measured.row.command_line()));
    lines.push("```".to_owned());
    lines.join("\n") + "\n"
}

fn heading(measured: &[Measured]) -> String {
    let reports = measured.iter().filter_map(|measured| measured.comparison.as_ref()?.a.first());
    let Some(first) = reports.min_by_key(|report: &&RunReport| report.started_ms) else { return "Nothing was measured.".to_owned() };
    let peers: Value = serde_json::from_str(PEERS).unwrap_or_default();
    let version = |name: &str| peers["dependencies"][name].as_str().unwrap_or("?").to_owned();
    format!(
        "Measured on {} on {} × {}, Linux {}; rialto-load {}{}, Node {}, ws {}, Socket.IO {}. Medians [minimum … maximum].",
        day(first.started_ms),
        first.machine.cores,
        first.machine.cpu,
        first.machine.kernel,
        env!("CARGO_PKG_VERSION"),
        said("git", &["rev-parse", "--short", "HEAD"]).map(|commit| format!(" at {commit}")).unwrap_or_default(),
        said("node", &["--version"]).unwrap_or_else(|| "absent".to_owned()),
        version("ws"),
        version("socket.io")
    )
}

/// What a program says, if it is there.
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn line(measured: &Measured, comparison: &Comparison, number: usize) -> String {
    let judged = &comparison.asserts[number];
    let (name, is_ratio) = (judged.name(), comparison.b.is_some());
    // The row's name and what it is about stand in its first line.
    let (row, what) = if number == 0 { (format!("`{}`", measured.row.name), measured.row.what.as_str()) } else { (String::new(), "") };
    let figures = comparison.figures.get(name);
    let left = judged.left.as_ref().map(|left| left.text(judged.left_unit(is_ratio))).unwrap_or_default();
    let (own, ratio) = if is_ratio { (figures.map(|line| line.a.text(name)).unwrap_or_default(), left) } else { (left, String::new()) };
    let beside = figures.and_then(|line| line.b.as_ref()).map(|b| b.text(name)).unwrap_or_default();
    format!("| {row} | {what} | `{name}` | {own} | {beside} | {ratio} | {} | {} |", judged.wanted(), judged.mark().trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Row;
    use crate::threshold::Threshold;

    fn measured(b: Option<Vec<RunReport>>) -> Measured {
        let row = Row {
            name: "r".to_owned(),
            what: "w".to_owned(),
            command: "compare x".to_owned(),
            runs: 1,
            asserts: vec!["server.cpu_per_delivery@d <= 0.5".to_owned()],
            only_named: false,
        };
        let threshold = Threshold::parse(&row.asserts[0]).unwrap();
        let comparison = Comparison::of(vec![report(1.0)], b, &[threshold]);
        Measured { row, exit: 0, comparison: Some(comparison) }
    }

    fn report(cost: f64) -> RunReport {
        RunReport { metrics: [("server.cpu_per_delivery@d".to_owned(), cost)].into(), ..RunReport::default() }
    }

    #[test]
    fn each_figure_is_a_line_and_each_row_a_command() {
        let text = text(&[measured(Some(vec![report(4.0)])), Measured { comparison: None, ..measured(None) }]);
        let two = "| `r` | w | `server.cpu_per_delivery@d` | 1 [1 … 1] µs | 4 [4 … 4] µs | 0.250 [0.250 … 0.250] | <= 0.5 | held |";
        assert!(text.contains(two), "{text}");
        assert!(
            text.contains("not measured") && text.contains("rialto-load compare x --runs 1 --assert 'server.cpu_per_delivery@d <= 0.5'")
        );
        let measured = measured(None);
        let one = line(&measured, measured.comparison.as_ref().unwrap(), 0);
        assert_eq!(one, "| `r` | w | `server.cpu_per_delivery@d` | 1 [1 … 1] µs |  |  | <= 0.5 | MISSED |");
    }
}
