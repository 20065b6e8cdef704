//! Names: what may be one, and when two are the same.

use rialto_protocol::{ErrorCode, Refusal, UserId};
use uuid::Uuid;

use super::limits::{DISPLAY_NAME_CHARS_MAX, USERNAME_CHARS_MAX, USERNAME_CHARS_MIN};

/// Checks a user name: 3 to 32 ASCII letters, digits, `_`, `.` and `-`. ASCII, because names that look alike would be used to deceive.
///
/// # Errors
/// `invalid_argument`.
pub fn check(username: &str) -> Result<(), Refusal> {
    let length_fits = (USERNAME_CHARS_MIN..=USERNAME_CHARS_MAX).contains(&username.len());
    let letters_fit = username.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'));
    if length_fits && letters_fit {
        return Ok(());
    }
    Err(Refusal::because(ErrorCode::InvalidArgument, "username must be 3 to 32 ASCII letters, digits, '_', '.' or '-'"))
}

/// The key of uniqueness: names that differ only in case are one.
#[must_use]
pub fn fold(username: &str) -> String {
    username.to_ascii_lowercase()
}

/// Checks and trims a display name: 1 to 64 characters, no control characters, none that turn the direction of writing.
///
/// # Errors
/// `invalid_argument`.
pub fn display_name(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let count = text.chars().count();
    if !(1..=DISPLAY_NAME_CHARS_MAX).contains(&count) || text.chars().any(is_unfit) {
        return Err(Refusal::because(ErrorCode::InvalidArgument, "display_name must be 1 to 64 characters without control characters"));
    }
    Ok(text.to_owned())
}

/// A display name out of foreign text, which cannot be refused: unfit characters fall out, the rest is cut.
#[must_use]
pub fn display_name_of_foreign(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !is_unfit(*c)).take(DISPLAY_NAME_CHARS_MAX).collect();
    let kept = kept.trim();
    if kept.is_empty() { "user".to_owned() } else { kept.to_owned() }
}

fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The made name of a guest: longer than a registered one may be.
#[must_use]
pub fn of_guest(id: Uuid) -> String {
    format!("guest-{}", id.simple())
}

/// The made name of a user of another issuer: longer than a registered one may be.
#[must_use]
pub fn of_external(id: UserId) -> String {
    format!("x-{}", id.0.simple())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_letters_and_lengths() {
        for good in ["abc", "A.b-c_9", &"x".repeat(32)] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in ["", "ab", &"x".repeat(33), "a b c", "ünal", "abc\n", "a/b/c"] {
            assert_eq!(check(bad).unwrap_err().code, ErrorCode::InvalidArgument, "{bad}");
        }
        assert_eq!(fold("Alice"), fold("aLICE"));
        assert!(check(&of_guest(Uuid::nil())).is_err());
        assert!(check(&of_external(UserId(Uuid::nil()))).is_err());
    }

    #[test]
    fn display_names_are_trimmed_and_free_of_tricks() {
        assert_eq!(display_name("  Zoë 🎉 ").unwrap(), "Zoë 🎉");
        for bad in ["", "  ", "a\u{202E}b", "a\nb", &"é".repeat(65)] {
            assert!(display_name(bad).is_err(), "{bad:?}");
        }
        assert!(display_name(&"é".repeat(64)).is_ok());
        assert_eq!(display_name_of_foreign("\u{202E}\n"), "user");
        assert_eq!(display_name_of_foreign(&"é".repeat(100)).chars().count(), 64);
    }
}
