/** In a stream: it was read too slowly, so many of the oldest events are gone. */
export interface Lagged {
  readonly type: 'lagged';
  readonly missed: number;
}

type Handler<Event> = (event: Event) => void;

/** Hands events to handlers at once, and to streams with a bound. A handler that throws is reported and harms nobody else. */
export class Hub<Event extends { readonly type: string }> {
  private readonly handlers = new Map<string, Set<Handler<any>>>();
  private readonly streams = new Set<Stream<Event>>();
  private isEnded = false;

  constructor(private readonly capacity: number, private readonly report: (error: unknown) => void) {}

  /** Calls the handler for each event of a type. Answers a function that ends this. */
  on<Type extends Event['type']>(type: Type, handler: Handler<Extract<Event, { readonly type: Type }>>): () => void {
    const handlers = this.handlers.get(type) ?? new Set();
    this.handlers.set(type, handlers.add(handler));
    return () => void handlers.delete(handler);
  }

  /** All events from now on, until the signal fires or the hub ends. */
  stream(signal?: AbortSignal): AsyncIterableIterator<Event | Lagged> {
    const abort = (): void => stream.end();
    const stream = new Stream<Event>(this.capacity, () => {
      this.streams.delete(stream);
      signal?.removeEventListener('abort', abort);
    });
    if (this.isEnded || signal?.aborted === true) {
      stream.end();
      return stream;
    }
    this.streams.add(stream);
    signal?.addEventListener('abort', abort, { once: true });
    return stream;
  }

  emit(event: Event): void {
    for (const handler of [...(this.handlers.get(event.type) ?? [])]) {
      try {
        handler(event);
      } catch (error) {
        this.report(error);
      }
    }
    for (const stream of this.streams) stream.push(event);
  }

  /** No more events, for streams to come too. */
  end(): void {
    this.isEnded = true;
    for (const stream of [...this.streams]) stream.end();
  }
}

/** A bounded queue that is read with `for await`. Its writer never waits: who stays behind loses the oldest, and is told. */
class Stream<Event> implements AsyncIterableIterator<Event | Lagged> {
  private readonly queue: Event[] = [];
  private missed = 0;
  private isEnded = false;
  private reader: (() => void) | null = null;

  constructor(private readonly capacity: number, private readonly ended: () => void) {}

  push(event: Event): void {
    if (this.queue.length >= this.capacity) {
      this.queue.shift();
      this.missed += 1;
    }
    this.queue.push(event);
    this.wake();
  }

  end(): void {
    this.isEnded = true;
    this.ended();
    this.wake();
  }

  async next(): Promise<IteratorResult<Event | Lagged>> {
    for (;;) {
      if (this.missed > 0) {
        const { missed } = this;
        this.missed = 0;
        return { done: false, value: { type: 'lagged', missed } };
      }
      const event = this.queue.shift();
      if (event !== undefined) return { done: false, value: event };
      if (this.isEnded) return { done: true, value: undefined };
      await new Promise<void>((resolve) => {
        this.reader = resolve;
      });
    }
  }

  async return(): Promise<IteratorResult<Event | Lagged>> {
    this.queue.length = 0;
    this.missed = 0;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  private wake(): void {
    this.reader?.();
    this.reader = null;
  }
}
