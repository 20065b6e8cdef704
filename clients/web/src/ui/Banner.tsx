import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import type { Status } from '../state/status.ts';
import { useSession } from './context.ts';
import { Icon } from './icons.tsx';

/** A first connection may take this long before anything is said about it, in milliseconds. */
const QUIET_MS = 1_500;
/** How long "back online" stays, in milliseconds. */
const BACK_MS = 2_500;

const REASONS: Readonly<Record<number, string>> = {
  1009: 'A message was too large for the server.',
  3001: 'The server is restarting.',
  3008: 'This connection was too slow.',
  3503: 'The server ended this connection.',
  3504: 'You have too many connections open. Close other tabs.',
  3507: 'You may not connect.',
};

function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isTicking) return undefined;
    setNow(Date.now());
    const timer = window.setInterval(() => setNow(Date.now()), 500);
    return () => window.clearInterval(timer);
  }, [isTicking]);
  return now;
}

/** Says what is wrong with the connection, what happens next, and offers the one thing a person can do. */
export function Banner(): JSX.Element {
  const session = useSession();
  const status = useStore(session.status);
  const isUp = status.state === 'connected';
  // Before the first connection and after logging out there is no code, and nothing to say.
  const hasEnded = status.state === 'disconnected' && status.code !== 0;
  const [wasDown, setWasDown] = useState(false);
  const [isQuiet, setQuiet] = useState(true);
  const now = useNow(status.retryAt !== null);

  useEffect(() => {
    if (isUp) {
      setQuiet(true);
      const timer = window.setTimeout(() => setWasDown(false), BACK_MS);
      return () => window.clearTimeout(timer);
    }
    if (status.attempt > 0 || hasEnded) setWasDown(true);
    const timer = window.setTimeout(() => setQuiet(false), QUIET_MS);
    return () => window.clearTimeout(timer);
  }, [isUp, status.attempt > 0, hasEnded]);

  const isLost = !isUp && (status.attempt > 0 || hasEnded || !isQuiet);
  const isShown = !session.isStopped && (isLost || (isUp && wasDown));
  return (
    <div class="banner-slot" role="status" aria-label="Connection" aria-atomic="true">
      {isShown && (isUp ? <p class="banner good"><Icon name="check" size={16} /><span>Back online. Everything is up to date.</span></p> : (
        <p class="banner">
          <span class="spinner" aria-hidden="true" />
          <span>{words(status)} <span aria-live="off">{countdown(status, now)}</span></span>
          {(status.retryAt !== null || status.state === 'disconnected') && (
            <button type="button" class="link" onClick={() => session.client.connect()}>{status.state === 'disconnected' ? 'Reconnect' : 'Try now'}</button>
          )}
        </p>
      ))}
    </div>
  );
}

function words({ state, code, attempt }: Status): string {
  if (state === 'disconnected') return `Disconnected. ${REASONS[code] ?? `The server closed the connection (${code}).`}`;
  if (!navigator.onLine) return 'You are offline. What you write now is sent when you are back.';
  if (attempt === 0) return 'Connecting…';
  return REASONS[code] ?? 'Connection lost.';
}

function countdown({ state, retryAt }: Status, now: number): string {
  if (state === 'disconnected' || !navigator.onLine) return '';
  if (retryAt === null) return 'Reconnecting…';
  const seconds = Math.ceil((retryAt - now) / 1000);
  return seconds <= 0 ? 'Reconnecting…' : `Reconnecting in ${seconds} s.`;
}
