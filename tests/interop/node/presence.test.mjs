import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, connect, freshTopic, register, subscribe } from './kit.mjs';

test('presence and its numbers', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const clients = [await connect(t, alice), await connect(t, alice), await connect(t, bob)];
  const topic = freshTopic();
  const subscriptions = await Promise.all(clients.map((client) => subscribe(client, topic)));
  const stats = await subscriptions[0].presenceStats();
  assert.equal(stats.numClients, 3);
  assert.equal(stats.numUsers, 2);
  const present = Object.values((await subscriptions[0].presence()).clients);
  assert.deepEqual(present.map((info) => info.user).sort(), [alice.id, alice.id, bob.id].sort());
});

test('join and leave', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const topic = freshTopic();
  const watching = await subscribe(await connect(t, alice), topic, { joinLeave: true });
  const [joins, leaves] = [collect(watching, 'join'), collect(watching, 'leave')];
  const visitor = await subscribe(await connect(t, bob), topic);
  await joins.until((context) => context.info.user === bob.id);
  visitor.unsubscribe();
  await leaves.until((context) => context.info.user === bob.id);
});
