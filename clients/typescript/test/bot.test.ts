import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bot, option } from '../src/bot/index.ts';
import type { Context } from '../src/bot/index.ts';
import { RialtoError } from '../src/error.ts';
import { TestServer } from '../src/testing/index.ts';
import type { Fault } from '../src/testing/index.ts';
import { echo } from '../examples/echo.mjs';
import { poll } from '../examples/poll.mjs';

/** A room with Ada and a bot. */
function scene(options: ConstructorParameters<typeof TestServer>[0] = {}) {
  const server = new TestServer(options);
  const ada = server.person('ada');
  const robot = server.person('robot');
  const room = ada.creates('group', 'room', [robot]);
  const texts = (): string[] => ada.reads(room).filter(({ sender }) => sender === robot.id).map(({ text }) => text);
  return { server, ada, robot, room, texts };
}

test('commands get typed options, by place and by name; wrong ones are answered with the usage', async () => {
  const { server, ada, robot, room } = scene();
  const heard: unknown[] = [];
  const options = { sides: option.integer({ min: 2, max: 100 }).or(6), mood: option.choice('good', 'bad').optional(), reason: option.rest().or('') };
  const bot = await new Bot(server.client(robot)).command('roll', options, (context) => {
    const { sides, mood, reason } = context.options;
    const typed: [number, 'good' | 'bad' | undefined, string] = [sides, mood, reason];
    heard.push(typed);
    return context.reply('rolled');
  }).start();
  for (const line of ['/roll', '/roll 20 GOOD for the win', '/ROLL mood:bad "12"', '/rolls', 'so /roll']) ada.says(room, line);
  const last = ada.says(room, '/roll 1');
  const refusal = await ada.hears(room, /Usage/);
  assert.equal(refusal.text, 'sides: it must lie between 2 and 100\nUsage: /roll [sides: number] [mood: good|bad] [reason: text …]');
  assert.equal(refusal.reply_to, last);
  assert.deepEqual(heard, [[6, undefined, ''], [20, 'good', 'for the win'], [12, 'bad', '']]);
  await bot.stop();
});

test('its commands are registered at the start, as clients complete them', async () => {
  const { server, ada, robot, room } = scene();
  const bot = new Bot(server.client(robot));
  const options = { sides: option.integer({ min: 2 }).or(6).describe('how many'), mood: option.choice('good', 'bad') };
  bot.command('Roll', options, (context) => context.reply('rolled'), 'rolls a die');
  await bot.start();
  const client = server.client(ada).connect();
  assert.deepEqual(await client.commands(room), {
    items: [{
      bot: robot.id, name: 'roll', description: 'rolls a die',
      options: [
        { name: 'sides', kind: 'integer', required: false, choices: [], description: 'how many' },
        { name: 'mood', kind: 'choice', required: true, choices: ['good', 'bad'], description: '' },
      ],
    }],
    next: null,
  });
  await client.close();
  await bot.stop();
});

test('patterns, mentions and other rows find their handlers', async () => {
  const { server, ada, robot, room, texts } = scene();
  const bot = new Bot(server.client(robot));
  bot.message(/^my name is (?<name>\w+)/i, (context) => context.say(`hello ${context.match.groups?.['name']}`));
  bot.mention((context) => context.reply('you called?'));
  bot.on('member_joined', (context) => context.say(`welcome, ${context.event.user}`));
  bot.on('reaction_added', (context) => context.say(`thanks for ${context.event.emoji}`));
  await bot.start();
  ada.says(room, 'My name is Ada');
  ada.says(room, 'hey @Robot, are you there');
  const last = ada.says(room, 'mail me at x@robot or @robots');
  ada.reacts(room, last, '👍');
  const bea = server.person('bea');
  ada.invites(room, [bea]);
  await ada.hears(room, /welcome/);
  assert.deepEqual(texts(), ['hello Ada', 'you called?', 'thanks for 👍', `welcome, ${bea.id}`]);
  await bot.stop();
});

