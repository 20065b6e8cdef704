import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { RialtoError } from '@rialto/client';
import { useStore } from '../lib/store.ts';
import type { Auth } from '../state/auth.ts';
import { explain } from '../state/errors.ts';
import { Icon, Logo } from '../ui/icons.tsx';
import { Api } from './api.ts';
import { ConfigurationView } from './ConfigurationView.tsx';
import { ConversationsView } from './ConversationsView.tsx';
import { Feed } from './feed.ts';
import { LogView } from './LogView.tsx';
import { Login } from './Login.tsx';
import { Overview } from './Overview.tsx';
import type { NodeFacts } from './protocol.ts';
import { parseRoute, VIEWS } from './route.ts';
import { UsersView } from './UsersView.tsx';

export function App({ auth }: { auth: Auth }): JSX.Element {
  const state = useStore(auth.state);
  useEffect(() => void auth.start(), [auth]);
  if (state.phase === 'starting') return <Plain><p role="status">{state.problem ?? ''}</p></Plain>;
  if (state.phase === 'anonymous') return <Login auth={auth} notice={state.notice} />;
  return <SignedIn key={state.user.id} auth={auth} name={state.user.display_name} />;
}

function Plain({ children }: { children: ComponentChildren }): JSX.Element {
  return <main class="plain"><Logo size={44} />{children}</main>;
}

type Entry = { readonly kind: 'asking' } | { readonly kind: 'in'; readonly facts: NodeFacts } | { readonly kind: 'out' } | { readonly kind: 'problem'; readonly text: string };

function SignedIn({ auth, name }: { auth: Auth; name: string }): JSX.Element {
  const [api] = useState(() => new Api(auth));
  const [entry, setEntry] = useState<Entry>({ kind: 'asking' });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    api.node().then(
      (facts) => isCurrent && setEntry({ kind: 'in', facts }),
      (error: unknown) => {
        if (!isCurrent) return;
        if (error instanceof RialtoError && error.status === 403) setEntry({ kind: 'out' });
        else setEntry({ kind: 'problem', text: explain(error) });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [api, attempt]);
  if (entry.kind === 'in') return <Console auth={auth} api={api} facts={entry.facts} name={name} onForbidden={() => setEntry({ kind: 'out' })} />;
  if (entry.kind === 'out') return <NoRole auth={auth} name={name} />;
  if (entry.kind === 'asking') return <Plain><p role="status">One moment…</p></Plain>;
  return (
    <Plain>
      <p role="alert">{entry.text}</p>
      <button type="button" class="button" onClick={() => setAttempt((count) => count + 1)}>Try again</button>
    </Plain>
  );
}

function NoRole({ auth, name }: { auth: Auth; name: string }): JSX.Element {
  return (
    <Plain>
      <h1>This console is for operators</h1>
      <p>You are logged in as {name}, whose role is not operator or admin. Whoever runs this server can change that on its command line:</p>
      <pre>rialto user role NAME operator</pre>
      <div class="row">
        <a class="button" href="/">Open the app</a>
        <button type="button" class="button" onClick={() => void auth.logout()}>Log in as somebody else</button>
      </div>
    </Plain>
  );
}

interface ConsoleProps {
  readonly auth: Auth;
  readonly api: Api;
  readonly facts: NodeFacts;
  readonly name: string;
  readonly onForbidden: () => void;
}

function Console({ auth, api, facts, name, onForbidden }: ConsoleProps): JSX.Element {
  const [feed] = useState(() => new Feed(auth));
  const phase = useStore(feed.state, (state) => state.phase);
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  useEffect(() => {
    if (phase === 'forbidden') onForbidden();
  }, [phase]);
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  const title = VIEWS.find((view) => view.id === route.view)?.title ?? '';
  useEffect(() => {
    document.title = `${title} · Rialto console`;
  }, [title]);
  return (
    <div class="console">
      <a class="skip" href="#content" onClick={(event) => {
        event.preventDefault();
        document.getElementById('content')?.focus();
      }}>Skip to content</a>
      <header class="bar-top">
        <Logo size={28} />
        <strong class="brand">Console</strong>
        <nav aria-label="Console">
          {VIEWS.map((view) => <a key={view.id} href={`#/${view.id}`} aria-current={view.id === route.view ? 'page' : undefined}>{view.title}</a>)}
        </nav>
        <span class={phase === 'live' ? 'state live' : 'state'} role="status" aria-label="Feed">{phase === 'live' ? 'Live' : 'Connecting…'}</span>
        <span class="who">{name} <small>{facts.role}</small></span>
        <button type="button" class="icon-button" aria-label="Log out" onClick={() => void auth.logout()}><Icon name="logout" /></button>
      </header>
      <main id="content" tabIndex={-1}>
        <h1 class="visually-hidden">{title}</h1>
        {route.view === 'overview' && <Overview feed={feed} facts={facts} />}
        {route.view === 'users' && <UsersView api={api} wanted={route.argument} />}
        {route.view === 'conversations' && <ConversationsView api={api} wanted={route.argument} />}
        {route.view === 'log' && <LogView api={api} />}
        {route.view === 'configuration' && <ConfigurationView api={api} />}
      </main>
    </div>
  );
}
