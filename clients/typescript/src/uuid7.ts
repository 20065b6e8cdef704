/** Makes UUIDv7 values by a clock in milliseconds since 1970: 48 bits of milliseconds, a 12-bit counter that keeps one millisecond's ids in order, 62 random bits. */
export function uuid7Factory(now: () => number, randomBytes: (length: number) => Uint8Array): () => string {
  let lastMs = 0;
  let counter = 0;
  return () => {
    const random = randomBytes(10);
    const ms = Math.floor(now());
    if (ms > lastMs) {
      lastMs = ms;
      // Starts in the lower half so that a burst has room to count before it must borrow the next millisecond.
      counter = (((random[0] ?? 0) << 8) | (random[1] ?? 0)) & 0x7ff;
    } else {
      counter += 1;
      if (counter > 0xfff) {
        counter = 0;
        lastMs += 1;
      }
    }
    const time = lastMs.toString(16).padStart(12, '0');
    const low = counter.toString(16).padStart(3, '0');
    const variant = (0x80 | ((random[2] ?? 0) & 0x3f)).toString(16);
    const tail = [...random.subarray(3, 10)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    return `${time.slice(0, 8)}-${time.slice(8)}-7${low}-${variant}${tail.slice(0, 2)}-${tail.slice(2)}`;
  };
}

/** The time inside a UUIDv7 in milliseconds since 1970, or null when it is not one. */
export function uuid7Time(id: string): number | null {
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(id)) return null;
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}
