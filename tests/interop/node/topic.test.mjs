import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collect, connect, freshTopic, register, subscribe } from './kit.mjs';

test('publishes to a topic and everybody hears it', async (t) => {
  const [alice, bob] = [await register('alice'), await register('bob')];
  const [from, to] = [await connect(t, alice), await connect(t, bob)];
  const topic = freshTopic();
  const heard = collect(await subscribe(to, topic), 'publication');
  const own = await subscribe(from, topic);
  await own.publish({ n: 1 });
  await from.publish(topic, { n: 2 });
  for (const n of [1, 2]) {
    const publication = await heard.next();
    assert.deepEqual(publication.data, { n });
    assert.equal(publication.offset, n);
    assert.equal(publication.info.user, alice.id);
  }
});

test('pages through a topic history', async (t) => {
  const client = await connect(t, await register('alice'));
  const subscription = await subscribe(client, freshTopic());
  for (let n = 1; n <= 5; n += 1) await subscription.publish({ n });
  const first = await subscription.history({ limit: 2 });
  assert.deepEqual(first.publications.map((publication) => publication.data.n), [1, 2]);
  assert.equal(first.offset, 5);
  const since = { offset: 2, epoch: first.epoch };
  const second = await subscription.history({ limit: 10, since });
  assert.deepEqual(second.publications.map((publication) => publication.data.n), [3, 4, 5]);
  const newest = await subscription.history({ limit: 2, reverse: true });
  assert.deepEqual(newest.publications.map((publication) => publication.data.n), [5, 4]);
});
