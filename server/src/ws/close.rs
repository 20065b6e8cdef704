//! The rules for the payload of a close frame.

use std::borrow::Cow;

use super::decode::Violation;

/// What a client said in its close frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseReason<'i> {
    /// Status code, already checked with [`is_valid_code`].
    pub code: u16,
    /// Reason text, at most 123 bytes.
    pub reason: Cow<'i, str>,
}

/// Whether a peer may put this code on the wire (RFC 6455 7.4 and IANA's registry: 1004 to 1006 and 1015 are only
/// for local use, 1016 to 2999 are unassigned, 3000 to 4999 belong to libraries and applications).
pub fn is_valid_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// Reads the payload of a close frame; an empty one is a close without a code.
pub(super) fn parse(payload: &[u8]) -> Result<Option<CloseReason<'_>>, Violation> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [_] => return Err(Violation::Protocol("close payload of one byte")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !is_valid_code(code) {
        return Err(Violation::Protocol("close code not allowed on the wire"));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::Utf8)?;
    Ok(Some(CloseReason { code, reason: Cow::Borrowed(reason) }))
}
