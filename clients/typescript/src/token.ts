import type { Environment } from './environment.ts';
import { RialtoError } from './error.ts';

/** What a token source is asked. */
export interface TokenRequest {
  /** The token given before has expired, is about to, or was refused: one from a cache will not do. */
  readonly renew: boolean;
}

/**
 * Brings an access token. Throw `Unauthorized` when there will be none: the client suspends. Any other error means
 * "not now": it is asked again after a pause.
 */
export type TokenSource = (request: TokenRequest) => Promise<string>;

/** A token that never changes, or a source of them. */
export type Token = string | TokenSource;

/** Whether expired tokens can be replaced. */
export function isRenewable(token: Token | undefined): token is TokenSource {
  return typeof token === 'function';
}

/** Milliseconds until a token with this life is renewed: early enough that the new one is there before the old one ends. */
export function renewInMs(ttlSeconds: number, aheadMsMax: number): number {
  const lifeMs = ttlSeconds * 1_000;
  return lifeMs - Math.min(lifeMs / 10, aheadMsMax);
}

/** Asks for a token, for a limited time. */
export async function fetchToken(environment: Environment, token: Token, renew: boolean, withinMs: number): Promise<string> {
  if (!isRenewable(token)) return token;
  let timer: unknown;
  const late = new Promise<never>((_, reject) => {
    timer = environment.setTimer(() => reject(new RialtoError('timeout', { detail: 'no token in time', temporary: true })), withinMs);
  });
  try {
    return await Promise.race([token({ renew }), late]);
  } finally {
    environment.clearTimer(timer);
  }
}
