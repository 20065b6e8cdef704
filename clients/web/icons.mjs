// Draws the PNG icons in public/ from the same arch as icon.svg, with a supersampled scan and Node's own zlib:
// `npm run icons`. They are committed; a build only copies them.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';

const publicFolder = join(dirname(fileURLToPath(import.meta.url)), 'public');
const GROUND = [0x4f, 0x46, 0xc8];
const SAMPLES = 4;

/** Whether a point of the 32 × 32 drawing lies in the white arch. */
function isArch(x, y) {
  const inOuter = y >= 20 ? x >= 6 && x <= 26 && y <= 22.5 : Math.hypot(x - 16, y - 20) <= 10;
  const inInner = y >= 20.3 ? x > 10.5 && x < 21.5 : Math.hypot(x - 16, y - 20.3) < 5.5;
  return inOuter && !inInner;
}

function isGround(x, y, radius) {
  const dx = Math.max(radius - x, x - (32 - radius), 0);
  const dy = Math.max(radius - y, y - (32 - radius), 0);
  return Math.hypot(dx, dy) <= radius;
}

function chunk(type, data) {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

function draw(size, radius, scale) {
  const rows = Buffer.alloc(size * (size * 4 + 1));
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      let ground = 0;
      let arch = 0;
      for (let sample = 0; sample < SAMPLES * SAMPLES; sample += 1) {
        const px = ((x + ((sample % SAMPLES) + 0.5) / SAMPLES) * 32) / size;
        const py = ((y + (Math.floor(sample / SAMPLES) + 0.5) / SAMPLES) * 32) / size;
        if (!isGround(px, py, radius)) continue;
        ground += 1;
        if (isArch((px - 16) / scale + 16, (py - 16) / scale + 16)) arch += 1;
      }
      const at = y * (size * 4 + 1) + 1 + x * 4;
      const white = ground === 0 ? 0 : arch / ground;
      GROUND.forEach((value, channel) => {
        rows[at + channel] = Math.round(value + (255 - value) * white);
      });
      rows[at + 3] = Math.round((ground / (SAMPLES * SAMPLES)) * 255);
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  header.set([8, 6, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

writeFileSync(join(publicFolder, 'icon-180.png'), draw(180, 0, 1));
writeFileSync(join(publicFolder, 'icon-192.png'), draw(192, 8, 1));
writeFileSync(join(publicFolder, 'icon-512.png'), draw(512, 8, 1));
writeFileSync(join(publicFolder, 'icon-512-maskable.png'), draw(512, 0, 0.78));