test('middleware runs around the handlers, in order, and may pass a row over', async () => {
  const { server, ada, robot, room, texts } = scene();
  const order: string[] = [];
  const bot = new Bot(server.client(robot))
    .use(async (context, next) => {
      order.push(`in ${context.text}`);
      context.state.set('who', 'first');
      await next();
      order.push(`out ${context.text}`);
    })
    .use((context, next) => (context.text.includes('secret') ? undefined : next()))
    .message((context) => context.reply(`${context.text} by ${context.state.get('who')}`));
  await bot.start();
  ada.says(room, 'a');
  ada.says(room, 'a secret');
  ada.says(room, 'b');
  await ada.hears(room, /^b/);
  await bot.stop();
  assert.deepEqual(texts(), ['a by first', 'b by first']);
  assert.deepEqual(order, ['in a', 'out a', 'in a secret', 'out a secret', 'in b', 'out b']);
});

test('a handler that throws harms neither the others nor the next row', async () => {
  const { server, ada, robot, room, texts } = scene();
  const errors: [string, number | undefined][] = [];
  const bot = new Bot(server.client(robot));
  bot.catch((error, context) => void errors.push([String(error), (context as Context | null)?.offset]));
  bot.message(/x/, () => {
    throw new Error('broken');
  });
  bot.message((context) => context.reply(`heard ${context.text}`));
  await bot.start();
  const at = ada.says(room, 'x');
  ada.says(room, 'y');
  await ada.hears(room, 'heard y');
  assert.deepEqual(texts(), ['heard x', 'heard y']);
  assert.deepEqual(errors, [['Error: broken', at]]);
  await bot.stop();
});

test('started again it goes on where it stood, and says nothing twice even if it died between a reply and its mark', async () => {
  let isDying = false;
  const fault = (kind: string, body: any): Fault => (isDying && kind === 'rpc' && body.method === 'conversation.mark_read' ? 'lost before' : null);
  const { server, ada, robot, room, texts } = scene({ fault });
  const first = await echo(server.client(robot)).start();
  ada.says(room, 'one');
  await server.until(() => server.conversation(room).read.get(robot.id) !== undefined && texts().length === 1);
  isDying = true;
  ada.says(room, 'two');
  await ada.hears(room, 'echo: two');
  // A process that is killed says nothing more.
  await first.client.close();
  ada.says(room, 'three');
  isDying = false;
  const second = await echo(server.client(robot)).start();
  await ada.hears(room, 'echo: three');
  assert.deepEqual(texts(), ['echo: one', 'echo: two', 'echo: three']);
  await second.stop();
});

test('what was said while it was away, however much, is handled once and in order', async () => {
  const { server, ada, robot, room, texts } = scene();
  const first = await echo(server.client(robot)).start();
  ada.says(room, 'm0');
  await ada.hears(room, 'echo: m0');
  await first.stop();
  for (let number = 1; number <= 700; number += 1) ada.says(room, `m${number}`);
  const second = await echo(server.client(robot)).start();
  await ada.hears(room, 'echo: m700');
  assert.deepEqual(texts(), Array.from({ length: 701 }, (_, number) => `echo: m${number}`));
  await second.stop();
});

test('cuts and refusals in the middle of it change nothing', async () => {
  let roll = 0;
  const fault = (kind: string): Fault => {
    roll += 1;
    return kind === 'connect' || kind === 'subscribe' ? null : roll % 7 === 3 ? 'cut after' : roll % 5 === 1 ? 'refused for now' : null;
  };
  const { server, ada, robot, room, texts } = scene({ fault });
  const client = server.client(robot, { settings: { backoffMinMs: 1, backoffMaxMs: 5 } });
  const bot = await echo(client).start();
  for (let number = 0; number < 30; number += 1) ada.says(room, `m${number}`);
  await ada.hears(room, 'echo: m29');
  assert.deepEqual(texts(), Array.from({ length: 30 }, (_, number) => `echo: m${number}`));
  await bot.stop();
});

