import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Auth } from '../state/auth.ts';
import { explain } from '../state/errors.ts';
import { Logo } from './icons.tsx';

type Mode = 'login' | 'register';

const WORDS = {
  login: { title: 'Welcome back', action: 'Log in', other: 'New here?', switch: 'Create an account' },
  register: { title: 'Create your account', action: 'Create account', other: 'Already have an account?', switch: 'Log in instead' },
} as const;

export function AuthScreen({ auth, notice }: { auth: Auth; notice: string | null }): JSX.Element {
  const [mode, setMode] = useState<Mode>('login');
  const words = WORDS[mode];
  useEffect(() => {
    document.title = 'Rialto';
  }, []);
  return (
    <main class="auth">
      <div class="auth-card">
        <div class="auth-brand"><Logo size={36} /><span>Rialto</span></div>
        <h1>{words.title}</h1>
        {notice !== null && <p class="auth-notice" role="status">{notice}</p>}
        <AuthForm key={mode} auth={auth} mode={mode} />
        <p class="auth-switch">
          {words.other}{' '}
          <button type="button" class="link" onClick={() => setMode(mode === 'login' ? 'register' : 'login')}>{words.switch}</button>
        </p>
      </div>
    </main>
  );
}

function AuthForm({ auth, mode }: { auth: Auth; mode: Mode }): JSX.Element {
  const [username, setUsername] = useState('');
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);
  const isNew = mode === 'register';

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem('');
    try {
      if (isNew) await auth.register(username.trim(), password, name.trim());
      else await auth.login(username.trim(), password);
    } catch (error) {
      setProblem(isNew && isConflict(error) ? 'That username is taken.' : explain(error));
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)}>
      <label class="field">
        <span>Username</span>
        <input ref={first} name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required
          value={username} onInput={(event) => setUsername(event.currentTarget.value)} />
      </label>
      {isNew && (
        <label class="field">
          <span>Display name <em>optional</em></span>
          <input name="display_name" autocomplete="name" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
      )}
      <label class="field">
        <span>Password</span>
        <input name="password" type="password" autocomplete={isNew ? 'new-password' : 'current-password'} required
          minLength={isNew ? 10 : undefined} aria-describedby={isNew ? 'password-hint' : undefined}
          value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
      </label>
      {isNew && <p class="hint" id="password-hint">At least 10 characters, without your username.</p>}
      <p class="form-problem" role="alert">{problem}</p>
      <button type="submit" class="button primary wide" disabled={isBusy}>{isBusy ? 'One moment…' : WORDS[mode].action}</button>
    </form>
  );
}

function isConflict(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 409;
}
