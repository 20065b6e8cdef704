import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { test } from 'node:test';
import { Outbox } from '../../src/index.ts';
import { dice, isExact, Witness } from '../history.ts';
import { clientOf, Door, registered, SERVER, skip } from './kit.ts';

/** Schedules against the real server, some at a time; each is made from its number. */
const SCHEDULES = 24;
const AT_ONCE = 6;
const MESSAGES_EACH = 12;
const HEALED_WITHIN_MS = 30_000;

async function play(seed: number): Promise<void> {
  const roll = dice(seed);
  const sessions = await Promise.all(['ada', 'bob', 'cem'].map(registered));
  const doors = await Promise.all(sessions.map(() => Door.open(SERVER ?? '')));
  const clients = sessions.map((session, index) => clientOf(session, { url: doors[index]?.url ?? '' }).connect());
  const [ada] = clients;
  assert.ok(ada !== undefined);
  const { id: room } = await ada.create({ kind: 'group', title: 'cuts', members: sessions.slice(1).map(({ user }) => user.id) });
  const sent = new Set<string>();
  const acknowledged = new Map<string, number>();
  const world = clients.map((client, index) => {
    const name = `${index}`;
    const witness = new Witness(name, client, `conversation:${room}`);
    client.watch(room);
    const outbox = new Outbox(client);
    outbox.on('sent', ({ entry, appended }) => void acknowledged.set(entry.text, appended.offset));
    return { client, witness, outbox, name };
  });
  let isOver = false;
  const storm = async (): Promise<void> => {
    while (!isOver) {
      await pause(20 + roll() * 120);
      const door = doors[Math.floor(roll() * doors.length)];
      if (door === undefined) continue;
      door.cut();
      door.shut = roll() < 0.3;
    }
  };
  const speak = async ({ client, outbox, name }: (typeof world)[number]): Promise<void> => {
    for (let number = 0; number < MESSAGES_EACH; number += 1) {
      const text = `${name} ${number}`;
      sent.add(text);
      if (number % 2 === 0) await outbox.send(room, text);
      else acknowledged.set(text, (await client.send(room, text)).offset);
      await pause(roll() * 30);
    }
  };
  const storming = storm();
  await Promise.all(world.map(speak));
  isOver = true;
  await storming;
  for (const door of doors) {
    door.shut = false;
    door.cut();
  }
  const isDone = (top: number): boolean => acknowledged.size === sent.size && world.every(({ witness }) => witness.last >= top);
  const { offset: top } = await ada.conversation(room);
  const end = performance.now() + HEALED_WITHIN_MS;
  while (!isDone(top) && performance.now() < end) await pause(20);
  const messages = (await ada.messages(room, { limit: 100 })).items;
  assert.equal(acknowledged.size, sent.size, 'everything is acknowledged');
  isExact(messages, acknowledged, sent);
  for (const { witness } of world) {
    witness.isContiguous(messages);
    assert.equal(witness.last, messages.at(-1)?.offset);
  }
  for (const { client, outbox } of world) {
    outbox.stop();
    await client.close();
  }
  for (const door of doors) door.close();
}

test(`${SCHEDULES} storms of cuts against the real server lose, double and reorder nothing`, { skip }, async () => {
  for (let first = 0; first < SCHEDULES; first += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => play(first + index)));
  }
});
