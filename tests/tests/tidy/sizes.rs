//! A file has one subject, so it is short.

use super::{assert_none, sources};

/// Production lines of a file, before its inline tests.
const PRODUCTION_LINES_MAX: usize = 500;

/// All lines of a Rust file, tests too.
const LINES_MAX: usize = 600;

#[test]
fn files_are_short() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.is_rust()) {
        let all = source.text.lines().count();
        let production = production_lines(&source.text);
        if production > PRODUCTION_LINES_MAX || all > LINES_MAX {
            findings.push(format!("{}: {production} production lines of {all}", source.path));
        }
    }
    assert_none("long files", &findings);
}

/// Lines before an inline test module. A test module in a file of its own does not end the production lines.
fn production_lines(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().collect();
    let inline_tests = lines.windows(2).position(|pair| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{'));
    inline_tests.unwrap_or(lines.len())
}

#[test]
fn counts_production_lines() {
    assert_eq!(production_lines("one\ntwo\n#[cfg(test)]\nmod tests {\n}\n"), 2);
    assert_eq!(production_lines("#[cfg(test)]\nmod tests;\nthree\n"), 3);
}
