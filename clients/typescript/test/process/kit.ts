import { randomUUID } from 'node:crypto';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import WebSocket from 'ws';
import { Accounts, Client, Session } from '../../src/index.ts';
import type { ClientOptions, WebSocketConstructor } from '../../src/index.ts';

/** The server that `tests/run sdk` started; without it these suites are left out, and say so. */
export const SERVER = process.env['RIALTO_URL'];
export const skip = SERVER === undefined ? 'RIALTO_URL is not set: run them by tests/run sdk' : false;
export const webSocket = WebSocket as unknown as WebSocketConstructor;

/** Pauses that are short enough for a test. */
export const HASTY = { backoffMinMs: 20, backoffMaxMs: 300, openWithinMs: 2_000 };

/** A fresh account, logged in. */
export async function registered(name: string): Promise<Session> {
  const accounts = new Accounts({ url: SERVER ?? '' });
  return new Session(accounts, await accounts.register(`${name}-${randomUUID().slice(0, 8)}`, 'correct-horse-7-battery', name));
}

export function clientOf(session: Session, options: Partial<ClientOptions> = {}): Client {
  return new Client({ url: SERVER ?? '', token: session.tokenSource, webSocket, settings: HASTY, ...options });
}

/** A line between a client and the server that breaks when it is told to. */
export class Door {
  private readonly sockets = new Set<Socket>();
  private isShut = false;
  private readonly listener: Server;

  private constructor(private readonly target: URL) {
    this.listener = createServer((near) => {
      if (this.isShut) {
        near.destroy();
        return;
      }
      const far = connect(Number(this.target.port), this.target.hostname);
      for (const [one, other] of [[near, far], [far, near]] as const) {
        this.sockets.add(one);
        one.on('error', () => undefined);
        one.on('close', () => {
          this.sockets.delete(one);
          other.destroy();
        });
        one.pipe(other);
      }
    });
  }

  static async open(target: string): Promise<Door> {
    const door = new Door(new URL(target));
    await new Promise<void>((resolve) => door.listener.listen(0, '127.0.0.1', resolve));
    return door;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** Breaks everything that goes through. */
  cut(): void {
    for (const socket of [...this.sockets]) socket.destroy();
  }

  /** Whether new connections get through. */
  set shut(isShut: boolean) {
    this.isShut = isShut;
  }

  close(): void {
    this.cut();
    this.listener.close();
  }
}
