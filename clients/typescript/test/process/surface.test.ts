import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RialtoError, uuid7Time } from '../../src/index.ts';
import type { ChannelEvent, Client } from '../../src/index.ts';
import { clientOf, registered, skip } from './kit.ts';

async function next<Type extends ChannelEvent['type']>(client: Client, type: Type, fits: (event: Extract<ChannelEvent, { type: Type }>) => boolean = () => true): Promise<Extract<ChannelEvent, { type: Type }>> {
  return new Promise((resolve) => {
    const stop = client.on(type, (event) => {
      const found = event as unknown as Extract<ChannelEvent, { type: Type }>;
      if (!fits(found)) return;
      stop();
      resolve(found);
    });
  });
}

test('everything that conversations offer, against the real server', { skip }, async () => {
  const [one, other] = await Promise.all([registered('ada'), registered('bob')]);
  assert.ok(one !== undefined && other !== undefined);
  const ada = clientOf(one).connect();
  const bob = clientOf(other).connect();
  await Promise.all([ada.connected(), bob.connected()]);
  assert.equal((await ada.me()).id, one.user.id);
  assert.equal((await ada.findUser(other.user.username.toUpperCase())).id, other.user.id);
  assert.equal((await ada.user(other.user.id)).display_name, 'bob');
  const added = next(bob, 'inbox', ({ event }) => event.type === 'conversation_added');
  const room = await ada.create({ kind: 'group', title: 'All of it', members: [other.user.id] });
  await added;
  const watched = bob.watch(room.id, { joinLeave: true });
  assert.equal((await watched.ready()).position.offset, 1);
  const joined = next(bob, 'joined', ({ info }) => info.user === one.user.id);
  await ada.watch(room.id).ready();
  await joined;
  assert.equal((await ada.presenceStats(`conversation:${room.id}`)).users, 2);
  assert.equal(Object.keys(await ada.presence(`conversation:${room.id}`)).length, 2);
  const heard = next(bob, 'conversation', ({ event }) => event.type === 'message');
  const { offset } = await ada.send(room.id, 'hello');
  const { event } = await heard;
  assert.ok(event.type === 'message' && Math.abs((uuid7Time(event.client_id) ?? 0) - Date.now()) < 60_000);
  assert.equal((await ada.send(room.id, 'again', { clientId: 'mine' })).duplicate, false);
  assert.equal((await ada.send(room.id, 'again', { clientId: 'mine' })).duplicate, true);
  const typing = next(bob, 'conversation', ({ event: { type } }) => type === 'typing');
  await ada.typing(room.id);
  assert.equal((await typing).offset, null);
  await bob.reply(room.id, offset, 'hi');
  await ada.edit(room.id, offset, 'hello!');
  await bob.react(room.id, offset, '👍');
  await bob.react(room.id, offset, '🎉');
  await bob.unreact(room.id, offset, '🎉');
  const [first] = (await bob.messages(room.id, { limit: 100 })).items;
  assert.deepEqual([first?.text, first?.edited, first?.reactions], ['hello!', true, { '👍': [other.user.id] }]);
  await ada.delete(room.id, offset);
  assert.equal((await bob.markRead(room.id, offset + 1)).unread, 0);
  await ada.setTitle(room.id, 'Renamed');
  await ada.setRole(room.id, other.user.id, 'admin');
  assert.deepEqual((await ada.members(room.id)).items.map(({ role }) => role).sort(), ['admin', 'owner']);
  assert.equal((await bob.conversation(room.id)).title, 'Renamed');
  const history = await bob.history(`conversation:${room.id}`, { limit: -1 });
  assert.deepEqual(history.publications.map((publication) => publication.offset), Array.from({ length: history.position.offset }, (_, index) => index + 1));
  const ended = next(bob, 'unsubscribed', ({ channel }) => channel === `conversation:${room.id}`);
  await ada.remove(room.id, other.user.id);
  assert.equal((await ended).willRetry, false);
  await assert.rejects(bob.send(room.id, 'x'), (error: RialtoError) => !error.temporary && !error.outcomeUnknown);
  const square = await ada.create({ kind: 'public', title: 'Square' });
  await bob.join(square.id);
  await ada.invite(square.id, [other.user.id]).catch(() => undefined);
  await bob.leave(square.id);
  const mine: string[] = [];
  for await (const { id } of ada.listAll()) mine.push(id);
  assert.deepEqual(mine.sort(), [room.id, square.id].sort());
  await Promise.all([ada.close(), bob.close()]);
});

test('topics, sessions and their ends', { skip }, async () => {
  const session = await registered('cem');
  const client = clientOf(session).connect();
  const topic = client.subscribe(`weather-${session.user.id}`);
  await topic.ready();
  const stream = topic.events();
  await client.publish(topic.channel, { rain: true });
  const { value } = await stream.next();
  assert.deepEqual(value.type === 'publication' && [value.data, value.info?.user], [{ rain: true }, session.user.id]);
  assert.notEqual(await session.accessToken(true), '');
  await assert.rejects(client.rpc('conversation.nothing', {}), (error: RialtoError) => error.code === 'method_not_found');
  await session.logout();
  await assert.rejects(session.accessToken(true), (error: RialtoError) => error.status === 401);
  await client.close();
});
