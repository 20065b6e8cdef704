//! A CQL engine that lets nobody in without TLS, a certificate and a password. Needs one: `RIALTO_TEST_CQL` names it, and `RIALTO_TEST_CQL_TLS` the folder with the certificates
//! (see `tests/engines/cassandra`).

use std::path::PathBuf;

use rialto_tests::binary::rialto;
use rialto_tests::{Ran, note};
use tempfile::TempDir;

/// Exit code of bad usage.
const USAGE: i32 = 2;
/// Exit code when storage failed.
const STORAGE_FAILED: i32 = 4;

struct Engine {
    host: String,
    tls: PathBuf,
    folder: TempDir,
}

impl Engine {
    fn from_env() -> Option<Self> {
        let (host, tls) = (std::env::var("RIALTO_TEST_CQL").ok()?, std::env::var_os("RIALTO_TEST_CQL_TLS")?);
        Some(Self { host, tls: tls.into(), folder: TempDir::new().expect("a temporary folder can be made") })
    }

    fn file(&self, name: &str) -> String {
        self.tls.join(name).display().to_string()
    }

    fn password(&self, password: &str) -> String {
        let path = self.folder.path().join("password");
        std::fs::write(&path, format!("{password}\n")).expect("a file can be written");
        path.display().to_string()
    }

    /// `rialto migrate` as this engine wants it, with some of the settings changed; an empty one is left out.
    async fn migrate(&self, changed: &[(&str, &str)]) -> Ran {
        let (ca, cert, key, password) = (self.file("ca.pem"), self.file("client.pem"), self.file("client.key"), self.password("cassandra"));
        let hosts = format!("[\"{}\"]", self.host);
        let mut settings = vec![
            ("store.kind", "cql"),
            ("store.cql.hosts", &hosts),
            ("store.cql.keyspace", "secured"),
            ("store.cql.username", "cassandra"),
            ("store.cql.password_file", &password),
            ("store.cql.tls.ca_file", &ca),
            ("store.cql.tls.cert_file", &cert),
            ("store.cql.tls.key_file", &key),
        ];
        settings.extend(changed);
        let settings: Vec<String> = settings.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let data = self.folder.path().join("data").display().to_string();
        let mut arguments = vec!["migrate", "--data", &data];
        arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
        rialto(arguments).await
    }
}

#[tokio::test]
async fn only_who_is_known_comes_in_and_only_to_whom_it_knows() {
    let Some(engine) = Engine::from_env() else { return note("SKIPPED: RIALTO_TEST_CQL_TLS names no certificates") };
    engine.migrate(&[]).await.ok();
    engine.migrate(&[("store.cql.tls.server_name", "engine.test")]).await.ok();

    let other = engine.file("other-ca.pem");
    let complaint = engine.migrate(&[("store.cql.tls.ca_file", &other)]).await.fails_with(STORAGE_FAILED);
    assert!(complaint.contains("invalid peer certificate"), "the operator reads why: {complaint}");
    let complaint = engine.migrate(&[("store.cql.tls.server_name", "another.test")]).await.fails_with(STORAGE_FAILED);
    assert!(complaint.contains("not valid for name"), "a certificate of another name: {complaint}");
    let anonymous = [("store.cql.tls.cert_file", ""), ("store.cql.tls.key_file", "")];
    engine.migrate(&anonymous).await.fails_with(STORAGE_FAILED);
    let plain = [anonymous[0], anonymous[1], ("store.cql.tls.ca_file", "")];
    engine.migrate(&plain).await.fails_with(STORAGE_FAILED);
}

#[tokio::test]
async fn a_password_that_is_wrong_is_refused_and_not_shown() {
    let Some(engine) = Engine::from_env() else { return note("SKIPPED: RIALTO_TEST_CQL_TLS names no certificates") };
    let wrong = engine.folder.path().join("wrong");
    std::fs::write(&wrong, "not-the-password").expect("a file can be written");
    let complaint = engine.migrate(&[("store.cql.password_file", &wrong.display().to_string())]).await.fails_with(STORAGE_FAILED);
    assert!(complaint.contains("cassandra") && !complaint.contains("not-the-password"), "{complaint}");
    engine.migrate(&[("store.cql.username", ""), ("store.cql.password_file", "")]).await.fails_with(STORAGE_FAILED);
}

#[tokio::test]
async fn keys_that_cannot_be_used_are_named() {
    let Some(engine) = Engine::from_env() else { return note("SKIPPED: RIALTO_TEST_CQL_TLS names no certificates") };
    let (key, cert) = (engine.file("client.key"), engine.file("client.pem"));
    for (setting, path, named) in [
        ("store.cql.tls.ca_file", key.as_str(), "ca_file"),
        ("store.cql.tls.key_file", cert.as_str(), "key_file"),
        ("store.cql.tls.ca_file", "/nowhere/ca.pem", "store.cql.tls.ca_file"),
        ("store.cql.tls.key_file", "", "store.cql.tls.key_file"),
        ("store.cql.tls.ca_file", "", "store.cql.tls.ca_file"),
    ] {
        let complaint = engine.migrate(&[(setting, path)]).await.fails_with(USAGE);
        assert!(complaint.contains(named), "{setting}: {complaint}");
    }
}
