import { FRAME_CHARACTERS_MAX } from './limits.ts';
import type { ClientInfo, ConnectResult, HistoryResult, Publication, RefreshResult, SubscribeResult } from './protocol/types.ts';
import type { Position } from './state.ts';

/** What a client says, without its id; field order is that of the golden frames. */
export type Command =
  | { readonly connect: ConnectCommand }
  | { readonly subscribe: SubscribeCommand }
  | { readonly unsubscribe: { readonly channel: string } }
  | { readonly publish: { readonly channel: string; readonly data: unknown } }
  | { readonly presence: { readonly channel: string } }
  | { readonly presence_stats: { readonly channel: string } }
  | { readonly history: HistoryCommand }
  | { readonly rpc: { readonly method: string; readonly data: unknown } }
  | { readonly refresh: { readonly token: string } }
  | { readonly sub_refresh: { readonly channel: string; readonly token: string } };

export interface ConnectCommand {
  readonly token?: string;
  readonly subs?: Readonly<Record<string, { readonly recover: true } & Partial<Position>>>;
  readonly name?: string;
  readonly version?: string;
}

export interface SubscribeCommand {
  readonly channel: string;
  readonly token?: string;
  readonly recover?: true;
  readonly epoch?: string;
  readonly offset?: number;
  readonly positioned?: true;
  readonly recoverable?: true;
  readonly join_leave?: true;
}

export interface HistoryCommand {
  readonly channel: string;
  readonly limit?: number;
  readonly since?: Partial<Position>;
  readonly reverse?: true;
}

export interface ErrorFrame {
  readonly code: number;
  readonly message?: string;
  readonly temporary?: boolean;
}

export interface Push {
  readonly channel?: string;
  readonly pub?: Publication;
  readonly join?: { readonly info: ClientInfo };
  readonly leave?: { readonly info: ClientInfo };
  readonly unsubscribe?: { readonly code?: number; readonly reason?: string };
  readonly subscribe?: SubscribeResult;
  readonly message?: { readonly data: unknown };
  readonly disconnect?: { readonly code: number; readonly reason?: string };
}

/** What a server says: the answer to a command, a push, or (nothing at all) its ping. */
export interface Reply {
  readonly id?: number;
  readonly error?: ErrorFrame;
  readonly push?: Push;
  readonly connect?: Partial<ConnectResult>;
  readonly subscribe?: SubscribeResult;
  readonly presence?: { readonly presence?: Readonly<Record<string, ClientInfo>> };
  readonly presence_stats?: { readonly num_clients?: number; readonly num_users?: number };
  readonly history?: HistoryResult;
  readonly rpc?: { readonly data?: unknown };
  readonly refresh?: RefreshResult;
  readonly sub_refresh?: RefreshResult;
}

/** The answer to the server's ping. */
export const PONG = '{}';

/** One command as a line of a frame. */
export function encodeCommand(id: number, command: Command): string {
  return JSON.stringify({ id, ...command });
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

/** Joins lines into frames, in order; a line that is larger than a frame goes alone. */
export function framesOf(lines: readonly string[]): string[] {
  const frames: string[] = [];
  for (const line of lines) {
    const last = frames.at(-1);
    if (last !== undefined && last.length + line.length < FRAME_CHARACTERS_MAX) frames[frames.length - 1] = `${last}\n${line}`;
    else frames.push(line);
  }
  return frames;
}
