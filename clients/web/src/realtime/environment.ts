/** What a realtime client needs from outside, as one value, so that tests own socket, time and chance. */
export interface Environment {
  openSocket(): Socket;
  /** Access token for `connect` and `refresh`; null means "signed out", and the client stops. */
  token(force: boolean): Promise<string | null>;
  setTimer(run: () => void, delayMs: number): number;
  clearTimer(timer: number): void;
  now(): number;
  random(): number;
}

/** The part of a WebSocket that the client uses. */
export interface Socket {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: (() => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** setTimeout takes 31 bits of milliseconds; a longer delay would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The browser's own environment. */
export function browserEnvironment(token: Environment['token']): Environment {
  return {
    openSocket: () => {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
      return new WebSocket(`${scheme}://${location.host}/connection/websocket`) as unknown as Socket;
    },
    token,
    setTimer: (run, delayMs) => window.setTimeout(run, Math.min(delayMs, TIMER_MS_MAX)),
    clearTimer: (timer) => window.clearTimeout(timer),
    now: () => Date.now(),
    random: () => Math.random(),
  };
}
