/** Close and unsubscribe codes of the Centrifuge client protocol, as far as this client acts on them. */
export const CLOSE_MESSAGE_TOO_BIG = 1009;
export const CLOSE_INVALID_TOKEN = 3500;
export const ERROR_TOKEN_EXPIRED = 109;
export const ERROR_ALREADY_SUBSCRIBED = 105;
export const UNSUBSCRIBE_STATE_INVALIDATED = 2502;

/** Codes this client gives itself; they lie below every range a server may send over WebSocket. */
export const LOCAL_DISCONNECTED = -1;
export const LOCAL_TIMEOUT = -2;
export const LOCAL_UNSUBSCRIBED = -3;

/** Whether a WebSocket close code means that the client should come back. */
export function shouldReconnect(code: number): boolean {
  if (code === CLOSE_MESSAGE_TOO_BIG) return false;
  return !((code >= 3500 && code < 4000) || (code >= 4500 && code < 5000));
}

/** Whether an unsubscribe push asks for a new subscribe. */
export function shouldResubscribe(code: number): boolean {
  return code >= 2500;
}

/** Whether an error reply to connect or subscribe is worth another attempt. */
export function isRetryableError(code: number, temporary: boolean): boolean {
  return temporary || code < 100 || code === ERROR_TOKEN_EXPIRED;
}
