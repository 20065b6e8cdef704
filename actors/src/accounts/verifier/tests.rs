//! Which tokens count, and that no token can choose how it is judged.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;
use crate::accounts::external::{IssuerProblem, IssuerTerms};
use crate::accounts::keys::KeyMaterial;
use crate::accounts::token::{Grant, sign};

const NOW_S: u64 = 1_790_000_000;
const NOW_MS: u64 = NOW_S * 1000;
const ISSUER: &str = "https://issuer.example";
const SECRET: &str = "a-shared-secret-of-at-least-32-bytes";
const RSA_PUBLIC: &str = include_str!("keys/rs256.pub.pem");
const RSA_PRIVATE: &str = include_str!("keys/rs256.pem");
const EC_PUBLIC: &str = include_str!("keys/es256.pub.pem");
const EC_PRIVATE: &str = include_str!("keys/es256.pem");
const ED_PUBLIC: &str = include_str!("keys/eddsa.pub.pem");
const ED_PRIVATE: &str = include_str!("keys/eddsa.pem");

fn terms<'a>(algorithm: &'a str, key: &'a str) -> IssuerTerms<'a> {
    IssuerTerms { algorithm, key: key.as_bytes(), issuer: ISSUER, audience: None, require_issuer: true }
}

fn judge_of(issuers: &[IssuerTerms<'_>], anonymous: bool) -> Verifier {
    let keys = KeyRing::new(&KeyMaterial::generate(NOW_MS)).unwrap();
    Verifier::new(keys, issuers.iter().map(|terms| ExternalIssuer::new(*terms).unwrap()).collect(), anonymous)
}

fn judge() -> Verifier {
    judge_of(&[terms("HS256", SECRET)], false)
}

fn claims(changes: Value) -> Value {
    let mut all = json!({"iss": ISSUER, "sub": "alice", "iat": NOW_S, "exp": NOW_S + 60});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
    all
}

fn signed(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
    encode(&Header::new(algorithm), claims, key).unwrap()
}

fn shared(changes: Value) -> String {
    signed(Algorithm::HS256, &EncodingKey::from_secret(SECRET.as_bytes()), &claims(changes))
}

/// A token with any header, signed like a JWT with an HMAC of `secret`.
fn handmade(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", encode(header), encode(claims));
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(secret), Algorithm::HS256).unwrap();
    format!("{message}.{mac}")
}

fn grant() -> Grant {
    let session = Uuid::from_u128(7);
    Grant { user: UserId(Uuid::from_u128(1)), role: AccountRole::User, jti: format!("{session}.3"), issued_s: NOW_S, ttl_s: 3600 }
}

#[test]
fn our_own_token_says_who_and_which_session() {
    let judge = judge();
    let token = sign(judge.keys(), &grant());
    let verified = judge.verify(&token, NOW_MS).unwrap();
    assert_eq!(verified.user, grant().user);
    assert_eq!(verified.session, Some(Uuid::from_u128(7)));
    assert_eq!(verified.expires_ms, Some(NOW_MS + 3_600_000));
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.is_some()), (Algorithm::HS256, true));
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
    assert_eq!(claims, json!({"sub": grant().user, "iat": NOW_S, "exp": NOW_S + 3600, "jti": grant().jti, "role": "user"}));
}

#[test]
fn our_own_token_expires_and_can_be_revoked() {
    let judge = judge();
    let token = sign(judge.keys(), &grant());
    assert!(judge.verify(&token, NOW_MS + 3_599_999).is_ok());
    assert_eq!(judge.verify(&token, NOW_MS + 3_600_000), Err(TokenProblem::Expired));
    let mut news = judge.revocations().subscribe();
    judge.revocations().add(&[Uuid::from_u128(7)], NOW_MS + 3_600_000);
    assert_eq!(judge.verify(&token, NOW_MS), Err(TokenProblem::Revoked));
    assert_eq!(*news.try_recv().unwrap().sessions, [Uuid::from_u128(7)]);
    judge.revocations().forget_expired(NOW_MS + 3_600_000);
    assert!(!judge.revocations().contains(Uuid::from_u128(7)));
}

