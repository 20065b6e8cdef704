import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, backoffMs } from '../src/realtime/backoff.ts';
import { shouldReconnect, shouldResubscribe } from '../src/realtime/codes.ts';
import { CommandError } from '../src/realtime/error.ts';
import { recorder, World } from './fake.ts';

test('connects with its token and answers pings', async () => {
  const world = new World();
  const socket = await world.connected({ time: 1_500_000 });
  assert.deepEqual(socket.last('connect')['connect'], { token: 'token-1', name: 'test' });
  assert.equal(world.status.state, 'connected');
  assert.equal(world.client.serverNow(), 1_500_000);
  socket.says({});
  assert.equal(socket.frames.at(-1), '{}');
});

test('does not answer pings that want no pong', async () => {
  const world = new World();
  const socket = await world.connected({ pong: false });
  const before = socket.frames.length;
  socket.says({});
  assert.equal(socket.frames.length, before);
});

test('silence beyond ping and grace ends the connection, any traffic keeps it', async () => {
  const world = new World();
  const socket = await world.connected({ ping: 25 });
  await world.pass(34_000);
  socket.says({});
  await world.pass(34_999);
  assert.equal(world.status.state, 'connected');
  await world.pass(2);
  assert.equal(world.status.state, 'connecting');
  assert.equal(world.status.reason, 'no ping');
  assert.equal(socket.isClosed, true);
});

test('backoff has full jitter between its bounds', () => {
  assert.equal(backoffMs(0, 0.999) <= BACKOFF_MS_MIN, true);
  assert.equal(backoffMs(3, 0.5), 2_000);
  assert.equal(backoffMs(50, 0.5), BACKOFF_MS_MAX / 2);
  assert.equal(backoffMs(50, 0) > 0, true);
});

test('reconnects with growing delays, and starts over after a good connection', async () => {
  const world = new World();
  world.random = 0.999;
  await world.connected();
  const delays: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    await world.cut();
    delays.push((world.status.retryAt ?? 0) - world.now);
    await world.pass(delays.at(-1) ?? 0);
  }
  assert.deepEqual(delays, [499, 999, 1998, 3996, 7992, 15984, 19980]);
  await world.accept();
  await world.cut();
  assert.equal((world.status.retryAt ?? 0) - world.now, 499);
});

test('close codes decide whether to come back', async () => {
  for (const code of [1000, 1001, 1006, 3000, 3001, 3499, 4000, 4499, 5000]) assert.equal(shouldReconnect(code), true, `${code}`);
  for (const code of [1009, 3501, 3999, 4500, 4999]) assert.equal(shouldReconnect(code), false, `${code}`);
  for (const code of [2500, 2501, 2502]) assert.equal(shouldResubscribe(code), true);
  for (const code of [2000, 2100, 2499]) assert.equal(shouldResubscribe(code), false);
  const world = new World();
  await world.connected();
  await world.cut(3503, 'force disconnect');
  assert.deepEqual({ ...world.status }, { state: 'disconnected', attempt: 0, retryAt: null, code: 3503, reason: 'force disconnect' });
  await world.pass(60_000);
  assert.equal(world.sockets.length, 1);
  world.client.retryNow();
  await world.accept();
  assert.equal(world.status.state, 'connected');
});

test('an invalid token is replaced once, then the client stops', async () => {
  const world = new World();
  await world.connected();
  await world.cut(3500, 'invalid token');
  assert.equal(world.status.state, 'connecting');
  await world.pass(1_000);
  assert.deepEqual(world.tokenCalls, [false, true]);
  world.socket.onopen?.();
  await world.settle();
  await world.cut(3500, 'invalid token');
  assert.equal(world.status.state, 'disconnected');
  assert.equal(world.status.code, 3500);
});

test('an expired token at connect is renewed before the next attempt', async () => {
  const world = new World();
  world.client.connect();
  await world.settle();
  world.socket.onopen?.();
  await world.settle();
  world.socket.says({ id: 1, error: { code: 109, message: 'token expired' } });
  await world.settle();
  await world.pass(1_000);
  assert.deepEqual(world.tokenCalls, [false, true]);
  await world.accept();
  assert.equal(world.status.state, 'connected');
});

test('no token means signed out; a broken token service means try again', async () => {
  const world = new World();
  world.isTokenBroken = true;
  world.client.connect();
  await world.settle();
  assert.equal(world.status.state, 'connecting');
  world.isTokenBroken = false;
  world.token = null;
  await world.pass(1_000);
  assert.equal(world.status.state, 'disconnected');
  assert.equal(world.sockets.length, 0);
});

test('renews the token over the connection before it runs out', async () => {
  const world = new World();
  const socket = await world.connected({ ping: 0, expires: true, ttl: 3600 });
  await world.pass(3_539_000);
  assert.equal(world.tokenCalls.length, 1);
  world.token = 'token-2';
  await world.pass(1_001);
  assert.deepEqual(world.tokenCalls, [false, true]);
  assert.deepEqual(socket.last('refresh')['refresh'], { token: 'token-2' });
  socket.says({ id: socket.last('refresh')['id'], refresh: { client: 'c1', expires: true, ttl: 100 } });
  await world.settle();
  await world.pass(50_001);
  assert.equal(world.tokenCalls.length, 3);
});

