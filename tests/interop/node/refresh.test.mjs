import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { collect, connect, logIn, register, within } from './kit.mjs';

/** A token of the command line that lives this short; RIALTO_TOKEN_COMMAND is `rialto token` with the node's data folder. */
function shortToken(user, seconds) {
  const [program, ...args] = JSON.parse(process.env.RIALTO_TOKEN_COMMAND);
  return execFileSync(program, [...args, '--user', user.id, '--ttl', String(seconds)], { encoding: 'utf8' }).trim();
}

test('the SDK refreshes a token before it expires and stays connected', async (t) => {
  const alice = await register('alice');
  let refreshed;
  const asked = new Promise((done) => {
    refreshed = done;
  });
  const getToken = async () => {
    const token = await logIn(alice);
    refreshed();
    return token;
  };
  const client = await connect(t, { token: shortToken(alice, 2) }, { getToken });
  const disturbed = collect(client, 'connecting');
  await within('the SDK asks for a new token', asked);
  assert.equal((await client.rpc('user.me', {})).data.id, alice.id);
  assert.deepEqual(disturbed.seen, []);
});

test('an expired token at connect makes the SDK fetch another', async (t) => {
  const alice = await register('alice');
  const expired = shortToken(alice, 1);
  await within('the token expires', (async () => {
    const claims = JSON.parse(Buffer.from(expired.split('.')[1], 'base64url'));
    while (Date.now() <= claims.exp * 1000 + 500) await new Promise((done) => setTimeout(done, 50));
  })());
  let asked = 0;
  const getToken = async () => {
    asked += 1;
    return logIn(alice);
  };
  const client = await connect(t, { token: expired }, { getToken });
  assert.equal(asked, 1);
  assert.equal((await client.rpc('user.me', {})).data.id, alice.id);
});
