import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuid7Factory, uuid7Time } from '../src/lib/uuid7.ts';
import { dayName, daysBetween, initials, nameList, preview, textParts } from '../src/lib/words.ts';
import { put, remove, sorted, unreadTotal, withLast } from '../src/model/inbox.ts';
import type { Conversation } from '../src/model/types.ts';

const randomBytes = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length));

test('ids are UUIDv7 of the given time, in order, and all different', () => {
  const now = 1_790_000_000_123;
  const next = uuid7Factory(() => now, randomBytes);
  const ids = Array.from({ length: 10_000 }, next);
  assert.match(ids[0] ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(uuid7Time(ids[0] ?? ''), now);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual([...ids].sort(), ids);
  assert.ok((uuid7Time(ids.at(-1) ?? '') ?? 0) - now < 10, 'a burst runs ahead of the clock by a few milliseconds at most');
});

test('ids never go back with the clock', () => {
  let now = 2_000;
  const next = uuid7Factory(() => now, randomBytes);
  const first = next();
  now = 1_000;
  assert.ok(next() > first);
  assert.equal(uuid7Time('not an id'), null);
});

test('days are counted as people do', () => {
  const at = (day: number, hour: number): number => new Date(2026, 2, day, hour).getTime();
  assert.equal(daysBetween(at(3, 23), at(4, 1)), 1);
  assert.equal(dayName(at(4, 1), at(4, 22)), 'Today');
  assert.equal(dayName(at(3, 23), at(4, 1)), 'Yesterday');
  assert.match(dayName(new Date(2019, 0, 5).getTime(), at(4, 1)), /2019/);
});

test('names, initials and previews', () => {
  assert.equal(nameList(['Ada', 'Bob']), 'Ada and Bob');
  assert.equal(nameList(['Ada', 'Bob', 'Cyd']), 'Ada, Bob and one other');
  assert.equal(nameList(['Ada', 'Bob', 'Cyd', 'Dee']), 'Ada, Bob and 2 others');
  assert.equal(initials('ada lovelace'), 'AL');
  assert.equal(initials('😀 smile'), '😀S');
  assert.equal(preview('a\n b   c'), 'a b c');
  assert.equal(preview('x'.repeat(200), 10), `${'x'.repeat(9)}…`);
});

test('only http addresses and code are told apart from text', () => {
  assert.deepEqual(textParts('see https://a.b/c?d=1, and `x < y`.'), [
    { kind: 'text', text: 'see ' }, { kind: 'link', text: 'https://a.b/c?d=1' }, { kind: 'text', text: ', and ' }, { kind: 'code', text: 'x < y' }, { kind: 'text', text: '.' },
  ]);
  assert.deepEqual(textParts('javascript:alert(1) <b>'), [{ kind: 'text', text: 'javascript:alert(1) <b>' }]);
  assert.equal(textParts(`https://a.b/${'x'.repeat(20_000)} \``).map((part) => part.text).join('').length, 20_014);
});

const conversation = (id: string, time: number): Conversation => ({
  id, kind: 'group', members: [], epoch: 'e', offset: 5, unread: 1, last: { offset: 5, sender: 'x', text: 't', time },
});

test('the list is in order of activity and keeps the newest last message', () => {
  let inbox = put(put(new Map(), conversation('a', 10)), conversation('b', 20));
  assert.deepEqual(sorted(inbox).map(({ id }) => id), ['b', 'a']);
  inbox = withLast(inbox, 'a', { offset: 6, sender: 'x', text: 'new', time: 30 }, 2);
  assert.deepEqual(sorted(inbox).map(({ id }) => id), ['a', 'b']);
  inbox = withLast(inbox, 'a', { offset: 4, sender: 'x', text: 'late', time: 5 }, undefined);
  assert.equal(inbox.get('a')?.last?.text, 'new');
  assert.equal(unreadTotal(inbox), 3);
  assert.equal(withLast(inbox, 'unknown', null, 4), inbox);
  assert.equal(remove(inbox, 'a').size, 1);
});
