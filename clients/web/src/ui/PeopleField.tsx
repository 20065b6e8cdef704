import { RialtoError } from '@rialto/client';
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { Profile } from '../model/types.ts';
import { explain } from '../state/errors.ts';
import { nameOf } from '../state/profiles.ts';
import { Avatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { Icon } from './icons.tsx';

interface Props {
  people: readonly Profile[];
  onChange: (people: readonly Profile[]) => void;
  max: number;
}

/** Finds people by username and gathers them. */
export function PeopleField({ people, onChange, max }: Props): JSX.Element {
  const session = useSession();
  const [username, setUsername] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const isFull = people.length >= max;

  const find = async (): Promise<void> => {
    const wanted = username.trim().replace(/^@/, '');
    if (wanted === '' || isBusy || isFull) return;
    setBusy(true);
    setProblem('');
    try {
      const profile = await session.client.findUser(wanted);
      session.profiles.put(profile);
      if (profile.id === session.me.id) setProblem('That is you.');
      else if (!people.some((person) => person.id === profile.id)) onChange([...people, profile]);
      setUsername('');
    } catch (error) {
      const isUnknown = error instanceof RialtoError && error.code === 'not_found';
      setProblem(isUnknown ? `Nobody is called @${wanted}.` : explain(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div class="people">
      {people.length > 0 && (
        <ul class="chosen" aria-label="Chosen people">
          {people.map((person) => (
            <li key={person.id}>
              <Avatar user={person.id} size="s" />{nameOf(person)}
              <button type="button" class="icon-button tiny" aria-label={`Remove ${nameOf(person)}`} onClick={() => onChange(people.filter((other) => other.id !== person.id))}><Icon name="close" size={14} /></button>
            </li>
          ))}
        </ul>
      )}
      {!isFull && (
        <label class="field">
          <span>Find people by username</span>
          <span class="with-button">
            <input value={username} autocomplete="off" autocapitalize="none" spellcheck={false} placeholder="username"
              onInput={(event) => setUsername(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key !== 'Enter') return;
                event.preventDefault();
                void find();
              }} />
            <button type="button" class="button" disabled={username.trim() === '' || isBusy} onClick={() => void find()}>Add</button>
          </span>
        </label>
      )}
      <p class="form-problem" role="alert">{problem}</p>
    </div>
  );
}
