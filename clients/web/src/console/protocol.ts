// Made from the protocol crate's schemas by its test `typescript`; do not edit.

/** `GET /v1/admin/config`. */
export interface Configuration {
  /** The effective configuration as TOML, secrets masked. */
  readonly toml: string;
}

/** One connection of a user. */
export interface ConnectionDetails {
  /** The client's address. */
  readonly address?: string | undefined;
  /** Channels that it listens to. */
  readonly channels: readonly string[];
  /** What the client calls itself; may be empty. */
  readonly client: string;
  /** Its id. */
  readonly connection: string;
  /** When it came. */
  readonly since: number;
}

/** `GET /v1/admin/conversations/{id}`. */
export interface ConversationDetails {
  /** When it was made. */
  readonly created: number;
  /** Its id. */
  readonly id: ConversationId;
  /** Direct, group or public. */
  readonly kind: ConversationKind;
  /** How many members it has. */
  readonly member_count: number;
  /** The first of them. */
  readonly members: readonly UserId[];
  /** Messages so far. */
  readonly messages: number;
  /** The newest row. */
  readonly offset: number;
  /** Its title. */
  readonly title?: string | undefined;
}

/** A conversation: UUIDv7, or UUIDv5 where it is derived (a direct pair; a creation with a `client_id`), so that creating twice meets the same entity. */
export type ConversationId = string;

/** What a conversation is for. */
export type ConversationKind = 'direct' | 'group' | 'public';

/** Something that the node depends on. */
export interface Dependency {
  /** Milliseconds that it took to answer when it was looked at last. */
  readonly ms: number;
  /** `ok`, `failing`, or `degraded`: away, and the node serves without it. */
  readonly state: string;
}

/** Who listens: the first frame to the feed, unless the token came as subprotocol; later again with a fresh token. */
export interface FeedAuth {
  /** The access token. */
  readonly token: string;
}

/** The first frame of a feed that was let in: what a row of numbers means, and the last hour. */
export interface FeedHistory {
  /** What stands at each place of a row. */
  readonly columns: readonly string[];
  /** Whether another such frame with later rows follows. */
  readonly more: boolean;
  /** One row for each second, oldest first. */
  readonly samples: readonly FeedRow[];
}

/** A frame of the feed. */
export type FeedMessage =
  | ({ readonly type: 'history' } & FeedHistory)
  | ({ readonly type: 'sample' } & FeedSample);

/** A frame to the feed. */
export type FeedRequest =
  | ({ readonly type: 'auth' } & FeedAuth);

/** What was measured at one moment, about the second before it. */
export interface FeedRow {
  /** When. */
  readonly time: number;
  /** By column; null where there was nothing to measure. */
  readonly values: readonly (number | null)[];
}

/** One sample, each second. */
export interface FeedSample {
  /** What the node depends on. */
  readonly dependencies: Readonly<Record<string, Dependency>>;
  /** The busiest rooms of the last minute. */
  readonly rooms: readonly RoomRate[];
  /** The numbers. */
  readonly row: FeedRow;
}

/** `POST /v1/admin/users/{id}/kick`: all connections, for good, unless it says otherwise. */
export interface Kick {
  /** Only this connection; all when absent. */
  readonly connection?: string | undefined;
  /** Whether clients are to come back by themselves (3011); else they stay away (3503). */
  readonly reconnect?: boolean | undefined;
}

/** Connections were ended. */
export interface Kicked {
  /** How many. */
  readonly disconnected: number;
}

/** `GET /v1/admin/log`. */
export interface LogPage {
  /** Lines as logged in JSON, oldest first. */
  readonly items: readonly Readonly<Record<string, unknown>>[];
  /** For `after` of the next call. */
  readonly next: number;
}

/** `POST /v1/admin/users/{id}/mute`. */
export interface Mute {
  /** Milliseconds, at most 10 years. */
  readonly duration_ms: number;
}

/** A user is muted. */
export interface Muted {
  /** Until when. */
  readonly until: number;
}

/** `GET /v1/admin/node`: who asks, and what answers. */
export interface NodeFacts {
  /** The caller's role: `operator` or `admin`. */
  readonly role: string;
  /** Seconds between two samples of the feed. */
  readonly sample_seconds: number;
  /** When the process began. */
  readonly started: number;
  /** `embedded` or `cql`. */
  readonly store: string;
  /** Threads that share sockets and shards. */
  readonly threads: number;
  /** The server's version. */
  readonly version: string;
}

/** A user as others see one. */
export interface Profile {
  /** What people read. */
  readonly display_name: string;
  /** The id. */
  readonly id: UserId;
  /** The unique name; guests and users of other issuers have a made one. */
  readonly username: string;
}

/** What a room did within the last minute. */
export interface RoomRate {
  /** Its channel. */
  readonly channel: string;
  /** Chunks of publications given to listeners. */
  readonly deliveries: number;
  /** What was published there. */
  readonly publications: number;
}

/** `GET /v1/admin/users/{id or name}`. */
export interface UserDetails {
  /** Connections to this node, oldest first. */
  readonly connections: readonly ConnectionDetails[];
  /** When the account was made. */
  readonly created: number;
  /** Until when an operator has muted the user. */
  readonly muted_until?: number | undefined;
  /** `own`, `guest`, or the issuer that vouches for the user. */
  readonly origin: string;
  /** `user`, `bot`, `operator` or `admin`. */
  readonly role: string;
  /** What everybody sees. */
  readonly user: Profile;
}

/** A person or a bot: UUIDv7 for our own accounts, UUIDv5 of issuer and subject for those of other issuers. */
export type UserId = string;
