import { Accounts, RialtoError, Unauthorized } from '@rialto/client';
import type { Grant, LoginSession, SignedIn, TokenSource } from '@rialto/client';
import { Store } from '../lib/store.ts';
import type { Profile } from '../model/types.ts';

/** A token with less life than this is renewed before it is used, in milliseconds. */
const TOKEN_MARGIN_MS = 60_000;
/**
 * Says whether a refresh cookie is likely there; the cookie itself cannot be read from here. It spares people who never
 * logged in a refused request. It holds no secret.
 */
const HINT_KEY = 'rialto.signed-in';

const ENDED = 'Your session has ended. Log in again.';

export type AuthState =
  | { readonly phase: 'starting'; readonly problem: string | null }
  | { readonly phase: 'anonymous'; readonly notice: string | null }
  | { readonly phase: 'ready'; readonly user: Profile };

type TabNews = { readonly kind: 'token'; readonly token: string; readonly expiresAt: number } | { readonly kind: 'logout' } | { readonly kind: 'login'; readonly user: string };

function remember(isSignedIn: boolean): void {
  try {
    if (isSignedIn) localStorage.setItem(HINT_KEY, '1');
    else localStorage.removeItem(HINT_KEY);
  } catch {
    // Storage may be forbidden; then a reload asks the server.
  }
}

function isLikelySignedIn(): boolean {
  try {
    return localStorage.getItem(HINT_KEY) !== null;
  } catch {
    return true;
  }
}

/** Runs one tab at a time, where the browser can do that; the cookie jar is shared, so the next tab uses the newest cookie. */
function oneTabAtATime<T>(run: () => Promise<T>): Promise<T> {
  if (typeof navigator.locks === 'undefined') return run();
  return navigator.locks.request('rialto-refresh', run) as Promise<T>;
}

/**
 * Who is signed in, and the access token, which lives in memory only. Tabs tell each other of renewals, logins and
 * logouts over a BroadcastChannel, which never touches a disk.
 */
export class Auth {
  readonly state = new Store<AuthState>({ phase: 'starting', problem: null });
  private readonly accounts = new Accounts();
  private token: string | null = null;
  private expiresAt = 0;
  private renewal: Promise<string | null> | null = null;
  private readonly tabs = new BroadcastChannel('rialto-auth');

  constructor() {
    this.tabs.onmessage = (event: MessageEvent<TabNews>) => this.hear(event.data);
  }

  /** Takes up an earlier session, if there is one. Keeps trying while the server cannot be reached. */
  async start(): Promise<void> {
    if (!isLikelySignedIn()) {
      this.state.set({ phase: 'anonymous', notice: null });
      return;
    }
    for (let attempt = 0; ; attempt += 1) {
      try {
        const token = await this.accessToken(false);
        if (token === null) return;
        const user = await this.accounts.me(token);
        this.state.set({ phase: 'ready', user });
        return;
      } catch (error) {
        if (error instanceof RialtoError && error.status === 401) {
          this.forget(null);
          return;
        }
        this.state.set({ phase: 'starting', problem: 'The server cannot be reached. Trying again…' });
        await new Promise((resolve) => setTimeout(resolve, Math.min(10_000, 1000 * 2 ** attempt) * (0.5 + Math.random() / 2)));
      }
    }
  }

  async login(username: string, password: string): Promise<void> {
    this.accept(await this.accounts.login(username, password));
  }

  async register(username: string, password: string, displayName: string): Promise<void> {
    this.accept(await this.accounts.register(username, password, displayName === '' ? undefined : displayName));
  }

  async logout(): Promise<void> {
    const token = this.token ?? undefined;
    this.tell({ kind: 'logout' });
    this.forget(null);
    await this.accounts.logout(token).catch(() => undefined);
  }

  /** Where this person is logged in. */
  async sessions(): Promise<readonly LoginSession[]> {
    return this.accounts.sessions(await this.validToken());
  }

  /** Ends another login of this person. */
  async endSession(id: string): Promise<void> {
    await this.accounts.endSession(await this.validToken(), id);
  }

  /** Ends every login, this one too. */
  async logoutEverywhere(): Promise<void> {
    await this.accounts.endOtherSessions(await this.validToken());
    await this.logout();
  }

  /** Replaces the password; all other logins end. */
  async changePassword(before: string, after: string): Promise<void> {
    await this.accounts.changePassword(await this.validToken(), before, after);
  }

  private async validToken(): Promise<string> {
    const token = await this.accessToken(false);
    if (token === null) throw new Unauthorized('signed out');
    return token;
  }

  /** The server takes our tokens no more. */
  expire(): void {
    if (this.state.value.phase === 'ready') this.forget(ENDED);
  }

  /** For the connection, which stays away when the session has ended. */
  readonly tokenSource: TokenSource = async ({ renew }) => {
    const token = await this.accessToken(renew);
    if (token === null) throw new Unauthorized('signed out');
    return token;
  };

  /** A token that is good for a while; `force` asks for a new one in any case. Null when the session has ended. */
  async accessToken(force: boolean): Promise<string | null> {
    if (!force && this.token !== null && this.expiresAt - Date.now() > TOKEN_MARGIN_MS) return this.token;
    this.renewal ??= this.renew().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async renew(): Promise<string | null> {
    const before = this.token;
    try {
      return await oneTabAtATime(async () => {
        // Another tab may have renewed while we waited for our turn.
        if (this.token !== null && this.token !== before) return this.token;
        const grant = await this.accounts.refresh();
        this.keep(grant);
        this.tell({ kind: 'token', token: grant.token, expiresAt: this.expiresAt });
        return grant.token;
      });
    } catch (error) {
      if (!(error instanceof RialtoError) || error.status !== 401) throw error;
      this.forget(before === null ? null : ENDED);
      return null;
    }
  }

  private accept(answer: SignedIn): void {
    this.keep(answer);
    remember(true);
    this.tell({ kind: 'login', user: answer.user.id });
    this.state.set({ phase: 'ready', user: answer.user });
  }

  private keep({ token, expires_in: lifeSeconds }: Grant): void {
    this.token = token;
    this.expiresAt = Date.now() + lifeSeconds * 1000;
  }

  private forget(notice: string | null): void {
    this.token = null;
    this.expiresAt = 0;
    remember(false);
    this.state.set({ phase: 'anonymous', notice });
  }

  private tell(news: TabNews): void {
    this.tabs.postMessage(news);
  }

  private hear(news: TabNews): void {
    const state = this.state.value;
    if (news.kind === 'token' && state.phase === 'ready') {
      this.token = news.token;
      this.expiresAt = news.expiresAt;
    } else if (news.kind === 'logout' && state.phase === 'ready') {
      this.forget('You logged out in another tab.');
    } else if (news.kind === 'login' && (state.phase !== 'ready' || state.user.id !== news.user)) {
      // The cookie now belongs to somebody else: begin anew as them.
      location.reload();
    }
  }
}
