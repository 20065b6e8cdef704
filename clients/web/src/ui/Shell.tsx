import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { unreadTotal } from '../model/inbox.ts';
import type { Auth } from '../state/auth.ts';
import { route } from '../state/route.ts';
import { Banner } from './Banner.tsx';
import { useSession } from './context.ts';
import { HelpDialog } from './HelpDialog.tsx';
import { Icon, Logo } from './icons.tsx';
import { JoinDialog } from './JoinDialog.tsx';
import { NewConversationDialog } from './NewConversationDialog.tsx';
import { RoomPane } from './RoomPane.tsx';
import { useShortcuts } from './shortcuts.ts';
import { SettingsDialog } from './SettingsDialog.tsx';
import { Sidebar } from './Sidebar.tsx';
import { SwitchDialog } from './SwitchDialog.tsx';
import { showUnread } from './unread.ts';

type Open = 'nothing' | 'new' | 'join' | 'switch' | 'help' | 'settings';

/** The two panes; on a phone one of them, depending on the address. */
export function Shell({ auth, onLogout }: { auth: Auth; onLogout: () => void }): JSX.Element {
  const session = useSession();
  const current = useStore(route);
  const [open, setOpen] = useState<Open>('nothing');
  const unread = useStore(session.inbox, unreadTotal);
  session.current = current;
  useEffect(() => showUnread(unread), [unread]);
  useShortcuts(session, current, { onSwitch: () => setOpen('switch'), onHelp: () => setOpen('help') });

  return (
    <div class={current === null ? 'shell' : 'shell has-room'}>
      <Banner />
      <div class="panes">
        <Sidebar current={current} onNew={() => setOpen('new')} onJoin={() => setOpen('join')} onSettings={() => setOpen('settings')} onLogout={onLogout} />
        {current === null ? <Nothing onNew={() => setOpen('new')} onJoin={() => setOpen('join')} /> : <RoomPane key={current} id={current} />}
      </div>
      {open === 'new' && <NewConversationDialog onClose={() => setOpen('nothing')} />}
      {open === 'join' && <JoinDialog onClose={() => setOpen('nothing')} />}
      {open === 'switch' && <SwitchDialog onClose={() => setOpen('nothing')} />}
      {open === 'help' && <HelpDialog onClose={() => setOpen('nothing')} />}
      {open === 'settings' && <SettingsDialog auth={auth} onHelp={() => setOpen('help')} onClose={() => setOpen('nothing')} />}
      <ToastList />
      <Spoken />
    </div>
  );
}

function Nothing({ onNew, onJoin }: { onNew: () => void; onJoin: () => void }): JSX.Element {
  return (
    <main class="room nothing">
      <div class="empty">
        <Logo size={48} />
        <h2>Pick a conversation</h2>
        <p>Or start one with somebody whose username you know.</p>
        <div class="row">
          <button type="button" class="button primary" onClick={onNew}><Icon name="plus" size={18} />Start one</button>
          <button type="button" class="button" onClick={onJoin}>Browse rooms</button>
        </div>
      </div>
    </main>
  );
}

function ToastList(): JSX.Element {
  const { toasts } = useSession();
  const list = useStore(toasts.list);
  return (
    <div class="toasts" role="alert" aria-live="assertive">
      {list.map((toast) => (
        <div class="toast" key={toast.id}>
          <span>{toast.text}</span>
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => toasts.dismiss(toast.id)}><Icon name="close" size={16} /></button>
        </div>
      ))}
    </div>
  );
}

/** New messages for screen readers; the log itself is silent, or loading history would be read aloud. */
function Spoken(): JSX.Element {
  const spoken = useStore(useSession().spoken);
  return <div class="visually-hidden" aria-live="polite">{spoken}</div>;
}
