import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../src/client.ts';
import { Outbox } from '../src/outbox.ts';
import { TestServer, VirtualTime } from '../src/testing/index.ts';
import type { Fault } from '../src/testing/index.ts';
import { dice, isExact, Witness } from './history.ts';

/** How many schedules are played; each is made from its number, so that one can be played again: RIALTO_SEED. */
const SCHEDULES = Number(process.env['RIALTO_SCHEDULES'] ?? 1_000);
const PEOPLE = ['ada', 'bob', 'cem'];
const MESSAGES_EACH = 5;
/** Steps of a schedule in which things go wrong; then the network heals. */
const STEPS = 25;
/** Virtual milliseconds that a direct send may take. */
const PATIENT_MS = 1_000_000;
/** Virtual milliseconds after which everything must have arrived. */
const HEALED_WITHIN_MS = 120_000;

/** Randomly cut, refused, slow and forgetful, in virtual time. */
async function play(seed: number): Promise<void> {
  const roll = dice(seed);
  const time = new VirtualTime();
  let isHealed = false;
  let wireBusyUntil = 0;
  const fault = (kind: string): Fault => {
    // One socket loses nothing between two commands; what a server may be slow with is an answer.
    const chance = isHealed || kind === 'connect' || kind === 'unsubscribe' ? 1 : roll();
    return chance < 0.04 ? 'lost before' : chance < 0.1 ? 'lost after' : chance < 0.16 ? 'cut after' : null;
  };
  const server = new TestServer({
    now: () => 1_790_000_000_000 + time.now,
    schedule: (run) => {
      wireBusyUntil = Math.max(wireBusyUntil, time.now + Math.floor(roll() * 40));
      time.setTimer(run, wireBusyUntil - time.now);
    },
    fault,
    pushFault: () => {
      const chance = isHealed ? 1 : roll();
      return chance < 0.03 ? 'lost' : chance < 0.06 ? 'twice' : null;
    },
  });
  const people = PEOPLE.map((name) => server.person(name));
  const [owner] = people;
  assert.ok(owner !== undefined);
  const room = owner.creates('group', 'the room', people.slice(1));
  const sent = new Set<string>();
  const ordered = new Set<string>();
  const acknowledged = new Map<string, number>();
  const { webSocket } = server;
  const world = people.map((person) => {
    const client = new Client({ url: ['http://a.test', 'http://b.test'], token: async () => person.token, environment: {
      openSocket: (url) => new webSocket(url),
      setTimer: (run, delayMs) => time.setTimer(run, delayMs),
      clearTimer: (timer) => time.clearTimer(timer),
      now: () => time.now,
      random: roll,
      randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(roll() * 256)),
    } });
    const witness = new Witness(person.username, client, `conversation:${room}`);
    const outbox = new Outbox(client);
    outbox.on('waiting', ({ entry }) => void ordered.add(entry.text));
    outbox.on('sent', ({ entry, appended }) => void acknowledged.set(entry.text, appended.offset));
    client.watch(room);
    client.connect();
    return { client, witness, outbox, name: person.username };
  });
  for (let step = 0; step < STEPS; step += 1) {
    for (const { client, outbox, name } of world) {
      const said = [...sent].filter((text) => text.startsWith(name)).length;
      if (said >= MESSAGES_EACH || roll() < 0.5) continue;
      sent.add(`${name} ${said}`);
      if (roll() < 0.5) await outbox.send(room, `${name} ${said}`);
      else void client.send(room, `${name} ${said}`, { timeoutMs: PATIENT_MS }).then(({ offset }) => acknowledged.set(`${name} ${said}`, offset), () => undefined);
    }
    const chance = roll();
    const victim = people[Math.floor(roll() * people.length)];
    if (chance < 0.2) server.cut(victim);
    else if (chance < 0.3) server.cut(victim, 3008, 'slow');
    else if (chance < 0.35) server.cut(undefined, 3001, 'shutdown');
    server.isReachable = roll() > 0.2;
    await time.pass(Math.floor(roll() * 3_000));
  }
  isHealed = true;
  server.isReachable = true;
  server.cut();
  const log = owner.reads(room);
  const isDone = (): boolean => acknowledged.size === sent.size && world.every(({ witness }) => witness.last === (log.at(-1)?.offset ?? 0));
  for (let waited = 0; waited < HEALED_WITHIN_MS && !isDone(); waited += 1_000) await time.pass(1_000);
  assert.equal(acknowledged.size, sent.size, 'everything is acknowledged');
  isExact(log, acknowledged, sent);
  for (const { witness, name } of world) {
    witness.isContiguous(log);
    assert.equal(witness.last, log.at(-1)?.offset, `${name} heard the last row`);
    // What went through the outbox stands in the order of writing.
    const own = log.filter(({ text }) => ordered.has(text) && text.startsWith(name)).map(({ text }) => Number(text.split(' ')[1]));
    assert.deepEqual(own, [...own].sort((a, b) => a - b));
  }
  for (const { client, outbox } of world) {
    outbox.stop();
    await client.close();
  }
}

test(`${SCHEDULES} random schedules of cuts lose, double and reorder nothing`, async () => {
  const only = process.env['RIALTO_SEED'];
  const seeds = only === undefined ? Array.from({ length: SCHEDULES }, (_, index) => index) : [Number(only)];
  for (const seed of seeds) {
    await play(seed).catch((error: unknown) => {
      throw new Error(`RIALTO_SEED=${seed} node test.mjs schedules: ${String(error)}`, { cause: error });
    });
  }
});
