//! The TypeScript that `clients/typescript` is written in terms of, and the same in Python for `clients/python`, made from this crate:
//! types, codes, limits and the table of methods. And the types of the operators' console in `clients/web`.
//!
//! A test compares them with the committed files; `RIALTO_WRITE=1 cargo test --workspace --test typescript` writes them.

#![cfg(feature = "schema")]

mod admin;
mod codes;
mod python;
mod types;
mod writer;

use std::path::PathBuf;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../clients").join(name)
}

fn is_current(name: &str, made: &str) {
    let path = file(name);
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
    is_current("typescript/src/protocol/types.ts", &types::text());
}

#[test]
fn the_codes_are_current() {
    is_current("typescript/src/protocol/codes.ts", &codes::text());
}

#[test]
fn the_types_in_python_are_current() {
    is_current("python/src/rialto/protocol/types.py", &python::types_text());
}

#[test]
fn the_codes_in_python_are_current() {
    is_current("python/src/rialto/protocol/codes.py", &python::codes_text());
}

#[test]
fn the_types_of_the_console_are_current() {
    is_current("web/src/console/protocol.ts", &admin::text());
}
