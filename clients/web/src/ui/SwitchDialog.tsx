import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { sorted } from '../model/inbox.ts';
import type { Conversation } from '../model/types.ts';
import { openConversation } from '../state/route.ts';
import { ConversationAvatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';
import { useConversationNames } from './names.ts';

/** Conversations offered at once. */
const OFFERED_MAX = 8;

/** Goes to a conversation by a few letters of its name. */
export function SwitchDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const session = useSession();
  const inbox = useStore(session.inbox);
  const [wanted, setWanted] = useState('');
  const [chosen, setChosen] = useState(0);
  const list = useMemo(() => sorted(inbox), [inbox]);
  const names = useConversationNames(list);
  const letters = wanted.trim().toLowerCase();
  const offered = list.filter((conversation) => (names.get(conversation.id) ?? '').toLowerCase().includes(letters)).slice(0, OFFERED_MAX);
  const at = Math.min(chosen, offered.length - 1);

  const go = (conversation: Conversation | undefined): void => {
    if (conversation === undefined) return;
    onClose();
    openConversation(conversation.id);
  };
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLInputElement>): void => {
    if (event.key === 'Enter') go(offered[at]);
    else if (event.key === 'ArrowDown') setChosen(Math.min(at + 1, offered.length - 1));
    else if (event.key === 'ArrowUp') setChosen(Math.max(at - 1, 0));
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to a conversation" onClose={onClose}>
      <input class="switch-input" type="text" role="combobox" aria-label="Name of a conversation" aria-expanded="true" aria-controls="switch-list" aria-autocomplete="list"
        aria-activedescendant={offered[at] === undefined ? undefined : `switch-${offered[at].id}`} autocomplete="off" spellcheck={false} placeholder="Name" value={wanted}
        onInput={(event) => {
          setWanted(event.currentTarget.value);
          setChosen(0);
        }} onKeyDown={onKeyDown} />
      <ul class="switch-list" id="switch-list" role="listbox" aria-label="Conversations">
        {offered.map((conversation, index) => (
          <li key={conversation.id} id={`switch-${conversation.id}`} role="option" aria-selected={index === at} class={index === at ? 'switch-entry current' : 'switch-entry'}
            onClick={() => go(conversation)}>
            <ConversationAvatar conversation={conversation} />
            <span>{names.get(conversation.id)}</span>
            {conversation.unread > 0 && <span class="badge">{conversation.unread > 99 ? '99+' : conversation.unread}</span>}
          </li>
        ))}
      </ul>
      {offered.length === 0 && <p class="hint" role="status">No conversation of yours is called so.</p>}
    </Dialog>
  );
}
