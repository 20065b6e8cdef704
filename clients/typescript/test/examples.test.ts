import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { TestServer } from '../src/testing/index.ts';
import { Kept } from '../examples/kept.mjs';
import { remind } from '../examples/remind.mjs';
import { nextAt, standup } from '../examples/standup.mjs';

const folder = mkdtempSync(join(tmpdir(), 'rialto-examples-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A room with Ada and a bot. */
function scene() {
  const server = new TestServer();
  const ada = server.person('ada');
  const robot = server.person('robot');
  const room = ada.creates('group', 'room', [robot]);
  const texts = (): string[] => ada.reads(room).filter(({ sender }) => sender === robot.id).map(({ text }) => text);
  return { server, ada, robot, room, texts };
}

/** How often a text stands. */
function count(texts: readonly string[], wanted: string): number {
  return texts.filter((text) => text === wanted).length;
}

test('what is kept is in the file, whole, and only for its owner', async () => {
  const path = join(folder, 'kept.json');
  const kept = await Kept.open(path);
  kept.set('a 1', { b: 'ü' });
  kept.set('gone', 1);
  kept.set('gone', undefined);
  await Promise.all([kept.saved(), kept.saved()]);
  const again = await Kept.open(path);
  assert.deepEqual([again.get('a 1'), again.get('gone'), again.all('a ')], [{ b: 'ü' }, undefined, [['a 1', { b: 'ü' }]]]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['kept.json']);
});

test('a reminder is said in time, in answer to who asked, over a restart of the bot', async () => {
  const { server, ada, robot, room } = scene();
  const path = join(folder, 'remind.json');
  const first = await remind(server.client(robot), await Kept.open(path)).start();
  const at = ada.says(room, '/remind 1s the tea is ready');
  ada.says(room, '/remind 1h30m go: home');
  ada.says(room, '/reminders');
  const listed = await ada.hears(room, /UTC/);
  assert.match(listed.text, /^\d{4}-\d\d-\d\d \d\d:\d\d UTC: the tea is ready\n.* UTC: go: home$/);
  await first.stop();
  const second = await remind(server.client(robot), await Kept.open(path)).start();
  const said = await ada.hears(room, '⏰ the tea is ready');
  assert.equal(said.reply_to, at);
  assert.ok(said.time - (ada.reads(room).find(({ offset }) => offset === at)?.time ?? 0) >= 1_000);
  ada.says(room, '/remind soon x');
  assert.match((await ada.hears(room, /Usage/)).text, /after: it must be a time such as 10m/);
  await second.stop();
});

test('killed between saying and forgetting, it says a reminder once', async () => {
  const { server, ada, robot, room, texts } = scene();
  const first = await remind(server.client(robot), new Kept()).catch(() => undefined).start();
  ada.says(room, '/remind 0s tea');
  await ada.hears(room, '⏰ tea');
  // A process that is killed says nothing more; its file still holds the reminder, and the row may be handled again too.
  await first.client.close();
  server.conversation(room).read.delete(robot.id);
  const timer = { kind: 'remind', at: 1, data: { conversation: room, offset: 2, text: 'tea' } };
  const second = await remind(server.client(robot), new Kept([[`timer remind-${room}-2`, timer]])).start();
  ada.says(room, '/reminders');
  await ada.hears(room, 'There are no reminders here.');
  assert.equal(count(texts(), '⏰ tea'), 1);
  await second.stop();
});

test('a standup asks each member once, collects the answers and posts them, over a restart', async () => {
  const { server, ada, robot, room, texts } = scene();
  const path = join(folder, 'standup.json');
  const bea = server.person('bea');
  ada.invites(room, [bea]);
  const first = await standup(server.client(robot), await Kept.open(path)).start();
  const far = new Date(server.now() + 12 * 3_600_000).toISOString().slice(11, 16);
  ada.says(room, `/standup ${far} 2s How are you?`);
  await ada.hears(room, `Each day at ${far} UTC I ask everybody here.`);
  ada.says(room, '/standup-now');
  const direct = ada.creates('direct', null, [robot]);
  await ada.hears(direct, 'How are you?');
  ada.says(direct, 'Fine.');
  const answered = ada.says(direct, 'Really.');
  await server.until(() => ada.reads(direct).find(({ offset }) => offset === answered)?.reactions['✅'] !== undefined || undefined);
  await first.stop();
  const second = await standup(server.client(robot), await Kept.open(path)).start();
  const posted = await ada.hears(room, /^📋/);
  assert.equal(posted.text, '📋 Standup\nada: Fine.\nReally.\n(no answer: bea)');
  assert.equal(count(ada.reads(direct).map(({ text }) => text), 'How are you?'), 1);
  assert.equal(count(texts(), posted.text), 1);
  ada.says(room, '/standup-off');
  await ada.hears(room, 'I ask no more.');
  await second.stop();
  const left = await Kept.open(path);
  assert.deepEqual(left.all('').map(([name]) => name), [`begun ${room}`], 'what is over is forgotten');
});

test('the next time of a day is later today or tomorrow', () => {
  const day = 86_400_000;
  assert.equal(nextAt(60_000, 10 * day), 10 * day + 60_000);
  assert.equal(nextAt(60_000, 10 * day + 60_000), 11 * day + 60_000);
});
