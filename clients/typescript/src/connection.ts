import { pauseMs } from './backoff.ts';
import { Credentials } from './credentials.ts';
import type { Environment } from './environment.ts';
import { RialtoError, Unauthorized } from './error.ts';
import { isPing, parseFrame } from './frames.ts';
import type { ConnectCommand, Push, Reply } from './frames.ts';
import { REFRESH_RETRY_MS } from './limits.ts';
import type { Settings } from './limits.ts';
import type { ConnectResult, RefreshResult } from './protocol/types.ts';
import { REASONS, shouldReconnect } from './state.ts';
import type { ConnectionState, Reason } from './state.ts';
import type { Token } from './token.ts';
import { Wire } from './wire.ts';

const INVALID_TOKEN = 3500;
const CONNECTION_EXPIRED = 3005;
const TOKEN_EXPIRED = 109;
const SHUTDOWN = 3001;

/** What the connection tells the rest of the client. */
export interface Observer {
  /** What `connect` says beside token and name: the positions of channels that the server subscribes us to. */
  recover(): ConnectCommand['subs'];
  /** Before the state changes to connected. */
  connected(result: Partial<ConnectResult>): void;
  /** After the state changed to connected: what waits may go out. */
  ready(wire: Wire, result: Partial<ConnectResult>): void;
  /** Before the state changes from connected. */
  lost(): void;
  push(push: Push): void;
  state(state: ConnectionState): void;
}

/** How the client introduces itself. */
export interface Identity {
  /** Addresses of sockets: `ws(s)://…/connection/websocket`. */
  readonly addresses: readonly string[];
  readonly token: Token | undefined;
  readonly name: string;
  readonly version: string;
}

type TimerName = 'retry' | 'open' | 'silence' | 'refresh';

/**
 * The life of a connection: addresses, tokens, sockets, pings, and coming back. At any time it has one state, at most one
 * socket, and at most one attempt under way; what an earlier socket or attempt still has to say is not heard.
 */
export class Connection {
  state: ConnectionState = { name: 'suspended', reason: { code: REASONS.byOwner, text: 'not connected yet' } };
  private wire: Wire | null = null;
  /** Tells the present attempt's answers from those of earlier ones. */
  private turn = 0;
  private attempt = 0;
  private address = 0;
  private connectedAt = 0;
  private readonly credentials: Credentials;
  private silenceMs = 0;
  private answersPings = false;
  private readonly timers: Record<TimerName, unknown> = { retry: null, open: null, silence: null, refresh: null };

  constructor(private readonly environment: Environment, private readonly settings: Settings, private readonly identity: Identity, private readonly observer: Observer) {
    this.credentials = new Credentials(environment, identity.token);
  }

  /** Begins, or tries again now instead of after the pause. */
  connect(): void {
    const { name } = this.state;
    if (name === 'suspended') {
      this.attempt = 0;
      this.credentials.forgive();
    }
    if (name === 'suspended' || name === 'disconnected') void this.begin();
  }

  /** Gives the present socket up because something outside says that it is dead. */
  suspect(text: string): void {
    if (this.wire !== null) this.giveUp({ code: REASONS.transport, text });
  }

  /** We give the socket up and make a new one elsewhere. */
  giveUp(reason: Reason): void {
    if (this.state.name !== 'connecting' && this.state.name !== 'connected') return;
    this.nextAddress();
    this.pause(reason);
  }

  /** Ends the connection; `connect` begins anew unless it is closed. */
  end(name: 'suspended' | 'closed', reason: Reason): void {
    this.drop(reason.text);
    this.become({ name, reason });
  }

  private become(state: ConnectionState): void {
    this.state = state;
    this.observer.state(state);
  }

  // ---- connecting ----

  private async begin(): Promise<void> {
    this.stopTimer('retry');
    const turn = (this.turn += 1);
    this.become({ name: 'connecting', attempt: this.attempt });
    try {
      await this.credentials.ready();
      if (turn === this.turn) this.open();
    } catch (error) {
      if (turn !== this.turn) return;
      const text = error instanceof Error ? error.message : String(error);
      if (error instanceof Unauthorized) this.end('suspended', { code: REASONS.noToken, text });
      else this.pause({ code: REASONS.tokenFailed, text });
    }
  }

