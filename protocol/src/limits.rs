//! Every limit of the client protocol, with its unit, its reason and what happens when it is hit. Those that an operator may change are config
//! keys whose defaults stand here.

/// Bytes of one inbound text frame or message. Above: close 1009.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Nesting of arrays and objects in one inbound command: parsers recurse, so depth is stack. Above: close 3501.
pub const JSON_DEPTH_MAX: usize = 64;
/// Commands in one inbound frame: more than the smallest useful ones would fill, fewer than a frame of empty objects holds. Above: close 3501.
pub const COMMANDS_PER_FRAME_MAX: usize = 4096;
/// Bytes of a channel name. Above: error 107.
pub const CHANNEL_BYTES_MAX: usize = 255;
/// Bytes of an rpc method name. Above: error 104.
pub const METHOD_BYTES_MAX: usize = 64;
/// Bytes of a token. A larger one is invalid.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Characters of a `client_id`. Above: `invalid_argument`.
pub const CLIENT_ID_BYTES_MAX: usize = 64;
/// Bytes of a message's text. Above: `too_large`.
pub const TEXT_BYTES_MAX: usize = 32 * 1024;
/// Bytes of a conversation's title. Above: `too_large`.
pub const TITLE_BYTES_MAX: usize = 256;
/// Bytes of one reaction (an emoji with its modifiers). Above: `invalid_argument`.
pub const EMOJI_BYTES_MAX: usize = 64;
/// Different emoji on one message. Above: `conflict`.
pub const EMOJI_PER_MESSAGE_MAX: usize = 64;
/// Members in one create or invite call. Above: `too_large`.
pub const MEMBERS_PER_CALL_MAX: usize = 256;
/// Members of a group or public conversation. Above: `conflict`.
pub const MEMBERS_MAX: usize = 100_000;
/// Member ids in a conversation object; the whole set is paged by `.members`.
pub const MEMBERS_SHOWN_MAX: usize = 100;
/// Members above which a conversation sends no inbox events.
pub const INBOX_MEMBERS_MAX: usize = 1_000;
/// Publications in one history or recovery answer. A larger `limit` is cut to this; a larger recovery is not `recovered`.
pub const PUBLICATIONS_PER_ANSWER_MAX: usize = 300;
/// Bytes of publications or messages in one answer: it must leave room in an outbox. A `history` or a page ends before; its first item is always given.
pub const ANSWER_BYTES_MAX: usize = 512 * 1024;
/// Bytes of publications in one recovery, which is whole or not `recovered`.
pub const RECOVERY_BYTES_MAX: usize = 768 * 1024;
/// Bytes of publications in one recovery of a conversation by `subscribe`: whoever was closed for being slow has lost an outbox and all that was said
/// until it came back. A larger one is not `recovered`.
pub const LONG_RECOVERY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Publications in such a recovery, likewise.
pub const LONG_RECOVERY_PUBLICATIONS_MAX: usize = 2_000;
/// Items of one page. A larger `limit` is cut to this.
pub const PAGE_ITEMS_MAX: usize = 100;
/// Items of one page when the caller names no limit.
pub const PAGE_ITEMS_DEFAULT: usize = 50;
/// Subscriptions of one connection. Above: error 106 (client side), close 3505 (server side).
pub const SUBSCRIPTIONS_PER_CONNECTION_MAX: usize = 128;
/// Connections of one user. Above: close 3504.
pub const CONNECTIONS_PER_USER_MAX: usize = 128;
/// Commands per second and session; beside it a burst. Above: error 111.
pub const COMMANDS_PER_SECOND_MAX: u32 = 2_000;
/// Commands that a session may send at once before the rate counts.
pub const COMMANDS_BURST_MAX: u32 = 4_000;
/// Commands per second and user, over all connections. Above: error 111, temporary.
pub const USER_COMMANDS_PER_SECOND_MAX: u32 = 8_000;
/// Commands that a user may send at once before that rate counts.
pub const USER_COMMANDS_BURST_MAX: u32 = 16_000;
/// Bytes that wait for one connection's socket. Above: close 3008.
pub const OUTBOX_BYTES_MAX: usize = 1024 * 1024;
/// Milliseconds from the upgrade to an accepted `connect`. After: close 3502.
pub const CONNECT_WITHIN_MS: u64 = 15_000;
/// Milliseconds between server pings.
pub const PING_INTERVAL_MS: u64 = 25_000;
/// Milliseconds within which a ping is answered. After: close 3012.
pub const PONG_WITHIN_MS: u64 = 8_000;
/// Milliseconds after a token's expiry in which a refresh still counts. After: close 3005.
pub const EXPIRY_GRACE_MS: u64 = 25_000;
/// Milliseconds that an id may be dated ahead of the server's clock. Above: `client_id_expired`.
pub const CLIENT_ID_AHEAD_MS: u64 = 10 * 60 * 1000;
/// Milliseconds after which a dated id is refused. Older: `client_id_expired`.
pub const CLIENT_ID_AGE_MS: u64 = 7 * 24 * 60 * 60 * 1000;
/// Milliseconds that one `typing` event holds at its readers.
pub const TYPING_HOLDS_MS: u64 = 6_000;
/// Slash commands of one bot. Above: `too_large`.
pub const COMMANDS_PER_BOT_MAX: usize = 100;
/// Bytes of all commands of one bot: many bots' stand in one answer. Above: `too_large`.
pub const COMMANDS_BYTES_MAX: usize = 32 * 1024;
/// Bytes of the name of a command or of an option. Above: `invalid_argument`.
pub const COMMAND_NAME_BYTES_MAX: usize = 32;
/// Bytes of the description of a command or of an option. Above: `invalid_argument`.
pub const COMMAND_DESCRIPTION_BYTES_MAX: usize = 200;
/// Options of one command. Above: `invalid_argument`.
pub const COMMAND_OPTIONS_MAX: usize = 16;
/// Words of one choice. Above: `invalid_argument`.
pub const COMMAND_CHOICES_MAX: usize = 25;

const _: () = assert!(ANSWER_BYTES_MAX < RECOVERY_BYTES_MAX && RECOVERY_BYTES_MAX < OUTBOX_BYTES_MAX, "an answer must fit an outbox");
const _: () = assert!(LONG_RECOVERY_BYTES_MAX >= 4 * OUTBOX_BYTES_MAX, "who was slow must find what it lost");
const _: () = assert!(TEXT_BYTES_MAX < FRAME_BYTES_MAX, "a message of the largest size must fit a frame");
const _: () = assert!(PONG_WITHIN_MS < PING_INTERVAL_MS, "a pong must be due before the next ping");
