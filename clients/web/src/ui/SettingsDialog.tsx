import type { LoginSession } from '@rialto/client';
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { deviceName } from '../lib/device.ts';
import { useStore } from '../lib/store.ts';
import { fullTime, shortTime } from '../lib/words.ts';
import type { Auth } from '../state/auth.ts';
import { explain } from '../state/errors.ts';
import { setTheme, theme } from '../state/theme.ts';
import type { Theme } from '../state/theme.ts';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';

const THEMES: readonly { readonly value: Theme; readonly name: string }[] = [
  { value: 'system', name: 'As the system' }, { value: 'light', name: 'Light' }, { value: 'dark', name: 'Dark' },
];

/** What a person can change about themselves and this browser. */
export function SettingsDialog({ auth, onHelp, onClose }: { auth: Auth; onHelp: () => void; onClose: () => void }): JSX.Element {
  const session = useSession();
  return (
    <Dialog title="Settings" isDrawer onClose={onClose}>
      <p class="hint">@{session.me.username}</p>
      <NameForm />
      <Appearance />
      <PasswordForm auth={auth} />
      <Devices auth={auth} onLogout={() => session.forgetWhatWasWritten()} />
      <button type="button" class="button wide only-with-keyboard" onClick={onHelp}>Keyboard shortcuts</button>
    </Dialog>
  );
}

function NameForm(): JSX.Element {
  const session = useSession();
  const known = useStore(session.profiles.known, (profiles) => profiles.get(session.me.id)?.display_name ?? '');
  const [name, setName] = useState(known);
  const isChanged = name.trim() !== '' && name.trim() !== known;
  return (
    <Form action="Save" isReady={isChanged} done="Your name is changed." onSubmit={async () => session.profiles.put(await session.client.setProfile({ displayName: name.trim() }))}>
      <label class="field">
        <span>Display name</span>
        <input value={name} maxLength={64} autocomplete="name" onInput={(event) => setName(event.currentTarget.value)} />
      </label>
    </Form>
  );
}

function Appearance(): JSX.Element {
  const chosen = useStore(theme);
  return (
    <fieldset class="choices">
      <legend>Appearance</legend>
      {THEMES.map(({ value, name }) => (
        <label key={value}>
          <input type="radio" name="theme" checked={value === chosen} onChange={() => setTheme(value)} />{name}
        </label>
      ))}
    </fieldset>
  );
}

function PasswordForm({ auth }: { auth: Auth }): JSX.Element {
  const [before, setBefore] = useState('');
  const [after, setAfter] = useState('');
  const change = async (): Promise<void> => {
    await auth.changePassword(before, after);
    setBefore('');
    setAfter('');
  };
  return (
    <Form action="Change password" isReady={before !== '' && after !== ''} done="Your password is changed; all other devices are logged out." onSubmit={change}>
      <label class="field">
        <span>Password until now</span>
        <input type="password" autocomplete="current-password" value={before} onInput={(event) => setBefore(event.currentTarget.value)} />
      </label>
      <label class="field">
        <span>New password</span>
        <input type="password" autocomplete="new-password" value={after} onInput={(event) => setAfter(event.currentTarget.value)} />
      </label>
    </Form>
  );
}

interface FormProps {
  readonly action: string;
  readonly isReady: boolean;
  readonly done: string;
  readonly onSubmit: () => Promise<void>;
  readonly children: ComponentChildren;
}

function Form({ action, isReady, done, onSubmit, children }: FormProps): JSX.Element {
  const [isBusy, setBusy] = useState(false);
  const [said, setSaid] = useState({ isGood: true, text: '' });
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!isReady || isBusy) return;
    setBusy(true);
    try {
      await onSubmit();
      setSaid({ isGood: true, text: done });
    } catch (error) {
      setSaid({ isGood: false, text: explain(error) });
    }
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void submit(event)}>
      {children}
      <p class={said.isGood ? 'form-done' : 'form-problem'} role="status">{said.text}</p>
      <div class="row end"><button type="submit" class="button" disabled={!isReady || isBusy}>{action}</button></div>
    </form>
  );
}

function Devices({ auth, onLogout }: { auth: Auth; onLogout: () => void }): JSX.Element {
  const [sessions, setSessions] = useState<readonly LoginSession[] | null>(null);
  const [problem, setProblem] = useState('');
  const attempt = async (change: () => Promise<void>): Promise<void> => {
    try {
      await change();
      setSessions(await auth.sessions());
      setProblem('');
    } catch (error) {
      setProblem(explain(error));
    }
  };
  useEffect(() => void attempt(async () => undefined), []);
  const everywhere = async (): Promise<void> => {
    try {
      await auth.logoutEverywhere();
      onLogout();
    } catch (error) {
      setProblem(explain(error));
    }
  };
  return (
    <section aria-label="Devices">
      <h3>Where you are logged in</h3>
      <p class="form-problem" role="alert">{problem}</p>
      <ul class="devices">
        {(sessions ?? []).map((session) => (
          <li key={session.id}>
            <span>
              {deviceName(session.device)}
              <small title={fullTime(session.created)}>{session.current ? 'This device' : `Last used ${shortTime(session.used, Date.now())}`}</small>
            </span>
            {!session.current && <button type="button" class="button small" aria-label={`Log out ${deviceName(session.device)}`} onClick={() => void attempt(() => auth.endSession(session.id))}>Log out</button>}
          </li>
        ))}
      </ul>
      <button type="button" class="button danger wide" onClick={() => void everywhere()}>Log out everywhere</button>
    </section>
  );
}
