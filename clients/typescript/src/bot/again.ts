import { RialtoError } from '../error.ts';
import { AGAIN_MS_MAX, AGAIN_MS_MIN } from './limits.ts';

/** Repeats what the server would not do for now, or did not answer: rates, overload and cuts are waited out here. */
export async function untilDone<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let pauseMs = AGAIN_MS_MIN; ; pauseMs = Math.min(AGAIN_MS_MAX, pauseMs * 2)) {
    try {
      return await run();
    } catch (error) {
      const mayPass = error instanceof RialtoError && error.temporary && error.code !== 'closed';
      if (!mayPass || signal.aborted) throw error;
      await pause(Math.max(pauseMs, error.retryAfterMs ?? 0), signal);
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
