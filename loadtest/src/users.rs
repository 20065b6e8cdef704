//! Users for the clients: tokens minted with a shared key, or a few people registered over HTTP.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clock;
use crate::http;
use crate::ipc::Tokens;
use crate::limits::REGISTERED_USERS_MAX;
use crate::scenario::{Kind, Scenario};

/// Seconds that a minted token is valid: longer than any run.
const TTL_SECONDS: u64 = 6 * 3_600;

/// Where this scenario's tokens come from; registers users when nothing else is said.
///
/// # Errors
/// When the key cannot be read, or the server refuses to register.
pub(crate) fn tokens(scenario: &Scenario, host: &str, tag: &str) -> Result<Tokens> {
    let target = &scenario.target;
    if matches!(target.kind, Kind::Ws | Kind::Socketio) || target.anonymous {
        return Ok(Tokens::None);
    }
    if let Some(path) = &target.token_key_file {
        let key = std::fs::read(path).with_context(|| format!("target.token_key_file {path}"))?;
        let key = key.trim_ascii();
        ensure!(!key.is_empty(), "target.token_key_file {path} is empty");
        return Ok(Tokens::Mint { key: STANDARD.encode(key), issuer: target.issuer.clone() });
    }
    if target.kind == Kind::Centrifuge {
        return Ok(Tokens::None);
    }
    let count = scenario.sockets().min(REGISTERED_USERS_MAX);
    let register = |index| register(host, &format!("load-{tag}-{index}"));
    Ok(Tokens::Given((0..count).map(register).collect::<Result<_>>()?))
}

fn register(host: &str, name: &str) -> Result<String> {
    let body = json!({"username": name, "password": format!("Pw {name:.4} 7!x-long-enough"), "display_name": name});
    let (status, answer) = http::post_json(host, "/v1/auth/register", &body)?;
    let token = answer.get("token").and_then(Value::as_str);
    token.map(str::to_owned).with_context(|| format!("registering users without target.token_key_file: HTTP {status} {answer}"))
}

/// Mints tokens.
pub(crate) struct Mint {
    key: Hmac<Sha256>,
    issuer: Option<String>,
    now: u64,
}

impl Mint {
    /// A mint for a base64 key.
    ///
    /// # Errors
    /// When the key is not base64.
    pub(crate) fn new(key: &str, issuer: Option<String>) -> Result<Self> {
        let key = STANDARD.decode(key).context("the key is not base64")?;
        let key = Hmac::new_from_slice(&key).context("the key cannot be used")?;
        Ok(Self { key, issuer, now: clock::wall_ms() / 1_000 })
    }

    /// A token for this user.
    pub(crate) fn token(&self, user: &str) -> String {
        let mut claims = json!({"sub": user, "iat": self.now, "exp": self.now + TTL_SECONDS});
        if let Some(issuer) = &self.issuer {
            claims["iss"] = json!(issuer);
        }
        let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let mut key = self.key.clone();
        key.update(token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(key.finalize().into_bytes(), &mut token);
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_signed_over_header_and_claims() {
        let mint = Mint { key: Hmac::new_from_slice(b"secret").unwrap(), issuer: Some("load".to_owned()), now: 1_000 };
        let token = mint.token("u1");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (_, claims) = signed.split_once('.').unwrap();
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims, json!({"sub": "u1", "iat": 1_000, "exp": 1_000 + TTL_SECONDS, "iss": "load"}));
        let mut key: Hmac<Sha256> = Hmac::new_from_slice(b"secret").unwrap();
        key.update(signed.as_bytes());
        key.verify_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
    }
}
