//! The reference file and the program know the same keys.

use rialto_tests::{config_keys, repository, rialto};

#[tokio::test]
async fn the_reference_file_has_exactly_the_programs_keys() {
    let path = repository::root().join("config/rialto.toml");
    let documented = config_keys::keys(&std::fs::read_to_string(&path).expect("config/rialto.toml"));
    let printed = rialto(["print-config", "--config", &path.display().to_string()]).await.ok();
    let known = config_keys::keys(&printed);
    let undocumented: Vec<&String> = known.keys().filter(|key| !documented.contains_key(*key)).collect();
    assert!(undocumented.is_empty(), "printed but not in config/rialto.toml: {undocumented:?}");
    // What has no default cannot be printed; its comment says that it is unset.
    let unknown = documented.iter().filter(|(key, comment)| !known.contains_key(*key) && !comment.contains("unset"));
    let unknown: Vec<&String> = unknown.map(|(key, _)| key).collect();
    assert!(unknown.is_empty(), "in config/rialto.toml but not known to the program: {unknown:?}");
}

#[tokio::test]
async fn what_is_printed_can_be_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("printed.toml").display().to_string();
    let first = rialto(["print-config", "--set", "drain.timeout_ms=4321"]).await.ok();
    std::fs::write(&file, &first).expect("a file");
    let second = rialto(["print-config", "--config", &file]).await.ok();
    assert_eq!(first, second);
}
