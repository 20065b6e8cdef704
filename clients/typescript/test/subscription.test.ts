import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RialtoError } from '../src/error.ts';
import type { Subscription } from '../src/subscription.ts';
import { World } from './world.ts';

const ROOM = 'conversation:01920000-0000-7000-8000-000000000001';

function message(offset: number): object {
  return { data: { type: 'message', sender: 'u', client_id: `c${offset}`, text: `m${offset}`, time: 1 }, offset };
}

function push(publication: object, channel = ROOM): object {
  return { push: { channel, pub: publication } };
}

async function listening(world: World, at = 4, options = {}): Promise<Subscription> {
  const subscription = world.client.subscribe(ROOM, options);
  const socket = await world.connected();
  socket.answers('subscribe', { subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: at } });
  world.told();
  return subscription;
}

test('subscribes, delivers once and in order, and drops repeats', async () => {
  const world = new World();
  const subscription = world.client.watch(ROOM.slice(13), { joinLeave: true });
  const socket = await world.connected();
  assert.deepEqual(socket.last('subscribe')['subscribe'], { channel: ROOM, positioned: true, recoverable: true, join_leave: true });
  const info = { user: 'u', client: 'x' };
  socket.says(
    { id: socket.last('subscribe')['id'], subscribe: { recoverable: true, positioned: true, epoch: 'e', offset: 4 } },
    push(message(5)), push(message(5)), push({ data: { type: 'typing', user: 'u', until: 1 } }), push({ data: { type: 'of_tomorrow' }, offset: 6 }),
    { push: { channel: ROOM, join: { info } } }, { push: { channel: ROOM, leave: { info } } }, push(message(1), 'other'),
  );
  assert.deepEqual(world.told(), [
    'subscribed anew at=4', 'conversation message at=5', 'conversation typing at=null', 'unknown {"type":"of_tomorrow"} at=6', 'joined u', 'left u',
  ]);
  assert.deepEqual(subscription.position, { offset: 6, epoch: 'e' });
  assert.deepEqual(await subscription.ready(), { wasRecovering: false, recovered: false, position: { offset: 4, epoch: 'e' } });
});

test('recovers from where it stood after a cut, without telling anything twice', async () => {
  const world = new World();
  await listening(world);
  world.socket.says(push(message(5)));
  await world.cut();
  await world.pause();
  const socket = await world.accept();
  assert.deepEqual(socket.last('subscribe')['subscribe'], { channel: ROOM, recover: true, epoch: 'e', offset: 5, positioned: true, recoverable: true });
  socket.says({ id: socket.last('subscribe')['id'], subscribe: {
    recoverable: true, recovered: true, was_recovering: true, epoch: 'e', offset: 5, publications: [message(6), message(7)],
  } }, push(message(7)), push(message(8)));
  assert.deepEqual(world.told(), [
    'conversation message at=5', 'subscribed recovering=true at=5', 'conversation message at=6', 'conversation message at=7', 'conversation message at=8',
  ]);
});

test('says honestly that something was lost', async () => {
  const world = new World();
  await listening(world);
  await world.cut();
  await world.pause();
  const socket = await world.accept();
  socket.answers('subscribe', { subscribe: { recoverable: true, was_recovering: true, epoch: 'other', offset: 90 } });
  assert.deepEqual(world.told(), ['subscribed recovering=false at=90']);
  assert.deepEqual(world.client.subscription(ROOM)?.position, { offset: 90, epoch: 'other' });
});

test('begins behind a position that was kept', async () => {
  const world = new World();
  await listening(world, 4, { since: { offset: 2, epoch: 'e' } });
  assert.equal(world.socket.last('subscribe')['subscribe'].offset, 2);
});

test('a hole in the stream is filled by a new subscribe, and what comes meanwhile is not told early', async () => {
  const world = new World();
  await listening(world);
  world.socket.says(push(message(7)));
  await world.settle();
  const sent = world.socket.commands.slice(-2).map(({ id: _, ...command }) => command);
  assert.deepEqual(sent, [
    { unsubscribe: { channel: ROOM } },
    { subscribe: { channel: ROOM, recover: true, epoch: 'e', offset: 4, positioned: true, recoverable: true } },
  ]);
  world.socket.says(push(message(8)));
  world.socket.answers('subscribe', { subscribe: {
    recoverable: true, recovered: true, was_recovering: true, epoch: 'e', offset: 4, publications: [5, 6, 7, 8].map(message),
  } });
  assert.deepEqual(world.told(), ['subscribed recovering=true at=4', ...[5, 6, 7, 8].map((at) => `conversation message at=${at}`)]);
});