test('a silent socket at connect counts as dead', async () => {
  const world = new World();
  world.client.connect();
  await world.settle();
  await world.pass(10_001);
  assert.equal(world.status.attempt, 1);
  await world.pass(1_000);
  assert.equal(world.sockets.length, 2);
  world.socket.onopen?.();
  await world.settle();
  await world.pass(5_001);
  assert.equal(world.status.attempt, 2);
});

test('subscribes, delivers once and in order, and drops repeats', async () => {
  const world = new World();
  const { told, listener } = recorder();
  world.client.subscribe('conversation:1', listener, { joinLeave: true });
  const socket = await world.connected();
  assert.deepEqual(socket.last('subscribe')['subscribe'], { channel: 'conversation:1', join_leave: true });
  socket.says(
    { id: socket.last('subscribe')['id'], subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: 4 } },
    { push: { channel: 'conversation:1', pub: { data: 'five', offset: 5 } } },
    { push: { channel: 'conversation:1', pub: { data: 'five', offset: 5 } } },
    { push: { channel: 'conversation:1', pub: { data: 'fleeting' } } },
    { push: { channel: 'conversation:1', join: { info: { user: 'u', client: 'x' } } } },
    { push: { channel: 'conversation:1', leave: { info: { user: 'u', client: 'x' } } } },
    { push: { channel: 'other', pub: { data: 'not ours', offset: 1 } } },
  );
  assert.deepEqual(told, ['subscribed lost=false recovered=false at=4', 'publication "five" at=5', 'publication "fleeting" at=undefined', 'join u', 'leave u']);
});

async function subscribed(world: World, at = 4): Promise<ReturnType<typeof recorder>> {
  const record = recorder();
  world.client.subscribe('ch', record.listener);
  const socket = await world.connected();
  socket.says({ id: socket.last('subscribe')['id'], subscribe: { recoverable: true, epoch: 'e', offset: at } });
  record.told.length = 0;
  return record;
}

test('recovers from its position after a cut, without telling anything twice', async () => {
  const world = new World();
  const { told } = await subscribed(world);
  world.socket.says({ push: { channel: 'ch', pub: { data: 'a', offset: 5 } } });
  await world.cut();
  await world.pass(1_000);
  const socket = await world.accept();
  assert.deepEqual(socket.last('subscribe')['subscribe'], { channel: 'ch', recover: true, offset: 5, epoch: 'e' });
  socket.says({
    id: socket.last('subscribe')['id'],
    subscribe: { recovered: true, was_recovering: true, epoch: 'e', offset: 5, publications: [{ data: 'b', offset: 6 }, { data: 'c', offset: 7 }] },
  }, { push: { channel: 'ch', pub: { data: 'c', offset: 7 } } }, { push: { channel: 'ch', pub: { data: 'd', offset: 8 } } });
  assert.deepEqual(told, [
    'publication "a" at=5', 'interrupted', 'publication "b" at=6', 'publication "c" at=7', 'subscribed lost=false recovered=true at=7', 'publication "d" at=8',
  ]);
});

test('says honestly that something was lost', async () => {
  const world = new World();
  const { told } = await subscribed(world);
  await world.cut();
  await world.pass(1_000);
  const socket = await world.accept();
  socket.says({ id: socket.last('subscribe')['id'], subscribe: { recoverable: true, was_recovering: true, epoch: 'other', offset: 90 } });
  assert.deepEqual(told, ['interrupted', 'subscribed lost=true recovered=false at=90']);
});

test('a hole in the stream is filled by a new subscribe, not passed over', async () => {
  const world = new World();
  const { told } = await subscribed(world);
  world.socket.says({ push: { channel: 'ch', pub: { data: 'late', offset: 7 } } });
  await world.settle();
  const sent = world.socket.commands.slice(-2);
  assert.deepEqual(sent.map(({ id: _, ...command }) => command), [{ unsubscribe: { channel: 'ch' } }, { subscribe: { channel: 'ch', recover: true, offset: 4, epoch: 'e' } }]);
  world.socket.says({ id: world.socket.last('subscribe')['id'], subscribe: {
    recovered: true, was_recovering: true, epoch: 'e', offset: 4, publications: [5, 6, 7].map((offset) => ({ data: offset, offset })),
  } });
  assert.deepEqual(told, ['interrupted', 'publication 5 at=5', 'publication 6 at=6', 'publication 7 at=7', 'subscribed lost=false recovered=true at=7']);
});

