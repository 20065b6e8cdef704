import type { FeedRow } from './protocol.ts';

/** Samples that are kept: an hour, as the server keeps them. */
export const SAMPLES_MAX = 3600;
/** Two samples further apart than this have a gap between them, in milliseconds. */
const GAP_MS = 3_500;

/** Numbers by column over time: what plots draw. Replaced, never changed, so that a change can be seen. */
export interface Samples {
  readonly columns: readonly string[];
  readonly rows: readonly FeedRow[];
}

export const NOTHING: Samples = { columns: [], rows: [] };

/** Adds rows that are later than those there; what came twice counts once. */
export function append(samples: Samples, rows: readonly FeedRow[]): Samples {
  const last = samples.rows.at(-1)?.time ?? -Infinity;
  const later = rows.filter((row) => row.time > last);
  return later.length === 0 ? samples : { ...samples, rows: [...samples.rows, ...later].slice(-SAMPLES_MAX) };
}

function place(samples: Samples, column: string): number {
  return samples.columns.indexOf(column);
}

/** The newest number of a column; null when there was nothing to measure. */
export function latest(samples: Samples, column: string): number | null {
  return samples.rows.at(-1)?.values[place(samples, column)] ?? null;
}

/** The sum of a column of rates over what is kept: how often something happened. */
export function total(samples: Samples, column: string): number {
  const at = place(samples, column);
  return samples.rows.reduce((sum, row, index) => {
    const before = samples.rows[index - 1];
    const seconds = before === undefined ? 1 : Math.min(GAP_MS, row.time - before.time) / 1000;
    return sum + (row.values[at] ?? 0) * seconds;
  }, 0);
}

/** Names of the columns that begin and end like this, such as those of single threads. */
export function columnsLike(samples: Samples, pattern: RegExp): string[] {
  return samples.columns.filter((column) => pattern.test(column));
}

/** What a plot draws: seconds since 1970, then each column's numbers times its factor. A second that was missed breaks the line. */
export function plotted(samples: Samples, columns: readonly string[], factor: number, spanMs: number): (number | null)[][] {
  const from = (samples.rows.at(-1)?.time ?? 0) - spanMs;
  const places = columns.map((column) => place(samples, column));
  const out: (number | null)[][] = [[], ...columns.map(() => [])];
  let before = -Infinity;
  for (const row of samples.rows) {
    if (row.time < from) continue;
    if (row.time - before > GAP_MS && before > 0) {
      out[0]?.push((before + 1000) / 1000);
      places.forEach((_, index) => out[index + 1]?.push(null));
    }
    before = row.time;
    out[0]?.push(row.time / 1000);
    places.forEach((at, index) => {
      const value = row.values[at] ?? null;
      out[index + 1]?.push(value === null ? null : value * factor);
    });
  }
  return out;
}
