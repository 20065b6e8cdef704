/** The JSON frames of the Centrifuge client protocol, as far as this client reads and writes them. */

export interface ErrorFrame {
  code: number;
  message?: string;
  temporary?: boolean;
}

export interface ClientInfo {
  user?: string;
  client: string;
}

export interface Publication {
  data: unknown;
  offset?: number;
}

export interface SubscribeResult {
  recoverable?: boolean;
  epoch?: string;
  offset?: number;
  publications?: Publication[];
  recovered?: boolean;
  was_recovering?: boolean;
  positioned?: boolean;
}

export interface ConnectResult {
  client: string;
  ping?: number;
  pong?: boolean;
  expires?: boolean;
  ttl?: number;
  time?: number;
  subs?: Record<string, SubscribeResult>;
}

export interface RefreshResult {
  expires?: boolean;
  ttl?: number;
}

export interface Push {
  channel?: string;
  pub?: Publication;
  join?: { info: ClientInfo };
  leave?: { info: ClientInfo };
  subscribe?: SubscribeResult;
  unsubscribe?: { code?: number; reason?: string };
  disconnect?: { code: number; reason?: string };
}

export interface Reply {
  id?: number;
  error?: ErrorFrame;
  push?: Push;
  connect?: ConnectResult;
  subscribe?: SubscribeResult;
  unsubscribe?: Record<string, never>;
  presence?: { presence?: Record<string, ClientInfo> };
  rpc?: { data?: unknown };
  refresh?: RefreshResult;
}

/** Stream position: where in which timeline of a channel a subscriber stands. */
export interface Position {
  offset: number;
  epoch: string;
}

/** Splits a text frame into its replies. Throws on anything that is not JSON. */
export function parseFrame(text: string): Reply[] {
  const replies: Reply[] = [];
  for (const line of text.split('\n')) {
    if (line !== '') replies.push(JSON.parse(line) as Reply);
  }
  return replies;
}

/** An empty reply without id is the server's ping. */
export function isPing(reply: Reply): boolean {
  return reply.id === undefined && reply.push === undefined && reply.error === undefined;
}

/** Commands are gathered into frames up to this size, well below the server's limit of 64 KiB, in characters. */
const FRAME_CHARACTERS_MAX = 16_384;

/** Joins command lines into frames, in order; a line that is larger than a frame goes alone. */
export function framesOf(lines: readonly string[]): string[] {
  const frames: string[] = [];
  for (const line of lines) {
    const last = frames.at(-1);
    if (last !== undefined && last.length + line.length < FRAME_CHARACTERS_MAX) frames[frames.length - 1] = `${last}\n${line}`;
    else frames.push(line);
  }
  return frames;
}
