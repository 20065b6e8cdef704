// node run.mjs --url http://127.0.0.1:PORT --command '["rialto","--data","DIR"]' [--shots DIR] [--only WORD] [--chromium PATH]
// Drives the web app of a server that somebody else started. Ends with "N passed, N failed".
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { chromium } from 'playwright-core';
import { accounts } from './cases/accounts.mjs';
import { comfort } from './cases/comfort.mjs';
import { operators } from './cases/console.mjs';
import { conversation } from './cases/conversation.mjs';
import { history, longHistory } from './cases/history.mjs';
import { network } from './cases/network.mjs';
import { screens } from './cases/screens.mjs';

const { values } = parseArgs({
  options: { url: { type: 'string' }, command: { type: 'string', default: '[]' }, shots: { type: 'string' }, only: { type: 'string' }, chromium: { type: 'string', default: '/usr/bin/chromium' } },
});
if (values.url === undefined) {
  process.stderr.write('usage: node run.mjs --url http://127.0.0.1:PORT [--command JSON] [--shots DIR] [--only WORD]\n');
  process.exit(2);
}

const url = values.url.replace(/\/$/, '');
const shots = values.shots ?? null;
if (shots !== null) mkdirSync(shots, { recursive: true });
const failures = shots ?? mkdtempSync(join(tmpdir(), 'rialto-browser-'));
const run = Date.now().toString(36);
const [program, ...prefix] = JSON.parse(values.command);
/** Runs a command of the server's binary on its data folder, as an operator does. */
const command = (...words) => promisify(execFile)(program, [...words, ...prefix]);
/** A case that takes longer, and says no other limit, hangs somewhere where Playwright itself has no limit, in milliseconds. */
const CASE_MS_MAX = 90_000;

const browser = await chromium.launch({
  executablePath: values.chromium,
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});

let passed = 0;
let failed = 0;
const cases = [...accounts, ...conversation, ...comfort, ...network, ...history, ...longHistory, ...screens, ...operators];
for (const [index, { name, test, limitMs = CASE_MS_MAX }] of cases.entries()) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  const started = Date.now();
  try {
    await inTime(test({ browser, url, shots, command, run: `${run}${index}` }), limitMs);
    passed += 1;
    process.stdout.write(`ok    ${name} (${Date.now() - started} ms)\n`);
  } catch (error) {
    failed += 1;
    process.stdout.write(`FAIL  ${name} (${Date.now() - started} ms)\n${error.stack}\n`);
    await photograph(name);
  } finally {
    await Promise.all(browser.contexts().map((context) => context.close()));
  }
}
await browser.close();
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);

function inTime(outcome, limitMs) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over after ${limitMs} ms`)), limitMs);
  });
  return Promise.race([outcome, late]).finally(() => clearTimeout(timer));
}

/** Keeps what every open page looked like when a case failed. */
async function photograph(name) {
  const pages = browser.contexts().flatMap((context) => context.pages());
  for (const [index, page] of pages.entries()) {
    const path = join(failures, `failed-${name.replace(/\W+/g, '-')}-${index}.png`);
    await page.screenshot({ path }).then(() => process.stdout.write(`      ${path}\n`), () => undefined);
  }
}
