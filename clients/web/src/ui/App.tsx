import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import type { Profile } from '../model/types.ts';
import type { Auth } from '../state/auth.ts';
import { Session } from '../state/session.ts';
import { AuthScreen } from './AuthScreen.tsx';
import { SessionContext } from './context.ts';
import { Logo } from './icons.tsx';
import { Shell } from './Shell.tsx';

export function App({ auth }: { auth: Auth }): JSX.Element {
  const state = useStore(auth.state);
  useEffect(() => void auth.start(), [auth]);
  if (state.phase === 'starting') return <Starting problem={state.problem} />;
  if (state.phase === 'anonymous') return <AuthScreen auth={auth} notice={state.notice} />;
  return <SignedIn key={state.user.id} auth={auth} user={state.user} />;
}

function Starting({ problem }: { problem: string | null }): JSX.Element {
  return (
    <main class="starting">
      <Logo size={44} />
      <p role="status">{problem ?? ''}</p>
    </main>
  );
}

function SignedIn({ auth, user }: { auth: Auth; user: Profile }): JSX.Element {
  const [session] = useState(() => new Session(auth, user));
  useEffect(() => {
    session.start();
    return () => session.stop();
  }, [session]);
  return (
    <SessionContext.Provider value={session}>
      <Shell auth={auth} onLogout={() => {
        session.forgetWhatWasWritten();
        void auth.logout();
      }} />
    </SessionContext.Provider>
  );
}
