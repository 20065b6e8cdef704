//! Tokens of imaginary issuers: what a company's own backend would sign.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock;

/// The issuer's name in tokens and settings.
pub const ISSUER: &str = "https://issuer.example";

/// The secret of the HS256 issuer.
pub const SECRET: &str = "a-shared-secret-of-at-least-32-bytes";

const RSA_PRIVATE_PEM: &str = include_str!("../fixtures/issuer-rs256.pem");
const EC_PRIVATE_PEM: &str = include_str!("../fixtures/issuer-es256.pem");

/// The `--set` that trusts one issuer; `key` is `key = "…"` or `key_file = "…"`.
#[must_use]
pub fn trust(algorithm: &str, key: &str) -> String {
    format!(r#"auth.external=[{{algorithm = "{algorithm}", {key}, issuer = "{ISSUER}"}}]"#)
}

/// Trusts [`SECRET`].
#[must_use]
pub fn trust_secret() -> String {
    trust("HS256", &format!(r#"key = "{SECRET}""#))
}

/// Trusts the public half of a key pair in `tests/fixtures`.
#[must_use]
pub fn trust_public_key(algorithm: &str) -> String {
    let name = format!("tests/fixtures/issuer-{}.pub.pem", algorithm.to_ascii_lowercase());
    trust(algorithm, &format!(r#"key_file = "{}""#, crate::repository::root().join(name).display()))
}

/// Claims for `sub` that are valid for an hour.
#[must_use]
pub fn claims(sub: &str) -> Value {
    let now = clock::now_ms() / 1000;
    json!({"iss": ISSUER, "sub": sub, "iat": now, "exp": now + 3600})
}

/// `claims` with some fields replaced; `null` removes one.
#[must_use]
pub fn claims_with(sub: &str, changes: &Value) -> Value {
    let mut all = claims(sub);
    let fields = all.as_object_mut().expect("claims are an object");
    for (name, value) in changes.as_object().expect("changes are an object") {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    all
}

/// Signs with any secret.
#[must_use]
pub fn hs256(secret: &str, claims: &Value) -> String {
    sign(Algorithm::HS256, &EncodingKey::from_secret(secret.as_bytes()), claims)
}

/// Signs with the RSA key of the fixtures.
#[must_use]
pub fn rs256(claims: &Value) -> String {
    sign(Algorithm::RS256, &EncodingKey::from_rsa_pem(RSA_PRIVATE_PEM.as_bytes()).expect("the fixture is an RSA key"), claims)
}

/// Signs with the P-256 key of the fixtures.
#[must_use]
pub fn es256(claims: &Value) -> String {
    sign(Algorithm::ES256, &EncodingKey::from_ec_pem(EC_PRIVATE_PEM.as_bytes()).expect("the fixture is a P-256 key"), claims)
}

fn sign(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, key).expect("claims can be signed")
}

/// Our user id for somebody of that issuer.
#[must_use]
pub fn user_id(issuer: &str, sub: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{issuer}\n{sub}").as_bytes()).to_string()
}

/// A token whose last signature character was changed.
#[must_use]
pub fn forged(token: &str) -> String {
    let (head, signature) = token.rsplit_once('.').expect("a token has three parts");
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{head}.{first}{}", &signature[1..])
}

/// The claims of a token, without asking who signed it.
#[must_use]
pub fn unverified_claims(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token, without asking who signed it.
#[must_use]
pub fn unverified_header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, number: usize) -> Value {
    let encoded = token.split('.').nth(number).expect("a token has three parts");
    let decoded = URL_SAFE_NO_PAD.decode(encoded).expect("a part of a token is base64url");
    serde_json::from_slice(&decoded).expect("a part of a token is JSON")
}
