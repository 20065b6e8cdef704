//! Tokens of other issuers: a company's own backend signs them, we hold its key.

use jsonwebtoken::{Algorithm, DecodingKey};

use super::limits::SHARED_SECRET_BYTES_MIN;

/// One trusted issuer with one key.
#[derive(Clone)]
pub struct ExternalIssuer {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
    pub(super) issuer: Box<str>,
    pub(super) audience: Option<Box<str>>,
    pub(super) require_issuer: bool,
    weak: bool,
}

/// What an operator says of an issuer.
#[derive(Clone, Copy, Debug)]
pub struct IssuerTerms<'a> {
    /// The one algorithm that its tokens may name.
    pub algorithm: &'a str,
    /// The shared secret, or a public key in PEM.
    pub key: &'a [u8],
    /// Equals `iss`.
    pub issuer: &'a str,
    /// Must be in `aud`, if set.
    pub audience: Option<&'a str>,
    /// Whether a token without `iss` is refused.
    pub require_issuer: bool,
}

/// Why an issuer cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerProblem {
    /// Not one of the algorithms that we verify.
    #[error("unknown algorithm {0:?}; known are HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA")]
    UnknownAlgorithm(String),
    /// The key is no PEM of a public key of that algorithm.
    #[error("the key of issuer {issuer:?} is no public key for {algorithm} in PEM")]
    BadKey {
        /// The issuer.
        issuer: String,
        /// The algorithm.
        algorithm: String,
    },
    /// A shared secret that is a PEM public key is public: whoever has it could sign.
    #[error("the shared secret of issuer {0:?} is a PEM key; a public key wants RS256, ES256 or EdDSA")]
    PublicSecret(String),
    /// The key is empty.
    #[error("the key of issuer {0:?} is empty")]
    EmptyKey(String),
    /// The name is empty or has control characters: users' ids are made of it.
    #[error("an issuer's name must be 1 to 255 characters without control characters")]
    BadName,
}

impl ExternalIssuer {
    /// Takes an issuer.
    ///
    /// # Errors
    /// See [`IssuerProblem`].
    pub fn new(terms: IssuerTerms<'_>) -> Result<Self, IssuerProblem> {
        if terms.issuer.is_empty() || terms.issuer.len() > 255 || terms.issuer.chars().any(char::is_control) {
            return Err(IssuerProblem::BadName);
        }
        if terms.key.is_empty() {
            return Err(IssuerProblem::EmptyKey(terms.issuer.to_owned()));
        }
        let algorithm: Algorithm = terms.algorithm.parse().map_err(|_| IssuerProblem::UnknownAlgorithm(terms.algorithm.to_owned()))?;
        let bad_key = |_| IssuerProblem::BadKey { issuer: terms.issuer.to_owned(), algorithm: terms.algorithm.to_owned() };
        let shared = matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512);
        let key = match algorithm {
            _ if shared && is_pem(terms.key) => return Err(IssuerProblem::PublicSecret(terms.issuer.to_owned())),
            _ if shared => DecodingKey::from_secret(terms.key),
            Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(terms.key).map_err(bad_key)?,
            Algorithm::EdDSA => DecodingKey::from_ed_pem(terms.key).map_err(bad_key)?,
            _ => DecodingKey::from_rsa_pem(terms.key).map_err(bad_key)?,
        };
        Ok(Self {
            algorithm,
            key,
            issuer: terms.issuer.into(),
            audience: terms.audience.map(Into::into),
            require_issuer: terms.require_issuer,
            weak: shared && terms.key.len() < SHARED_SECRET_BYTES_MIN,
        })
    }

    /// Whether its shared secret is short enough to be guessed: worth a warning.
    #[must_use]
    pub fn has_weak_key(&self) -> bool {
        self.weak
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.issuer
    }

    /// Whether a token with these unverified words may be its.
    pub(super) fn may_have_signed(&self, algorithm: Algorithm, iss: Option<&str>) -> bool {
        algorithm == self.algorithm
            && match iss {
                Some(iss) => iss == &*self.issuer,
                None => !self.require_issuer,
            }
    }
}

fn is_pem(key: &[u8]) -> bool {
    key.trim_ascii_start().starts_with(b"-----BEGIN")
}
