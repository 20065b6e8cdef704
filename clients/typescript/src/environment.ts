import { RialtoError } from './error.ts';

/** What a client needs from outside, as one value, so that tests own time, chance and network. */
export interface Environment {
  openSocket(url: string): Socket;
  /** Runs once after the delay; answers what `clearTimer` takes. */
  setTimer(run: () => void, delayMs: number): unknown;
  clearTimer(timer: unknown): void;
  /** A clock that never jumps, in milliseconds. Only differences count. */
  now(): number;
  /** A number in [0, 1), for jitter. */
  random(): number;
  /** Random bytes, for ids. */
  randomBytes(length: number): Uint8Array;
}

/** The part of a WebSocket that the client uses. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** The browser's `WebSocket`, Node's from version 22 on, or that of the package `ws`. */
export type WebSocketConstructor = new (url: string) => Socket;

/** setTimeout takes 31 bits of milliseconds; a longer delay would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The real world. */
export function realEnvironment(webSocket: WebSocketConstructor | undefined): Environment {
  const Constructor = webSocket ?? (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (Constructor === undefined) {
    throw new RialtoError('misuse', { detail: 'there is no WebSocket here: give one as `webSocket`, for example that of the package `ws`' });
  }
  return {
    openSocket: (url) => new Constructor(url),
    setTimer: (run, delayMs) => setTimeout(run, Math.min(delayMs, TIMER_MS_MAX)),
    clearTimer: (timer) => clearTimeout(timer as number),
    now: () => performance.now(),
    random: () => Math.random(),
    randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  };
}

/** Where the client protocol is spoken on a server at `http(s)://host` or `ws(s)://host`. */
export function socketUrl(address: string): string {
  const [, scheme, rest] = /^(?:http|ws)(s?):\/\/(.+)$/.exec(address) ?? [];
  if (rest === undefined) throw new RialtoError('misuse', { detail: `no address of a server: ${address}` });
  const url = new URL(`ws${scheme}://${rest}`);
  url.pathname = `${url.pathname.replace(/\/$/, '')}/connection/websocket`;
  return url.toString();
}
