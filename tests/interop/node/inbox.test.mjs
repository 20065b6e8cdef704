import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Centrifuge } from 'centrifuge';
import WebSocket from 'ws';
import { collect, createGroup, register, send, socketUrl } from './kit.mjs';

test('the own inbox is a server-side subscription', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const client = new Centrifuge(socketUrl, { websocket: WebSocket, token: bob.token });
  t.after(() => client.disconnect());
  const subscribed = collect(client, 'subscribed');
  const publications = collect(client, 'publication');
  client.connect();
  const context = await subscribed.next();
  assert.equal(context.channel, `user:${bob.id}`);
  assert.equal(context.recoverable, true);

  const conversation = await createGroup(alice, bob);
  await send(alice, conversation, 'hi');
  const changed = await publications.until((event) => event.data.type === 'conversation_changed');
  assert.equal(changed.channel, `user:${bob.id}`);
  assert.equal(changed.data.conversation, conversation);
});
