import type { Accounts, Grant, SignedIn } from './accounts.ts';
import { RialtoError, Unauthorized } from './error.ts';
import type { Profile } from './protocol/types.ts';
import type { TokenSource } from './token.ts';

/** A token with less than this share of its life left (one part in …) is renewed before it is used. */
const FRESH_PART = 10;

/** Somebody who is logged in, and whose access token stays fresh. */
export class Session {
  readonly user: Profile;
  private token: string;
  private renewAtMs: number;
  private renewal: Promise<string> | null = null;

  constructor(private readonly accounts: Accounts, signedIn: SignedIn, private readonly now: () => number = () => performance.now()) {
    this.user = signedIn.user;
    this.token = signedIn.token;
    this.renewAtMs = this.renewalTime(signedIn);
  }

  /** An access token that is still good for a while. Callers at the same time share one renewal. */
  accessToken(renew = false): Promise<string> {
    if (!renew && this.now() < this.renewAtMs) return Promise.resolve(this.token);
    this.renewal ??= this.renewed().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  /** For `ClientOptions.token`: says so when the session has ended, so that the client suspends. */
  readonly tokenSource: TokenSource = async ({ renew }) => {
    try {
      return await this.accessToken(renew);
    } catch (error) {
      const isOver = error instanceof RialtoError && [400, 401, 403].includes(error.status ?? 0);
      throw isOver ? new Unauthorized(error.message) : error;
    }
  };

  /** Ends the session on the server. */
  logout(): Promise<void> {
    return this.accounts.logout(this.token);
  }

  private async renewed(): Promise<string> {
    const grant = await this.accounts.refresh();
    this.token = grant.token;
    this.renewAtMs = this.renewalTime(grant);
    return grant.token;
  }

  private renewalTime({ expires_in: lifeSeconds }: Grant): number {
    const lifeMs = lifeSeconds * 1_000;
    return this.now() + lifeMs - lifeMs / FRESH_PART;
  }
}
