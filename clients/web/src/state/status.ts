import type { ConnectionState } from '@rialto/client';

/** What the connection is doing, for people to see. */
export interface Status {
  readonly state: 'disconnected' | 'connecting' | 'connected';
  /** Failed attempts since the last connection that held. */
  readonly attempt: number;
  /** When the next attempt starts (milliseconds since 1970), or null while one is running. */
  readonly retryAt: number | null;
  /** Why the last connection ended; 0 when it never did. */
  readonly code: number;
}

export const NOT_YET: Status = { state: 'disconnected', attempt: 0, retryAt: null, code: 0 };

/** What a new state of the connection means for somebody who looks on. */
export function statusOf(before: Status, state: ConnectionState): Status {
  switch (state.name) {
    case 'connecting':
      return { ...before, state: 'connecting', attempt: state.attempt, retryAt: null };
    case 'connected':
      return { state: 'connected', attempt: 0, retryAt: null, code: 0 };
    case 'disconnected':
      return { state: 'connecting', attempt: state.attempt, retryAt: Date.now() + state.retryInMs, code: state.reason.code };
    default:
      return { ...NOT_YET, code: state.reason.code };
  }
}
