//! Our own access tokens: made here, judged by [`super::Verifier`].

use jsonwebtoken::{Algorithm, Header};
use rialto_protocol::UserId;
use rialto_storage::accounts::AccountRole;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::role_word;
use crate::accounts::keys::KeyRing;

/// The one algorithm of our own keys.
pub(super) const OWN_ALGORITHM: Algorithm = Algorithm::HS256;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whose it is.
    pub user: UserId,
    /// What they may do.
    pub role: AccountRole,
    /// Its name: `<session>` or `<session>.<serial>`. Revoking the session ends all its tokens.
    pub jti: String,
    /// Seconds since 1970.
    pub issued_s: u64,
    /// Seconds that it lives.
    pub ttl_s: u64,
}

#[derive(Serialize)]
struct OwnClaims<'a> {
    sub: UserId,
    iat: u64,
    exp: u64,
    jti: &'a str,
    role: &'static str,
}

/// Signs a token with the newest key. The same grant gives the same token.
///
/// # Panics
/// Never: HMAC takes keys of any length, and the claims always serialize.
#[must_use]
pub fn sign(keys: &KeyRing, grant: &Grant) -> String {
    let keys = keys.current();
    let key = keys.newest();
    let header = Header { kid: Some(key.kid.clone()), ..Header::new(OWN_ALGORITHM) };
    let claims = OwnClaims {
        sub: grant.user,
        iat: grant.issued_s,
        exp: grant.issued_s.saturating_add(grant.ttl_s),
        jti: &grant.jti,
        role: role_word(grant.role),
    };
    jsonwebtoken::encode(&header, &claims, &key.signing).expect("claims serialize and HMAC signs")
}

/// The session of a `jti`: what stands before the first dot.
pub(super) fn session_of(jti: &str) -> Option<Uuid> {
    Uuid::try_parse(jti.split('.').next().unwrap_or_default()).ok()
}

/// All claims that mean anything to us, of any kind of token. What is absent is `None`; a claim of a wrong type or named twice is an error.
#[derive(Deserialize)]
pub(super) struct Claims {
    #[serde(default)]
    pub(super) iss: Option<String>,
    #[serde(default)]
    pub(super) sub: Option<String>,
    #[serde(default)]
    pub(super) aud: Option<Audience>,
    #[serde(default, deserialize_with = "date")]
    pub(super) exp: Option<u64>,
    #[serde(default, deserialize_with = "date")]
    pub(super) nbf: Option<u64>,
    #[serde(default, deserialize_with = "date")]
    pub(super) iat: Option<u64>,
    #[serde(default)]
    pub(super) jti: Option<String>,
    #[serde(default)]
    pub(super) role: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) info: Option<Box<RawValue>>,
    #[serde(default)]
    pub(super) channels: Vec<String>,
    #[serde(default)]
    pub(super) channel: Option<String>,
}

/// `aud` is one text or several.
pub(super) struct Audience(Vec<String>);

impl Audience {
    pub(super) fn contains(&self, audience: &str) -> bool {
        self.0.iter().any(|one| one == audience)
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;
        impl<'de> serde::de::Visitor<'de> for OneOrMany {
            type Value = Audience;
            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a text or an array of texts")
            }
            fn visit_str<E: serde::de::Error>(self, one: &str) -> Result<Audience, E> {
                Ok(Audience(vec![one.to_owned()]))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut many: A) -> Result<Audience, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = many.next_element()? {
                    all.push(one);
                }
                Ok(Audience(all))
            }
        }
        deserializer.deserialize_any(OneOrMany)
    }
}

/// A numeric date in milliseconds: JSON numbers of seconds, with fractions too. Dates before 1970 are 0, those beyond reason saturate.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "float to integer casts saturate, which is what is wanted")]
fn date<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let seconds: Option<f64> = Option::deserialize(deserializer)?;
    Ok(seconds.map(|seconds| (seconds.max(0.0) * 1000.0) as u64))
}
