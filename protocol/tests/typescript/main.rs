//! The TypeScript that `clients/typescript` is written in terms of, made from this crate: types, codes, limits and the table of methods; and the types of the
//! operators' console in `clients/web`.
//!
//! A test compares it with the committed files; `RIALTO_WRITE=1 cargo test --workspace --test typescript` writes them.

#![cfg(feature = "schema")]

mod admin;
mod codes;
mod types;
mod writer;

use std::path::PathBuf;

/// Where the SDK's files lie.
const SDK: &str = "../clients/typescript/src/protocol";
/// Where the console's file lies.
const CONSOLE: &str = "../clients/web/src/console";

fn is_current(folder: &str, name: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder).join(name);
    if std::env::var_os("RIALTO_WRITE").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        std::fs::write(&path, made).expect("the file can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let difference = committed.lines().zip(made.lines()).position(|(one, other)| one != other);
    assert!(
        committed == made,
        "{} is not what the protocol gives (first at line {:?}): RIALTO_WRITE=1 cargo test --workspace --test typescript",
        path.display(),
        difference.map(|line| line + 1)
    );
}

#[test]
fn the_types_are_current() {
    is_current(SDK, "types.ts", &types::text());
}

#[test]
fn the_codes_are_current() {
    is_current(SDK, "codes.ts", &codes::text());
}

#[test]
fn the_types_of_the_console_are_current() {
    is_current(CONSOLE, "protocol.ts", &admin::text());
}
