import { CLOSE_CODES } from './protocol/codes.ts';

/** A place in a channel's stream. Keep it to resume there after a restart of the program. */
export interface Position {
  /** The last offset seen. */
  readonly offset: number;
  /** The stream's identity; empty is not compared. */
  readonly epoch: string;
}

/** Why a connection ended or could not be made. */
export interface Reason {
  /** 1000 and above: the socket's close code. 100 to 999: the error code of a refused `connect`. Below: see `REASONS`. */
  readonly code: number;
  /** For people. */
  readonly text: string;
}

/** Codes of reasons that are not the server's. */
export const REASONS = {
  /** The owner called `close` or `suspend`, or has not called `connect` yet. */
  byOwner: 0,
  /** The token source said that there will be no token. */
  noToken: 1,
  /** The token source failed for now. */
  tokenFailed: 2,
  /** No socket could be opened. */
  openFailed: 3,
  /** The socket broke without a close frame, or the owner knows that it is dead. */
  transport: 4,
  /** No reply to connect or subscribe in time. */
  noReply: 5,
  /** No ping in time. */
  noPing: 6,
} as const;

/** Where the connection stands. */
export type ConnectionState =
  /** Fetching a token, opening a socket or waiting for the connect reply; `attempt` counts failures since the last stable connection. */
  | { readonly name: 'connecting'; readonly attempt: number }
  /** Connected; `client` is the server's id of this connection. */
  | { readonly name: 'connected'; readonly client: string }
  /** Not connected; the client tries again by itself. */
  | { readonly name: 'disconnected'; readonly reason: Reason; readonly attempt: number; readonly retryInMs: number }
  /** Not connected, and it stays so until `connect` is called: not begun, told to, or refused for good. Subscriptions are kept. */
  | { readonly name: 'suspended'; readonly reason: Reason }
  /** Closed by its owner, for ever. */
  | { readonly name: 'closed'; readonly reason: Reason };

/** Whether the client goes on by itself. */
export function willRetry(state: ConnectionState): boolean {
  return state.name !== 'suspended' && state.name !== 'closed';
}

/** Whether a client whose socket was closed with this code comes back by itself. */
export function shouldReconnect(closeCode: number): boolean {
  const known = (CLOSE_CODES as Readonly<Record<number, { readonly reconnect: boolean }>>)[closeCode];
  // Codes of later versions: the ranges are part of the protocol.
  return known?.reconnect ?? !((closeCode >= 3500 && closeCode < 4000) || (closeCode >= 4500 && closeCode < 5000));
}
