//! Our own keys in a store that several nodes share, sealed so that the store's keeper cannot sign: every node with the same master key takes every node's tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, Generate as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use rialto_actors::accounts::KeyMaterial;
use rialto_storage::backend::cql::CqlStore;

use super::failure::{Exit, Failure};
use crate::config::MasterKey;

/// The record's name in the store.
const RECORD: &str = "signing_keys";
/// What a sealed text is for: it opens as nothing else.
const PURPOSE: &[u8] = b"rialto signing keys 1";
/// Bytes of the nonce in front of the sealed text.
const NONCE_BYTES: usize = 24;
/// Times that a rotation is tried against others at once.
const ROTATE_ATTEMPTS_MAX: u32 = 8;

fn broken(cause: &str) -> Failure {
    Failure::new(Exit::Usage, format!("the keys in the store: {cause}"))
}

fn seal(master: &MasterKey, material: &KeyMaterial) -> Result<String, Failure> {
    let cipher = XChaCha20Poly1305::new(&Key::from(master.0));
    let nonce = XNonce::generate();
    let text = material.to_json();
    let sealed = cipher.encrypt(&nonce, Payload { msg: text.as_bytes(), aad: PURPOSE }).map_err(|_| broken("cannot be sealed"))?;
    Ok(STANDARD.encode([nonce.as_slice(), &sealed].concat()))
}

fn unseal(master: &MasterKey, sealed: &str) -> Result<KeyMaterial, Failure> {
    let bytes = STANDARD.decode(sealed).map_err(|_| broken("are no sealed text"))?;
    let (nonce, sealed) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(|| broken("are no sealed text"))?;
    let cipher = XChaCha20Poly1305::new(&Key::from(master.0));
    let opened = cipher.decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: PURPOSE });
    let text = String::from_utf8(opened.map_err(|_| broken("auth.master_key_file does not open them"))?);
    KeyMaterial::from_json(&text.map_err(|_| broken("are no text"))?).map_err(|error| broken(&error.to_string()))
}

/// Reads the keys, making them when there are none. Of two nodes that make them at once both get the same.
///
/// # Errors
/// When the store does not answer, or the master key is another one.
pub(super) async fn open(store: &CqlStore, master: &MasterKey, now_ms: u64) -> Result<KeyMaterial, Failure> {
    let sealed = match store.record(RECORD).await? {
        Some(sealed) => sealed,
        None => store.replace_record(RECORD, None, seal(master, &KeyMaterial::generate(now_ms))?).await?,
    };
    unseal(master, &sealed)
}

/// Adds a key that signs from now on. Answers its name.
///
/// # Errors
/// As [`open`].
pub(super) async fn rotate(store: &CqlStore, master: &MasterKey, now_ms: u64) -> Result<String, Failure> {
    for _ in 0..ROTATE_ATTEMPTS_MAX {
        let rotated = open(store, master, now_ms).await?.rotated(now_ms);
        let seen = store.record(RECORD).await?;
        let new = seal(master, &rotated)?;
        if store.replace_record(RECORD, seen, new.clone()).await? == new {
            return Ok(rotated.newest_kid().unwrap_or_default().to_owned());
        }
    }
    Err(Failure::new(Exit::Storage, "others rotate the keys all the time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_master_key_opens_what_it_sealed() {
        let (master, other) = (MasterKey([1; 32]), MasterKey([2; 32]));
        let material = KeyMaterial::generate(7);
        let sealed = seal(&master, &material).unwrap();
        assert_eq!(unseal(&master, &sealed).unwrap(), material);
        assert_ne!(seal(&master, &material).unwrap(), sealed, "never the same text twice");
        assert!(unseal(&other, &sealed).unwrap_err().message.contains("master_key_file"));
        assert!(unseal(&master, &sealed[..20]).is_err());
        let changed = if sealed.starts_with('A') { sealed.replacen('A', "B", 1) } else { format!("A{}", &sealed[1..]) };
        assert!(unseal(&master, &changed).is_err());
    }
}
