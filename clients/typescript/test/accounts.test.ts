import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Accounts } from '../src/accounts.ts';
import { RialtoError, Unauthorized } from '../src/error.ts';
import { Session } from '../src/session.ts';

const USER = { id: 'u', username: 'ada', display_name: 'Ada' };

interface Call {
  readonly path: string;
  readonly cookie: string | null;
  readonly body: unknown;
}

/** Answers every call from a table; renews tokens as long as the cookie is the newest. */
function backend(overrides: Record<string, () => Response> = {}): { calls: Call[]; accounts: Accounts } {
  const calls: Call[] = [];
  let cookies = 0;
  const granted = (body: object): Response => {
    cookies += 1;
    return Response.json({ token: `t${cookies}`, expires_in: 100, ...body }, { headers: { 'set-cookie': `rialto_refresh=r${cookies}; HttpOnly; Path=/v1/auth` } });
  };
  const fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const path = String(input).replace('http://x', '');
    const cookie = new Headers(init.headers).get('cookie');
    calls.push({ path, cookie, body: init.body === undefined ? null : JSON.parse(String(init.body)) });
    const override = overrides[path];
    if (override !== undefined) return override();
    return granted(path.endsWith('/refresh') ? {} : { user: USER });
  };
  return { calls, accounts: new Accounts({ url: 'http://x/', fetch }) };
}

test('logs in, keeps the cookie where no browser does, and renews before the token ends', async () => {
  const { calls, accounts } = backend();
  let now = 0;
  const session = new Session(accounts, await accounts.login('ada', 'secret'), () => now);
  assert.equal(session.user.username, 'ada');
  assert.equal(await session.accessToken(), 't1');
  now = 90_001;
  assert.deepEqual(await Promise.all([session.accessToken(), session.accessToken()]), ['t2', 't2']);
  assert.equal(await session.tokenSource({ renew: true }), 't3');
  assert.deepEqual(calls.map(({ path, cookie }) => [path, cookie]), [
    ['/v1/auth/login', null], ['/v1/auth/refresh', 'rialto_refresh=r1'], ['/v1/auth/refresh', 'rialto_refresh=r2'],
  ]);
});

test('a session that is over says so to the client; a server that is away does not', async () => {
  let answer = (): Response => Response.json({ code: 'invalid_credentials', detail: 'used twice' }, { status: 401 });
  const { accounts } = backend({ '/v1/auth/refresh': () => answer() });
  const session = new Session(accounts, await accounts.login('ada', 'secret'));
  await assert.rejects(session.tokenSource({ renew: true }), Unauthorized);
  answer = () => {
    throw new TypeError('fetch failed');
  };
  await assert.rejects(session.tokenSource({ renew: true }), (error: RialtoError) => error.code === 'offline' && error.temporary);
});

test('problems become errors with the server’s words', async () => {
  const { accounts, calls } = backend({
    '/v1/auth/register': () => Response.json({ code: 'conflict', detail: 'taken' }, { status: 409 }),
    '/v1/auth/guest': () => Response.json({ code: 'rate_limited', retry_after_ms: 1_500 }, { status: 429 }),
    '/v1/users/me': () => new Response('<html>', { status: 502 }),
  });
  await assert.rejects(accounts.register('ada', 'x'), (error: RialtoError) => error.code === 'conflict' && error.status === 409 && error.detail === 'taken');
  await assert.rejects(accounts.guest('x'), (error: RialtoError) => error.temporary && error.retryAfterMs === 1_500);
  await assert.rejects(accounts.me('t'), (error: RialtoError) => error.code === 'http_502' && error.temporary);
  const again = await accounts.registerOrLogin('ada', 'secret');
  assert.equal(again.user.id, 'u');
  assert.deepEqual(calls.slice(-2).map(({ path }) => path), ['/v1/auth/register', '/v1/auth/login']);
});
