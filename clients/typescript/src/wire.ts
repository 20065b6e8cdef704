import type { Socket } from './environment.ts';
import { RialtoError } from './error.ts';
import { encodeCommand, framesOf, PONG } from './frames.ts';
import type { Command, Reply } from './frames.ts';

/** What became of a command. It runs in the very turn in which its reply is read, so that order within a frame holds. */
export type Answer = (error: RialtoError | null, reply: Reply) => void;

/** One socket with the commands that wait for their replies on it. It dies with the socket; whoever waits is told by the connection. */
export class Wire {
  private lastId = 0;
  private readonly waiting = new Map<number, Answer>();
  private outgoing: string[] = [];

  /** False from the moment that the connection gave it up. */
  isOpen = true;

  constructor(private readonly socket: Socket) {}

  /** Sends a command; answers its id. */
  command(command: Command, answer: Answer): number {
    this.lastId += 1;
    // First of all: what cannot be written must not be waited for.
    const line = encodeCommand(this.lastId, command);
    this.waiting.set(this.lastId, answer);
    this.write(line);
    return this.lastId;
  }

  pong(): void {
    this.socket.send(PONG);
  }

  /** Nobody waits for this reply any more. */
  forget(id: number): void {
    this.waiting.delete(id);
  }

  /** Hands a reply to whoever waits for it. */
  settle(id: number, reply: Reply): void {
    const answer = this.waiting.get(id);
    if (answer === undefined) return;
    this.waiting.delete(id);
    const { error } = reply;
    answer(error === undefined ? null : RialtoError.refused(error.code, error.message, error.temporary), reply);
  }

  close(reason: string): void {
    this.isOpen = false;
    this.waiting.clear();
    const { socket } = this;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // A socket that is closed while it opens may still say that it failed.
    socket.onerror = () => undefined;
    socket.close(1000, reason.slice(0, 100));
  }

  /** Sends what was gathered now instead of at the end of the turn. */
  flush(): void {
    const lines = this.outgoing;
    this.outgoing = [];
    if (!this.isOpen) return;
    for (const frame of framesOf(lines)) this.socket.send(frame);
  }

  /** Commands of one turn of the event loop share a frame. */
  private write(line: string): void {
    this.outgoing.push(line);
    if (this.outgoing.length === 1) queueMicrotask(() => this.flush());
  }
}
