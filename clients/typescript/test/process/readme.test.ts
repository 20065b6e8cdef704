import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { clientOf, registered, SERVER, skip } from './kit.ts';

// What a reader of the README does, with the package as it is packed.

const folder = mkdtempSync(join(tmpdir(), 'rialto-readme-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const blocks = [...readFileSync('README.md', 'utf8').matchAll(/```(js|ts|sh)\n([^]*?)```/g)].map(([, language = '', code = '']) => ({ language, code }));

function block(language: string, words: string): string {
  const found = blocks.find((candidate) => candidate.language === language && candidate.code.includes(words));
  assert.ok(found !== undefined, `the README shows ${words}`);
  return found.code;
}

/** Unpacks the package into an empty folder, beside the `ws` that is here: nothing is fetched. */
function install(): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@rialto', 'client'), { recursive: true });
  const packed = spawnSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], { encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  const archive = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '');
  const unpacked = spawnSync('tar', ['xzf', archive, '--strip-components=1', '-C', join(modules, '@rialto', 'client')], { encoding: 'utf8' });
  assert.equal(unpacked.status, 0, unpacked.stderr);
  cpSync('node_modules/ws', join(modules, 'ws'), { recursive: true });
}

function node(name: string, code: string): string {
  writeFileSync(join(folder, name), code);
  const run = spawnSync(process.execPath, [name], { cwd: folder, encoding: 'utf8', env: { ...process.env, RIALTO_URL: SERVER ?? '' }, timeout: 60_000 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

test('the quick start, the bot and its unit test run as they stand in the README', { skip }, async () => {
  install();
  assert.match(block('sh', 'npm pack'), /npm install/);
  assert.equal(node('hello.mjs', block('js', 'hello from an SDK')), '2 hello from an SDK\n');
  assert.equal(node('unit.mjs', block('js', 'TestServer')), 'pong\n');
  writeFileSync(join(folder, 'bot.mjs'), block('js', "bot.command('roll'"));
  const bot = spawn(process.execPath, ['bot.mjs'], { cwd: folder, env: { ...process.env, RIALTO_URL: SERVER ?? '' }, stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => bot.stdout.once('data', resolve));
  const client = clientOf(await registered('ada')).connect();
  const dice = await client.findUser('dice');
  const room = await client.create({ kind: 'direct', members: [dice.id] });
  const heard = new Promise<string>((resolve) => {
    client.on('conversation', ({ event }) => {
      if (event.type === 'message' && event.sender === dice.id) resolve(event.text);
    });
  });
  await client.watch(room.id).ready();
  await client.send(room.id, '/roll 20');
  assert.match(await heard, /^\d+ of 20$/);
  bot.kill('SIGTERM');
  assert.equal(await new Promise((resolve) => bot.once('exit', resolve)), 0);
  await client.close();
});

test('the packed types are whole for whoever compiles against them', { skip }, () => {
  writeFileSync(join(folder, 'use.ts'), `
    import { Client, Outbox, RialtoError } from '@rialto/client';
    import type { ConversationEvent } from '@rialto/client';
    import { Bot, option } from '@rialto/client/bot';
    import { TestServer } from '@rialto/client/testing';
    const client = new Client({ url: 'http://x', token: 't' });
    export const sent: Promise<{ offset: number }> = client.send('room', 'text');
    export const outbox = new Outbox(client);
    client.on('conversation', ({ event }: { event: ConversationEvent }) => event.type);
    new Bot(client).command('a', { n: option.integer(), c: option.choice('x', 'y').optional() }, ({ options }) => {
      const typed: [number, 'x' | 'y' | undefined] = [options.n, options.c];
      return typed;
    });
    export const error = new RialtoError('timeout');
    export const server = new TestServer();
  `);
  const compiler = join(process.cwd(), 'node_modules', '.bin', 'tsc');
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2023,dom,dom.iterable', '--types', ''];
  const run = spawnSync(compiler, [...options, 'use.ts'], { cwd: folder, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stdout);
});
