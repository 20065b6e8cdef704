import { LOCAL_DISCONNECTED, LOCAL_TIMEOUT } from './codes.ts';

/** A refused or unanswered command. `code` is the protocol's number, negative when this client gave up by itself. */
export class CommandError extends Error {
  readonly code: number;
  readonly temporary: boolean;

  constructor(code: number, message: string, temporary: boolean) {
    super(message);
    this.name = 'CommandError';
    this.code = code;
    this.temporary = temporary;
  }

  static disconnected(): CommandError {
    return new CommandError(LOCAL_DISCONNECTED, 'disconnected', true);
  }

  static timeout(): CommandError {
    return new CommandError(LOCAL_TIMEOUT, 'timeout', true);
  }

  /** The outcome is unknown: the command may have been applied. */
  get isUnknown(): boolean {
    return this.code === LOCAL_DISCONNECTED || this.code === LOCAL_TIMEOUT;
  }
}
