import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RialtoError } from '../src/error.ts';
import { SERVER_TIME, World } from './world.ts';

const ROOM = '01920000-0000-7000-8000-000000000001';
const ACK = { offset: 17, epoch: 'e', time: SERVER_TIME, duplicate: false };

function failsWith(call: Promise<unknown>, code: string): Promise<RialtoError> {
  return call.then(() => assert.fail(`no ${code}`), (error: unknown) => {
    assert.ok(error instanceof RialtoError, String(error));
    assert.equal(error.code, code);
    return error;
  });
}

test('a send waits for the connection, carries an id, and resolves with its place', async () => {
  const world = new World();
  world.client.connect();
  const sending = world.client.send(ROOM, 'hi', { replyTo: 3 });
  const socket = await world.accept();
  const { method, data } = socket.last('rpc')['rpc'];
  assert.equal(method, 'conversation.send');
  assert.deepEqual(Object.keys(data), ['conversation', 'client_id', 'text', 'reply_to']);
  socket.answers('rpc', { rpc: { data: ACK } });
  assert.deepEqual(await sending, ACK);
});

test('a send that was cut off goes out again with the same id, and so does one without an answer', async () => {
  const world = new World();
  let socket = await world.connected({ ping: 0 });
  const sending = world.client.send(ROOM, 'once');
  await world.settle();
  const first = socket.last('rpc')['rpc'];
  await world.cut();
  await world.pause();
  socket = await world.accept({ ping: 0 });
  assert.deepEqual(socket.last('rpc')['rpc'], first);
  await world.pass(5_001);
  const ids = socket.commands.filter((command) => 'rpc' in command).map((command) => command['id']);
  assert.equal(ids.length, 2);
  assert.deepEqual(socket.last('rpc')['rpc'], first);
  // The answer to the earlier attempt is as good as any.
  socket.says({ id: ids[0], rpc: { data: { ...ACK, duplicate: true } } });
  assert.equal((await sending).duplicate, true);
});

test('sends of one turn share a frame in their order, but no frame grows beyond its bound', async () => {
  const world = new World();
  const socket = await world.connected();
  const before = socket.frames.length;
  const calls: Promise<unknown>[] = ['a', 'b', 'c'].map((text) => world.client.send(ROOM, text));
  await world.settle();
  assert.equal(socket.frames.length, before + 1);
  assert.deepEqual(socket.commands.slice(-3).map((command) => command['rpc'].data.text), ['a', 'b', 'c']);
  calls.push(...[1, 2].map(() => world.client.send(ROOM, 'y'.repeat(12_000))));
  await world.settle();
  assert.equal(socket.frames.length, before + 3);
  for (const call of calls) call.catch(() => undefined);
});

test('a refusal is final, a temporary one is waited out', async () => {
  const world = new World();
  const socket = await world.connected();
  const refused = failsWith(world.client.send(ROOM, 'x'), 'not_a_member');
  await world.settle();
  socket.answers('rpc', { error: { code: 402, message: 'not_a_member' } });
  assert.equal((await refused).outcomeUnknown, false);
  const patient = world.client.send(ROOM, 'y');
  await world.settle();
  const { data } = socket.last('rpc')['rpc'];
  socket.answers('rpc', { error: { code: 111, message: 'too many requests', temporary: true } });
  await world.pass(200);
  assert.deepEqual(socket.last('rpc')['rpc'].data, data);
  socket.answers('rpc', { rpc: { data: ACK } });
  assert.equal((await patient).offset, 17);
});

test('a publish is never repeated: cut off, it says that nobody knows', async () => {
  const world = new World();
  await world.connected();
  const publishing = failsWith(world.client.publish('news', { a: 1 }), 'interrupted');
  await world.settle();
  await world.cut();
  assert.equal((await publishing).outcomeUnknown, true);
  // One that was not sent yet only waits.
  const waiting = world.client.publish('news', { b: 2 });
  await world.pause();
  const socket = await world.accept();
  socket.answers('publish', { publish: {} });
  await waiting;
});

test('typing is worth nothing later', async () => {
  const world = new World();
  world.client.connect();
  await failsWith(world.client.typing(ROOM), 'not_connected');
});

test('a call ends in time, by its signal, and with the client', async () => {
  const world = new World();
  const socket = await world.connected({ ping: 0 });
  const late = failsWith(world.client.me({ timeoutMs: 3_000 }), 'timeout');
  await world.pass(3_001);
  assert.equal((await late).outcomeUnknown, true);
  const abort = new AbortController();
  const given = failsWith(world.client.me({ signal: abort.signal }), 'aborted');
  abort.abort();
  await given;
  await failsWith(world.client.me({ signal: abort.signal }), 'aborted');
  const last = world.client.send(ROOM, 'last words');
  await world.settle();
  const closing = world.client.close();
  await failsWith(world.client.me(), 'closed');
  socket.answers('rpc', { rpc: { data: ACK } });
  assert.equal((await last).offset, 17);
  await closing;
  await failsWith(world.client.me(), 'closed');
});

test('a call that can never be answered fails when the client suspends', async () => {
  const world = new World();
  await world.connected();
  const waiting = failsWith(world.client.send(ROOM, 'x'), 'closed');
  await world.settle();
  await world.cut(3503, 'force disconnect');
  const error = await waiting;
  assert.equal(error.number, 3503);
  assert.equal(error.outcomeUnknown, true);
});

test('bounds: so many calls at once, so many bytes in one', async () => {
  const world = new World({ settings: { requestsMax: 2 } });
  world.client.connect();
  const calls = [1, 2].map(() => world.client.me());
  await failsWith(world.client.me(), 'queue_full');
  const socket = await world.accept();
  for (const { id } of socket.commands.filter((command) => 'rpc' in command)) socket.says({ id, rpc: { data: { id: 'me' } } });
  await Promise.all(calls);
  await failsWith(world.client.send(ROOM, '€'.repeat(30_000)), 'too_large');
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  await failsWith(world.client.publish('news', circle), 'misuse');
  assert.equal(world.state.name, 'connected');
});

test('presence, its counts, and history', async () => {
  const world = new World();
  const socket = await world.connected();
  const presence = world.client.presence('c');
  const stats = world.client.presenceStats('c');
  const history = world.client.history('c', { limit: 10, since: { offset: 5, epoch: 'x' }, reverse: true });
  await world.settle();
  assert.deepEqual(socket.last('history')['history'], { channel: 'c', limit: 10, since: { offset: 5, epoch: 'x' }, reverse: true });
  socket.answers('presence', { presence: { presence: { c1: { user: '42', client: 'c1' } } } });
  socket.answers('presence_stats', { presence_stats: { num_clients: 2 } });
  socket.answers('history', { history: { publications: [{ data: 1, offset: 4 }], epoch: 'x', offset: 16 } });
  assert.deepEqual(await presence, { c1: { user: '42', client: 'c1' } });
  assert.deepEqual(await stats, { clients: 2, users: 0 });
  assert.deepEqual(await history, { publications: [{ data: 1, offset: 4 }], position: { offset: 16, epoch: 'x' } });
});
