import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pauseMs } from '../src/backoff.ts';
import { RialtoError, Unauthorized } from '../src/error.ts';
import { REASONS } from '../src/state.ts';
import { uuid7Time } from '../src/uuid7.ts';
import { SERVER_TIME, World } from './world.ts';

function reasonOf(world: World): number {
  return 'reason' in world.state ? world.state.reason.code : -1;
}

test('connects with its token, says who it is, and answers pings', async () => {
  const world = new World();
  assert.equal(world.state.name, 'suspended');
  const socket = await world.connected();
  assert.equal(socket.url, 'ws://one.test/connection/websocket');
  assert.deepEqual(socket.last('connect')['connect'], { token: 'token-1', name: 'rialto-js', version: '0.1.0' });
  assert.deepEqual(world.state, { name: 'connected', client: 'c1' });
  socket.says({});
  assert.equal(socket.frames.at(-1), '{}');
});

test('pings that want no pong get none', async () => {
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
  assert.equal(world.state.name, 'connected');
  await world.pass(2);
  assert.equal(reasonOf(world), REASONS.noPing);
  assert.equal(socket.isClosed, true);
});

test('pauses grow, are spread, and stay within their bounds', () => {
  for (const [attempt, top] of [[0, 1_000], [1, 1_500], [3, 4_500], [5, 16_500], [9, 20_000], [60, 20_000]] as const) {
    assert.equal(pauseMs(attempt, 0, 500, 20_000), 500);
    assert.equal(Math.ceil(pauseMs(attempt, 0.999_999, 500, 20_000) / 10) * 10, top);
  }
});

test('a pause is short again only after a connection that held', async () => {
  const world = new World();
  await world.connected();
  const pauses: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    await world.cut();
    assert.ok(world.state.name === 'disconnected');
    pauses.push(world.state.retryInMs);
    await world.pause();
    await world.accept();
  }
  assert.deepEqual(pauses, [750, 1_000, 1_500, 2_500]);
  await world.pass(10_000);
  await world.cut();
  assert.ok(world.state.name === 'disconnected');
  assert.equal(world.state.retryInMs, 750);
});

test('shutdown, slowness and a broken line mean come back; 3503 means stay away until connect is called', async () => {
  for (const code of [3001, 3008, 1006, 1001, 3010]) {
    const world = new World();
    await world.connected();
    await world.cut(code, 'so it is');
    assert.equal(world.state.name, 'disconnected', `${code}`);
    await world.pause();
    await world.accept();
    assert.equal(world.state.name, 'connected', `${code}`);
  }
  const world = new World();
  await world.connected();
  await world.cut(3503, 'force disconnect');
  assert.deepEqual(world.state, { name: 'suspended', reason: { code: 3503, text: 'force disconnect' } });
  await world.pass(100_000);
  assert.equal(world.sockets.length, 1);
  await world.connected();
  assert.equal(world.state.name, 'connected');
});

test('the next address is taken when one fails or stops, and the same one is kept when it was only slow', async () => {
  const world = new World({ url: ['http://one.test', 'https://two.test/base/'] });
  await world.connected();
  await world.cut(3008, 'slow');
  await world.pause();
  await world.accept();
  await world.cut(3001, 'shutdown');
  await world.pause();
  await world.cut(1006);
  await world.pause();
  const urls = world.sockets.map((socket) => socket.url);
  const one = 'ws://one.test/connection/websocket';
  assert.deepEqual(urls, [one, one, 'wss://two.test/base/connection/websocket', one]);
});

test('a socket that does not open, and a server that does not answer, are given up', async () => {
  const world = new World();
  world.client.connect();
  await world.settle();
  await world.pass(5_001);
  assert.equal(reasonOf(world), REASONS.openFailed);
  assert.equal(world.socket.isClosed, true);
  await world.pass(2_000);
  world.socket.onopen?.();
  await world.pass(5_001);
  assert.equal(reasonOf(world), REASONS.noReply);
});

test('an expired token at connect is replaced before the next attempt', async () => {
  const world = new World();
  world.client.connect();
  await world.settle();
  world.socket.onopen?.();
  await world.settle();
  world.socket.answers('connect', { error: { code: 109, message: 'token expired' } });
  await world.settle();
  world.token = 'token-2';
  await world.pause();
  const socket = await world.accept();
  assert.deepEqual(world.tokenCalls, [{ renew: false }, { renew: true }]);
  assert.equal(socket.last('connect')['connect'].token, 'token-2');
});

test('a fixed token that expired suspends: there is no other', async () => {
  const world = new World({ token: 'fixed' });
  world.client.connect();
  await world.settle();
  world.socket.onopen?.();
  await world.settle();
  world.socket.answers('connect', { error: { code: 109, message: 'token expired' } });
  await world.settle();
  assert.deepEqual(world.state, { name: 'suspended', reason: { code: 109, text: 'token_expired' } });
});

