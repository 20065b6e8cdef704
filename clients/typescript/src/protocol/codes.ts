// Made from the protocol crate's tables by its test `typescript`; do not edit.

/** Error codes of replies: the stable word of HTTP's `code` and of `RialtoError.code`, and whether trying again may help. */
export const ERROR_CODES = {
  100: { word: 'internal_server_error', status: 500, temporary: true },
  101: { word: 'unauthorized', status: 401, temporary: false },
  102: { word: 'unknown_channel', status: 404, temporary: false },
  103: { word: 'permission_denied', status: 403, temporary: false },
  104: { word: 'method_not_found', status: 404, temporary: false },
  105: { word: 'already_subscribed', status: 409, temporary: false },
  106: { word: 'limit_exceeded', status: 400, temporary: false },
  107: { word: 'bad_request', status: 400, temporary: false },
  108: { word: 'not_available', status: 404, temporary: false },
  109: { word: 'token_expired', status: 401, temporary: false },
  110: { word: 'expired', status: 401, temporary: false },
  111: { word: 'too_many_requests', status: 429, temporary: true },
  112: { word: 'unrecoverable_position', status: 409, temporary: false },
  400: { word: 'invalid_argument', status: 400, temporary: false },
  401: { word: 'not_found', status: 404, temporary: false },
  402: { word: 'not_a_member', status: 403, temporary: false },
  403: { word: 'forbidden', status: 403, temporary: false },
  404: { word: 'conflict', status: 409, temporary: false },
  405: { word: 'too_large', status: 413, temporary: false },
  406: { word: 'client_id_expired', status: 409, temporary: false },
  407: { word: 'overloaded', status: 503, temporary: true },
  408: { word: 'unavailable', status: 503, temporary: true },
  409: { word: 'not_configured', status: 501, temporary: false },
  410: { word: 'banned', status: 403, temporary: false },
  411: { word: 'storage_full', status: 507, temporary: false },
  412: { word: 'invalid_credentials', status: 401, temporary: false },
  413: { word: 'rate_limited', status: 429, temporary: true },
} as const;

/** Codes that a server closes a socket with, and whether the client comes back by itself. */
export const CLOSE_CODES = {
  1000: { reason: 'normal closure', reconnect: true },
  1002: { reason: 'protocol error', reconnect: true },
  1007: { reason: 'invalid utf-8', reconnect: true },
  1009: { reason: 'message size limit', reconnect: false },
  3000: { reason: 'connection closed', reconnect: true },
  3001: { reason: 'shutdown', reconnect: true },
  3004: { reason: 'internal server error', reconnect: true },
  3005: { reason: 'connection expired', reconnect: true },
  3006: { reason: 'subscription expired', reconnect: true },
  3008: { reason: 'slow', reconnect: true },
  3010: { reason: 'insufficient state', reconnect: true },
  3011: { reason: 'force reconnect', reconnect: true },
  3012: { reason: 'no pong', reconnect: true },
  3013: { reason: 'too many requests', reconnect: true },
  3500: { reason: 'invalid token', reconnect: false },
  3501: { reason: 'bad request', reconnect: false },
  3502: { reason: 'stale', reconnect: false },
  3503: { reason: 'force disconnect', reconnect: false },
  3504: { reason: 'connection limit', reconnect: false },
  3505: { reason: 'channel limit', reconnect: false },
  3506: { reason: 'inappropriate protocol', reconnect: false },
  3507: { reason: 'permission denied', reconnect: false },
} as const;

/** Codes that a server ends one subscription with, and whether the client subscribes again by itself. */
export const UNSUBSCRIBE_CODES = {
  2000: { reason: 'server unsubscribe', resubscribe: false },
  2500: { reason: 'insufficient state', resubscribe: true },
  2501: { reason: 'subscription expired', resubscribe: true },
} as const;

/** Limits of the protocol, each with its unit in its name. */
export const LIMITS = {
  textBytesMax: 32768,
  titleBytesMax: 256,
  emojiBytesMax: 64,
  frameBytesMax: 65536,
  channelBytesMax: 255,
  methodBytesMax: 64,
  clientIdBytesMax: 64,
  membersPerCallMax: 256,
  pageItemsMax: 100,
  publicationsPerAnswerMax: 300,
  subscriptionsPerConnectionMax: 128,
  commandsPerFrameMax: 4096,
  typingHoldsMs: 6000,
  clientIdAheadMs: 600000,
  clientIdAgeMs: 604800000,
} as const;

/** Every `type` that a `ConversationEvent` may have. */
export const CONVERSATION_EVENTS: readonly string[] = ['conversation_created', 'message', 'message_edited', 'message_deleted', 'reaction_added', 'reaction_removed', 'member_joined', 'member_left', 'member_removed', 'role_changed', 'settings_changed', 'typing'];

/** Every `type` that a `InboxEvent` may have. */
export const INBOX_EVENTS: readonly string[] = ['conversation_changed', 'conversation_added', 'conversation_removed', 'read'];
