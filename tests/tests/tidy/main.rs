//! Rules of the house that no compiler checks: layers, sizes, banned words, documented configuration, a fixed top level.

mod config;
mod layers;
mod sizes;
mod top_level;
mod words;

use std::path::{Path, PathBuf};

use rialto_tests::repository;

/// Folders whose content is made by tools.
const MADE_BY_TOOLS: [&str; 7] = ["target", "node_modules", ".git", ".venv", "__pycache__", "dist", "data"];

/// A text file of the repository.
struct Source {
    /// Its path from the top, with `/`.
    path: String,
    /// Its text.
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it lies in this folder, or is the file beside it.
    fn is_within(&self, folder: &str) -> bool {
        self.path.starts_with(&format!("{folder}/")) || self.path == format!("{folder}.rs")
    }

    /// Numbered lines without comments.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let without_comment = |line: &'_ str| -> usize { line.find("//").unwrap_or(line.len()) };
        (1..).zip(self.text.lines()).map(move |(number, line)| (number, &line[..without_comment(line)]))
    }
}

/// Every text file that people write, sorted by path.
fn sources() -> Vec<Source> {
    let root = repository::root();
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        let path = path.strip_prefix(&root).expect("collected below the root").to_string_lossy().into_owned();
        Some(Source { path, text })
    };
    let sources: Vec<Source> = files.into_iter().filter_map(read).collect();
    assert!(sources.iter().any(|source| source.path == "Cargo.toml"), "the repository was found");
    sources
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("a folder of the repository can be read");
    for path in entries.map(|entry| entry.expect("an entry can be read").path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() || MADE_BY_TOOLS.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Fails with all findings at once, one a line.
fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
