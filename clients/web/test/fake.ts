import { RealtimeClient } from '../src/realtime/client.ts';
import type { Status } from '../src/realtime/client.ts';
import type { Environment, Socket } from '../src/realtime/environment.ts';
import type { Listener } from '../src/realtime/subscription.ts';

/** A socket whose other end is the test. */
export class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  isClosed = false;
  /** Every frame as it was sent. */
  readonly frames: string[] = [];

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
}

/** A world in which time stands still until the test moves it. */
export class World {
  now = 1_000_000;
  random = 0.5;
  token: string | null = 'token-1';
  isTokenBroken = false;
  readonly tokenCalls: boolean[] = [];
  readonly sockets: FakeSocket[] = [];
  readonly statuses: Status[] = [];
  readonly serverSide = new Map<string, Listener>();
  private timers = new Map<number, { at: number; run: () => void }>();
  private lastTimer = 0;
  readonly client: RealtimeClient;

  constructor() {
    const environment: Environment = {
      openSocket: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
      token: async (force) => {
        this.tokenCalls.push(force);
        if (this.isTokenBroken) throw new Error('no network');
        return this.token;
      },
      setTimer: (run, delayMs) => {
        this.timers.set(++this.lastTimer, { at: this.now + delayMs, run });
        return this.lastTimer;
      },
      clearTimer: (timer) => void this.timers.delete(timer),
      now: () => this.now,
      random: () => this.random,
    };
    this.client = new RealtimeClient(environment, {
      name: 'test',
      onStatus: (status) => void this.statuses.push(status),
      serverSide: (channel) => this.serverSide.get(channel) ?? {},
    });
  }

  get status(): Status {
    const status = this.statuses.at(-1);
    if (status === undefined) throw new Error('no status yet');
    return status;
  }

  get socket(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error('no socket yet');
    return socket;
  }

  /** Lets promises and gathered writes run. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
  }

  /** Moves time on, running every timer at its own moment. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.timers].filter(([, timer]) => timer.at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (due === undefined) break;
      this.now = due[1].at;
      this.timers.delete(due[0]);
      due[1].run();
      await this.settle();
    }
    this.now = end;
    await this.settle();
  }

  /** Opens the newest socket and answers its connect. */
  async accept(result: object = {}): Promise<FakeSocket> {
    await this.settle();
    const { socket } = this;
    socket.onopen?.();
    await this.settle();
    socket.says({ id: socket.last('connect')['id'], connect: { client: 'c1', ping: 25, pong: true, ...result } });
    await this.settle();
    return socket;
  }

  async connected(result: object = {}): Promise<FakeSocket> {
    this.client.connect();
    return this.accept(result);
  }

  async cut(code = 1006, reason = ''): Promise<void> {
    this.socket.onclose?.({ code, reason });
    await this.settle();
  }
}

/** A listener that writes down what it is told. */
export function recorder(): { told: string[]; listener: Listener } {
  const told: string[] = [];
  const listener: Listener = {
    subscribed: ({ lost, recovered, position }) => void told.push(`subscribed lost=${lost} recovered=${recovered} at=${position?.offset}`),
    publication: (data, offset) => void told.push(`publication ${JSON.stringify(data)} at=${offset}`),
    join: (info) => void told.push(`join ${info.user}`),
    leave: (info) => void told.push(`leave ${info.user}`),
    interrupted: () => void told.push('interrupted'),
    unsubscribed: (code) => void told.push(`unsubscribed ${code}`),
  };
  return { told, listener };
}
