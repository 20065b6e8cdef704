import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { after, test } from 'node:test';
import type { Client } from '../../src/index.ts';
import { clientOf, Door, registered, SERVER, skip } from './kit.ts';

/** How long something that is waited for may take, in milliseconds. */
const PATIENCE_MS = 30_000;

const folder = mkdtempSync(join(tmpdir(), 'rialto-bots-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** An example bot as people run it. */
async function runs(name: string, url: string, user: string): Promise<ChildProcess> {
  const env = { ...process.env, RIALTO_URL: url, RIALTO_USER: user, RIALTO_PASSWORD: 'correct-horse-7-battery', RIALTO_STATE: join(folder, `${user}.json`) };
  const child = spawn(process.execPath, ['examples/run.mjs', name], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the bot ended with ${code}`)));
  });
  return child;
}

async function texts(client: Client, room: string): Promise<string[]> {
  return (await client.messages(room, { limit: 100 })).items.map(({ text }) => text);
}

async function eventually<T>(what: string, probe: () => Promise<T | false>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await probe();
    if (found !== false) return found;
    if (performance.now() > end) throw new Error(`never came true: ${what}`);
    await pause(30);
  }
}

test('the example bot echo, killed and cut off, answers everything once', { skip }, async () => {
  const [ada, echo] = await Promise.all([registered('ada'), registered('echo')]);
  assert.ok(ada !== undefined && echo !== undefined);
  const client = clientOf(ada).connect();
  const door = await Door.open(SERVER ?? '');
  const { id: room } = await client.create({ kind: 'group', title: 'with a bot', members: [echo.user.id] });
  const said: string[] = [];
  const say = async (text: string): Promise<void> => {
    said.push(text);
    await client.send(room, text);
  };
  const answered = (): Promise<unknown> => eventually('all is answered', async () => {
    const echoes = (await texts(client, room)).filter((text) => text.startsWith('echo: '));
    return echoes.length >= said.length && echoes;
  });
  await say('before it came');
  let bot = await runs('echo', door.url, echo.user.username);
  await say('one');
  await answered();
  door.cut();
  await say('said while it was cut off');
  await answered();
  bot.kill('SIGKILL');
  await say('said to a dead bot');
  bot = await runs('echo', door.url, echo.user.username);
  await say('and one more');
  await answered();
  assert.deepEqual((await texts(client, room)).filter((text) => text.startsWith('echo: ')), said.map((text) => `echo: ${text}`));
  bot.kill('SIGTERM');
  const code = await new Promise((resolve) => bot.once('exit', resolve));
  assert.equal(code, 0);
  await client.close();
  door.close();
});

test('the example bot poll asks, and counts the reactions of people', { skip }, async () => {
  const [ada, robot] = await Promise.all([registered('ada'), registered('poll')]);
  assert.ok(ada !== undefined && robot !== undefined);
  const client = clientOf(ada).connect();
  const { id: room } = await client.create({ kind: 'group', title: 'with a poll', members: [robot.user.id] });
  const bot = await runs('poll', SERVER ?? '', robot.user.username);
  await client.send(room, '/poll "Where to?" pizza noodles');
  const offset = await eventually('the poll stands', async () => {
    const asked = (await client.messages(room)).items.find(({ text }) => text.startsWith('📊'));
    return asked !== undefined && Object.keys(asked.reactions).length === 2 && asked.offset;
  });
  await client.react(room, offset, '2️⃣');
  await client.reply(room, offset, '/close');
  const result = await eventually('the result stands', async () => (await texts(client, room)).find((text) => text.startsWith('Result')) ?? false);
  assert.equal(result, 'Result: Where to?\n2️⃣ noodles: 1\n1️⃣ pizza: 0');
  bot.kill('SIGTERM');
  await client.close();
});

test('the example bot remind, killed again and again, says each reminder exactly once', { skip }, async () => {
  const [ada, robot] = await Promise.all([registered('ada'), registered('remind')]);
  assert.ok(ada !== undefined && robot !== undefined);
  const client = clientOf(ada).connect();
  const { id: room } = await client.create({ kind: 'group', title: 'with a reminder', members: [robot.user.id] });
  const { username } = robot.user;
  const killed = async (bot: ChildProcess): Promise<ChildProcess> => {
    bot.kill('SIGKILL');
    return runs('remind', SERVER ?? '', username);
  };
  const said = (): Promise<string[]> => eventually('all is said', async () => {
    const found = (await texts(client, room)).filter((text) => text.startsWith('⏰'));
    return found.length >= 4 && found;
  });
  let bot = await runs('remind', SERVER ?? '', username);
  for (let number = 0; number < 4; number += 1) {
    await client.send(room, `/remind ${number % 2}s r${number}`);
    if (number % 2 === 1) bot = await killed(bot);
  }
  await said();
  // What would be said twice is said when it is started again.
  bot = await killed(bot);
  await client.send(room, '/reminders');
  await eventually('nothing waits', async () => (await texts(client, room)).includes('There are no reminders here.'));
  assert.deepEqual((await said()).sort(), [0, 1, 2, 3].map((number) => `⏰ r${number}`));
  bot.kill('SIGTERM');
  await client.close();
});

test('the example bot standup asks and posts over a kill', { skip }, async () => {
  const [ada, robot] = await Promise.all([registered('ada'), registered('standup')]);
  assert.ok(ada !== undefined && robot !== undefined);
  const client = clientOf(ada).connect();
  const { id: room } = await client.create({ kind: 'group', title: 'with a standup', members: [robot.user.id] });
  let bot = await runs('standup', SERVER ?? '', robot.user.username);
  const far = new Date(Date.now() + 12 * 3_600_000).toISOString().slice(11, 16);
  await client.send(room, `/standup ${far} 3s How are you?`);
  await eventually('it agrees', async () => (await texts(client, room)).includes(`Each day at ${far} UTC I ask everybody here.`));
  await client.send(room, '/standup-now');
  const { id: direct } = await client.create({ kind: 'direct', members: [robot.user.id] });
  await eventually('it asks', async () => (await texts(client, direct)).includes('How are you?'));
  bot.kill('SIGKILL');
  bot = await runs('standup', SERVER ?? '', robot.user.username);
  await client.send(direct, 'Fine.');
  const posted = await eventually('it posts', async () => (await texts(client, room)).find((text) => text.startsWith('📋')) ?? false);
  assert.equal(posted, '📋 Standup\nada: Fine.');
  assert.equal((await texts(client, direct)).filter((text) => text === 'How are you?').length, 1);
  bot.kill('SIGTERM');
  await client.close();
});
