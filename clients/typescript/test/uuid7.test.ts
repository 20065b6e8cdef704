import assert from 'node:assert/strict';
import { test } from 'node:test';
import { uuid7Factory, uuid7Time } from '../src/uuid7.ts';

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
