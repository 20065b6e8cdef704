//! The top level of the repository is fixed.

use rialto_tests::repository;

use super::assert_none;

/// What may stand there, beside dot-files and what `.gitignore` leaves out.
const FIXED: [&str; 11] =
    ["Cargo.toml", "Cargo.lock", "README.md", "server", "actors", "protocol", "storage", "clients", "loadtest", "config", "tests"];

/// Made by running things; ignored by git.
const IGNORED: [&str; 2] = ["target", "data"];

#[test]
fn the_top_level_is_fixed() {
    let entries = std::fs::read_dir(repository::root()).expect("the top folder can be read");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let names: Vec<String> = names.filter(|name| !name.starts_with('.')).collect();
    let is_known = |name: &String| FIXED.contains(&name.as_str()) || IGNORED.contains(&name.as_str());
    let strangers: Vec<String> = names.iter().filter(|name| !is_known(name)).cloned().collect();
    assert_none("these do not belong there", &strangers);
    let missing: Vec<String> =
        FIXED.iter().filter(|fixed| !names.iter().any(|name| name == *fixed)).map(|fixed| (*fixed).to_owned()).collect();
    assert_none("missing", &missing);
}
