//! What types alone do not say of a request.

use super::{ConversationKind, Request, commands};
use crate::code::{ErrorCode, Refusal};
use crate::limits::{EMOJI_BYTES_MAX, MEMBERS_PER_CALL_MAX, TEXT_BYTES_MAX, TITLE_BYTES_MAX};

impl Request {
    /// Checks what types alone do not say. [`Request::parse`] calls it; the HTTP side, which builds requests from path and body, calls it too.
    ///
    /// # Errors
    /// `invalid_argument` or `too_large`.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::ConversationCreate(create) => {
                check_count(create.members.len())?;
                check_title(create.title.as_deref())?;
                match create.kind {
                    ConversationKind::Direct if create.members.len() != 1 => {
                        Err(Refusal::because(ErrorCode::InvalidArgument, "a direct conversation has exactly one other member"))
                    }
                    ConversationKind::Direct if create.title.is_some() => {
                        Err(Refusal::because(ErrorCode::InvalidArgument, "a direct conversation has no title"))
                    }
                    _ => Ok(()),
                }
            }
            Self::ConversationSend(send) => text(&send.text),
            Self::ConversationEdit(edit) => text(&edit.text),
            Self::ConversationReact(react) | Self::ConversationUnreact(react) => check_emoji(&react.emoji),
            Self::ConversationInvite(invite) if invite.users.is_empty() => {
                Err(Refusal::because(ErrorCode::InvalidArgument, "users is empty"))
            }
            Self::ConversationInvite(invite) => check_count(invite.users.len()),
            Self::ConversationSet(set) if set.title.is_none() => Err(Refusal::because(ErrorCode::InvalidArgument, "nothing to set")),
            Self::ConversationSet(set) => check_title(set.title.as_deref()),
            Self::ConversationBrowse(browse) => check_title(browse.title.as_deref()),
            Self::ConversationMessages(list) if list.before.is_some() && list.after.is_some() => {
                Err(Refusal::because(ErrorCode::InvalidArgument, "before and after exclude each other"))
            }
            Self::BotSetCommands(set) => commands::check(set),
            _ => Ok(()),
        }
    }
}

pub(crate) fn text(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Err(Refusal::because(ErrorCode::InvalidArgument, "text is empty"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Refusal::because(ErrorCode::TooLarge, "text is longer than 32 KiB"));
    }
    Ok(())
}

fn check_title(title: Option<&str>) -> Result<(), Refusal> {
    match title {
        Some(title) if title.len() > TITLE_BYTES_MAX => Err(Refusal::because(ErrorCode::TooLarge, "title is longer than 256 bytes")),
        Some(title) if title.chars().any(char::is_control) => {
            Err(Refusal::because(ErrorCode::InvalidArgument, "title has control characters"))
        }
        _ => Ok(()),
    }
}

fn check_emoji(emoji: &str) -> Result<(), Refusal> {
    let fits = !emoji.is_empty() && emoji.len() <= EMOJI_BYTES_MAX && !emoji.chars().any(|c| c.is_control() || c.is_whitespace());
    if fits { Ok(()) } else { Err(Refusal::because(ErrorCode::InvalidArgument, "emoji has 1 to 64 bytes without spaces")) }
}

fn check_count(count: usize) -> Result<(), Refusal> {
    if count <= MEMBERS_PER_CALL_MAX { Ok(()) } else { Err(Refusal::because(ErrorCode::TooLarge, "more than 256 users in one call")) }
}