test('unsubscribe pushes: insufficient state comes back, removal is final', async () => {
  const world = new World();
  const subscription = await listening(world);
  world.socket.says({ push: { channel: ROOM, unsubscribe: { code: 2500, reason: 'insufficient state' } } });
  await world.settle();
  world.socket.answers('subscribe', { subscribe: { recoverable: true, was_recovering: true, recovered: true, epoch: 'e', offset: 4 } });
  world.socket.says({ push: { channel: ROOM, unsubscribe: { code: 2000, reason: 'server unsubscribe' } } });
  assert.deepEqual(world.told(), ['unsubscribed 2500 for now', 'subscribed recovering=true at=4', 'unsubscribed 2000']);
  assert.equal(subscription.isLive, false);
  assert.equal(world.client.subscription(ROOM), undefined);
  await world.cut();
  await world.pause();
  const socket = await world.accept();
  assert.equal(socket.commands.some((command) => 'subscribe' in command), false);
});

test('a refused subscribe is final, a temporary refusal is tried again', async () => {
  const world = new World();
  const subscription = world.client.subscribe(ROOM);
  const ready = assert.rejects(subscription.ready(), (error: RialtoError) => error.code === 'not_a_member');
  const socket = await world.connected();
  socket.answers('subscribe', { error: { code: 408, message: 'unavailable', temporary: true } });
  await world.pass(751);
  assert.equal(socket.commands.filter((command) => 'subscribe' in command).length, 2);
  socket.answers('subscribe', { error: { code: 402, message: 'not_a_member' } });
  await ready;
  assert.deepEqual(world.told(), ['unsubscribed 402']);
});

test('a subscribe without an answer costs the connection: nobody knows what the server holds', async () => {
  const world = new World();
  world.client.subscribe(ROOM);
  await world.connected();
  await world.pass(5_001);
  assert.equal(world.state.name, 'disconnected');
});

test('one subscription per channel; unsubscribe tells the server and ends its events', async () => {
  const world = new World();
  const subscription = await listening(world);
  assert.throws(() => world.client.subscribe(ROOM), (error: RialtoError) => error.code === 'misuse');
  subscription.unsubscribe();
  await world.settle();
  assert.deepEqual(world.socket.last('unsubscribe')['unsubscribe'], { channel: ROOM });
  world.socket.says(push(message(5)));
  assert.deepEqual(world.told(), ['unsubscribed 0']);
  world.client.subscribe(ROOM);
  assert.throws(() => world.client.subscribe('x'.repeat(256)), (error: RialtoError) => error.code === 'misuse');
});

test('server-side channels are recovered through connect, and a gap is told', async () => {
  const world = new World();
  const read = (offset: number): object => ({ data: { type: 'read', conversation: 'x', offset: 1 }, offset });
  const first = await world.connected({ subs: { 'user:1': { recoverable: true, epoch: 'i', offset: 3 } } });
  first.says(push(read(4), 'user:1'));
  await world.cut();
  await world.pause();
  const recovered = { recoverable: true, recovered: true, was_recovering: true, epoch: 'i', offset: 4, publications: [read(5)] };
  const socket = await world.accept({ subs: { 'user:1': recovered } });
  assert.deepEqual(socket.last('connect')['connect'].subs, { 'user:1': { recover: true, epoch: 'i', offset: 4 } });
  socket.says(push(read(9), 'user:1'));
  assert.deepEqual(world.told(), [
    'subscribed anew at=3', 'inbox read at=4', 'subscribed recovering=true at=4', 'inbox read at=5', 'gap 5..9', 'inbox read at=9',
  ]);
});

test('subscription tokens are fetched, renewed, and replaced when they expired', async () => {
  const world = new World();
  const asked: boolean[] = [];
  world.client.subscribe('vip', { token: async ({ renew }) => {
    asked.push(renew);
    return `s${asked.length}`;
  } });
  const socket = await world.connected({ ping: 0 });
  assert.equal(socket.last('subscribe')['subscribe'].token, 's1');
  socket.answers('subscribe', { error: { code: 109, message: 'token expired' } });
  await world.pass(751);
  assert.equal(socket.last('subscribe')['subscribe'].token, 's2');
  socket.answers('subscribe', { subscribe: { expires: true, ttl: 100 } });
  await world.pass(90_001);
  assert.deepEqual(socket.last('sub_refresh')['sub_refresh'], { channel: 'vip', token: 's3' });
  assert.deepEqual(asked, [false, true, true]);
});

test('a slow reader of a stream loses the oldest, and is told how many; streams end with the client', async () => {
  const world = new World({ settings: { eventsMax: 2 } });
  const subscription = await listening(world);
  const stream = subscription.events();
  world.socket.says(...[5, 6, 7, 8].map((at) => push(message(at))));
  await world.client.close();
  const read: string[] = [];
  for await (const event of stream) read.push(event.type === 'lagged' ? `lagged ${event.missed}` : event.type);
  assert.deepEqual(read, ['lagged 3', 'conversation', 'unsubscribed']);
});
