import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Client } from '../src/client.ts';
import { RialtoError } from '../src/error.ts';
import type { ClientEvent } from '../src/event.ts';
import { uuid7Time } from '../src/uuid7.ts';
import { World } from './world.ts';

type Step = Readonly<Record<string, any>>;

interface Case {
  readonly name: string;
  readonly options: { readonly addresses?: number; readonly token?: string; readonly tokens?: readonly string[] };
  readonly steps: readonly Step[];
}

/** Virtual milliseconds that a pause or a retry may take. */
const PATIENCE_MS = 30_000;

/** An event as the script names it. */
function neutral(event: ClientEvent): Record<string, unknown> {
  switch (event.type) {
    case 'subscribed':
      return { type: event.type, channel: event.channel, was_recovering: event.wasRecovering, recovered: event.recovered, offset: event.position.offset };
    case 'unsubscribed':
      return { type: event.type, channel: event.channel, code: event.reason.code, will_retry: event.willRetry };
    default:
      return { ...event };
  }
}

function call(client: Client, name: string, body: any): Promise<unknown> {
  switch (name) {
    case 'subscribe':
      return client.subscribe(body.channel).ready();
    case 'publish':
      return client.publish(body.channel, body.data);
    case 'conversation.send':
      return client.send(body.conversation, body.text);
    default:
      throw new Error(`the script calls ${name}`);
  }
}

/** Plays one case. */
class Player {
  private readonly world: World;
  private readonly bound = new Map<string, unknown>();
  private readonly outcomes = new Map<string, Promise<unknown>>();
  private readonly heard: Record<string, unknown>[] = [];
  private readonly states: { readonly name: string; readonly code: number | undefined }[] = [];
  private sockets = 0;
  private read = 0;
  private lastId = 0;

  constructor({ addresses = 1, token, tokens }: Case['options']) {
    const left = [...(tokens ?? [])];
    const source = token ?? (async () => left.shift() ?? assert.fail('asked for one token too many'));
    this.world = new World({ url: Array.from({ length: addresses }, (_, index) => `http://${index}.test`), token: source });
    this.world.client.on('state', ({ state }) => {
      if (state.name === 'connecting') return;
      const name = state.name === 'suspended' ? 'final' : state.name;
      this.states.push({ name, code: 'reason' in state ? state.reason.code : undefined });
    });
    for (const type of ['subscribed', 'unsubscribed', 'conversation', 'inbox', 'publication', 'unknown', 'gap'] as const) {
      this.world.client.on(type, (event) => void this.heard.push(neutral(event)));
    }
    this.world.client.connect();
  }

  async play(step: Step): Promise<void> {
    const [[verb, value] = ['', null]] = Object.entries(step);
    await this.world.settle();
    switch (verb) {
      case 'opens':
        await this.until(() => this.world.sockets.length > this.sockets);
        this.sockets += 1;
        this.read = 0;
        assert.equal(new URL(this.world.socket.url).hostname, `${value}.test`);
        this.world.socket.onopen?.();
        break;
      case 'reads':
        this.fits(await this.next(), value, 'command');
        break;
      case 'answers':
        this.world.socket.says({ id: this.lastId, ...value });
        break;
      case 'says':
        this.world.socket.says(...value);
        break;
      case 'closes':
        await this.world.cut(value[0], value[1]);
        break;
      case 'cuts':
        await this.world.cut();
        break;
      case 'calls': {
        const outcome = call(this.world.client, value, step['with']);
        outcome.catch(() => undefined);
        this.outcomes.set(step['as'], outcome);
        break;
      }
      case 'resolves':
        this.fits(await this.outcomes.get(value), step['to'], 'answer');
        break;
      case 'rejects':
        await assert.rejects(this.outcomes.get(value) ?? Promise.resolve(), (error: RialtoError) => {
          assert.deepEqual([error.code, error.outcomeUnknown], [step['code'], step['outcome_unknown']]);
          return true;
        });
        break;
      case 'hears':
        this.fits(this.heard.shift(), value, 'event');
        break;
      case 'state':
        this.fits(this.states.shift(), step['code'] === undefined ? { name: value } : { name: value, code: step['code'] }, 'state');
        break;
      case 'dated': {
        const time = uuid7Time(String(this.bound.get(value))) ?? 0;
        assert.ok(time >= step['from'] && time < step['from'] + 60_000, `${time}`);
        break;
      }
      default:
        assert.fail(`the script says ${verb}`);
    }
    await this.world.settle();
  }

  isOver(): void {
    assert.deepEqual(this.heard, [], 'nothing else was told');
  }

  /** The next command on the newest socket, which may come after a pause. */
  private async next(): Promise<Record<string, unknown>> {
    await this.until(() => this.world.socket.commands.length > this.read);
    const command = this.world.socket.commands[this.read] ?? {};
    this.read += 1;
    this.lastId = command['id'] ?? 0;
    return command;
  }

  private async until(isDone: () => boolean): Promise<void> {
    const end = this.world.now + PATIENCE_MS;
    await this.world.settle();
    while (!isDone() && this.world.now < end) await this.world.pass(Math.max(1, (this.world.nextAt ?? end) - this.world.now));
    assert.ok(isDone(), 'it never happened');
  }

  /** Whether a value has at least the wanted fields. */
  private fits(value: any, wanted: any, path: string): void {
    if (wanted === '*') return;
    if (wanted === 'absent') assert.equal(value, undefined, path);
    else if (typeof wanted === 'string' && wanted.startsWith('$')) {
      if (!this.bound.has(wanted)) this.bound.set(wanted, value);
      assert.deepEqual(value, this.bound.get(wanted), path);
    } else if (typeof wanted === 'object' && wanted !== null) {
      assert.ok(typeof value === 'object' && value !== null, `${path} is ${JSON.stringify(value)}`);
      for (const [field, part] of Object.entries(wanted)) this.fits(value[field], part, `${path}.${field} of ${JSON.stringify(value)}`);
    } else {
      assert.deepEqual(value, wanted, path);
    }
  }
}

const { cases } = JSON.parse(readFileSync('../conformance/script.json', 'utf8')) as { readonly cases: readonly Case[] };

for (const { name, options, steps } of cases) {
  test(`script: ${name}`, async () => {
    const player = new Player(options);
    for (const [index, step] of steps.entries()) {
      await player.play(step).catch((error: unknown) => {
        throw new Error(`step ${index}: ${JSON.stringify(step)}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      });
    }
    player.isOver();
  });
}
