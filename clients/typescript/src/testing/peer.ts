import { parseFrame } from '../frames.ts';
import type { Push } from '../frames.ts';
import type { UserId } from '../protocol/types.ts';
import { Refusal } from './refusal.ts';
import type { TestServer } from './server.ts';
import type { MemorySocket } from './socket.ts';

/** A command as it comes off the wire. */
type Raw = { readonly id?: number } & Readonly<Record<string, any>>;

/** The server's end of one connection: commands in, replies and pushes out, as bytes. */
export class Peer {
  user: UserId | null = null;
  readonly channels = new Map<string, { readonly joinLeave: boolean }>();
  readonly client: string;

  constructor(private readonly server: TestServer, private readonly socket: MemorySocket, number: number) {
    this.client = `c${number}`;
  }

  /** One frame from the client. */
  receive(text: string): void {
    for (const command of parseFrame(text) as Raw[]) {
      if (!this.socket.isOpen) return;
      this.handle(command);
    }
  }

  push(push: Push): void {
    this.socket.deliver(JSON.stringify({ push }));
  }

  close(code: number, reason: string): void {
    this.socket.end(code, reason);
  }

  private handle(command: Raw): void {
    const { id = 0, ...rest } = command;
    const [kind] = Object.keys(rest);
    if (kind === undefined) return;
    if ((kind === 'connect') === (this.user !== null)) {
      this.close(3501, 'bad request');
      return;
    }
    const fault = this.server.faultFor(kind, rest[kind]);
    if (fault === 'lost before') return;
    let reply: object;
    try {
      if (fault === 'refused for now') throw new Refusal('too_many_requests');
      reply = this.answer(kind, rest[kind]);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      reply = { error: error.frame };
    }
    if (fault === 'cut after') this.close(1006, '');
    else if (fault !== 'lost after' && this.socket.isOpen) this.socket.deliver(JSON.stringify({ id, ...reply }));
  }

  private answer(kind: string, body: Readonly<Record<string, any>>): object {
    const { server } = this;
    const user = this.user ?? '';
    const channel = String(body['channel'] ?? '');
    switch (kind) {
      case 'connect':
        return this.connect(String(body['token'] ?? ''), body['subs'] ?? {});
      case 'subscribe': {
        if (this.channels.has(channel)) throw new Refusal('already_subscribed');
        const subscribe = server.stream(channel, user).subscribe(body);
        this.channels.set(channel, { joinLeave: body['join_leave'] === true });
        server.joined(this, channel, true);
        return { subscribe };
      }
      case 'unsubscribe':
        if (this.channels.delete(channel)) server.joined(this, channel, false);
        return { unsubscribe: {} };
      case 'publish':
        server.publish(channel, user, body['data'], { user, client: this.client });
        return { publish: {} };
      case 'presence':
        return { presence: { presence: Object.fromEntries(server.present(channel, user).map((peer) => [peer.client, peer.info()])) } };
      case 'presence_stats': {
        const peers = server.present(channel, user);
        return { presence_stats: { num_clients: peers.length, num_users: new Set(peers.map((peer) => peer.user)).size } };
      }
      case 'history': {
        const history = server.stream(channel, user).history(body);
        if (history === null) throw new Refusal('unrecoverable_position');
        return { history };
      }
      case 'rpc':
        return { rpc: { data: server.call(String(body['method']), user, body['data']) } };
      case 'refresh':
        return { refresh: { client: this.client } };
      case 'sub_refresh':
        return { sub_refresh: {} };
      default:
        throw new Refusal('bad_request');
    }
  }

  info(): { readonly user: string; readonly client: string } {
    return { user: this.user ?? '', client: this.client };
  }

  private connect(token: string, subs: Readonly<Record<string, object>>): object {
    const user = this.server.userOf(token);
    if (user === null) {
      this.close(3500, 'invalid token');
      return {};
    }
    this.user = user;
    const inbox = `user:${user}`;
    this.channels.set(inbox, { joinLeave: false });
    const subscribed = this.server.stream(inbox, user).subscribe(subs[inbox] ?? {});
    return { connect: { client: this.client, version: 'test', ping: 25, pong: true, subs: { [inbox]: subscribed }, time: this.server.now() } };
  }
}