test('unsubscribe pushes: insufficient state comes back, removal is final', async () => {
  const world = new World();
  const { told } = await subscribed(world);
  const before = world.socket.frames.length;
  world.socket.says({ push: { channel: 'ch', unsubscribe: { code: 2500, reason: 'insufficient state' } } });
  await world.settle();
  assert.equal(world.socket.frames.length, before + 1);
  world.socket.says({ id: world.socket.last('subscribe')['id'], subscribe: { recovered: true, epoch: 'e', offset: 4 } });
  world.socket.says({ push: { channel: 'ch', unsubscribe: { code: 2000, reason: 'removed' } } });
  assert.deepEqual(told, ['interrupted', 'subscribed lost=false recovered=true at=4', 'unsubscribed 2000']);
  await world.cut();
  await world.pass(1_000);
  const socket = await world.accept();
  assert.equal(socket.commands.some((command) => 'subscribe' in command), false);
});

test('a refused subscribe is final, a temporary refusal is tried again', async () => {
  const world = new World();
  const { told, listener } = recorder();
  world.client.subscribe('ch', listener);
  const socket = await world.connected();
  socket.says({ id: socket.last('subscribe')['id'], error: { code: 408, message: 'unavailable', temporary: true } });
  await world.pass(600);
  const second = socket.last('subscribe');
  assert.equal(socket.commands.filter((command) => 'subscribe' in command).length, 2);
  socket.says({ id: second['id'], error: { code: 402, message: 'not_a_member' } });
  assert.deepEqual(told, ['unsubscribed 402']);
});

test('server-side subscriptions are recovered through connect, and gaps are reported', async () => {
  const world = new World();
  const { told, listener } = recorder();
  world.serverSide.set('user:1', listener);
  const first = await world.connected({ subs: { 'user:1': { recoverable: true, epoch: 'i', offset: 3 } } });
  first.says({ push: { channel: 'user:1', pub: { data: 'x', offset: 4 } } });
  await world.cut();
  await world.pass(1_000);
  const socket = await world.accept({ subs: { 'user:1': { recovered: true, was_recovering: true, epoch: 'i', offset: 4, publications: [{ data: 'y', offset: 5 }] } } });
  assert.deepEqual(socket.last('connect')['connect'].subs, { 'user:1': { recover: true, offset: 4, epoch: 'i' } });
  socket.says({ push: { channel: 'user:1', pub: { data: 'z', offset: 9 } } });
  assert.deepEqual(told, [
    'subscribed lost=false recovered=false at=3', 'publication "x" at=4', 'interrupted', 'publication "y" at=5', 'subscribed lost=false recovered=true at=5',
    'publication "z" at=9', 'subscribed lost=true recovered=false at=9',
  ]);
});

test('calls resolve, refuse, time out, and fail with the connection', async () => {
  const world = new World();
  const socket = await world.connected({ ping: 0 });
  const good = world.client.rpc('user.me', {});
  await world.settle();
  socket.says({ id: socket.last('rpc')['id'], rpc: { data: { id: 'me' } } });
  assert.deepEqual(await good, { id: 'me' });

  const refused = world.client.rpc('conversation.send', {});
  await world.settle();
  socket.says({ id: socket.last('rpc')['id'], error: { code: 403, message: 'forbidden' } });
  await assert.rejects(refused, (error: CommandError) => error.code === 403 && !error.temporary && !error.isUnknown);

  const slow = world.client.rpc('a', {});
  const timedOut = assert.rejects(slow, (error: CommandError) => error.isUnknown);
  await world.pass(10_001);
  await timedOut;

  const lost = world.client.rpc('b', {});
  const failed = assert.rejects(lost, (error: CommandError) => error.isUnknown && error.temporary);
  await world.cut();
  await failed;
  await assert.rejects(world.client.rpc('c', {}), (error: CommandError) => error.message === 'disconnected');
});

test('commands of one turn share a frame, but no frame grows beyond its bound', async () => {
  const world = new World();
  const socket = await world.connected();
  const before = socket.frames.length;
  const calls = [1, 2, 3].map((number) => world.client.rpc('x', { number }));
  await world.settle();
  assert.equal(socket.frames.length, before + 1);
  const big = [1, 2].map(() => world.client.rpc('x', { text: 'y'.repeat(12_000) }));
  await world.settle();
  assert.equal(socket.frames.length, before + 3);
  for (const call of [...calls, ...big]) call.catch(() => undefined);
});

test('an unreadable frame ends the connection, late events of an old socket change nothing', async () => {
  const world = new World();
  const old = await world.connected();
  old.onmessage?.({ data: 'not json' });
  assert.equal(world.status.state, 'connecting');
  await world.pass(1_000);
  await world.accept();
  old.onclose?.({ code: 3503, reason: 'late' });
  assert.equal(world.status.state, 'connected');
});

test('retryNow skips the delay, suspect drops a dead connection, disconnect stays away', async () => {
  const world = new World();
  await world.connected();
  world.client.suspect('offline');
  assert.equal(world.status.state, 'connecting');
  world.client.retryNow();
  await world.accept();
  assert.equal(world.status.state, 'connected');
  world.client.disconnect();
  await world.pass(60_000);
  assert.equal(world.status.state, 'disconnected');
  assert.equal(world.sockets.length, 2);
});
