//! Tables of codes and limits.

use std::fmt::Write as _;

use rialto_protocol::{CloseCode, ErrorCode, UnsubscribeCode, limits};

use crate::types;

const HEAD: &str = "// Made from the protocol crate's tables by its test `typescript`; do not edit.\n";

/// `codes.ts`.
pub(crate) fn text() -> String {
    let mut out = HEAD.to_owned();
    table(
        &mut out,
        "Error codes of replies: the stable word of HTTP's `code` and of `RialtoError.code`, and whether trying again may help.",
        "ERROR_CODES",
        ErrorCode::ALL.iter().map(|code| {
            let word = code.word().replace(' ', "_");
            format!("{}: {{ word: '{word}', status: {}, temporary: {} }}", code.number(), code.status(), code.temporary())
        }),
    );
    table(
        &mut out,
        "Codes that a server closes a socket with, and whether the client comes back by itself.",
        "CLOSE_CODES",
        CloseCode::ALL.iter().map(|code| {
            let number = u32::from(code.number());
            format!("{number}: {{ reason: '{}', reconnect: {} }}", code.reason(), !CloseCode::is_final(number))
        }),
    );
    table(
        &mut out,
        "Codes that a server ends one subscription with, and whether the client subscribes again by itself.",
        "UNSUBSCRIBE_CODES",
        UnsubscribeCode::ALL.iter().map(|code| {
            let again = code.number() >= UnsubscribeCode::RETRY_MIN;
            format!("{}: {{ reason: '{}', resubscribe: {again} }}", code.number(), code.reason())
        }),
    );
    table(
        &mut out,
        "Limits of the protocol, each with its unit in its name.",
        "LIMITS",
        limits().into_iter().map(|(name, value)| format!("{name}: {value}")),
    );
    for (name, union) in [("CONVERSATION_EVENTS", "ConversationEvent"), ("INBOX_EVENTS", "InboxEvent")] {
        let words: Vec<String> = types::tags(union).into_iter().map(|tag| format!("'{tag}'")).collect();
        write!(out, "\n/** Every `type` that a `{union}` may have. */\nexport const {name}: readonly string[] = [{}];\n", words.join(", "))
            .expect("a string takes everything");
    }
    out
}

fn table(out: &mut String, about: &str, name: &str, rows: impl Iterator<Item = String>) {
    write!(out, "\n/** {about} */\nexport const {name} = {{\n").expect("a string takes everything");
    for row in rows {
        writeln!(out, "  {row},").expect("a string takes everything");
    }
    out.push_str("} as const;\n");
}

/// Each limit with its value.
pub(crate) fn limits() -> Vec<(&'static str, u64)> {
    vec![
        ("textBytesMax", limits::TEXT_BYTES_MAX as u64),
        ("titleBytesMax", limits::TITLE_BYTES_MAX as u64),
        ("emojiBytesMax", limits::EMOJI_BYTES_MAX as u64),
        ("frameBytesMax", limits::FRAME_BYTES_MAX as u64),
        ("channelBytesMax", limits::CHANNEL_BYTES_MAX as u64),
        ("methodBytesMax", limits::METHOD_BYTES_MAX as u64),
        ("clientIdBytesMax", limits::CLIENT_ID_BYTES_MAX as u64),
        ("membersPerCallMax", limits::MEMBERS_PER_CALL_MAX as u64),
        ("pageItemsMax", limits::PAGE_ITEMS_MAX as u64),
        ("publicationsPerAnswerMax", limits::PUBLICATIONS_PER_ANSWER_MAX as u64),
        ("subscriptionsPerConnectionMax", limits::SUBSCRIPTIONS_PER_CONNECTION_MAX as u64),
        ("commandsPerFrameMax", limits::COMMANDS_PER_FRAME_MAX as u64),
        ("typingHoldsMs", limits::TYPING_HOLDS_MS),
        ("clientIdAheadMs", limits::CLIENT_ID_AHEAD_MS),
        ("clientIdAgeMs", limits::CLIENT_ID_AGE_MS),
    ]
}
