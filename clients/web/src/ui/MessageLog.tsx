import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { count, dayName, daysBetween } from '../lib/words.ts';
import type { Timeline } from '../model/timeline.ts';
import type { Message } from '../model/types.ts';
import { around, earlier, later, shown } from '../model/window.ts';
import type { ShownEnd } from '../model/window.ts';
import type { Room } from '../state/room.ts';
import { useSession } from './context.ts';
import { Icon } from './icons.tsx';
import { MessageItem } from './MessageItem.tsx';
import { PendingItem } from './PendingItem.tsx';
import { useLogScroll } from './scroll.ts';

/** Messages of one person closer together than this stand under one name, in milliseconds. */
const GROUP_MS = 5 * 60_000;
/** How long a message that was jumped to stays marked, in milliseconds. */
const MARKED_MS = 1_600;

interface Props {
  room: Room;
  isDirect: boolean;
  canModerate: boolean;
  editing: number | null;
  onEdit: (offset: number) => void;
  onEdited: () => void;
  onDelete: (offset: number) => void;
  onReply: (offset: number) => void;
}

export function MessageLog({ room, isDirect, canModerate, editing, onEdit, onEdited, onDelete, onReply }: Props): JSX.Element {
  const session = useSession();
  const view = useStore(room.view);
  const { timeline, firstUnread } = view;
  const [shownEnd, setShownEnd] = useState<ShownEnd>(null);
  const [from, to] = shown(timeline.items, shownEnd);
  const scroll = useLogScroll({
    isEndShown: to === timeline.items.length,
    onNearStart: () => (from > 0 ? setShownEnd(earlier(timeline.items, shownEnd)) : void room.loadOlder()),
    onNearEnd: () => setShownEnd(later(timeline.items, shownEnd)),
    onToEnd: () => setShownEnd(null),
  });
  const [marked, setMarked] = useState(0);
  const first = timeline.items[0]?.offset ?? 0;

  useArrival(room, timeline, firstUnread, scroll);
  // A first page may be shorter than the window; without a scrollbar nobody could ask for more.
  useEffect(() => {
    const element = scroll.log.current;
    if (timeline.isLoaded && element !== null && element.scrollHeight < element.clientHeight + 200) void room.loadOlder();
  }, [timeline.isLoaded, first]);

  // What came, or what is shown now, may end near the reader, who cannot scroll and ask any more.
  useEffect(() => {
    if (from > 0 || to < timeline.items.length) scroll.look();
  }, [from, to, first]);

  const jump = async (offset: number): Promise<void> => {
    if (!(await room.reach(offset))) {
      session.toasts.show('That message cannot be reached.');
      return;
    }
    setShownEnd(around(room.view.value.timeline.items, offset));
    // What carries it is rendered in the next frame.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      const target = scroll.log.current?.querySelector<HTMLElement>(`[data-offset="${offset}"]`);
      if (target == null) return;
      scroll.reveal(target, 0.35);
      target.focus({ preventScroll: true });
      setMarked(offset);
      window.setTimeout(() => setMarked(0), MARKED_MS);
    }));
  };

  const rows = useMemo(() => plan(timeline.items, from, to, firstUnread), [timeline.items, from, to, firstUnread]);
  const lastSender = timeline.items.at(-1)?.sender;
  const isEmpty = timeline.isLoaded && timeline.items.length === 0 && timeline.pending.length === 0;
  return (
    <div class="log-frame">
      <div class="log" role="log" aria-label="Messages" aria-live="off" aria-busy={!timeline.isLoaded} tabIndex={0}
        ref={scroll.log} onScroll={scroll.onScroll} onKeyDown={moveFocus}>
        <div class="log-top" key="top">{from === 0 && <Top room={room} isEmpty={isEmpty} />}</div>
        {rows.map((row) => {
          if (row.kind === 'day') return <div class="day" key={row.key} role="separator"><span>{dayName(row.time, Date.now())}</span></div>;
          if (row.kind === 'new') return <div class="new-line" key="new" role="separator"><span>New</span></div>;
          const { message } = row;
          return (
            <MessageItem key={`m${message.offset}`} room={room} message={message} isFirst={row.isFirst} isDirect={isDirect} canModerate={canModerate}
              quoted={message.reply_to === undefined ? undefined : room.quote(message.reply_to)}
              isOnline={message.sender !== room.me && view.online.has(message.sender)} isEditing={editing === message.offset} isMarked={marked === message.offset}
              onEdit={onEdit} onEdited={onEdited} onDelete={onDelete} onReply={onReply} onJump={(offset) => void jump(offset)} />
          );
        })}
        {to === timeline.items.length && timeline.pending.map((message, index) => (
          <PendingItem key={message.key} room={room} message={message} isFirst={index === 0 && lastSender !== room.me} />
        ))}
        <div class="log-end" key="end" />
      </div>
      {!scroll.isAtEnd && <JumpToEnd room={room} timeline={timeline} onClick={scroll.toEnd} />}
    </div>
  );
}

