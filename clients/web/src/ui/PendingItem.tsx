import type { JSX } from 'preact';
import { useStore } from '../lib/store.ts';
import { clockTime } from '../lib/words.ts';
import type { OutboxEntry } from '../model/types.ts';
import { useName } from '../state/profiles.ts';
import type { Room } from '../state/room.ts';
import { Avatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { Icon } from './icons.tsx';
import { MessageText } from './MessageText.tsx';

/** A message of one's own on its way, or one that was refused. */
export function PendingItem({ room, message, isFirst }: { room: Room; message: OutboxEntry; isFirst: boolean }): JSX.Element {
  const session = useSession();
  const name = useName(session.profiles, room.me);
  const isConnected = useStore(session.status, (status) => status.state === 'connected');
  const isFailed = message.error !== null;
  const state = isFailed ? 'Not sent' : isConnected ? 'Sending' : 'Waiting for the connection';
  return (
    <article class={`message pending ${isFirst ? 'first' : ''} ${isFailed ? 'failed' : ''}`} tabIndex={-1} aria-label={`You, ${state}`}>
      {isFirst ? <Avatar user={room.me} /> : <span class="gutter-time" />}
      <div class="body">
        {isFirst && <header><strong>{name}</strong><time>{clockTime(message.time)}</time></header>}
        <div class="text" dir="auto"><MessageText text={message.text} /></div>
        {(isFailed || !isConnected) && (
          <p class="sending-state">
            <Icon name={isFailed ? 'alert' : 'clock'} size={14} />{state}
            {isFailed && (
              <>
                <button type="button" class="link" onClick={() => room.retry(message.key)}>Retry</button>
                <button type="button" class="link" onClick={() => room.discard(message.key)}>Discard</button>
              </>
            )}
          </p>
        )}
      </div>
    </article>
  );
}