test('it begins where it came in, follows what it is invited to, and leaves what it is removed from', async () => {
  const { server, ada, robot } = scene();
  const other = ada.creates('group', 'other');
  ada.says(other, 'before');
  const bot = await echo(server.client(robot)).start();
  ada.invites(other, [robot]);
  ada.says(other, 'after');
  await ada.hears(other, /echo/);
  assert.deepEqual(ada.reads(other).map(({ text }) => text), ['before', 'after', 'echo: after']);
  server.call('conversation.remove', ada.id, { conversation: other, client_id: 'r', user: robot.id });
  ada.says(other, 'gone');
  const direct = ada.creates('direct', null, [robot]);
  ada.says(direct, 'in private');
  await ada.hears(direct, 'echo: in private');
  assert.equal(ada.reads(other).at(-1)?.text, 'gone');
  await bot.stop();
});

test('two bots in a room do not answer each other', async () => {
  const { server, ada, robot, room } = scene();
  const second = server.person('second');
  ada.invites(room, [second]);
  const bots = await Promise.all([robot, second].map((person) => echo(server.client(person)).start()));
  ada.says(room, 'hi');
  await server.until(() => ada.reads(room).length === 3);
  ada.says(room, 'again');
  await server.until(() => ada.reads(room).length === 6);
  assert.equal(ada.reads(room).filter(({ text }) => text.startsWith('echo: echo')).length, 0);
  await Promise.all(bots.map((bot) => bot.stop()));
});

test('stop lets the running handler end, and begins no other', async () => {
  const { server, ada, robot, room, texts } = scene();
  let release = (): void => undefined;
  const started = new Promise<void>((resolve) => {
    const gate = new Promise<void>((open) => {
      release = open;
    });
    void new Bot(server.client(robot)).message(async (context) => {
      resolve();
      await gate;
      await context.reply(`done ${context.text}`);
    }).start().then((bot) => {
      running = bot;
    });
  });
  let running: Bot | null = null;
  ada.says(room, 'a');
  ada.says(room, 'b');
  await started;
  await server.until(() => running !== null || undefined);
  const stopping = (running as unknown as Bot).stop();
  release();
  await stopping;
  assert.deepEqual(texts(), ['done a']);
  assert.equal(server.conversation(room).read.get(robot.id), ada.reads(room).find(({ text }) => text === 'a')?.offset);
});

test('the poll asks, counts and is closed, over a restart of the bot', async () => {
  const { server, ada, robot, room } = scene();
  const bea = server.person('bea');
  ada.invites(room, [bea]);
  const first = await poll(server.client(robot)).start();
  ada.says(room, '/poll "Where to?" pizza "the usual place"');
  const asked = await ada.hears(room, /^📊/);
  assert.equal(asked.text, '📊 Where to?\n1️⃣ pizza\n2️⃣ the usual place');
  await server.until(() => Object.keys(ada.reads(room).find(({ offset }) => offset === asked.offset)?.reactions ?? {}).length === 2);
  await first.stop();
  bea.reacts(room, asked.offset, '2️⃣');
  ada.reacts(room, asked.offset, '2️⃣');
  const second = await poll(server.client(robot)).start();
  ada.says(room, '/close');
  assert.equal((await ada.hears(room, /^Result/)).text, 'Result: Where to?\n2️⃣ the usual place: 2\n1️⃣ pizza: 0');
  ada.says(room, '/poll only');
  assert.match((await ada.hears(room, /Usage/)).text, /answers is missing/);
  await second.stop();
});

test('a handler may do so many things about one row', async () => {
  const { server, ada, robot, room, texts } = scene();
  const bot = new Bot(server.client(robot));
  const failed = new Promise<RialtoError>((resolve) => bot.catch((error) => resolve(error as RialtoError)));
  bot.message(async (context) => {
    for (let number = 0; number <= 100; number += 1) await context.say(`${number}`);
  });
  await bot.start();
  ada.says(room, 'go');
  assert.equal((await failed).code, 'misuse');
  assert.equal(texts().length, 100);
  await bot.stop();
});
