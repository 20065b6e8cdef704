//! Which passwords are too weak to be taken.

use rialto_protocol::{ErrorCode, Refusal};

use super::limits::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// Common passwords of ten characters and more, folded; shorter ones are refused by length.
const COMMON: &str = include_str!("common_passwords.txt");
/// Words that stay common with digits and signs behind them.
const COMMON_STEMS: [&str; 10] =
    ["password", "passw0rd", "p@ssw0rd", "p@ssword", "qwerty", "qwertyuiop", "iloveyou", "letmein", "welcome", "changeme"];
/// A password made by repeating so few characters is guessed early.
const REPEATED_CHARS_MAX: usize = 3;

/// Checks a new password: at least 10 characters, at most 1024 bytes, not the user name in it, none of the common ones.
///
/// # Errors
/// `invalid_argument`, with a sentence for its owner.
pub fn check(password: &str, username: &str) -> Result<(), Refusal> {
    let problem = if password.chars().count() < PASSWORD_CHARS_MIN {
        "the password has fewer than 10 characters"
    } else if password.len() > PASSWORD_BYTES_MAX {
        "the password has more than 1024 bytes"
    } else if !username.is_empty() && password.to_lowercase().contains(&username.to_lowercase()) {
        "the password contains the user name"
    } else if is_common(password) {
        "the password is one of the most common ones"
    } else {
        return Ok(());
    };
    Err(Refusal::because(ErrorCode::InvalidArgument, problem))
}

fn is_common(password: &str) -> bool {
    let folded = password.to_lowercase();
    let stem = folded.trim_end_matches(|c: char| !c.is_alphabetic());
    COMMON.lines().any(|line| line == folded)
        || COMMON_STEMS.contains(&stem)
        || (1..=REPEATED_CHARS_MAX).any(|period| is_repetition(&folded, period))
        || is_run(&folded)
}

fn is_repetition(text: &str, period: usize) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars.iter().skip(period).zip(&chars).all(|(later, earlier)| later == earlier)
}

/// Neighbours in the alphabet or among the digits, all the way, up or down.
fn is_run(text: &str) -> bool {
    let steps: Vec<i64> = text.chars().zip(text.chars().skip(1)).map(|(a, b)| i64::from(u32::from(b)) - i64::from(u32::from(a))).collect();
    steps.iter().all(|step| *step == 1) || steps.iter().all(|step| *step == -1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_with_their_reason() {
        for (password, reason) in [
            ("short", "fewer"),
            ("123456789", "fewer"),
            ("my-ALICE-secret", "user name"),
            ("Password1234", "common"),
            ("password!!??", "common"),
            ("qwertyuiop", "common"),
            ("aaaaaaaaaaaa", "common"),
            ("abcabcabcabc", "common"),
            ("abcdefghijklmnop", "common"),
            ("zyxwvutsrqponm", "common"),
        ] {
            let refusal = check(password, "alice").unwrap_err();
            assert_eq!(refusal.code, ErrorCode::InvalidArgument);
            assert!(refusal.detail.unwrap().contains(reason), "{password}");
        }
        assert!(check(&"long ".repeat(300), "alice").is_err());
    }

    #[test]
    fn others_are_taken() {
        for password in ["correct-horse-7-battery", "tr0ub4dor&3x", "日本語のパスワードです", "passwordless-entry", "pässword nötig"]
        {
            assert!(check(password, "alice").is_ok(), "{password}");
        }
    }
}
