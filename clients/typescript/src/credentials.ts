import type { Environment } from './environment.ts';
import { REFRESH_AHEAD_MS_MAX, TOKEN_WITHIN_MS } from './limits.ts';
import type { RefreshResult } from './protocol/types.ts';
import { fetchToken, isRenewable, renewInMs } from './token.ts';
import type { Token } from './token.ts';

/** The token of a connection: kept while it is good, fetched anew when it is not. */
export class Credentials {
  /** What to say at connect; null for anonymous connections, and before `ready`. */
  token: string | null = null;
  private goodUntil = Number.POSITIVE_INFINITY;
  /** The last token was refused or has run out. */
  private wantsRenewal = false;
  /** A refused token was replaced since the last good connection: the next refusal is final. */
  private hasReplaced = false;

  constructor(private readonly environment: Environment, private readonly source: Token | undefined) {}

  /** Whether expired tokens can be replaced. */
  get isRenewable(): boolean {
    return isRenewable(this.source);
  }

  /** Sees to it that there is a token that may still be good. */
  async ready(): Promise<void> {
    if (this.environment.now() >= this.goodUntil && this.isRenewable) this.drop();
    if (this.source === undefined || this.token !== null) return;
    this.token = await fetchToken(this.environment, this.source, this.wantsRenewal, TOKEN_WITHIN_MS);
    this.wantsRenewal = false;
  }

  /** Fetches the next token while the present one is still good. */
  async renewed(): Promise<string> {
    const token = await fetchToken(this.environment, this.source ?? '', true, TOKEN_WITHIN_MS);
    this.token = token;
    return token;
  }

  /** The token is of no more use. */
  drop(): void {
    this.token = null;
    this.goodUntil = Number.POSITIVE_INFINITY;
    this.wantsRenewal = true;
  }

  /** The server calls the token invalid. A key rotation and a revoked session look alike from here: one fresh token decides which it was. */
  replace(): boolean {
    if (!this.isRenewable || this.hasReplaced) return false;
    this.hasReplaced = true;
    this.drop();
    return true;
  }

  /** The owner wants a new beginning. */
  forgive(): void {
    this.hasReplaced = false;
  }

  /** The server took the token and says how long it lives. Answers milliseconds until it should be renewed, or null. */
  accepted({ expires, ttl = 0 }: RefreshResult): number | null {
    this.hasReplaced = false;
    const isEnding = expires === true && ttl > 0;
    this.goodUntil = isEnding ? this.environment.now() + ttl * 1_000 : Number.POSITIVE_INFINITY;
    return isEnding && this.isRenewable ? renewInMs(ttl, REFRESH_AHEAD_MS_MAX) : null;
  }
}
