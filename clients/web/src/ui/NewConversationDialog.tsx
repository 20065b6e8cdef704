import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Profile } from '../model/types.ts';
import { explain } from '../state/errors.ts';
import { openConversation } from '../state/route.ts';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';
import { Icon } from './icons.tsx';
import type { IconName } from './icons.tsx';
import { PeopleField } from './PeopleField.tsx';

type Kind = 'direct' | 'group' | 'public';

const KINDS: readonly { kind: Kind; icon: IconName; name: string; hint: string }[] = [
  { kind: 'direct', icon: 'person', name: 'Direct', hint: 'You and one other person' },
  { kind: 'group', icon: 'group', name: 'Group', hint: 'By invitation only' },
  { kind: 'public', icon: 'globe', name: 'Public', hint: 'Listed, and anyone may join' },
];

/** People who can be invited while creating. */
const INVITED_MAX = 100;

export function NewConversationDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const session = useSession();
  const [kind, setKind] = useState<Kind>('direct');
  const [title, setTitle] = useState('');
  const [people, setPeople] = useState<readonly Profile[]>([]);
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const isDirect = kind === 'direct';
  const chosen = isDirect ? people.slice(0, 1) : people;
  const isReady = isDirect ? chosen.length === 1 : title.trim() !== '';

  const create = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!isReady || isBusy) return;
    setBusy(true);
    setProblem('');
    try {
      const conversation = await session.client.create({ kind, title: isDirect ? undefined : title.trim(), members: chosen.map((person) => person.id) });
      session.add(conversation);
      onClose();
      openConversation(conversation.id);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="New conversation" onClose={onClose}>
      <form onSubmit={(event) => void create(event)}>
        <fieldset class="kinds">
          <legend class="visually-hidden">Kind</legend>
          {KINDS.map((entry) => (
            <label key={entry.kind} class={entry.kind === kind ? 'kind chosen-kind' : 'kind'}>
              <input type="radio" name="kind" value={entry.kind} checked={entry.kind === kind} onChange={() => setKind(entry.kind)} />
              <Icon name={entry.icon} />
              <strong>{entry.name}</strong>
              <span>{entry.hint}</span>
            </label>
          ))}
        </fieldset>
        {!isDirect && (
          <label class="field">
            <span>Title</span>
            <input value={title} maxLength={120} autocomplete="off" onInput={(event) => setTitle(event.currentTarget.value)} />
          </label>
        )}
        <PeopleField people={chosen} onChange={setPeople} max={isDirect ? 1 : INVITED_MAX} />
        <p class="form-problem" role="alert">{problem}</p>
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="button primary" disabled={!isReady || isBusy}>Create</button>
        </div>
      </form>
    </Dialog>
  );
}
