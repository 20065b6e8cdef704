//! Who may import whom, and which crate may never name what.

use std::process::Command;

use rialto_tests::{Pick as _, Value, repository};

use super::{Source, assert_none, sources};

/// Each crate with those of ours that it may depend on.
const MAY_IMPORT: [(&str, &[&str]); 7] = [
    ("rialto-protocol", &[]),
    ("rialto-storage", &["rialto-protocol"]),
    ("rialto-actors", &["rialto-protocol", "rialto-storage"]),
    ("rialto-server", &["rialto-protocol", "rialto-storage", "rialto-actors"]),
    ("rialto-client", &["rialto-protocol"]),
    ("rialto-load", &["rialto-protocol", "rialto-client"]),
    ("rialto-tests", &["rialto-protocol", "rialto-storage", "rialto-actors", "rialto-server", "rialto-client", "rialto-load"]),
];

/// What code under a folder may never name: the beginning of an identifier or path.
const NEVER_NAMES: [(&str, &[&str]); 6] = [
    ("protocol/src", &["tokio", "actix", "redb", "scylla", "redis", "std::net", "std::fs", "SystemTime", "Instant"]),
    ("storage/src", &["actix", "rialto_actors", "rialto_server", "reqwest", "hyper", "tokio::net", "std::net"]),
    ("actors/src", &["redb", "scylla", "redis", "actix_web", "actix_http", "reqwest", "hyper", "tokio::net", "std::net", "toml"]),
    ("server/src", &["redb", "scylla"]),
    ("clients/src", &["rialto_server", "rialto_actors", "rialto_storage", "actix"]),
    ("loadtest/src", &["rialto_server", "rialto_actors", "rialto_storage", "actix"]),
];

#[test]
fn crates_import_along_the_arrows_only() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository::root())
        .output()
        .expect("cargo can be started");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let mut findings = Vec::new();
    for package in metadata.list("packages") {
        let name = package.text("name");
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(known, _)| *known == name) else {
            findings.push(format!("{name} is no crate of the design"));
            continue;
        };
        for dependency in package.list("dependencies") {
            let dependency = dependency.text("name");
            if dependency.starts_with("rialto-") && !allowed.contains(&dependency.as_str()) {
                findings.push(format!("{name} may not depend on {dependency}"));
            }
        }
    }
    assert_none("dependencies against the arrows", &findings);
}

#[test]
fn no_layer_names_what_lies_above_or_beside_it() {
    let sources = sources();
    let mut findings = Vec::new();
    for (folder, words) in NEVER_NAMES {
        for source in rust_within(&sources, folder) {
            for word in words {
                findings.extend(lines_naming(source, word));
            }
        }
    }
    assert_none("names that do not belong there", &findings);
}

#[test]
fn in_actors_only_the_kernel_names_actix() {
    let sources = sources();
    let outside = rust_within(&sources, "actors/src").filter(|source| !source.is_within("actors/src/kernel"));
    let findings: Vec<String> = outside.flat_map(|source| lines_naming(source, "actix")).collect();
    assert_none("actix outside the kernel", &findings);
}

#[test]
fn the_server_has_at_most_the_live_feed_as_an_actor() {
    let sources = sources();
    let outside = rust_within(&sources, "server/src").filter(|source| !source.is_within("server/src/admin/live"));
    let mut findings = Vec::new();
    for source in outside {
        for (number, line) in source.code() {
            if line.contains("impl actix::Actor") || line.contains("impl Actor for") || line.contains("StreamHandler") {
                findings.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert_none("actors in the server", &findings);
}

#[test]
fn only_a_databases_own_backend_names_it() {
    let sources = sources();
    let mut findings = Vec::new();
    for (database, backend) in [("redb", "redb"), ("scylla", "cql"), ("redis", "redis")] {
        let home = format!("storage/src/backend/{backend}");
        let outside = rust_within(&sources, "storage/src").filter(|source| !source.is_within(&home));
        // The list of backends says `mod x`; that names a module, not the database.
        findings.extend(outside.flat_map(|source| lines_naming(source, &format!("{database}::"))));
    }
    assert_none("databases outside their backend", &findings);
}

fn rust_within<'a>(sources: &'a [Source], folder: &str) -> impl Iterator<Item = &'a Source> {
    sources.iter().filter(move |source| source.is_rust() && source.is_within(folder))
}

/// Lines whose code has a path or identifier that begins with `word`, at the root of a path.
fn lines_naming(source: &Source, word: &str) -> Vec<String> {
    let named = |line: &str| {
        line.match_indices(word).any(|(position, _)| {
            let before = line[..position].chars().next_back();
            let after = line[position + word.len()..].chars().next();
            let begins = !before.is_some_and(|character| character.is_alphanumeric() || "_:\"".contains(character));
            let ends = word.ends_with(':') || !after.is_some_and(char::is_alphanumeric);
            begins && ends
        })
    };
    let lines = source.code().filter(|(_, line)| named(line));
    lines.map(|(number, line)| format!("{}:{number}: {}", source.path, line.trim())).collect()
}
