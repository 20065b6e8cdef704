import { socketUrl } from './environment.ts';
import type { Environment, WebSocketConstructor } from './environment.ts';
import { RialtoError } from './error.ts';
import type { Settings } from './limits.ts';
import { LIMITS } from './protocol/codes.ts';
import type { Publication } from './protocol/types.ts';
import type { CallOptions } from './requests.ts';
import type { Position } from './state.ts';
import type { Token } from './token.ts';

/** What a client is made of. */
export interface ClientOptions {
  /** `http(s)://host:port` of a server, or several of one cluster: the next one is taken when one fails. In a browser the page's own by default. */
  readonly url?: string | readonly string[];
  /** An access token, or where fresh ones come from; none for servers that let anonymous connections in. */
  readonly token?: Token;
  /** What the server's operator sees: at most 16 characters. */
  readonly name?: string;
  /** Needed where there is no global one: Node before version 22. */
  readonly webSocket?: WebSocketConstructor;
  /** Other times and bounds than the defaults. */
  readonly settings?: Partial<Settings>;
  /** Hears of errors that handlers throw; by default they surface as uncaught ones. */
  readonly onError?: (error: unknown) => void;
  /** Time, chance and network from elsewhere, for tests. */
  readonly environment?: Environment;
}

/** Which part of a channel's stream. */
export interface HistoryOptions extends CallOptions {
  /** Publications wanted: 0 for the position alone, -1 for as many as the server gives (300). */
  readonly limit?: number;
  /** Only what is behind this position, or before it when reversed. */
  readonly since?: Position;
  /** Newest first. */
  readonly reverse?: boolean;
}

/** A part of a channel's stream, and where the stream stands. */
export interface History {
  readonly publications: readonly Publication[];
  readonly position: Position;
}

/** Where the client protocol is spoken on the servers that were given, or on the page's own. */
export function addressesOf(url: ClientOptions['url']): readonly string[] {
  const given = typeof url === 'string' ? [url] : url;
  const own = (globalThis as { location?: { origin: string } }).location?.origin;
  const addresses = given ?? (own === undefined ? [] : [own]);
  if (addresses.length === 0) throw new RialtoError('misuse', { detail: 'no address' });
  return addresses.map(socketUrl);
}

/** A command without a channel's name would cost the connection. */
export function named(channel: string): string {
  const isFitting = channel !== '' && channel.length <= LIMITS.channelBytesMax && new TextEncoder().encode(channel).length <= LIMITS.channelBytesMax;
  if (!isFitting) throw new RialtoError('misuse', { detail: `a channel's name has 1 to ${LIMITS.channelBytesMax} bytes` });
  return channel;
}
