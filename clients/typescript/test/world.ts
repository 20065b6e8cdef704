import { Client } from '../src/client.ts';
import type { ClientOptions } from '../src/client-options.ts';
import type { Environment, Socket } from '../src/environment.ts';
import type { ClientEvent } from '../src/event.ts';
import type { ConnectionState } from '../src/state.ts';
import type { TokenRequest } from '../src/token.ts';
import { VirtualTime } from '../src/testing/virtual-time.ts';

/** A socket whose other end is the test. */
export class ScriptedSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  isClosed = false;
  /** Every frame as it was sent. */
  readonly frames: string[] = [];

  constructor(readonly url: string) {}

  send(text: string): void {
    this.frames.push(text);
  }

  close(): void {
    this.isClosed = true;
  }

  /** All commands sent so far. */
  get commands(): Record<string, any>[] {
    return this.frames.flatMap((frame) => frame.split('\n')).map((line) => JSON.parse(line));
  }

  last(kind: string): Record<string, any> {
    const found = this.commands.findLast((command) => kind in command);
    if (found === undefined) throw new Error(`no ${kind} among ${this.frames.join(' | ')}`);
    return found;
  }

  says(...replies: object[]): void {
    this.onmessage?.({ data: replies.map((reply) => JSON.stringify(reply)).join('\n') });
  }

  answers(kind: string, body: object): void {
    this.says({ id: this.last(kind)['id'], ...body });
  }
}

/** The server's clock at each connect, unless a test says otherwise. */
export const SERVER_TIME = 1_790_000_000_000;

/** A world in which time stands still until the test moves it, and every server is the test. */
export class World extends VirtualTime {
  random = 0.5;
  token = 'token-1';
  tokenError: Error | null = null;
  readonly tokenCalls: TokenRequest[] = [];
  readonly sockets: ScriptedSocket[] = [];
  readonly events: ClientEvent[] = [];
  readonly client: Client;

  constructor(options: Partial<ClientOptions> = {}) {
    super();
    const environment: Environment = {
      openSocket: (url) => {
        const socket = new ScriptedSocket(url);
        this.sockets.push(socket);
        return socket;
      },
      setTimer: (run, delayMs) => this.setTimer(run, delayMs),
      clearTimer: (timer) => this.clearTimer(timer),
      now: () => this.now,
      random: () => this.random,
      randomBytes: (length) => new Uint8Array(length).fill(7),
    };
    this.client = new Client({
      url: 'http://one.test',
      token: async (request) => {
        this.tokenCalls.push(request);
        if (this.tokenError !== null) throw this.tokenError;
        return this.token;
      },
      environment,
      ...options,
    });
    const types = ['state', 'subscribed', 'unsubscribed', 'conversation', 'inbox', 'publication', 'unknown', 'joined', 'left', 'gap', 'message'] as const;
    for (const type of types) this.client.on(type, (event) => void this.events.push(event));
  }

  get state(): ConnectionState {
    return this.client.state;
  }

  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket yet');
    return socket;
  }

  /** What was heard beside states, in short; and forgets it. */
  told(): string[] {
    const lines = this.events.filter((event) => event.type !== 'state').map(short);
    this.events.length = 0;
    return lines;
  }

  /** Opens the newest socket and answers its connect. */
  async accept(result: object = {}): Promise<ScriptedSocket> {
    await this.settle();
    const { socket } = this;
    socket.onopen?.();
    await this.settle();
    socket.answers('connect', { connect: { client: 'c1', ping: 25, pong: true, time: SERVER_TIME, ...result } });
    await this.settle();
    return socket;
  }

  async connected(result: object = {}): Promise<ScriptedSocket> {
    this.client.connect();
    return this.accept(result);
  }

  async cut(code = 1006, reason = ''): Promise<void> {
    this.socket.onclose?.({ code, reason });
    await this.settle();
  }

  /** Lets the pause before the next attempt pass. */
  async pause(): Promise<void> {
    if (this.state.name !== 'disconnected') throw new Error(`no pause: ${this.state.name}`);
    while (this.state.name === 'disconnected') await this.pass((this.nextAt ?? this.now) - this.now);
  }
}

function short(event: ClientEvent): string {
  switch (event.type) {
    case 'subscribed':
      return `subscribed ${event.wasRecovering ? `recovering=${event.recovered}` : 'anew'} at=${event.position.offset}`;
    case 'unsubscribed':
      return `unsubscribed ${event.reason.code}${event.willRetry ? ' for now' : ''}`;
    case 'conversation':
    case 'inbox':
      return `${event.type} ${event.event.type} at=${event.offset}`;
    case 'publication':
    case 'unknown':
      return `${event.type} ${JSON.stringify(event.data)} at=${event.offset}`;
    case 'joined':
    case 'left':
      return `${event.type} ${event.info.user}`;
    case 'gap':
      return `gap ${event.after}..${event.before}`;
    default:
      return event.type;
  }
}