/** Where the reader is put when a conversation opens, when one sends, and when the end is read. */
function useArrival(room: Room, timeline: Timeline, firstUnread: number, scroll: ReturnType<typeof useLogScroll>): void {
  const isPlaced = useRef(false);
  const sending = useRef(0);
  const newest = timeline.items.at(-1)?.offset ?? 0;

  useLayoutEffect(() => {
    const element = scroll.log.current;
    if (isPlaced.current || !timeline.isLoaded || element === null) return;
    isPlaced.current = true;
    const line = element.querySelector<HTMLElement>('.new-line');
    if (firstUnread > 0 && line !== null && element.scrollHeight - line.offsetTop > element.clientHeight) scroll.reveal(line, 0.1);
    else scroll.toEnd();
  });
  useLayoutEffect(() => {
    if (timeline.pending.length > sending.current) scroll.toEnd();
    sending.current = timeline.pending.length;
  }, [timeline.pending.length]);
  useEffect(() => {
    const look = (): void => {
      const isReading = scroll.isAtEnd && document.visibilityState === 'visible';
      room.session.reading = isReading ? room.id : null;
      if (isReading) room.read();
    };
    look();
    if (scroll.isAtEnd) room.trim();
    document.addEventListener('visibilitychange', look);
    return () => {
      room.session.reading = null;
      document.removeEventListener('visibilitychange', look);
    };
  }, [scroll.isAtEnd, newest, timeline.isLoaded]);
}

function Top({ room, isEmpty }: { room: Room; isEmpty: boolean }): JSX.Element {
  const { timeline, isLoadingOlder, problem } = useStore(room.view);
  if (!timeline.isLoaded && problem !== null) {
    return (
      <div class="log-note" role="alert">
        <p>The messages could not be loaded. {problem}</p>
        <button type="button" class="button" onClick={() => void room.loadNewest()}>Try again</button>
      </div>
    );
  }
  if (!timeline.isLoaded) return <p class="log-note" role="status">Loading messages…</p>;
  if (isEmpty) return <p class="log-note">Nothing has been said yet. Say the first word.</p>;
  if (timeline.reachedStart) return <p class="log-note quiet">This is where the conversation begins.</p>;
  return <p class="log-note" role="status">{isLoadingOlder ? 'Loading older messages…' : ''}</p>;
}

function JumpToEnd({ room, timeline, onClick }: { room: Room; timeline: Timeline; onClick: () => void }): JSX.Element {
  const [since] = useState(timeline.items.at(-1)?.offset ?? 0);
  const { items } = timeline;
  const fresh = items.slice(items.findLastIndex((message) => message.offset <= since) + 1).filter((message) => message.sender !== room.me).length;
  return (
    <button type="button" class="jump" onClick={onClick}>
      <Icon name="down" size={16} />{fresh > 0 ? count(fresh, 'new message') : 'Latest'}
    </button>
  );
}

type Row =
  | { readonly kind: 'day'; readonly key: string; readonly time: number }
  | { readonly kind: 'new' }
  | { readonly kind: 'message'; readonly message: Message; readonly isFirst: boolean };

/** Puts day and unread lines between the shown messages, and says which message carries its sender's name. */
function plan(items: readonly Message[], from: number, to: number, firstUnread: number): Row[] {
  const rows: Row[] = [];
  let before = items[from - 1];
  for (const message of items.slice(from, to)) {
    const isNewDay = before === undefined || daysBetween(before.time, message.time) !== 0;
    const isNew = message.offset === firstUnread;
    if (isNewDay) rows.push({ kind: 'day', key: `d${message.offset}`, time: message.time });
    if (isNew) rows.push({ kind: 'new' });
    const isFirst = isNewDay || isNew || before?.sender !== message.sender || message.time - before.time > GROUP_MS || message.reply_to !== undefined;
    rows.push({ kind: 'message', message, isFirst });
    before = message;
  }
  return rows;
}

/** Up and Down go from message to message. */
function moveFocus(event: TargetedKeyboardEvent<HTMLDivElement>): void {
  if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
  const target = event.target as HTMLElement;
  if (target !== event.currentTarget && !target.matches('article')) return;
  const messages = [...event.currentTarget.querySelectorAll<HTMLElement>('article')];
  const index = messages.indexOf(target);
  const next = index === -1 ? messages.at(-1) : messages[index + (event.key === 'ArrowUp' ? -1 : 1)];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}
