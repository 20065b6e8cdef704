//! Every configuration key is explained where an operator looks for it.

use rialto_tests::{config_keys, repository};

use super::assert_none;

/// A comment shorter than this explains nothing.
const COMMENT_CHARACTERS_MIN: usize = 30;

#[test]
fn every_key_of_the_reference_file_is_explained() {
    let path = repository::root().join("config/rialto.toml");
    let text = std::fs::read_to_string(&path).expect("config/rialto.toml is the reference of all keys");
    let keys = config_keys::keys(&text);
    assert!(keys.len() >= 20, "{} keys were found", keys.len());
    let mut findings = Vec::new();
    for (key, comment) in keys {
        if comment.trim().len() < COMMENT_CHARACTERS_MIN {
            findings.push(format!("{key}: {comment:?} (default, unit and reason are wanted above it)"));
        }
    }
    assert_none("keys without an explanation", &findings);
}
