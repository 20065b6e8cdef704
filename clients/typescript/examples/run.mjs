// Runs an example bot until it is told to stop: node examples/run.mjs echo|poll|remind|standup
// Who it is: RIALTO_URL, and RIALTO_TOKEN (of `rialto bot add NAME`) or RIALTO_USER and RIALTO_PASSWORD.
// What it remembers, if anything, is in RIALTO_STATE, a file; NAME.json by default.
import { Accounts, Client, Session } from '@rialto/client';
import { echo } from './echo.mjs';
import { Kept } from './kept.mjs';
import { poll } from './poll.mjs';
import { remind } from './remind.mjs';
import { standup } from './standup.mjs';

async function clientFromEnvironment() {
  const { RIALTO_URL: url = 'http://127.0.0.1:8080', RIALTO_TOKEN: token, RIALTO_USER: user, RIALTO_PASSWORD: password } = process.env;
  const webSocket = globalThis.WebSocket ?? (await import('ws')).default;
  if (token !== undefined) return new Client({ url, token, webSocket });
  if (user === undefined || password === undefined) throw new Error('set RIALTO_TOKEN, or RIALTO_USER and RIALTO_PASSWORD');
  const accounts = new Accounts({ url });
  const session = new Session(accounts, await accounts.registerOrLogin(user, password));
  return new Client({ url, token: session.tokenSource, webSocket });
}

/** @type {Record<string, (client: Client, kept: Kept) => import('@rialto/client/bot').Bot>} */
const bots = { echo, poll, remind, standup };
const name = process.argv[2] ?? '';
const make = Object.hasOwn(bots, name) ? bots[name] : undefined;
if (make === undefined) {
  console.error(`usage: node examples/run.mjs ${Object.keys(bots).join('|')}`);
  process.exit(2);
}
const kept = await Kept.open(process.env['RIALTO_STATE'] ?? `${name}.json`);
const bot = make(await clientFromEnvironment(), kept);
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void bot.stop());
await bot.start();
console.log(`here as @${bot.me.username}`);
