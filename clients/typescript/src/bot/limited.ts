import type { Client } from '../client.ts';
import { RialtoError } from '../error.ts';
import { HANDLER_WITHIN_MS } from './limits.ts';

/**
 * Runs a handler for a limited time of being connected: what waits for the server to come back is not late. Its signal fires
 * when the time is over, or when the bot will wait no more.
 */
export async function limited(client: Client, stopping: AbortSignal, run: (signal: AbortSignal) => unknown): Promise<void> {
  const ended = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop = (): void => undefined;
  const late = new Promise<never>((_, reject) => {
    stop = () => {
      ended.abort();
      reject(new RialtoError('timeout', { detail: 'the handler took too long' }));
    };
    const look = (): void => {
      if (client.isConnected) stop();
      else timer = setTimeout(look, HANDLER_WITHIN_MS);
    };
    timer = setTimeout(look, HANDLER_WITHIN_MS);
    stopping.addEventListener('abort', stop, { once: true });
  });
  try {
    await Promise.race([run(ended.signal), late]);
  } finally {
    clearTimeout(timer);
    stopping.removeEventListener('abort', stop);
  }
}
