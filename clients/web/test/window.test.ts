import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../src/model/types.ts';
import { around, earlier, later, shown, SHOWN_MAX } from '../src/model/window.ts';
import type { ShownEnd } from '../src/model/window.ts';

const items: readonly Message[] = Array.from({ length: 1000 }, (_, index) => (
  { offset: 2 + index * 3, sender: 'x', client_id: '', text: '', time: 0, reactions: {} }
));

test('a few messages are shown whole', () => {
  const few = items.slice(0, 7);
  assert.deepEqual(shown(few, null), [0, 7]);
  assert.equal(earlier(few, null), null);
  assert.equal(around(few, few[3]?.offset ?? 0), null);
});

test('from the newest to the oldest and back, every step keeps most of what was shown', () => {
  let end: ShownEnd = null;
  let [from] = shown(items, end);
  for (let steps = 0; from > 0; steps += 1) {
    assert.ok(steps < 60);
    end = earlier(items, end);
    const [next, to] = shown(items, end);
    assert.ok(next < from && to - next === SHOWN_MAX && to > from + SHOWN_MAX / 2);
    from = next;
  }
  assert.equal(earlier(items, end), end);
  for (let steps = 0; end !== null; steps += 1) {
    assert.ok(steps < 60);
    end = later(items, end);
  }
  assert.deepEqual(shown(items, end), [items.length - SHOWN_MAX, items.length]);
});

test('a part that is looked at does not move when messages come at either end', () => {
  const end = around(items.slice(100, 900), items[500]?.offset ?? 0);
  const offsets = (list: readonly Message[]): readonly number[] => list.slice(...shown(list, end)).map((message) => message.offset);
  assert.ok(offsets(items).includes(items[500]?.offset ?? 0));
  assert.deepEqual(offsets(items), offsets(items.slice(100, 900)));
});
