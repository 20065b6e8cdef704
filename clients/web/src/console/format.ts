/** Numbers as operators read them. */

const NONE = '–';

function short(value: number): string {
  if (value === 0) return '0';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString(undefined, { maximumFractionDigits: digits });
}

function scaled(value: number, step: number, units: readonly string[]): string {
  let unit = 0;
  let rest = value;
  while (Math.abs(rest) >= step && unit < units.length - 1) {
    rest /= step;
    unit += 1;
  }
  return `${short(rest)}${units[unit]}`;
}

export function count(value: number | null): string {
  return value === null ? NONE : scaled(value, 1000, ['', ' k', ' M', ' G']);
}

export function whole(value: number | null): string {
  return value === null ? NONE : Math.round(value).toLocaleString();
}

export function bytes(value: number | null): string {
  return value === null ? NONE : scaled(value, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']);
}

export function bytesPerSecond(value: number | null): string {
  return value === null ? NONE : `${bytes(value)}/s`;
}

/** Seconds, however few. */
export function duration(seconds: number | null): string {
  if (seconds === null) return NONE;
  if (seconds < 0.001) return `${short(seconds * 1e6)} µs`;
  return seconds < 1 ? `${short(seconds * 1e3)} ms` : `${short(seconds)} s`;
}

export function share(value: number | null): string {
  return value === null ? NONE : `${Math.round(value * 100)} %`;
}

/** "3 min", "2 h", "5 days": how long ago. */
export function ago(ms: number, now: number): string {
  const minutes = Math.max(0, Math.floor((now - ms) / 60_000));
  if (minutes < 1) return 'just now';
  if (minutes < 60) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}

export function moment(ms: number): string {
  return new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
}
