import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, connect, createGroup, cuttableWebSocket, freshTopic, register, send, subscribe } from './kit.mjs';

test('after a cut the missed messages arrive, once and in order', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const conversation = await createGroup(alice, bob);
  const websocket = cuttableWebSocket();
  // Long enough that the messages below are sent while the client is away.
  const client = await connect(t, bob, { websocket, minReconnectDelay: 1000, maxReconnectDelay: 1500 });
  const subscription = await subscribe(client, `conversation:${conversation}`);
  const heard = collect(subscription, 'publication');
  const subscribed = collect(subscription, 'subscribed');
  const away = collect(client, 'connecting');

  await send(alice, conversation, 'before');
  assert.equal((await heard.next()).data.text, 'before');
  websocket.cutAll();
  await away.next();
  for (const text of ['missed 1', 'missed 2', 'missed 3']) await send(alice, conversation, text);

  const context = await subscribed.next();
  assert.equal(context.wasRecovering, true);
  assert.equal(context.recovered, true);
  await send(alice, conversation, 'after');
  const texts = [];
  const offsets = [];
  for (let n = 0; n < 4; n += 1) {
    const publication = await heard.next();
    texts.push(publication.data.text);
    offsets.push(publication.offset);
  }
  assert.deepEqual(texts, ['missed 1', 'missed 2', 'missed 3', 'after']);
  assert.deepEqual(offsets, [3, 4, 5, 6]);
});

test('a topic recovers too', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const websocket = cuttableWebSocket();
  const client = await connect(t, bob, { websocket, minReconnectDelay: 1000, maxReconnectDelay: 1500 });
  const talker = await connect(t, alice);
  const topic = freshTopic();
  const subscription = await subscribe(client, topic);
  const heard = collect(subscription, 'publication');
  const away = collect(client, 'connecting');
  await talker.publish(topic, { n: 1 });
  await heard.next();
  websocket.cutAll();
  await away.next();
  await talker.publish(topic, { n: 2 });
  assert.deepEqual((await heard.next()).data, { n: 2 });
});
