//! Words that may not stand in the code, files that may not exist, and paths of somebody's machine.

use super::{Source, assert_none, sources};

/// Each banned word with what to write instead. They are put together here so that this file does not hold them.
fn banned() -> Vec<(String, &'static str)> {
    let join = |parts: &[&str]| parts.concat();
    vec![
        (join(&["do_", "send("]), "a full mailbox is an answer: Handle::offer or ask"),
        (join(&["to", "do!("]), "finish it"),
        (join(&["unimpl", "emented!("]), "finish it"),
        (join(&["db", "g!("]), "a tracing event"),
        (join(&["thread::", "sleep"]), "await a condition"),
        (join(&["TO", "DO"]), "finish it"),
        (join(&["FIX", "ME"]), "mend it"),
        (join(&["unbounded_", "channel"]), "every queue has a named bound"),
        (join(&["#[", "ignore"]), "a test that does not run proves nothing"),
        (join(&["assert!(", "true)"]), "assert something"),
    ]
}

/// Extensions in which words are looked for.
const CODE: [&str; 8] = ["rs", "ts", "tsx", "js", "mjs", "py", "sh", "css"];

fn is_code(source: &Source) -> bool {
    source.path.rsplit_once('.').is_some_and(|(_, extension)| CODE.contains(&extension))
}

#[test]
fn banned_words() {
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| is_code(source)) {
        for (number, line) in (1..).zip(source.text.lines()) {
            for (word, instead) in banned().iter().filter(|(word, _)| line.contains(word.as_str())) {
                findings.push(format!("{}:{number}: {word} ({instead})", source.path));
            }
        }
    }
    assert_none("banned words", &findings);
}

#[test]
fn no_mod_rs() {
    let sources = sources();
    let findings: Vec<String> = sources
        .iter()
        .filter(|source| source.path.ends_with("/mod.rs"))
        .map(|source| format!("{}: write foo.rs beside foo/", source.path))
        .collect();
    assert_none("mod.rs", &findings);
}

#[test]
fn no_paths_of_a_machine() {
    let homes = [["/wo", "rk/"], ["/ho", "me/"], ["/ro", "ot/"], ["/Us", "ers/"]].map(|parts| parts.concat());
    let mut findings = Vec::new();
    for source in sources().iter().filter(|source| source.path != "Cargo.lock") {
        for (number, line) in (1..).zip(source.text.lines()) {
            if homes.iter().any(|home| line.match_indices(home.as_str()).any(|(at, _)| begins_a_path(line, at))) {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("paths of a machine", &findings);
}

/// Whether what stands at `position` is the beginning of an absolute path and not the middle of a longer one.
fn begins_a_path(line: &str, position: usize) -> bool {
    let before = line[..position].chars().next_back();
    !before.is_some_and(|character| character.is_alphanumeric() || "._-}$~".contains(character))
}

#[test]
fn package_locks_name_no_registry() {
    let sources = sources();
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.ends_with("package-lock.json")) {
        for (number, line) in (1..).zip(source.text.lines()) {
            if line.contains("\"resolved\": \"http") {
                findings.push(format!("{}:{number}", source.path));
            }
        }
    }
    assert_none("written by npm install --omit-lockfile-registry-resolved", &findings);
}
