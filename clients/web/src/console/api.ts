import { Accounts, RialtoError } from '@rialto/client';
import type { Auth } from '../state/auth.ts';
import type { Configuration, ConversationDetails, Kick, Kicked, LogPage, Muted, NodeFacts, UserDetails } from './protocol.ts';

export interface LogQuery {
  readonly level: string;
  readonly text: string;
  readonly after: number;
}

/** The calls of `/v1/admin`, as whoever is signed in. */
export class Api {
  private readonly accounts = new Accounts();

  constructor(private readonly auth: Auth) {}

  node(): Promise<NodeFacts> {
    return this.call('GET', 'node');
  }

  user(idOrName: string): Promise<UserDetails> {
    return this.call('GET', `users/${encodeURIComponent(idOrName)}`);
  }

  kick(user: string, body: Kick): Promise<Kicked> {
    return this.call('POST', `users/${user}/kick`, body);
  }

  revoke(user: string): Promise<Kicked> {
    return this.call('POST', `users/${user}/revoke`);
  }

  mute(user: string, durationMs: number): Promise<Muted> {
    return this.call('POST', `users/${user}/mute`, { duration_ms: durationMs });
  }

  unmute(user: string): Promise<unknown> {
    return this.call('DELETE', `users/${user}/mute`);
  }

  conversation(id: string): Promise<ConversationDetails> {
    return this.call('GET', `conversations/${encodeURIComponent(id)}`);
  }

  configuration(): Promise<Configuration> {
    return this.call('GET', 'config');
  }

  log({ level, text, after }: LogQuery): Promise<LogPage> {
    return this.call('GET', `log?${new URLSearchParams({ level, text, after: String(after) })}`);
  }

  /** A token that the server takes no more is renewed once; without a session the login comes back by itself. */
  private async call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const attempt = async (renew: boolean): Promise<Answer> =>
      this.accounts.call<Answer>(method, `/v1/admin/${path}`, body, (await this.auth.accessToken(renew)) ?? undefined);
    try {
      return await attempt(false);
    } catch (error) {
      if (!(error instanceof RialtoError) || error.status !== 401) throw error;
      return attempt(true);
    }
  }
}
