import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, count, duration } from '../src/console/format.ts';
import { parseRoute, routeTo } from '../src/console/route.ts';
import { append, latest, plotted, SAMPLES_MAX, total } from '../src/console/samples.ts';

const row = (time: number, ...values: (number | null)[]) => ({ time, values });

test('samples come once, in order, and an hour of them is kept', () => {
  const empty = { columns: ['a', 'b'], rows: [] };
  const some = append(empty, [row(1000, 1, null), row(2000, 2, 5)]);
  assert.equal(append(some, [row(2000, 9, 9)]), some, 'what came twice changes nothing');
  const more = append(some, Array.from({ length: SAMPLES_MAX }, (_, index) => row(3000 + index * 1000, index, 0)));
  assert.equal(more.rows.length, SAMPLES_MAX);
  assert.equal(latest(some, 'b'), 5);
  assert.equal(latest(some, 'absent'), null);
  assert.equal(latest(empty, 'a'), null);
});

test('a missed second breaks the line, and nothing is made up', () => {
  const samples = append({ columns: ['a'], rows: [] }, [row(1000, 1), row(2000, null), row(9000, 3)]);
  assert.deepEqual(plotted(samples, ['a'], 10, 60_000), [[1, 2, 3, 9], [10, null, null, 30]]);
  assert.deepEqual(plotted(samples, ['a'], 1, 1000), [[9], [3]]);
});

test('a total is rates times the seconds that they stand for', () => {
  const samples = append({ columns: ['a'], rows: [] }, [row(1000, 2), row(2000, 3), row(4000, 1)]);
  assert.equal(total(samples, 'a'), 2 + 3 + 2);
});

test('numbers are short', () => {
  assert.deepEqual([count(0), count(1234), count(null), count(2_500_000)], ['0', '1.23 k', '–', '2.5 M']);
  assert.deepEqual([bytes(512), bytes(1536)], ['512 B', '1.5 KiB']);
  assert.deepEqual([duration(0.000_05), duration(0.0123), duration(2)], ['50 µs', '12.3 ms', '2 s']);
});

test('addresses name a view and what it is about', () => {
  assert.deepEqual(parseRoute(routeTo('users', 'a/b c')), { view: 'users', argument: 'a/b c' });
  assert.deepEqual(parseRoute('#/nonsense/%'), { view: 'overview', argument: '' });
  assert.deepEqual(parseRoute(''), { view: 'overview', argument: '' });
});