test('an invalid token is replaced once, then the client suspends', async () => {
  const world = new World();
  await world.connected();
  await world.cut(3500, 'invalid token');
  assert.equal(world.state.name, 'disconnected');
  await world.pause();
  world.socket.onopen?.();
  await world.settle();
  await world.cut(3500, 'invalid token');
  assert.deepEqual(world.tokenCalls, [{ renew: false }, { renew: true }]);
  assert.deepEqual(world.state, { name: 'suspended', reason: { code: 3500, text: 'invalid token' } });
});

test('no token for now means try again; no token at all means suspend', async () => {
  const world = new World();
  world.tokenError = new Error('the backend is down');
  world.client.connect();
  await world.settle();
  assert.equal(reasonOf(world), REASONS.tokenFailed);
  world.tokenError = new Unauthorized('logged out');
  await world.pause();
  assert.equal(world.state.name, 'suspended');
  assert.equal(reasonOf(world), REASONS.noToken);
  assert.equal(world.sockets.length, 0);
});

test('the token is renewed over the connection before it runs out', async () => {
  const world = new World();
  const socket = await world.connected({ ping: 0, expires: true, ttl: 3_600 });
  await world.pass(3_539_000);
  assert.equal(world.tokenCalls.length, 1);
  world.token = 'token-2';
  await world.pass(1_001);
  assert.deepEqual(socket.last('refresh')['refresh'], { token: 'token-2' });
  socket.answers('refresh', { refresh: { client: 'c1', expires: true, ttl: 100 } });
  await world.pass(90_001);
  assert.equal(world.tokenCalls.length, 3);
});

test('a token that ran out while the computer slept is not even tried', async () => {
  const world = new World();
  await world.connected({ ping: 0, expires: true, ttl: 60 });
  world.tokenError = new Error('no network');
  await world.pass(50_000);
  await world.cut();
  await world.pass(120_000);
  world.tokenError = null;
  world.token = 'token-2';
  await world.pause();
  const socket = await world.accept();
  assert.equal(socket.last('connect')['connect'].token, 'token-2');
});

test('ids are dated by the server’s clock, whatever our own says, and sort in the order of making', async () => {
  const world = new World();
  assert.throws(() => world.client.newClientId(), (error: RialtoError) => error.code === 'not_connected');
  await world.connected({ time: SERVER_TIME });
  await world.pass(5_000);
  const ids = [1, 2, 3].map(() => world.client.newClientId());
  assert.equal(uuid7Time(ids[0] ?? ''), SERVER_TIME + 5_000);
  assert.deepEqual([...ids].sort(), ids);
  assert.equal(world.client.serverNow(), SERVER_TIME + 5_000);
});

test('an unreadable frame ends the connection, late events of an old socket change nothing', async () => {
  const world = new World();
  const old = await world.connected();
  old.onmessage?.({ data: 'no JSON' });
  assert.equal(world.state.name, 'disconnected');
  await world.pause();
  await world.accept();
  old.onclose?.({ code: 3503, reason: 'late' });
  old.onmessage?.({ data: 'no JSON' });
  assert.equal(world.state.name, 'connected');
});

test('connect skips a pause, suspect drops a dead line, suspend stays away, close is for ever', async () => {
  const world = new World();
  await world.connected();
  world.client.suspect('offline');
  assert.equal(reasonOf(world), REASONS.transport);
  world.client.connect();
  await world.accept();
  world.client.suspend();
  await world.pass(60_000);
  assert.equal(world.state.name, 'suspended');
  assert.equal(world.sockets.length, 2);
  await assert.rejects(world.client.connected(), (error: RialtoError) => error.code === 'closed');
  await world.connected();
  await world.client.close();
  assert.equal(world.state.name, 'closed');
  assert.throws(() => world.client.connect());
});

test('what can never work is said at once', () => {
  for (const url of ['nowhere', 'ftp://x.test', []]) {
    assert.throws(() => new World({ url }), (error: RialtoError) => error.code === 'misuse', `${url}`);
  }
});

test('a handler that throws is reported and harms nobody', async () => {
  const reported: unknown[] = [];
  const world = new World({ onError: (error) => void reported.push(error) });
  world.client.on('state', () => {
    throw new Error('mine');
  });
  await world.connected();
  assert.equal(world.state.name, 'connected');
  assert.equal(reported.length, 2);
});

test('connected() waits for however long it takes, and can be given up', async () => {
  const world = new World();
  world.client.connect();
  const wait = world.client.connected();
  const abort = new AbortController();
  const given = assert.rejects(world.client.connected(abort.signal), (error: RialtoError) => error.code === 'aborted');
  abort.abort();
  await given;
  await world.accept();
  await wait;
});
