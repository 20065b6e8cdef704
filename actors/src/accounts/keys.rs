//! Our own keys: several with a `kid` each, so that they can be replaced while tokens of the old ones live on.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};

use super::limits::{KEYS_KEPT_MAX, SECRET_BYTES};

/// Random bytes of a `kid`.
const KID_BYTES: usize = 6;

/// Fresh secret bytes from the operating system.
///
/// # Panics
/// Never in practice: every supported system gives random bytes.
#[must_use]
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// HMAC-SHA256 of a message.
///
/// # Panics
/// Never: HMAC takes a key of any length.
#[must_use]
pub(crate) fn mac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac =
        jsonwebtoken::crypto::sign(message, &EncodingKey::from_secret(key), Algorithm::HS256).expect("HMAC takes a key of any length");
    URL_SAFE_NO_PAD.decode(mac).expect("it was encoded a moment ago")
}

/// One signing key as it is kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SigningKey {
    kid: String,
    /// base64url.
    secret: String,
    created_ms: u64,
}

/// All secrets of a node as they are kept, apart from the store: whoever reads a backup of the store can sign nothing.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyMaterial {
    /// Oldest first; the last one signs.
    signing: Vec<SigningKey>,
    /// base64url. Refresh tokens are derived from it, and requests with passwords are digested with it.
    refresh: String,
}

/// Secrets never reach a log.
impl fmt::Debug for KeyMaterial {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyMaterial({} keys)", self.signing.len())
    }
}

/// Why key material cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// Not JSON of the right form.
    #[error("the key file is malformed: {0}")]
    Malformed(String),
    /// A secret is no base64url or too short.
    #[error("the key file has a secret that is not 32 bytes in base64url")]
    BadSecret,
    /// There is no key, or one `kid` twice.
    #[error("the key file needs at least one key, each with a kid of its own")]
    BadKids,
}

impl KeyMaterial {
    /// Fresh secrets.
    #[must_use]
    pub fn generate(now_ms: u64) -> Self {
        Self { signing: vec![SigningKey::generate(now_ms)], refresh: URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()) }
    }

    /// The same with one more key, which signs from now on; above [`KEYS_KEPT_MAX`] the oldest falls out, and its tokens with it.
    #[must_use]
    pub fn rotated(mut self, now_ms: u64) -> Self {
        self.signing.push(SigningKey::generate(now_ms));
        let surplus = self.signing.len().saturating_sub(KEYS_KEPT_MAX);
        self.signing.drain(..surplus);
        self
    }

    /// Reads the kept form.
    ///
    /// # Errors
    /// See [`KeyProblem`].
    pub fn from_json(text: &str) -> Result<Self, KeyProblem> {
        let material: Self = serde_json::from_str(text).map_err(|error| KeyProblem::Malformed(error.to_string()))?;
        KeySet::new(&material)?;
        Ok(material)
    }

    /// The kept form: secret.
    ///
    /// # Panics
    /// Never: strings and numbers always serialize.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers serialize")
    }

    /// The `kid` that signs.
    #[must_use]
    pub fn newest_kid(&self) -> Option<&str> {
        self.signing.last().map(|key| key.kid.as_str())
    }
}

impl SigningKey {
    fn generate(created_ms: u64) -> Self {
        Self { kid: URL_SAFE_NO_PAD.encode(random::<KID_BYTES>()), secret: URL_SAFE_NO_PAD.encode(random::<SECRET_BYTES>()), created_ms }
    }
}

/// One key in use.
pub(super) struct OwnKey {
    pub(super) kid: String,
    pub(super) signing: EncodingKey,
    pub(super) verifying: DecodingKey,
}

/// Keys of one moment.
pub(super) struct KeySet {
    keys: Vec<OwnKey>,
    refresh: EncodingKey,
}

impl KeySet {
    fn new(material: &KeyMaterial) -> Result<Self, KeyProblem> {
        let mut keys: Vec<OwnKey> = Vec::with_capacity(material.signing.len());
        for key in &material.signing {
            if key.kid.is_empty() || keys.iter().any(|other| other.kid == key.kid) {
                return Err(KeyProblem::BadKids);
            }
            let secret = secret_of(&key.secret)?;
            keys.push(OwnKey {
                kid: key.kid.clone(),
                signing: EncodingKey::from_secret(&secret),
                verifying: DecodingKey::from_secret(&secret),
            });
        }
        if keys.is_empty() {
            return Err(KeyProblem::BadKids);
        }
        Ok(Self { keys, refresh: EncodingKey::from_secret(&secret_of(&material.refresh)?) })
    }

    /// The key that signs.
    pub(super) fn newest(&self) -> &OwnKey {
        self.keys.last().expect("a key set is never empty")
    }

    /// The key of this name.
    pub(super) fn by_kid(&self, kid: &str) -> Option<&OwnKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// HMAC-SHA256 of a message under the refresh secret, base64url.
    pub(super) fn mac(&self, message: &[u8]) -> String {
        jsonwebtoken::crypto::sign(message, &self.refresh, Algorithm::HS256).expect("HMAC takes a key of any length")
    }
}

fn secret_of(text: &str) -> Result<Vec<u8>, KeyProblem> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyProblem::BadSecret)?;
    if bytes.len() < SECRET_BYTES { Err(KeyProblem::BadSecret) } else { Ok(bytes) }
}

/// The keys in use, shared by all threads and replaced as a whole.
#[derive(Clone)]
pub struct KeyRing(Arc<RwLock<Arc<KeySet>>>);

impl KeyRing {
    /// A ring with these keys.
    ///
    /// # Errors
    /// See [`KeyProblem`].
    pub fn new(material: &KeyMaterial) -> Result<Self, KeyProblem> {
        Ok(Self(Arc::new(RwLock::new(Arc::new(KeySet::new(material)?)))))
    }

    /// Takes other keys into use: after a rotation. On an error the old ones stay.
    ///
    /// # Errors
    /// See [`KeyProblem`].
    pub fn replace(&self, material: &KeyMaterial) -> Result<(), KeyProblem> {
        let fresh = Arc::new(KeySet::new(material)?);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The keys of this moment.
    pub(super) fn current(&self) -> Arc<KeySet> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
