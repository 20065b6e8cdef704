import { RialtoError } from './error.ts';
import { CALL_WITHIN_MS } from './limits.ts';
import type { Profile } from './protocol/types.ts';

/** A fresh access token. */
export interface Grant {
  readonly token: string;
  /** Seconds that it lives. */
  readonly expires_in: number;
}

/** Somebody is logged in. */
export interface SignedIn extends Grant {
  readonly user: Profile;
}

/** One login, on one device. Times in milliseconds since 1970. */
export interface LoginSession {
  readonly id: string;
  /** What the device said of itself (`User-Agent`); empty when it said nothing. */
  readonly device: string;
  readonly created: number;
  /** When it last renewed its token. */
  readonly used: number;
  /** It is the one that asks. */
  readonly current: boolean;
}

/** Where accounts live, and how they are reached. */
export interface AccountsOptions {
  /** `http(s)://host:port`; in a browser the page's own by default. */
  readonly url?: string;
  /** Another `fetch` than the global one. */
  readonly fetch?: typeof fetch;
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly title?: string;
  readonly retry_after_ms?: number;
}

/**
 * Calls of `/v1/auth` and `/v1/users` over HTTP. The refresh token is a cookie that scripts cannot read: browsers keep it;
 * elsewhere it is kept here, in memory.
 */
export class Accounts {
  private readonly base: string;
  private readonly fetch: typeof fetch;
  private cookie: string | null = null;

  constructor(options: AccountsOptions = {}) {
    this.base = (options.url ?? '').replace(/\/$/, '');
    this.fetch = options.fetch ?? ((...call) => globalThis.fetch(...call));
  }

  /** Makes an account and logs in; `conflict` when the name is taken, `invalid_argument` for a weak password. */
  register(username: string, password: string, displayName?: string): Promise<SignedIn> {
    return this.call('POST', '/v1/auth/register', { username, password, display_name: displayName });
  }

  /** Logs in; `invalid_credentials`, or `rate_limited` after too many failures. */
  login(username: string, password: string): Promise<SignedIn> {
    return this.call('POST', '/v1/auth/login', { username, password });
  }

  /** Registers, or logs in when the name is taken: for bots, which start the same way each time. */
  async registerOrLogin(username: string, password: string): Promise<SignedIn> {
    try {
      return await this.register(username, password);
    } catch (error) {
      if (error instanceof RialtoError && error.code === 'conflict') return this.login(username, password);
      throw error;
    }
  }

  /** Comes in without an account, where the server allows it. */
  guest(displayName: string): Promise<SignedIn> {
    return this.call('POST', '/v1/auth/guest', { display_name: displayName });
  }

  /** Trades the refresh cookie for an access token and a new cookie; 401 when the session has ended. */
  refresh(): Promise<Grant> {
    return this.call('POST', '/v1/auth/refresh');
  }

  /** Ends the session on the server. */
  async logout(token?: string): Promise<void> {
    await this.call('POST', '/v1/auth/logout', undefined, token);
  }

  /** Replaces the password and ends all other sessions. */
  async changePassword(token: string, oldPassword: string, newPassword: string): Promise<void> {
    await this.call('POST', '/v1/auth/password', { old: oldPassword, new: newPassword }, token);
  }

  /** Where one is logged in, the most recently used first. */
  async sessions(token: string): Promise<readonly LoginSession[]> {
    return (await this.call<{ readonly items: readonly LoginSession[] }>('GET', '/v1/auth/sessions', undefined, token)).items;
  }

  /** Ends one login: its tokens and its connections. */
  async endSession(token: string, id: string): Promise<void> {
    await this.call('DELETE', `/v1/auth/sessions/${encodeURIComponent(id)}`, undefined, token);
  }

  /** Ends all logins but the one whose token this is. */
  async endOtherSessions(token: string): Promise<void> {
    await this.call('DELETE', '/v1/auth/sessions', undefined, token);
  }

  /** Whose token it is. */
  me(token: string): Promise<Profile> {
    return this.call('GET', '/v1/users/me', undefined, token);
  }

  /** Any call of the HTTP API; rejects with `RialtoError`, `offline` when there was no answer. */
  async call<Answer>(method: string, path: string, body?: unknown, token?: string): Promise<Answer> {
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (this.cookie !== null && path.startsWith('/v1/auth/')) headers['cookie'] = this.cookie;
    let response: Response;
    try {
      const payload = body === undefined ? {} : { body: JSON.stringify(body) };
      const signal = AbortSignal.timeout(CALL_WITHIN_MS);
      response = await this.fetch(this.base + path, { method, headers, credentials: 'same-origin', cache: 'no-store', signal, ...payload });
    } catch (cause) {
      throw new RialtoError('offline', { temporary: true, outcomeUnknown: true, cause });
    }
    this.keepCookie(response);
    const answer = (await response.json().catch(() => ({}))) as Answer & Problem;
    if (response.ok) return answer;
    throw refusal(response.status, answer);
  }

  /** Browsers hide cookies from scripts; where they can be seen, nobody else keeps them. */
  private keepCookie(response: Response): void {
    const cookies = response.headers.getSetCookie?.() ?? [];
    const refresh = cookies.find((cookie) => cookie.startsWith('rialto_refresh='));
    if (refresh !== undefined) this.cookie = refresh.split(';', 1)[0] ?? null;
  }
}

function refusal(status: number, { code, detail, title, retry_after_ms: retryAfterMs }: Problem): RialtoError {
  const temporary = status === 429 || status === 502 || status === 503 || status === 504;
  return new RialtoError(code ?? `http_${status}`, {
    status, temporary, detail: detail ?? title ?? '', ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
