import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { collect, connect, register, socketUrl } from './kit.mjs';

test('connects with a token and says who it is', async (t) => {
  const alice = await register('alice');
  const client = await connect(t, alice);
  const me = await client.rpc('user.me', {});
  assert.equal(me.data.id, alice.id);
  assert.equal(me.data.username, alice.username);
});

test('a broken token ends in a terminal disconnect', async (t) => {
  const client = new Centrifuge(socketUrl, { websocket: WebSocket, token: 'not.a.token' });
  t.after(() => client.disconnect());
  const disconnected = collect(client, 'disconnected');
  client.connect();
  assert.equal((await disconnected.next()).code, 3500);
  assert.equal(client.state, 'disconnected');
});

test('an unknown rpc method is error 104', async (t) => {
  const client = await connect(t, await register('alice'));
  await assert.rejects(client.rpc('no.such.method', {}), (error) => error.code === 104);
});
