import { pauseMs } from './backoff.ts';
import type { Environment } from './environment.ts';
import { RialtoError } from './error.ts';
import type { Command, Reply } from './frames.ts';
import { ENVELOPE_BYTES, RETRY_MAX_MS, RETRY_MIN_MS } from './limits.ts';
import type { Settings } from './limits.ts';
import { LIMITS } from './protocol/codes.ts';
import type { Wire } from './wire.ts';

/** What may be done with a call whose answer does not come. */
export type Retry =
  /** Send it again, on another connection too: it reads only, or carries its sender's id. */
  | 'safe'
  /** It waits for a connection, but once sent it is never repeated. */
  | 'once'
  /** It is worth nothing later: it neither waits nor is repeated. */
  | 'ephemeral';

/** How long somebody waits for a call. */
export interface CallOptions {
  /** Milliseconds with all attempts, reconnects included; `Settings.requestWithinMs` by default. */
  readonly timeoutMs?: number | undefined;
  /** Gives up early. What was sent already may have taken effect. */
  readonly signal?: AbortSignal | undefined;
}

/** One call, from the moment that it is made to its one answer. */
interface Request {
  /** Made at the first attempt, when the server's clock is known, and kept for all others. */
  command: Command | null;
  readonly make: () => Command;
  readonly retry: Retry;
  /** Ids on this connection: an answer to an earlier attempt counts too. */
  ids: number[];
  attempts: number;
  phase: 'waiting' | 'sent' | 'pausing';
  /** When the attempt under way is given up, or the pause is over. */
  timer: unknown;
  settle(error: RialtoError | null, reply: Reply): void;
}

/** All calls that wait for an answer, in the order in which they were made. */
export class Requests {
  private readonly all = new Set<Request>();
  private wire: Wire | null = null;
  private idle: (() => void)[] = [];

  constructor(private readonly environment: Environment, private readonly settings: Settings) {}

  /** Calls that wait. */
  get size(): number {
    return this.all.size;
  }

  add(make: () => Command, retry: Retry, options: CallOptions = {}): Promise<Reply> {
    if (this.all.size >= this.settings.requestsMax) return Promise.reject(new RialtoError('queue_full', { temporary: true }));
    if (retry === 'ephemeral' && this.wire === null) return Promise.reject(new RialtoError('not_connected', { temporary: true }));
    if (options.signal?.aborted === true) return Promise.reject(new RialtoError('aborted', { cause: options.signal.reason }));
    return new Promise((resolve, reject) => {
      const aborted = (): void => this.fail(request, new RialtoError('aborted', { outcomeUnknown: request.attempts > 0, cause: options.signal?.reason }));
      const deadline = this.environment.setTimer(
        () => this.fail(request, new RialtoError('timeout', { temporary: true, outcomeUnknown: request.attempts > 0 })),
        options.timeoutMs ?? this.settings.requestWithinMs,
      );
      const settle: Request['settle'] = (error, reply) => {
        this.environment.clearTimer(deadline);
        options.signal?.removeEventListener('abort', aborted);
        if (error === null) resolve(reply);
        else reject(error);
      };
      const request: Request = { command: null, make, retry, ids: [], attempts: 0, phase: 'waiting', timer: null, settle };
      options.signal?.addEventListener('abort', aborted, { once: true });
      this.all.add(request);
      if (this.wire !== null) this.send(request, this.wire);
    });
  }

  /** A connection stands: everything that waits goes out, in order. */
  attach(wire: Wire): void {
    this.wire = wire;
    for (const request of [...this.all]) {
      if (request.phase === 'waiting') this.send(request, wire);
    }
  }

  /** The connection is gone: what may be repeated waits for the next one, the rest is answered. */
  detach(): void {
    this.wire = null;
    for (const request of [...this.all]) {
      const wasSent = request.ids.length > 0;
      request.ids = [];
      if (request.phase === 'sent') this.wait(request);
      if (wasSent && request.retry !== 'safe') {
        this.fail(request, new RialtoError('interrupted', { temporary: true, outcomeUnknown: true }));
      }
    }
  }

  failAll(error: RialtoError): void {
    for (const request of [...this.all]) this.fail(request, error);
  }

  /** Resolves when nothing waits any more. */
  drained(): Promise<void> {
    if (this.all.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idle.push(resolve));
  }

  private send(request: Request, wire: Wire): void {
    try {
      request.command ??= checked(request.make());
      request.ids.push(wire.command(request.command, (error, reply) => this.answered(request, error, reply)));
    } catch (error) {
      this.fail(request, error instanceof RialtoError ? error : new RialtoError('misuse', { detail: String(error), cause: error }));
      return;
    }
    request.attempts += 1;
    request.phase = 'sent';
    if (request.retry !== 'safe') return;
    request.timer = this.environment.setTimer(() => this.again(request), this.settings.ackWithinMs);
  }

  private answered(request: Request, error: RialtoError | null, reply: Reply): void {
    if (!this.all.has(request)) return;
    if (error === null || !error.temporary || request.retry !== 'safe') {
      this.finish(request, error, reply);
      return;
    }
    this.environment.clearTimer(request.timer);
    request.phase = 'pausing';
    const pause = pauseMs(request.attempts - 1, this.environment.random(), RETRY_MIN_MS, RETRY_MAX_MS);
    request.timer = this.environment.setTimer(() => this.again(request), pause);
  }

  private again(request: Request): void {
    this.wait(request);
    if (this.wire !== null) this.send(request, this.wire);
  }

  private wait(request: Request): void {
    this.environment.clearTimer(request.timer);
    request.phase = 'waiting';
  }

  private fail(request: Request, error: RialtoError): void {
    if (this.all.has(request)) this.finish(request, error, {});
  }

  private finish(request: Request, error: RialtoError | null, reply: Reply): void {
    this.all.delete(request);
    this.environment.clearTimer(request.timer);
    for (const id of request.ids) this.wire?.forget(id);
    request.settle(error, reply);
    if (this.all.size > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}

const encoder = new TextEncoder();

/** A frame above the server's limit would cost the connection. */
function checked(command: Command): Command {
  const text = JSON.stringify(command);
  const room = LIMITS.frameBytesMax - ENVELOPE_BYTES;
  // A character is at most three bytes: most commands need no counting.
  if (text.length * 3 > room && encoder.encode(text).length > room) throw new RialtoError('too_large', { detail: 'more than a frame holds' });
  return command;
}
