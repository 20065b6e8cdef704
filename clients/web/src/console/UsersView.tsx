import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../state/errors.ts';
import { Dialog } from '../ui/Dialog.tsx';
import type { Api } from './api.ts';
import { ago, moment } from './format.ts';
import type { ConnectionDetails, UserDetails } from './protocol.ts';
import { routeTo } from './route.ts';
import { Search } from './Search.tsx';

const MUTES = [
  { ms: 10 * 60_000, name: '10 minutes' },
  { ms: 60 * 60_000, name: '1 hour' },
  { ms: 24 * 3_600_000, name: '1 day' },
  { ms: 7 * 24 * 3_600_000, name: '7 days' },
] as const;

/** What is about to be done, once it is confirmed. */
interface Plan {
  readonly title: string;
  readonly text: string;
  readonly word: string;
  readonly act: () => Promise<string>;
}

export function UsersView({ api, wanted }: { api: Api; wanted: string }): JSX.Element {
  const [found, setFound] = useState<UserDetails | null>(null);
  const [notice, setNotice] = useState('');
  const [plan, setPlan] = useState<Plan | null>(null);
  const look = async (name: string): Promise<void> => {
    try {
      setFound(await api.user(name));
    } catch (error) {
      setFound(null);
      setNotice(explain(error));
    }
  };
  useEffect(() => {
    setNotice('');
    if (wanted === '') setFound(null);
    else void look(wanted);
  }, [api, wanted]);
  const done = (said: string): void => {
    setPlan(null);
    setNotice(said);
    void look(wanted);
  };
  return (
    <>
      <Search key={wanted} label="Find a user" hint="name or id" value={wanted} onSearch={(text) => {
        if (text === wanted) void look(text);
        else location.hash = routeTo('users', text);
      }} />
      <p class="notice" role="status">{notice}</p>
      {found !== null && <User api={api} user={found} onPlan={setPlan} onRefresh={() => void look(wanted)} />}
      {plan !== null && <Confirm plan={plan} onDone={done} onClose={() => setPlan(null)} />}
    </>
  );
}

function connections(number: number): string {
  return number === 1 ? '1 connection ended.' : `${number} connections ended.`;
}

function User({ api, user, onPlan, onRefresh }: { api: Api; user: UserDetails; onPlan: (plan: Plan) => void; onRefresh: () => void }): JSX.Element {
  const { id, display_name: name, username } = user.user;
  const [muteMs, setMuteMs] = useState<number>(MUTES[0].ms);
  const muteName = MUTES.find((one) => one.ms === muteMs)?.name ?? '';
  return (
    <article class="panel user" aria-label={`User ${username}`}>
      <header class="row">
        <h2>{name} <small>@{username}</small></h2>
        <span class="badge">{user.role}</span>
        {user.muted_until !== undefined && <span class="badge degraded">muted until {moment(user.muted_until)}</span>}
        <span class="grow" />
        <button type="button" class="button small" onClick={onRefresh}>Look again</button>
      </header>
      <dl class="facts">
        <div><dt>Id</dt><dd><code>{id}</code></dd></div>
        <div><dt>Account</dt><dd>{user.origin}, made {moment(user.created)}</dd></div>
      </dl>
      <div class="actions">
        {user.muted_until === undefined ? (
          <>
            <label>
              <span class="visually-hidden">Mute for</span>
              <select value={String(muteMs)} onChange={(event) => setMuteMs(Number(event.currentTarget.value))}>
                {MUTES.map((one) => <option key={one.ms} value={String(one.ms)}>{one.name}</option>)}
              </select>
            </label>
            <button type="button" class="button danger" onClick={() => onPlan({
              title: `Mute ${name}?`, word: 'Mute', text: `For ${muteName} everything that ${name} sends is refused, on every connection and also after a restart.`,
              act: async () => `${name} is muted until ${moment((await api.mute(id, muteMs)).until)}.`,
            })}>Mute…</button>
          </>
        ) : (
          <button type="button" class="button" onClick={() => onPlan({
            title: `Let ${name} speak again?`, word: 'Unmute', text: 'What they send is taken again at once.',
            act: async () => {
              await api.unmute(id);
              return `${name} may speak again.`;
            },
          })}>Unmute…</button>
        )}
        <button type="button" class="button danger" onClick={() => onPlan({
          title: `Kick ${name}?`, word: 'Kick', text: 'All connections to this node are ended, and their clients stay away until they are started again.',
          act: async () => connections((await api.kick(id, {})).disconnected),
        })}>Kick…</button>
        <button type="button" class="button danger" onClick={() => onPlan({
          title: `End all sessions of ${name}?`, word: 'End sessions', text: 'Every device is logged out. Whoever knows the password can log in again.',
          act: async () => `All sessions are over. ${connections((await api.revoke(id)).disconnected)}`,
        })}>End sessions…</button>
      </div>
      <h3>{user.connections.length === 1 ? '1 connection' : `${user.connections.length} connections`}</h3>
      <ul class="connections">
        {user.connections.map((connection) => (
          <Connection key={connection.connection} connection={connection} onKick={() => onPlan({
            title: 'End this connection?', word: 'Kick', text: `${connection.client || 'The client'} at ${connection.address ?? 'an unknown address'} stays away until it is started again.`,
            act: async () => connections((await api.kick(id, { connection: connection.connection })).disconnected),
          })} />
        ))}
      </ul>
    </article>
  );
}

function Connection({ connection, onKick }: { connection: ConnectionDetails; onKick: () => void }): JSX.Element {
  return (
    <li>
      <div class="row">
        <strong>{connection.client || 'unnamed client'}</strong>
        <span>{connection.address ?? 'address unknown'}</span>
        <time title={moment(connection.since)}>{ago(connection.since, Date.now())}</time>
        <span class="grow" />
        <button type="button" class="button small danger" aria-label={`Kick connection ${connection.connection}`} onClick={onKick}>Kick…</button>
      </div>
      <p class="quiet"><code>{connection.connection}</code></p>
      <p class="quiet">Listens to {connection.channels.length === 0 ? 'nothing' : connection.channels.join(', ')}</p>
    </li>
  );
}

function Confirm({ plan, onDone, onClose }: { plan: Plan; onDone: (said: string) => void; onClose: () => void }): JSX.Element {
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);
  const act = async (): Promise<void> => {
    setBusy(true);
    try {
      onDone(await plan.act());
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title={plan.title} onClose={onClose}>
      <p>{plan.text}</p>
      <p class="form-problem" role="alert">{problem}</p>
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>Cancel</button>
        <button type="button" class="button danger" disabled={isBusy} onClick={() => void act()}>{plan.word}</button>
      </div>
    </Dialog>
  );
}
