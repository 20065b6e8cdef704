import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { collect, connect, createGroup, register, subscribe } from './kit.mjs';

test('a conversation by rpc and publish, heard by both', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const conversation = await createGroup(alice, bob);
  const channel = `conversation:${conversation}`;
  const [from, to] = [await connect(t, alice), await connect(t, bob)];
  const subscription = await subscribe(to, channel);
  const heard = collect(subscription, 'publication');

  const client_id = randomUUID();
  const first = await from.rpc('conversation.send', { conversation, client_id, text: 'hi' });
  assert.equal(first.data.offset, 2);
  const retry = await from.rpc('conversation.send', { conversation, client_id, text: 'hi' });
  assert.equal(retry.data.offset, 2);
  assert.equal(retry.data.duplicate, true);
  await from.publish(channel, { client_id: randomUUID(), text: 'by publish' });

  for (const [offset, text] of [[2, 'hi'], [3, 'by publish']]) {
    const publication = await heard.next();
    assert.equal(publication.offset, offset);
    assert.equal(publication.data.type, 'message');
    assert.equal(publication.data.text, text);
    assert.equal(publication.data.sender, alice.id);
  }
  const history = await subscription.history({ limit: -1 });
  assert.deepEqual(history.publications.map((publication) => publication.offset), [1, 2, 3]);
});

test('what one may not see cannot be subscribed to', async (t) => {
  const [alice, mallory] = [await register('alice'), await register('mallory')];
  const conversation = await createGroup(alice);
  const client = await connect(t, mallory);
  const subscription = client.newSubscription(`conversation:${conversation}`);
  const ended = collect(subscription, 'unsubscribed');
  subscription.subscribe();
  const context = await ended.next();
  assert.ok([102, 103, 401].includes(context.code), JSON.stringify(context));
  await assert.rejects(client.rpc('conversation.get', { conversation }), (error) => error.code === 401);
});
