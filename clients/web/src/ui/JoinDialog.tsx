import type { PublicConversation } from '@rialto/client';
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { count, shortTime } from '../lib/words.ts';
import { explain } from '../state/errors.ts';
import { idIn, openConversation } from '../state/route.ts';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';
import { Icon } from './icons.tsx';

/** Rooms that are shown; who looks for another one types some of its title. */
const SHOWN = 30;
/** A pause in typing before rooms are looked for, in milliseconds. */
const PAUSE_MS = 200;

/** Finds a public room by its title, or takes an invitation. */
export function JoinDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const session = useSession();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const invited = idIn(text);
  const rooms = useRooms(invited === null ? text.trim() : '', setProblem);

  const join = async (id: string): Promise<void> => {
    setBusy(true);
    setProblem('');
    try {
      if (!session.inbox.value.has(id)) await session.client.join(id);
      await session.lookUp(id);
      session.rejoin(id);
      onClose();
      openConversation(id);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Join a conversation" onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (invited !== null) void join(invited);
        else setProblem('That is neither a link nor an id of a conversation. Choose one below.');
      }}>
        <label class="field">
          <span>Name of a public room, or an invitation link</span>
          <span class="with-button">
            <input value={text} autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
            <button type="submit" class="button primary" disabled={text.trim() === '' || isBusy}>Join</button>
          </span>
        </label>
        <p class="form-problem" role="alert">{problem}</p>
      </form>
      <ul class="rooms" aria-label="Public rooms" aria-busy={rooms === null}>
        {(rooms ?? []).map((room) => (
          <li key={room.id}>
            <button type="button" class="room-entry" disabled={isBusy} onClick={() => void join(room.id)}>
              <Icon name="globe" size={18} />
              <span>{room.title ?? 'Without a name'}<small>{count(room.member_count, 'member')} · {shortTime(room.active, Date.now())}</small></span>
            </button>
          </li>
        ))}
      </ul>
      {rooms !== null && rooms.length === 0 && <p class="hint" role="status">{text.trim() === '' ? 'There are no public rooms yet.' : 'No public room is called so.'}</p>}
    </Dialog>
  );
}

/** Public rooms whose title has the text in it; null while they are looked for the first time. */
function useRooms(title: string, onProblem: (problem: string) => void): readonly PublicConversation[] | null {
  const { client } = useSession();
  const [rooms, setRooms] = useState<readonly PublicConversation[] | null>(null);
  useEffect(() => {
    let isOver = false;
    const timer = window.setTimeout(() => {
      client.browse({ title: title === '' ? undefined : title, limit: SHOWN }).then(
        (page) => isOver || setRooms(page.items),
        (error: unknown) => isOver || onProblem(explain(error)),
      );
    }, rooms === null ? 0 : PAUSE_MS);
    return () => {
      isOver = true;
      window.clearTimeout(timer);
    };
  }, [title]);
  return rooms;
}
