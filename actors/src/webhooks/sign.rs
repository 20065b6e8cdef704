//! Signatures as standardwebhooks.com says. Secrets are not stored: they are derived from the node's own keys, the webhook's id and a counter.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use uuid::Uuid;

use super::Webhooks;
use super::limits::ROTATION_OVERLAP_MS;
use super::record::OutgoingRecord;
use crate::accounts::keys::mac_sha256;

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// A key of signatures.
pub(super) struct Secret(Vec<u8>);

impl Secret {
    /// As people get it.
    pub(super) fn text(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// One signature: `v1,<base64>`.
    pub(super) fn sign(&self, id: &str, timestamp_s: u64, body: &[u8]) -> String {
        let mut message = format!("{id}.{timestamp_s}.").into_bytes();
        message.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(mac_sha256(&self.0, &message)))
    }
}

impl Webhooks {
    /// The secret of this number.
    pub(super) fn secret(&self, id: Uuid, serial: u32) -> Secret {
        Secret(self.0.accounts.derived_secret(&format!("rialto webhook\n{id}\n{serial}")))
    }

    /// The headers of a post. For a while after a rotation the old secret signs too.
    pub(super) fn headers(&self, hook: Uuid, outgoing: &OutgoingRecord, id: &str, now_ms: u64, body: &[u8]) -> Vec<(&'static str, String)> {
        let timestamp_s = now_ms / 1000;
        let mut signatures = self.secret(hook, outgoing.serial).sign(id, timestamp_s, body);
        if outgoing.serial > 1 && now_ms < outgoing.rotated_ms + ROTATION_OVERLAP_MS {
            signatures = format!("{signatures} {}", self.secret(hook, outgoing.serial - 1).sign(id, timestamp_s, body));
        }
        vec![("webhook-id", id.to_owned()), ("webhook-timestamp", timestamp_s.to_string()), ("webhook-signature", signatures)]
    }
}
