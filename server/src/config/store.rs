//! Where the truth lies, and where the keys.

use std::path::{Path, PathBuf};

use rialto_storage::backend::cql::{CqlOptions, CqlTls, Credentials};
use sha2::{Digest as _, Sha256};

use super::validate::{fail, within, without_newline};
use super::{ConfigError, KeySource, MasterKey, raw};

/// Nodes of the engine that are named; the others are found through them.
const HOSTS_MAX: usize = 64;
/// Replicas in one data centre.
const REPLICATION_MAX: u8 = 9;
/// Bytes of a master key: fewer can be guessed.
const MASTER_KEY_BYTES_MIN: usize = 32;
/// Bytes of a file with a secret.
const SECRET_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a file with certificates: a system's whole bundle has 200 KiB.
const CERTIFICATES_BYTES_MAX: usize = 1024 * 1024;

fn file(key: &str, path: &str, bytes_max: usize) -> Result<Vec<u8>, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError(format!("{key}: {path}: {error}")))?;
    if bytes.len() > bytes_max {
        return fail(&format!("{key}: {path} is larger than {} KiB", bytes_max / 1024));
    }
    Ok(bytes)
}

pub(super) fn secret(key: &str, path: &str) -> Result<Vec<u8>, ConfigError> {
    Ok(without_newline(file(key, path, SECRET_BYTES_MAX)?))
}

/// How to reach the engine, if the truth lies on one.
pub(super) fn cql(store: &raw::Store) -> Result<Option<CqlOptions>, ConfigError> {
    match store.kind.as_str() {
        "embedded" => return Ok(None),
        "cql" => {}
        other => return fail(&format!("store.kind is {other:?}; known are \"embedded\" and \"cql\"")),
    }
    let raw = &store.cql;
    if raw.hosts.is_empty() || raw.hosts.len() > HOSTS_MAX || raw.hosts.iter().any(String::is_empty) {
        return fail("store.cql.hosts names 1 to 64 nodes of the engine, each host:port");
    }
    let credentials = match (raw.username.is_empty(), raw.password_file.is_empty()) {
        (true, true) => None,
        (false, false) => {
            let password = String::from_utf8(secret("store.cql.password_file", &raw.password_file)?);
            let password = password.map_err(|_| ConfigError("store.cql.password_file is no text".to_owned()))?;
            Some(Credentials { username: raw.username.clone(), password })
        }
        _ => return fail("store.cql.username and store.cql.password_file are given together or not at all"),
    };
    Ok(Some(CqlOptions {
        hosts: raw.hosts.clone(),
        keyspace: raw.keyspace.clone(),
        credentials,
        tls: tls(&raw.tls)?,
        replication: within("store.cql.replication", raw.replication, 1, REPLICATION_MAX)?,
        allow_unsafe: raw.allow_unsafe,
        ..CqlOptions::default()
    }))
}

/// TLS to the engine, when somebody is named whose certificates count.
fn tls(raw: &raw::CqlTls) -> Result<Option<CqlTls>, ConfigError> {
    if raw.ca_file.is_empty() {
        if [&raw.cert_file, &raw.key_file, &raw.server_name].iter().any(|key| !key.is_empty()) {
            return fail("store.cql.tls.ca_file is empty, which means no TLS, but other keys of store.cql.tls are set");
        }
        return Ok(None);
    }
    let identity = match (raw.cert_file.is_empty(), raw.key_file.is_empty()) {
        (true, true) => None,
        (false, false) => Some((
            file("store.cql.tls.cert_file", &raw.cert_file, CERTIFICATES_BYTES_MAX)?,
            file("store.cql.tls.key_file", &raw.key_file, SECRET_BYTES_MAX)?,
        )),
        _ => return fail("store.cql.tls.cert_file and store.cql.tls.key_file are given together or not at all"),
    };
    let ca_pem = file("store.cql.tls.ca_file", &raw.ca_file, CERTIFICATES_BYTES_MAX)?;
    Ok(Some(CqlTls { ca_pem, identity, server_name: Some(raw.server_name.clone()).filter(|name| !name.is_empty()) }))
}

/// Where our own keys are kept: in the file that is named; else sealed in the store, when there is a master key; else in a file in the data folder.
pub(super) fn keys(raw: &raw::Raw, data_dir: &Path, warnings: &mut Vec<String>) -> Result<KeySource, ConfigError> {
    let (auth, shared) = (&raw.auth, raw.store.kind == "cql");
    if !auth.keys_file.is_empty() {
        return Ok(KeySource::File(PathBuf::from(&auth.keys_file)));
    }
    if !auth.master_key_file.is_empty() {
        if !shared {
            return fail("auth.master_key_file seals keys in a store that nodes share; the embedded one keeps them in a file");
        }
        let secret = secret("auth.master_key_file", &auth.master_key_file)?;
        if secret.len() < MASTER_KEY_BYTES_MIN {
            return fail("auth.master_key_file has fewer than 32 bytes and could be guessed");
        }
        return Ok(KeySource::Store(MasterKey(Sha256::digest(&secret).into())));
    }
    if shared {
        warnings.push("auth.master_key_file is not set: each node signs with keys of its own, which other nodes do not take".to_owned());
    }
    Ok(KeySource::File(data_dir.join("keys.json")))
}
