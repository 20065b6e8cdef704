import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  acknowledge, applyEvent, EMPTY_TIMELINE, firstUnread, foldEvent, prepend, putPending, resetTo, TIMELINE_KEPT_MAX, trim,
} from '../src/model/timeline.ts';
import type { Timeline } from '../src/model/timeline.ts';
import type { ConversationEvent, Message, OutboxEntry } from '../src/model/types.ts';

const message = (offset: number, sender = 'bob', text = `m${offset}`): Message => ({ offset, sender, client_id: `c${offset}`, text, time: offset * 1000, reactions: {} });
const written = (clientId: string, text = 'x'): OutboxEntry => ({ key: `k${clientId}`, conversation: 'r', text, replyTo: null, time: 0, clientId, error: null });
const loaded = (...items: Message[]): Timeline => resetTo(EMPTY_TIMELINE, items, false);
const said = (offset: number, clientId: string, sender = 'me'): ConversationEvent => ({ type: 'message', sender, client_id: clientId, text: `m${offset}`, time: offset * 1000 });
const offsets = (timeline: Timeline): number[] => timeline.items.map((item) => item.offset);

test('events are folded in by position, whatever their order and however often', () => {
  let timeline = loaded(message(2));
  for (const offset of [5, 3, 5, 4, 3]) timeline = applyEvent(timeline, offset, said(offset, `c${offset}`));
  assert.deepEqual(offsets(timeline), [2, 3, 4, 5]);
  assert.equal(timeline.head, 5);
});

test('edits, deletions and reactions change their target and nothing else', () => {
  const events: ConversationEvent[] = [
    { type: 'message_edited', target: 2, text: 'better', by: 'bob' },
    { type: 'reaction_added', target: 2, emoji: '👍', user: 'ada' },
    { type: 'reaction_added', target: 2, emoji: '👍', user: 'me' },
    { type: 'reaction_removed', target: 2, emoji: '👍', user: 'ada' },
    { type: 'message_deleted', target: 3, by: 'bob' },
    { type: 'reaction_added', target: 99, emoji: '👍', user: 'ada' },
    { type: 'something_new' } as unknown as ConversationEvent,
  ];
  let once: readonly Message[] = [message(2), message(3), message(4)];
  for (const event of events) once = foldEvent(once, 10, event);
  assert.deepEqual(once[0], { ...message(2, 'bob', 'better'), edited: true, reactions: { '👍': ['me'] } });
  assert.equal(once[1]?.deleted, true);
  assert.equal(once[1]?.text, '');
  assert.deepEqual(once[2], message(4));
  let twice = once;
  for (const event of events) twice = foldEvent(twice, 10, event);
  assert.deepEqual(twice, once);
});

test('the last reaction of a kind takes the kind away', () => {
  const one = foldEvent([{ ...message(2), reactions: { '🎉': ['me'] } }], 9, { type: 'reaction_removed', target: 2, emoji: '🎉', user: 'me' });
  assert.deepEqual(one[0]?.reactions, {});
});

test('an own message stands once whether its event or its answer comes first', () => {
  const pending = written('c7', 'm7');
  const appended = { offset: 7, epoch: 'e', time: 7000, duplicate: false };
  const start = putPending(loaded(message(6)), pending);
  const eventFirst = acknowledge(applyEvent(start, 7, said(7, 'c7')), pending, 'me', appended);
  const answerFirst = applyEvent(acknowledge(start, pending, 'me', appended), 7, said(7, 'c7'));
  for (const timeline of [eventFirst, answerFirst]) {
    assert.deepEqual(offsets(timeline), [6, 7]);
    assert.equal(timeline.pending.length, 0);
  }
});

test('an answer that overtakes earlier messages of others does not disturb their order', () => {
  const start = putPending(loaded(message(6)), written('c9'));
  let timeline = acknowledge(start, written('c9'), 'me', { offset: 9, epoch: 'e', time: 1, duplicate: false });
  for (const offset of [7, 8]) timeline = applyEvent(timeline, offset, said(offset, `x${offset}`, 'bob'));
  assert.deepEqual(offsets(timeline), [6, 7, 8, 9]);
});

test('a retry answered with a place before what is loaded is not put at a false one', () => {
  const start = putPending(loaded(message(50), message(51)), written('c'));
  assert.deepEqual(offsets(acknowledge(start, written('c'), 'me', { offset: 20, epoch: 'e', time: 1, duplicate: true })), [50, 51]);
});

test('what is on its way stands in the order of writing, and one that was refused says why', () => {
  let timeline = loaded();
  for (const clientId of ['a', 'b', 'c']) timeline = putPending(timeline, written(clientId));
  timeline = putPending(timeline, { ...written('b'), error: 'forbidden' });
  assert.deepEqual(timeline.pending.map(({ clientId, error }) => [clientId, error]), [['a', null], ['b', 'forbidden'], ['c', null]]);
});

test('older pages join on without overlap, trimming keeps the newest', () => {
  const timeline = prepend(loaded(message(10), message(11)), [message(8), message(9), message(10)], true);
  assert.deepEqual(offsets(timeline), [8, 9, 10, 11]);
  assert.equal(timeline.reachedStart, true);
  const long = trim(loaded(...Array.from({ length: TIMELINE_KEPT_MAX + 1 }, (_, index) => message(index + 2))));
  assert.equal(long.items.at(-1)?.offset, TIMELINE_KEPT_MAX + 2);
  assert.equal(long.items.length < TIMELINE_KEPT_MAX, true);
  assert.equal(long.reachedStart, false);
});

test('events before the first page are not shown as if they were all', () => {
  const timeline = applyEvent(EMPTY_TIMELINE, 40, said(40, 'c', 'bob'));
  assert.equal(timeline.items.length, 0);
  assert.equal(timeline.head, 40);
});

test('reading begins at the first unread message of others', () => {
  const items = [message(2), message(3), message(4, 'me'), message(5), message(6, 'me')];
  assert.equal(firstUnread(items, 0, 'me'), 0);
  assert.equal(firstUnread(items, 1, 'me'), 5);
  assert.equal(firstUnread(items, 2, 'me'), 3);
  assert.equal(firstUnread(items, 99, 'me'), 2);
});
