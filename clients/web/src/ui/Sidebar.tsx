import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { count, preview, shortTime } from '../lib/words.ts';
import { activityTime, sorted } from '../model/inbox.ts';
import type { Conversation } from '../model/types.ts';
import { useName } from '../state/profiles.ts';
import { Avatar, ConversationAvatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { Icon, Logo } from './icons.tsx';
import { useConversationName } from './names.ts';

/** Conversations from which on the list can be filtered. */
const FILTER_FROM = 6;

interface Props {
  current: string | null;
  onNew: () => void;
  onJoin: () => void;
  onSettings: () => void;
  onLogout: () => void;
}

export function Sidebar({ current, onNew, onJoin, onSettings, onLogout }: Props): JSX.Element {
  const session = useSession();
  const name = useName(session.profiles, session.me.id);
  return (
    <aside class="sidebar" aria-label="Sidebar">
      <header class="sidebar-head">
        <Logo size={26} />
        <h1>Rialto</h1>
        <span class="grow" />
        <button type="button" class="icon-button" aria-label="Join a conversation" title="Browse rooms, join with a link" onClick={onJoin}><Icon name="link" /></button>
        <button type="button" class="icon-button" aria-label="New conversation" title="New conversation" onClick={onNew}><Icon name="plus" /></button>
      </header>
      <ConversationList current={current} />
      <footer class="sidebar-foot">
        <Avatar user={session.me.id} size="s" />
        <div class="who">
          <strong>{name}</strong>
          <span>@{session.me.username}</span>
        </div>
        <button type="button" class="icon-button" aria-label="Settings" title="Settings" onClick={onSettings}><Icon name="settings" /></button>
        <button type="button" class="icon-button" aria-label="Log out" title="Log out" onClick={onLogout}><Icon name="logout" /></button>
      </footer>
    </aside>
  );
}

function ConversationList({ current }: { current: string | null }): JSX.Element {
  const session = useSession();
  const inbox = useStore(session.inbox);
  const { isLoaded, problem } = useStore(session.inboxState);
  const [filter, setFilter] = useState('');
  const list = useMemo(() => sorted(inbox), [inbox]);

  if (!isLoaded) {
    return problem === null ? <ListSkeleton /> : (
      <div class="list-note" role="alert">
        <p>Your conversations could not be loaded. {problem}</p>
        <button type="button" class="button" onClick={() => void session.loadInbox()}>Try again</button>
      </div>
    );
  }
  return (
    <nav class="list" aria-label="Conversations">
      {list.length >= FILTER_FROM && (
        <label class="filter">
          <Icon name="search" size={16} />
          <input type="search" aria-label="Filter conversations" placeholder="Filter" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
      )}
      {list.length === 0 && <p class="list-note">No conversations yet. Start one with the plus above.</p>}
      <ul>
        {list.map((conversation) => (
          <Entry key={conversation.id} conversation={conversation} isCurrent={conversation.id === current} filter={filter.trim().toLowerCase()} />
        ))}
      </ul>
    </nav>
  );
}

function ListSkeleton(): JSX.Element {
  return (
    <div class="list" role="status" aria-label="Loading conversations">
      {[0, 1, 2, 3].map((index) => <div class="skeleton" key={index}><span /><span /></div>)}
    </div>
  );
}

function Entry({ conversation, isCurrent, filter }: { conversation: Conversation; isCurrent: boolean; filter: string }): JSX.Element | null {
  const name = useConversationName(conversation);
  if (filter !== '' && !name.toLowerCase().includes(filter)) return null;
  const { unread } = conversation;
  const classes = ['entry', isCurrent ? 'current' : '', unread > 0 ? 'unread' : ''].filter((word) => word !== '').join(' ');
  return (
    <li>
      <a class={classes} href={`#/c/${conversation.id}`} aria-current={isCurrent ? 'page' : undefined}>
        <ConversationAvatar conversation={conversation} />
        <span class="entry-name">{name}</span>
        <time class="entry-time">{shortTime(activityTime(conversation), Date.now())}</time>
        <LastLine conversation={conversation} />
        {unread > 0 && <span class="badge" aria-label={count(unread, 'unread message')}>{unread > 99 ? '99+' : unread}</span>}
      </a>
    </li>
  );
}

function LastLine({ conversation }: { conversation: Conversation }): JSX.Element {
  const session = useSession();
  const { last, kind } = conversation;
  const sender = useName(session.profiles, last?.sender ?? '');
  if (last == null) return <span class="entry-last quiet">No messages yet</span>;
  const isMine = last.sender === session.me.id;
  const who = isMine ? 'You: ' : kind === 'direct' ? '' : `${sender.split(' ')[0]}: `;
  const text = last.deleted === true ? 'Message deleted' : preview(last.text);
  return <span class="entry-last">{who}{text}</span>;
}
