//! What things look like. Text of others is cleaned: a message must not move the cursor or colour the terminal.

use rialto_client::ConnectionState;
use rialto_protocol::event::ConversationEvent;
use rialto_protocol::rpc::{Conversation, ConversationKind};

/// Without control characters; line breaks become an indented line.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\n    "),
            '\t' => out.push(' '),
            c if c.is_control() || is_direction(c) => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// Characters that turn the direction of what follows on the screen.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One message.
pub(crate) fn message(offset: u64, sender: &str, text: &str, edited: bool) -> String {
    format!("#{offset} {}: {}{}", clean(sender), clean(text), if edited { " (edited)" } else { "" })
}

/// One line of the list.
pub(crate) fn conversation(number: usize, conversation: &Conversation, name: &str) -> String {
    let unread = if conversation.unread > 0 { format!(" ({} unread)", conversation.unread) } else { String::new() };
    let kind = match conversation.kind {
        ConversationKind::Direct => "direct",
        ConversationKind::Group => "group",
        ConversationKind::Public => "public",
    };
    format!("{number}. {}{unread} [{kind} {}]", clean(name), conversation.id)
}

/// What happened in the open conversation, but for messages; `name` is who did it, `whom` to whom it happened.
pub(crate) fn event(event: &ConversationEvent, name: &str, whom: &str) -> Option<String> {
    let (name, whom) = (clean(name), clean(whom));
    Some(match event {
        ConversationEvent::ConversationCreated(_) => format!("* {name} began this conversation"),
        ConversationEvent::MessageEdited(edit) => format!("* {name} edited #{}: {}", edit.target, clean(&edit.text)),
        ConversationEvent::MessageDeleted(deletion) => format!("* {name} deleted #{}", deletion.target),
        ConversationEvent::ReactionAdded(reaction) => format!("* {name} reacted to #{} with {}", reaction.target, clean(&reaction.emoji)),
        ConversationEvent::ReactionRemoved(reaction) => format!("* {name} took {} back from #{}", clean(&reaction.emoji), reaction.target),
        ConversationEvent::MemberJoined(_) => format!("* {whom} joined"),
        ConversationEvent::MemberLeft(_) => format!("* {whom} left"),
        ConversationEvent::MemberRemoved(_) => format!("* {name} removed {whom}"),
        ConversationEvent::RoleChanged(change) => {
            format!(
                "* {name} made {whom} {}",
                change.role.map_or_else(|| "something else".to_owned(), |role| format!("{role:?}").to_lowercase())
            )
        }
        ConversationEvent::SettingsChanged(change) => {
            format!("* {name} changed the title to {}", clean(change.title.as_deref().unwrap_or("nothing")))
        }
        ConversationEvent::Typing(_) => format!("* {name} is typing"),
        ConversationEvent::Message(_) => return None,
    })
}

/// News of the connection.
pub(crate) fn state(state: &ConnectionState) -> Option<String> {
    match state {
        ConnectionState::Connected { .. } => Some("* connected".to_owned()),
        ConnectionState::Disconnected { reason, retry_in_ms } => {
            Some(format!("* connection lost: {}; trying again in {retry_in_ms} ms", clean(&reason.to_string())))
        }
        ConnectionState::Closed { reason } => Some(format!("* closed: {}", clean(&reason.to_string()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\u{7}\u{202e}c"), "a\u{fffd}[31mb\u{fffd}\u{fffd}\u{fffd}c");
        assert_eq!(message(7, "eve\n", "two\nlines", true), "#7 eve\n    : two\n    lines (edited)");
    }
}
