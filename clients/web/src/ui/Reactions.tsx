import type { JSX } from 'preact';
import { nameList } from '../lib/words.ts';
import type { Message } from '../model/types.ts';
import { useNames } from '../state/profiles.ts';
import type { Room } from '../state/room.ts';
import { useSession } from './context.ts';

export function Reactions({ room, message }: { room: Room; message: Message }): JSX.Element | null {
  const entries = Object.entries(message.reactions ?? {}).filter(([, users]) => users.length > 0);
  if (entries.length === 0) return null;
  return (
    <div class="reactions" role="group" aria-label="Reactions">
      {entries.map(([emoji, users]) => <Chip key={emoji} emoji={emoji} users={users} me={room.me} onClick={() => void room.react(message.offset, emoji)} />)}
    </div>
  );
}

function Chip({ emoji, users, me, onClick }: { emoji: string; users: readonly string[]; me: string; onClick: () => void }): JSX.Element {
  const isMine = users.includes(me);
  const others = useNames(useSession().profiles, users.filter((user) => user !== me).slice(0, 8));
  const names = nameList(isMine ? ['You', ...others] : others, 4);
  return (
    <button type="button" class={isMine ? 'chip mine' : 'chip'} aria-pressed={isMine} aria-label={`${emoji} ${users.length}, by ${names}`} title={names} onClick={onClick}>
      <span aria-hidden="true">{emoji}</span>{users.length}
    </button>
  );
}
