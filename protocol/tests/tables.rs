//! The code table and the channel grammar.

use std::collections::HashSet;

use rialto_protocol::channel::{InvalidChannel, RESERVED_PREFIXES};
use rialto_protocol::code::{CloseCode, ErrorCode, Refusal, UnsubscribeCode};
use rialto_protocol::id::EntityKind;
use rialto_protocol::limits::CHANNEL_BYTES_MAX;
use rialto_protocol::reply::ReplyBody;
use rialto_protocol::{Channel, ClientId, ConversationId, UserId};
use uuid::Uuid;

#[test]
fn every_error_has_its_own_number_and_word() {
    let numbers: HashSet<u32> = ErrorCode::ALL.iter().map(|code| code.number()).collect();
    let words: HashSet<&str> = ErrorCode::ALL.iter().map(|code| code.word()).collect();
    assert_eq!((numbers.len(), words.len()), (ErrorCode::ALL.len(), ErrorCode::ALL.len()));
    for code in ErrorCode::ALL {
        let number = code.number();
        assert!((100..=113).contains(&number) || (400..2000).contains(&number), "{number} lies in no range that SDKs know");
        assert!((400..600).contains(&code.status()), "{code:?}");
    }
}

#[test]
fn application_words_are_those_of_http_and_temporary_ones_come_with_a_status_that_says_so() {
    for code in ErrorCode::ALL.iter().filter(|code| code.number() >= 400) {
        assert!(code.word().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code:?}");
        if code.temporary() {
            assert!([429, 503].contains(&code.status()), "{code:?}");
        }
    }
    let temporary: Vec<u32> = ErrorCode::ALL.iter().filter(|code| code.temporary()).map(|code| code.number()).collect();
    assert_eq!(temporary, [100, 111, 407, 408, 413]);
}

#[test]
fn http_only_words_leave_a_socket_as_protocol_errors() {
    for code in ErrorCode::ALL {
        let ReplyBody::Error(error) = ReplyBody::from(&Refusal::from(*code)) else { panic!("not an error") };
        assert!(error.code <= ErrorCode::StorageFull.number(), "{code:?}");
        assert_eq!(error.temporary, code.temporary(), "{code:?}");
    }
}

#[test]
fn every_close_has_its_own_number_and_a_reason_that_fits() {
    let numbers: HashSet<u16> = CloseCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers.len(), CloseCode::ALL.len());
    for code in CloseCode::ALL {
        let reason = code.reason();
        assert!(!reason.is_empty() && reason.len() <= 123, "{code:?}: an empty reason makes SDKs reconnect on a terminal code");
        assert!(!reason.starts_with(['{', '[', '"']), "{code:?}: SDKs try the reason as JSON");
        assert!([1000, 1002, 1007, 1009].contains(&code.number()) || (3000..4000).contains(&code.number()), "{code:?}");
    }
}

#[test]
fn unsubscribe_codes_say_whether_to_come_back() {
    assert!(UnsubscribeCode::ServerUnsubscribe.number() < 2500);
    assert!(UnsubscribeCode::InsufficientState.number() >= 2500);
    assert!(UnsubscribeCode::SubscriptionExpired.number() >= 2500);
}

#[test]
fn an_entity_channel_has_exactly_one_name() {
    let id = "01920000-0000-7000-8000-00000000abcd";
    let channel = Channel::parse(&format!("conversation:{id}")).expect("a conversation");
    assert!(matches!(channel, Channel::Conversation(_)));
    assert_eq!(channel.entity().kind, EntityKind::Conversation);
    for other in [id.to_uppercase(), format!("{{{id}}}"), id.replace('-', ""), format!("urn:uuid:{id}"), format!("{id} "), String::new()] {
        for prefix in ["conversation:", "user:"] {
            assert_eq!(Channel::parse(&format!("{prefix}{other}")), Err(InvalidChannel::Unknown), "{prefix}{other}");
        }
    }
}

#[test]
fn reserved_prefixes_are_never_topics_and_everything_else_is() {
    for prefix in RESERVED_PREFIXES {
        assert_eq!(Channel::parse(prefix), Err(InvalidChannel::Unknown));
        assert_eq!(Channel::parse(&format!("{prefix}x")), Err(InvalidChannel::Unknown));
    }
    for name in [
        "news",
        "news:1",
        "$private:x",
        "personal:user#42",
        "conversation",
        "users:1",
        "Conversation:x",
        "é",
        &"x".repeat(CHANNEL_BYTES_MAX),
    ] {
        assert!(matches!(Channel::parse(name), Ok(Channel::Topic(_))), "{name}");
    }
    for name in ["", "a\nb", "\u{0}", "a\u{7f}", &"x".repeat(CHANNEL_BYTES_MAX + 1), &"é".repeat(128)] {
        assert_eq!(Channel::parse(name), Err(InvalidChannel::Malformed), "{name:?}");
    }
}

#[test]
fn derived_ids_meet_however_they_are_made() {
    let [one, other] = [UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2))];
    assert_eq!(ConversationId::direct(one, other), ConversationId::direct(other, one));
    let client_id = ClientId::new("a").expect("fits");
    assert_ne!(ConversationId::created_with(one, &client_id), ConversationId::created_with(other, &client_id));
    assert_ne!(UserId::of_issuer("a", "b"), UserId::of_issuer("a\nb", ""));
}

#[test]
fn only_a_uuid_of_version_7_is_dated() {
    let dated = |text: &str| ClientId::new(text).expect("fits").dated_ms();
    assert_eq!(dated("01920000-0000-7000-8000-000000000001"), Some(0x0192_0000_0000));
    assert_eq!(dated("ffffffff-ffff-7fff-bfff-ffffffffffff"), Some(0xffff_ffff_ffff));
    for other in ["01920000-0000-4000-8000-000000000001", "echo-1", "00000000-0000-0000-0000-000000000000"] {
        assert_eq!(dated(other), None, "{other}");
    }
}
