import type { Socket } from '../environment.ts';

/** Runs something a little later; what is scheduled earlier runs earlier. */
export type Schedule = (run: () => void) => void;

/** The other end of a socket. */
export interface Accepts {
  accept(socket: MemorySocket): { receive(text: string): void };
  /** The socket is gone, whoever ended it. */
  left(socket: MemorySocket): void;
}

/** A WebSocket whose wire is a queue: frames are texts, arrive later and in order, and are lost when the line is cut. */
export class MemorySocket implements Socket {
  onopen: ((event: any) => void) | null = null;
  onmessage: ((event: any) => void) | null = null;
  onclose: ((event: any) => void) | null = null;
  onerror: ((event: any) => void) | null = null;
  isOpen = false;
  private isDone = false;
  private peer: { receive(text: string): void } | null = null;

  constructor(readonly url: string, private readonly server: Accepts, private readonly schedule: Schedule, isReachable: boolean) {
    schedule(() => {
      if (this.isDone) return;
      if (!isReachable) {
        this.end(1006, '');
        return;
      }
      this.isOpen = true;
      this.peer = server.accept(this);
      this.onopen?.({});
    });
  }

  /** From the client. */
  send(text: string): void {
    if (!this.isOpen) return;
    this.schedule(() => {
      if (this.isOpen) this.peer?.receive(text);
    });
  }

  /** By the client. */
  close(): void {
    this.finish();
  }

  /** From the server. */
  deliver(text: string): void {
    this.schedule(() => {
      if (!this.isDone) this.onmessage?.({ data: text });
    });
  }

  /** By the server, or by a cut (1006): what is under way is lost. */
  end(code: number, reason: string): void {
    if (this.isDone) return;
    this.finish();
    this.schedule(() => this.onclose?.({ code, reason }));
  }

  private finish(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.isOpen = false;
    this.server.left(this);
  }
}