  private open(): void {
    const address = this.identity.addresses[this.address] ?? '';
    let socket;
    try {
      socket = this.environment.openSocket(address);
    } catch (error) {
      this.giveUp({ code: REASONS.openFailed, text: String(error) });
      return;
    }
    const wire = new Wire(socket);
    this.wire = wire;
    let isOpen = false;
    this.startTimer('open', this.settings.openWithinMs, () => this.giveUp({ code: REASONS.openFailed, text: 'no handshake in time' }));
    socket.onopen = () => {
      if (this.wire !== wire) return;
      isOpen = true;
      this.sayHello(wire);
    };
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (this.wire === wire && typeof data === 'string') this.receive(wire, data);
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (this.wire === wire) this.closed(code, reason, isOpen);
    };
    // A close always follows.
    socket.onerror = () => undefined;
  }

  private sayHello(wire: Wire): void {
    this.startTimer('open', this.settings.replyWithinMs, () => this.giveUp({ code: REASONS.noReply, text: 'no reply to connect in time' }));
    const subs = this.observer.recover();
    const { name, version } = this.identity;
    const { token } = this.credentials;
    const connect = { ...(token === null ? {} : { token }), ...(subs === undefined ? {} : { subs }), name, version };
    wire.command({ connect }, (error, reply) => {
      if (this.wire !== wire) return;
      this.stopTimer('open');
      if (error === null) this.accepted(wire, reply.connect ?? {});
      else this.refused(error);
    });
    wire.flush();
  }

  private accepted(wire: Wire, result: Partial<ConnectResult>): void {
    this.connectedAt = this.environment.now();
    this.answersPings = result.pong === true;
    this.silenceMs = result.ping === undefined || result.ping === 0 ? 0 : result.ping * 1_000 + this.settings.pingGraceMs;
    this.heard();
    this.scheduleRefresh(result);
    this.observer.connected(result);
    this.become({ name: 'connected', client: result.client ?? '' });
    if (this.wire === wire) this.observer.ready(wire, result);
  }

  /** An error reply to connect. */
  private refused(error: RialtoError): void {
    const code = error.number ?? 0;
    const reason = { code, text: error.detail || error.code };
    const mayReplace = code === TOKEN_EXPIRED && this.credentials.isRenewable;
    if (mayReplace) this.credentials.drop();
    const mayPass = error.temporary || code < 100 || mayReplace;
    if (mayPass) this.pause(reason);
    else this.end('suspended', reason);
  }

  // ---- losing it ----

  /** The socket is gone by itself. */
  private closed(code: number, text: string, wasOpen: boolean): void {
    const isSilent = code === 1006 || code === 1005 || code === 0 || code === undefined;
    const local = wasOpen ? { code: REASONS.transport, text: 'connection lost' } : { code: REASONS.openFailed, text: 'cannot connect' };
    this.ended(isSilent ? local : { code, text });
  }

  private ended(reason: Reason): void {
    if (reason.code === CONNECTION_EXPIRED) this.credentials.drop();
    const isReplaced = reason.code === INVALID_TOKEN && this.credentials.replace();
    if (reason.code >= 1000 && !shouldReconnect(reason.code) && !isReplaced) {
      this.end('suspended', reason);
      return;
    }
    // A node that stops, or that is not there any more, is not the one to come back to.
    if (reason.code < 3000 || reason.code === SHUTDOWN) this.nextAddress();
    this.pause(reason);
  }

  private nextAddress(): void {
    this.address = (this.address + 1) % this.identity.addresses.length;
  }

  /** What was under way on the socket is over: wait and begin anew. */
  private pause(reason: Reason): void {
    const { now, random } = this.environment;
    if (this.state.name === 'connected' && now() - this.connectedAt >= this.settings.stableMs) this.attempt = 0;
    this.drop(reason.text);
    const { backoffMinMs, backoffMaxMs } = this.settings;
    const retryInMs = pauseMs(this.attempt, random(), backoffMinMs, backoffMaxMs);
    this.attempt += 1;
    this.startTimer('retry', retryInMs, () => void this.begin());
    this.become({ name: 'disconnected', reason, attempt: this.attempt, retryInMs });
  }

  private drop(text: string): void {
    this.turn += 1;
    for (const name of ['retry', 'open', 'silence', 'refresh'] as const) this.stopTimer(name);
    const { wire } = this;
    this.wire = null;
    wire?.close(text);
    if (this.state.name === 'connected') this.observer.lost();
  }

  // ---- receiving ----

  private receive(wire: Wire, text: string): void {
    this.heard();
    let replies: Reply[];
    try {
      replies = parseFrame(text);
    } catch {
      this.giveUp({ code: REASONS.transport, text: 'unreadable frame' });
      return;
    }
    for (const reply of replies) {
      // A handler may have dropped the connection: what follows in the frame belongs to nobody then.
      if (this.wire !== wire) return;
      if (reply.id !== undefined && reply.id > 0) wire.settle(reply.id, reply);
      else if (reply.push?.disconnect !== undefined) this.ended({ code: reply.push.disconnect.code, text: reply.push.disconnect.reason ?? '' });
      else if (reply.push !== undefined) this.observer.push(reply.push);
      else if (isPing(reply) && this.answersPings) wire.pong();
    }
  }

  private heard(): void {
    if (this.silenceMs > 0 && this.wire !== null) {
      this.startTimer('silence', this.silenceMs, () => this.giveUp({ code: REASONS.noPing, text: 'no ping in time' }));
    }
  }

  // ---- the token's life ----

  private scheduleRefresh(result: RefreshResult): void {
    this.stopTimer('refresh');
    const renewInMs = this.credentials.accepted(result);
    if (renewInMs !== null) this.startTimer('refresh', renewInMs, () => void this.refresh());
  }

  private async refresh(): Promise<void> {
    const { wire } = this;
    const isCurrent = (): boolean => this.wire === wire && wire !== null;
    const later = (): void => this.startTimer('refresh', REFRESH_RETRY_MS * (1 + this.environment.random()), () => void this.refresh());
    try {
      const token = await this.credentials.renewed();
      if (!isCurrent()) return;
      wire?.command({ refresh: { token } }, (error, reply) => {
        if (!isCurrent()) return;
        if (error === null) this.scheduleRefresh(reply.refresh ?? {});
        else if (error.temporary) later();
        else this.end('suspended', { code: error.number ?? 0, text: error.message });
      });
    } catch (error) {
      if (!isCurrent()) return;
      if (error instanceof Unauthorized) this.end('suspended', { code: REASONS.noToken, text: error.message });
      else later();
    }
  }

  private startTimer(name: TimerName, delayMs: number, run: () => void): void {
    this.stopTimer(name);
    this.timers[name] = this.environment.setTimer(run, delayMs);
  }

  private stopTimer(name: TimerName): void {
    this.environment.clearTimer(this.timers[name]);
    this.timers[name] = null;
  }
}
