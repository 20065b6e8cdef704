import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dayName, daysBetween, initials, nameList, preview } from '../src/lib/words.ts';
import { put, remove, sorted, unreadTotal, withLast } from '../src/model/inbox.ts';
import type { Conversation, Message } from '../src/model/types.ts';

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

const message = (offset: number, text: string, time: number): Message => ({ offset, sender: 'x', client_id: `c${offset}`, text, time, reactions: {} });
const conversation = (id: string, time: number): Conversation => ({
  id, kind: 'group', members: [], member_count: 0, created: 0, epoch: 'e', offset: 5, unread: 1, read: 0, last: message(5, 't', time),
});

test('the list is in order of activity and keeps the newest last message', () => {
  let inbox = put(put(new Map(), conversation('a', 10)), conversation('b', 20));
  assert.deepEqual(sorted(inbox).map(({ id }) => id), ['b', 'a']);
  inbox = withLast(inbox, 'a', message(6, 'new', 30), 2);
  assert.deepEqual(sorted(inbox).map(({ id }) => id), ['a', 'b']);
  inbox = withLast(inbox, 'a', message(4, 'late', 5), undefined);
  assert.equal(inbox.get('a')?.last?.text, 'new');
  assert.equal(unreadTotal(inbox), 3);
  assert.equal(withLast(inbox, 'unknown', undefined, 4), inbox);
  assert.equal(remove(inbox, 'a').size, 1);
});
