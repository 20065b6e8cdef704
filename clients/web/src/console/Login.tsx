import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Auth } from '../state/auth.ts';
import { explain } from '../state/errors.ts';
import { Logo } from '../ui/icons.tsx';

export function Login({ auth, notice }: { auth: Auth; notice: string | null }): JSX.Element {
  const [username, setUsername] = useState('');
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => first.current?.focus(), []);
  useEffect(() => {
    document.title = 'Rialto console';
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem('');
    try {
      await auth.login(username.trim(), password);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <main class="plain">
      <form class="panel login" onSubmit={(event) => void submit(event)}>
        <div class="row"><Logo size={32} /><h1>Rialto console</h1></div>
        {notice !== null && <p role="status">{notice}</p>}
        <label class="field">
          <span>Username</span>
          <input ref={first} name="username" autocomplete="username" autocapitalize="none" spellcheck={false} required
            value={username} onInput={(event) => setUsername(event.currentTarget.value)} />
        </label>
        <label class="field">
          <span>Password</span>
          <input name="password" type="password" autocomplete="current-password" required
            value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        </label>
        <p class="form-problem" role="alert">{problem}</p>
        <button type="submit" class="button primary wide" disabled={isBusy}>{isBusy ? 'One moment…' : 'Log in'}</button>
      </form>
    </main>
  );
}