#[test]
fn keys_rotate_and_unknown_ones_do_not_count() {
    let material = KeyMaterial::generate(NOW_MS);
    let ring = KeyRing::new(&material).unwrap();
    let judge = Verifier::new(ring.clone(), Vec::new(), false);
    let old = sign(&ring, &grant());
    let rotated = KeyMaterial::from_json(&material.clone().rotated(NOW_MS).to_json()).unwrap();
    ring.replace(&rotated).unwrap();
    let new = sign(&ring, &grant());
    assert_ne!(jsonwebtoken::decode_header(&old).unwrap().kid, jsonwebtoken::decode_header(&new).unwrap().kid);
    assert!(judge.verify(&old, NOW_MS).is_ok());
    assert!(judge.verify(&new, NOW_MS).is_ok());
    ring.replace(&KeyMaterial::generate(NOW_MS)).unwrap();
    assert_eq!(judge.verify(&new, NOW_MS), Err(TokenProblem::Invalid));
    let many = (0..20).fold(material, |material, _| material.rotated(NOW_MS));
    assert_eq!(many.to_json().matches("\"kid\"").count(), crate::accounts::limits::KEYS_KEPT_MAX);
}

#[test]
fn the_algorithm_is_the_keys_not_the_tokens() {
    let rsa = judge_of(&[terms("RS256", RSA_PUBLIC)], false);
    let genuine = signed(Algorithm::RS256, &EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap(), &claims(json!({})));
    assert!(rsa.verify(&genuine, NOW_MS).is_ok());
    let confused = handmade(&json!({"alg": "HS256"}), &claims(json!({})), RSA_PUBLIC.as_bytes());
    assert_eq!(rsa.verify(&confused, NOW_MS), Err(TokenProblem::Invalid), "the public key as a shared secret");
    for header in [json!({"alg": "none"}), json!({"alg": "None"}), json!({}), json!({"alg": "HS256", "crit": ["x"]})] {
        let token = handmade(&header, &claims(json!({})), SECRET.as_bytes());
        assert_eq!(judge().verify(&token, NOW_MS), Err(TokenProblem::Invalid), "{header}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(judge().verify(&unsigned, NOW_MS), Err(TokenProblem::Invalid), "{header} unsigned");
    }
    let other_strength = signed(Algorithm::HS512, &EncodingKey::from_secret(SECRET.as_bytes()), &claims(json!({})));
    assert_eq!(judge().verify(&other_strength, NOW_MS), Err(TokenProblem::Invalid));
}

#[test]
fn a_kid_of_ours_means_our_key() {
    let judge = judge();
    let own = sign(judge.keys(), &grant());
    let kid = jsonwebtoken::decode_header(&own).unwrap().kid.unwrap();
    let as_ours = handmade(&json!({"alg": "HS256", "kid": kid}), &claims(json!({})), SECRET.as_bytes());
    assert_eq!(judge.verify(&as_ours, NOW_MS), Err(TokenProblem::Invalid));
    let foreign_kid = handmade(&json!({"alg": "HS256", "kid": "theirs"}), &claims(json!({})), SECRET.as_bytes());
    assert!(judge.verify(&foreign_kid, NOW_MS).is_ok());
    let claimed_role = shared(json!({"role": "admin", "jti": grant().jti}));
    let verified = judge.verify(&claimed_role, NOW_MS).unwrap();
    assert_eq!((verified.role, verified.session), (AccountRole::User, None), "an issuer makes no admins");
}

#[test]
fn every_algorithm_verifies_its_own() {
    for (algorithm, word, public, private) in [
        (Algorithm::RS256, "RS256", RSA_PUBLIC, EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap()),
        (Algorithm::RS512, "RS512", RSA_PUBLIC, EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap()),
        (Algorithm::PS256, "PS256", RSA_PUBLIC, EncodingKey::from_rsa_pem(RSA_PRIVATE.as_bytes()).unwrap()),
        (Algorithm::ES256, "ES256", EC_PUBLIC, EncodingKey::from_ec_pem(EC_PRIVATE.as_bytes()).unwrap()),
        (Algorithm::EdDSA, "EdDSA", ED_PUBLIC, EncodingKey::from_ed_pem(ED_PRIVATE.as_bytes()).unwrap()),
        (Algorithm::HS384, "HS384", SECRET, EncodingKey::from_secret(SECRET.as_bytes())),
    ] {
        let judge = judge_of(&[terms(word, public)], false);
        let token = signed(algorithm, &private, &claims(json!({})));
        let verified = judge.verify(&token, NOW_MS).unwrap();
        assert_eq!(verified.user, UserId::of_issuer(ISSUER, "alice"), "{word}");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        bytes[3] ^= 1;
        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(judge.verify(&forged, NOW_MS), Err(TokenProblem::Invalid), "{word} forged");
    }
}

#[test]
fn issuer_audience_and_dates_are_checked() {
    let strict = judge_of(&[IssuerTerms { audience: Some("rialto"), ..terms("HS256", SECRET) }], false);
    let lax = judge_of(&[IssuerTerms { require_issuer: false, ..terms("HS256", SECRET) }], false);
    for (judge, changes, expected) in [
        (&strict, json!({"aud": "rialto"}), None),
        (&strict, json!({"aud": ["x", "rialto"]}), None),
        (&strict, json!({"aud": "x"}), Some(TokenProblem::Invalid)),
        (&strict, json!({}), Some(TokenProblem::Invalid)),
        (&lax, json!({"iss": null}), None),
        (&lax, json!({"iss": "https://other.example"}), Some(TokenProblem::Invalid)),
        (&lax, json!({"exp": null}), None),
        (&lax, json!({"exp": NOW_S}), Some(TokenProblem::Expired)),
        (&lax, json!({"exp": 0}), Some(TokenProblem::Expired)),
        (&lax, json!({"exp": -5}), Some(TokenProblem::Expired)),
        (&lax, json!({"exp": (NOW_S as f64) + 0.5}), None),
        (&lax, json!({"exp": "soon"}), Some(TokenProblem::Invalid)),
        (&lax, json!({"nbf": NOW_S + 5, "iat": NOW_S + 5}), None),
        (&lax, json!({"nbf": NOW_S + 6}), Some(TokenProblem::Invalid)),
        (&lax, json!({"iat": NOW_S + 6}), Some(TokenProblem::Invalid)),
        (&lax, json!({"sub": null}), Some(TokenProblem::Invalid)),
        (&lax, json!({"sub": ""}), Some(TokenProblem::Invalid)),
        (&lax, json!({"sub": 7}), Some(TokenProblem::Invalid)),
        (&lax, json!({"sub": "x".repeat(300)}), Some(TokenProblem::Invalid)),
        (&lax, json!({"info": "x".repeat(9000)}), Some(TokenProblem::Invalid)),
    ] {
        assert_eq!(judge.verify(&shared(changes.clone()), NOW_MS).err(), expected, "{changes}");
    }
    let requires = judge_of(&[terms("HS256", SECRET)], false);
    assert_eq!(requires.verify(&shared(json!({"iss": null})), NOW_MS), Err(TokenProblem::Invalid));
    assert_eq!(judge_of(&[], false).verify(&shared(json!({})), NOW_MS), Err(TokenProblem::Invalid));
}

#[test]
fn claims_for_the_connection_are_carried() {
    let verified = judge().verify(&shared(json!({"info": {"a": [1, 2]}, "channels": ["news"], "name": "Alice\u{0}"})), NOW_MS).unwrap();
    assert_eq!(verified.info.unwrap().get(), r#"{"a":[1,2]}"#);
    assert_eq!(verified.channels, ["news"]);
    assert_eq!(verified.display_name.as_deref(), Some("Alice"));
    assert_eq!(verified.external, Some((ISSUER.into(), "alice".into())));
    let anonymous = judge_of(&[terms("HS256", SECRET)], true).verify(&shared(json!({"sub": null})), NOW_MS).unwrap();
    assert!(anonymous.is_anonymous() && anonymous.external.is_none());
}

#[test]
fn garbage_is_invalid() {
    for token in ["", ".", "..", "a.b.c", "é.é.é", &"x".repeat(100_000), &shared(json!({}))[1..]] {
        assert_eq!(judge().verify(token, NOW_MS), Err(TokenProblem::Invalid));
    }
    let twice = r#"{"sub":"alice","sub":"bob"}"#;
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#), URL_SAFE_NO_PAD.encode(twice));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let mac = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    let lax = judge_of(&[IssuerTerms { require_issuer: false, ..terms("HS256", SECRET) }], false);
    assert_eq!(lax.verify(&format!("{message}.{mac}"), NOW_MS), Err(TokenProblem::Invalid), "a claim named twice");
}

#[test]
fn a_subscription_token_is_for_its_channel_and_user() {
    let judge = judge();
    let alice = UserId::of_issuer(ISSUER, "alice");
    let token = shared(json!({"channel": "secret:1", "info": 5}));
    let granted = judge.verify_subscription(&token, NOW_MS).unwrap();
    assert!(granted.admits(alice, "secret:1"));
    assert!(!granted.admits(alice, "secret:2"));
    assert!(!granted.admits(UserId(Uuid::from_u128(1)), "secret:1"));
    assert_eq!(granted.info.unwrap().get(), "5");
    let own_user = Uuid::from_u128(1);
    let for_ours = judge.verify_subscription(&shared(json!({"channel": "secret:1", "sub": own_user})), NOW_MS).unwrap();
    assert!(for_ours.admits(UserId(own_user), "secret:1"), "a subject may be an id of ours");
    let for_all = judge.verify_subscription(&shared(json!({"channel": "secret:1", "sub": null})), NOW_MS).unwrap();
    assert!(for_all.admits(UserId(Uuid::nil()), "secret:1"));
    assert_eq!(judge.verify_subscription(&shared(json!({})), NOW_MS), Err(TokenProblem::Invalid), "names no channel");
    assert_eq!(judge.verify_subscription(&token, NOW_MS + 60_000), Err(TokenProblem::Expired));
    assert_eq!(judge.verify(&token, NOW_MS), Err(TokenProblem::Invalid), "it says nothing about who somebody is");
}

#[test]
fn issuers_are_checked_when_they_are_configured() {
    let problem = |terms: IssuerTerms<'_>| ExternalIssuer::new(terms).err().unwrap();
    assert!(matches!(problem(terms("none", SECRET)), IssuerProblem::UnknownAlgorithm(_)));
    assert!(matches!(problem(terms("RS256", SECRET)), IssuerProblem::BadKey { .. }));
    assert!(matches!(problem(terms("ES256", RSA_PUBLIC)), IssuerProblem::BadKey { .. }));
    assert!(matches!(problem(terms("HS256", RSA_PUBLIC)), IssuerProblem::PublicSecret(_)));
    assert!(matches!(problem(terms("HS256", "")), IssuerProblem::EmptyKey(_)));
    assert!(matches!(problem(IssuerTerms { issuer: "a\nb", ..terms("HS256", SECRET) }), IssuerProblem::BadName));
    assert!(ExternalIssuer::new(terms("HS256", "short")).unwrap().has_weak_key());
    assert!(!ExternalIssuer::new(terms("HS256", SECRET)).unwrap().has_weak_key());
}

#[test]
fn scopes_limit_methods() {
    let mut verified = judge().verify(&shared(json!({})), NOW_MS).unwrap();
    assert!(verified.allows("anything"));
    verified.scopes = Some(vec!["conversation.send".into(), "user.*".into()]);
    for (method, expected) in [("conversation.send", true), ("conversation.sendx", false), ("user.me", true), ("users.me", false)] {
        assert_eq!(verified.allows(method), expected, "{method}");
    }
}
