import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { eventOf } from '../src/event.ts';
import { RialtoError } from '../src/error.ts';
import { encodeCommand, isPing, parseFrame, PONG } from '../src/frames.ts';
import type { Command, Reply } from '../src/frames.ts';
import { CLOSE_CODES, CONVERSATION_EVENTS, ERROR_CODES, INBOX_EVENTS } from '../src/protocol/codes.ts';
import { shouldReconnect } from '../src/state.ts';

const FOLDER = '../../protocol/tests/golden';

function lines(file: string): string[] {
  return readFileSync(`${FOLDER}/${file}`, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function marked(file: string, mark: string): string[] {
  return lines(file).filter((line) => line.startsWith(mark)).map((line) => line.slice(1).trim());
}

const ME = 'user:01920000-0000-7000-8000-000000000001';

/** Every command of the golden file that has an id, as this SDK says it. */
const COMMANDS: Command[] = [
  { connect: { token: 'eyJh.eyJz.c2ln', subs: { [ME]: { recover: true, epoch: 'k3v9', offset: 7 } }, name: 'rust', version: '0.1.0' } },
  { subscribe: { channel: 'chat:42' } },
  { subscribe: { channel: 'c', token: 'eyJh.eyJz.c2ln', recover: true, epoch: 'x7', offset: 14, positioned: true, recoverable: true, join_leave: true } },
  { unsubscribe: { channel: 'c' } },
  { publish: { channel: 'c', data: { text: 'hi' } } },
  { presence: { channel: 'c' } },
  { presence_stats: { channel: 'c' } },
  { history: { channel: 'c', limit: 10, since: { offset: 5, epoch: 'x7' }, reverse: true } },
  { history: { channel: 'c', limit: -1, since: {} } },
  { rpc: { method: 'conversation.send', data: { conversation: '01920000-0000-7000-8000-000000000002', client_id: '01920000-0000-7000-8000-0000000000aa', text: 'hi' } } },
  { refresh: { token: 'eyJh.eyJz.c2ln' } },
  { sub_refresh: { channel: 'c', token: 'eyJh.eyJz.c2ln' } },
];

test('commands are written byte for byte', () => {
  // `flag` belongs to other SDKs: this one never says it.
  const golden = marked('commands.jsonl', '→').map((line) => line.replace(',"flag":1', ''));
  const written = COMMANDS.map((command, index) => encodeCommand(index + 1, command));
  assert.deepEqual(golden.filter((line) => line.includes('"id"')), written);
  assert.equal(golden.at(-1), PONG);
});

test('answers are read, and nothing of them is lost', () => {
  const kinds = ['connect', 'subscribe', 'subscribe', 'unsubscribe', 'publish', 'presence', 'presence_stats', 'history', 'history', 'rpc', 'refresh', 'sub_refresh'];
  const replies = marked('commands.jsonl', '←').flatMap(parseFrame);
  assert.deepEqual(replies.slice(0, -1).map((reply) => Object.keys(reply)[1]), kinds);
  assert.equal(replies.filter(isPing).length, 1);
  const [connect, , recovered] = replies as [Reply, Reply, Reply];
  assert.equal(connect.connect?.time, 1_790_000_000_000);
  assert.deepEqual(recovered.subscribe?.publications?.map((publication) => publication.offset), [15, 16]);
  assert.deepEqual(marked('commands.jsonl', '←').map((line) => JSON.stringify(JSON.parse(line))), marked('commands.jsonl', '←'));
});

test('a frame of many lines is read in order', () => {
  const all = marked('pushes.jsonl', '←');
  const replies = parseFrame(all.join('\n'));
  assert.equal(replies.length, all.length);
  assert.deepEqual(replies.map((reply) => Object.keys(reply.push ?? {})[1]), ['pub', 'pub', 'pub', 'join', 'leave', 'unsubscribe', 'unsubscribe', 'unsubscribe', 'subscribe']);
});

test('every error has its stable word', () => {
  for (const reply of marked('errors.jsonl', '←').flatMap(parseFrame)) {
    const { code = 0, message = '', temporary } = reply.error ?? {};
    const error = RialtoError.refused(code, message, temporary);
    assert.equal(error.code, message.replaceAll(' ', '_'));
    assert.equal(error.temporary, (ERROR_CODES as Record<number, { temporary: boolean }>)[code]?.temporary);
    assert.match(error.code, /^[a-z_]+$/);
  }
});

test('every event is known by its channel, and one of a later version is handed on', () => {
  const seen = new Set<string>();
  for (const line of lines('events.jsonl')) {
    const data = JSON.parse(line) as { type: string };
    const isInbox = INBOX_EVENTS.includes(data.type);
    const event = eventOf(isInbox ? ME : 'conversation:01920000-0000-7000-8000-000000000003', { data, offset: 3 });
    assert.equal(event.type, isInbox ? 'inbox' : 'conversation');
    assert.deepEqual((event as { event: unknown }).event, data);
    seen.add(data.type);
  }
  assert.deepEqual(seen, new Set([...CONVERSATION_EVENTS, ...INBOX_EVENTS]));
  const data = { type: 'of_tomorrow' };
  assert.deepEqual(eventOf('conversation:x', { data, offset: 4 }), { type: 'unknown', channel: 'conversation:x', offset: 4, data });
  assert.deepEqual(eventOf('news', { data, info: { user: 'u', client: 'c' } }), { type: 'publication', channel: 'news', offset: null, data, info: { user: 'u', client: 'c' } });
});

test('close codes say whether to come back, those of the table and those of the ranges alike', () => {
  for (const code of [1000, 1001, 1006, 3000, 3001, 3008, 3499, 4000, 4499, 5000]) assert.equal(shouldReconnect(code), true, `${code}`);
  for (const code of [1009, 3500, 3501, 3999, 4500, 4999]) assert.equal(shouldReconnect(code), false, `${code}`);
  for (const [code, { reconnect }] of Object.entries(CLOSE_CODES)) assert.equal(shouldReconnect(Number(code)), reconnect);
});
