import { Store } from '../lib/store.ts';
import type { Auth } from '../state/auth.ts';
import type { FeedMessage, FeedSample } from './protocol.ts';
import { append, NOTHING } from './samples.ts';
import type { Samples } from './samples.ts';

/** Pauses before a new connection, in milliseconds: the first, and the longest. */
const PAUSE_MS_MIN = 500;
const PAUSE_MS_MAX = 10_000;
/** Time between two looks whether the token must be renewed, in milliseconds. */
const RENEW_EVERY_MS = 30_000;
/** Close codes after which a new token may help. */
const TOKEN_CODES: readonly number[] = [3005, 3500];
/** The role does not suffice. */
const NOT_ALLOWED = 3507;

export interface FeedState {
  readonly phase: 'connecting' | 'live' | 'forbidden';
  readonly samples: Samples;
  /** The newest sample, with what is no number. */
  readonly last: FeedSample | null;
}

/** The live feed: connects, says who listens, and comes back by itself. The token never stands in the address. */
export class Feed {
  readonly state = new Store<FeedState>({ phase: 'connecting', samples: NOTHING, last: null });
  private socket: WebSocket | null = null;
  private timer = 0;
  private renewal = 0;
  private attempts = 0;
  private sent: string | null = null;
  private isStopped = false;

  constructor(private readonly auth: Auth) {}

  start(): void {
    void this.connect(false);
    this.renewal = window.setInterval(() => void this.renew(), RENEW_EVERY_MS);
  }

  stop(): void {
    this.isStopped = true;
    window.clearTimeout(this.timer);
    window.clearInterval(this.renewal);
    this.socket?.close();
  }

  private async connect(mustRenew: boolean): Promise<void> {
    const token = await this.auth.accessToken(mustRenew).catch(() => undefined);
    if (this.isStopped || token === null) return;
    if (token === undefined) return this.again(false);
    const socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/admin/feed`);
    this.socket = socket;
    socket.onopen = () => this.say(token);
    socket.onmessage = (event: MessageEvent<string>) => this.hear(JSON.parse(event.data) as FeedMessage);
    socket.onclose = ({ code }) => this.closed(code);
  }

  private say(token: string): void {
    this.sent = token;
    this.socket?.send(JSON.stringify({ type: 'auth', token }));
  }

  /** A fresh token goes on the open socket before the old one ends. */
  private async renew(): Promise<void> {
    if (this.state.value.phase !== 'live') return;
    const token = await this.auth.accessToken(false).catch(() => null);
    if (token !== null && token !== this.sent && this.socket?.readyState === WebSocket.OPEN) this.say(token);
  }

  private hear(message: FeedMessage): void {
    this.state.update((state) => {
      if (message.type === 'history') {
        const isFirst = state.phase !== 'live' || state.samples.columns.length === 0;
        const known = isFirst ? { columns: message.columns, rows: [] } : state.samples;
        this.attempts = 0;
        return { ...state, phase: 'live', samples: append(known, message.samples) };
      }
      if (message.type === 'sample') return { ...state, last: message, samples: append(state.samples, [message.row]) };
      return state;
    });
  }

  private closed(code: number): void {
    this.socket = null;
    if (this.isStopped) return;
    if (code === NOT_ALLOWED) return this.state.update((state) => ({ ...state, phase: 'forbidden' }));
    this.state.update((state) => ({ ...state, phase: 'connecting' }));
    this.again(TOKEN_CODES.includes(code));
  }

  private again(mustRenew: boolean): void {
    const pause = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** this.attempts) * (0.5 + Math.random() / 2);
    this.attempts += 1;
    this.timer = window.setTimeout(() => void this.connect(mustRenew), pause);
  }
}
