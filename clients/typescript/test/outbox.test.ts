import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Outbox } from '../src/outbox.ts';
import { MemoryOutboxStore } from '../src/outbox-store.ts';
import { TestServer } from '../src/testing/index.ts';
import type { Fault } from '../src/testing/index.ts';
import { World } from './world.ts';

const ROOM = '01920000-0000-7000-8000-000000000001';

function arrivals(outbox: Outbox, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve) => {
    outbox.on('sent', ({ entry }) => {
      texts.push(entry.text);
      if (texts.length === count) resolve(texts);
    });
  });
}

test('what is written without a connection is sent in its order when there is one', async () => {
  const server = new TestServer();
  const ada = server.person('ada');
  const room = ada.creates('group', 'room');
  const client = server.client(ada);
  const outbox = new Outbox(client);
  const arrived = arrivals(outbox, 3);
  for (const text of ['one', 'two', 'three']) await outbox.send(room, text);
  assert.equal(outbox.pending.length, 3);
  client.connect();
  assert.deepEqual(await arrived, ['one', 'two', 'three']);
  assert.deepEqual(ada.reads(room).map(({ text }) => text), ['one', 'two', 'three']);
  assert.equal(outbox.pending.length, 0);
  await client.close();
});

test('a message gets its id durably before it is sent, and keeps it over a crash of the program', async () => {
  let isDeaf = true;
  const fault = (kind: string): Fault => (isDeaf && kind === 'rpc' ? 'lost after' : null);
  const server = new TestServer({ fault });
  const ada = server.person('ada');
  const room = ada.creates('group', 'room');
  const store = new MemoryOutboxStore();
  const first = server.client(ada).connect();
  const crashed = new Outbox(first, store);
  await crashed.send(room, 'only once');
  await server.until(() => ada.reads(room).length === 1);
  const [kept] = await store.load();
  assert.equal(kept?.clientId, ada.reads(room)[0]?.client_id);
  crashed.stop();
  await first.close();
  isDeaf = false;
  const second = server.client(ada).connect();
  const outbox = new Outbox(second, store);
  const arrived = arrivals(outbox, 1);
  await outbox.restore();
  assert.deepEqual(await arrived, ['only once']);
  assert.equal(ada.reads(room).length, 1);
  assert.deepEqual(await store.load(), []);
  await second.close();
});

test('two outboxes on one store (two tabs) send the same message under the same id', async () => {
  const server = new TestServer();
  const ada = server.person('ada');
  const room = ada.creates('group', 'room');
  const store = new MemoryOutboxStore();
  const entry = { key: 'k', conversation: room, text: 'from both', replyTo: null, time: 1, clientId: null, error: null };
  await store.put(entry);
  const clients = [server.client(ada).connect(), server.client(ada).connect()];
  await Promise.all(clients.map((client) => client.connected()));
  const outboxes = clients.map((client) => new Outbox(client, store));
  const done = outboxes.map((outbox) => new Promise((resolve) => {
    outbox.on('sent', resolve);
    outbox.on('gone', resolve);
  }));
  await Promise.all(outboxes.map((outbox) => outbox.restore()));
  await Promise.all(done);
  assert.equal(ada.reads(room).length, 1);
  await Promise.all(clients.map((client) => client.close()));
});

test('a refused message stays until it is tried again or discarded; those behind it go on', async () => {
  const world = new World();
  const socket = await world.connected();
  const outbox = new Outbox(world.client);
  const told: string[] = [];
  for (const type of ['waiting', 'sent', 'failed', 'gone'] as const) outbox.on(type, ({ entry }) => void told.push(`${type} ${entry.text}`));
  const { key } = await outbox.send(ROOM, 'a');
  await outbox.send(ROOM, 'b');
  await world.settle();
  const first = socket.last('rpc')['rpc'].data.client_id;
  socket.answers('rpc', { error: { code: 406, message: 'client_id_expired' } });
  await world.settle();
  socket.answers('rpc', { rpc: { data: { offset: 2, epoch: 'e', time: 1, duplicate: false } } });
  await world.settle();
  assert.equal(outbox.pending[0]?.error, 'client_id_expired');
  await outbox.retry(key);
  await world.settle();
  assert.notEqual(socket.last('rpc')['rpc'].data.client_id, first);
  socket.answers('rpc', { error: { code: 402, message: 'not_a_member' } });
  await world.settle();
  await outbox.discard(key);
  assert.deepEqual(told, ['waiting a', 'waiting a', 'waiting b', 'failed a', 'waiting b', 'sent b', 'waiting a', 'waiting a', 'failed a', 'gone a']);
  assert.equal(outbox.pending.length, 0);
});
