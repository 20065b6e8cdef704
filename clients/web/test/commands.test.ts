import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completed, matching, usageOf, wordOf } from '../src/model/commands.ts';
import type { Command } from '../src/model/types.ts';

function command(name: string, options: Command['options'] = []): Command {
  return { bot: 'b', name, description: '', options };
}

test('a command is completed while its word is written', () => {
  assert.equal(wordOf('/'), '');
  assert.equal(wordOf('/Po'), 'po');
  for (const text of ['', 'so /po', '/poll ', '/poll a', '//', '/a\nb']) assert.equal(wordOf(text), null, text);
});

test('what begins with the word comes before what contains it', () => {
  const commands = ['echo', 'poll', 'repoll', 'polls'].map((name) => command(name));
  assert.deepEqual(matching(commands, 'pol').map(({ name }) => name), ['poll', 'polls', 'repoll']);
  assert.equal(matching(Array.from({ length: 30 }, (_, index) => command(`c${index}`)), '').length, 8);
});

test('usage names each option, and one that has some leaves room for them', () => {
  const roll = command('roll', [{ name: 'sides', kind: 'integer', required: true }, { name: 'mood', kind: 'choice', choices: ['good', 'bad'] }]);
  assert.equal(usageOf(roll), '<sides> [mood: good|bad]');
  assert.equal(completed(roll), '/roll ');
  assert.equal(completed(command('ping')), '/ping');
});
