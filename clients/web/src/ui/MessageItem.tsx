import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import { clockTime, fullTime, preview } from '../lib/words.ts';
import type { Message } from '../model/types.ts';
import { useName } from '../state/profiles.ts';
import type { Room } from '../state/room.ts';
import { Avatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { EmojiPicker } from './EmojiPicker.tsx';
import { Icon } from './icons.tsx';
import { memo } from './memo.ts';
import { MessageText } from './MessageText.tsx';
import { Reactions } from './Reactions.tsx';

interface Props {
  room: Room;
  message: Message;
  /** Carries name and picture; the following of the same person do not. */
  isFirst: boolean;
  isDirect: boolean;
  canModerate: boolean;
  /** The message it answers; null when that cannot be had, undefined while it is looked for or when there is none. */
  quoted: Message | null | undefined;
  isOnline: boolean;
  isEditing: boolean;
  isMarked: boolean;
  onEdit: (offset: number) => void;
  onEdited: () => void;
  onDelete: (offset: number) => void;
  onReply: (offset: number) => void;
  onJump: (offset: number) => void;
}

/** Functions are left out on purpose: they are new with every render and do the same. */
function isSame(a: Props, b: Props): boolean {
  const keys = ['room', 'message', 'isFirst', 'isDirect', 'canModerate', 'quoted', 'isOnline', 'isEditing', 'isMarked'] as const;
  return keys.every((key) => a[key] === b[key]);
}

export const MessageItem = memo((props: Props): JSX.Element => {
  const { room, message, isFirst, quoted, isOnline, isEditing, isMarked } = props;
  const session = useSession();
  const name = useName(session.profiles, message.sender);
  const isMine = message.sender === room.me;
  const isDeleted = message.deleted === true;
  const [isPicking, setPicking] = useState(false);
  const classes = ['message', isFirst ? 'first' : '', isMarked ? 'marked' : '', isPicking ? 'active' : ''].filter((word) => word !== '').join(' ');

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    if (event.target !== event.currentTarget || isDeleted || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'r') props.onReply(message.offset);
    else if (event.key === 'e' && isMine) props.onEdit(message.offset);
    else if (event.key === 'Delete' && (isMine || props.canModerate)) props.onDelete(message.offset);
    else if (event.key === '+') setPicking(true);
    else return;
    event.preventDefault();
  };

  return (
    <article class={classes} data-offset={message.offset} tabIndex={-1} aria-label={`${isMine ? 'You' : name}, ${clockTime(message.time)}`} onKeyDown={onKeyDown}>
      {isFirst ? <Avatar user={message.sender} isOnline={isOnline} /> : <time class="gutter-time" dateTime={new Date(message.time).toISOString()}>{clockTime(message.time)}</time>}
      <div class="body">
        {isFirst && (
          <header>
            <strong>{name}</strong>
            <time dateTime={new Date(message.time).toISOString()} title={fullTime(message.time)}>{clockTime(message.time)}</time>
          </header>
        )}
        {message.reply_to !== undefined && <Quote target={message.reply_to} quoted={quoted} onJump={props.onJump} />}
        {isEditing && !isDeleted ? <EditBox room={room} message={message} onDone={props.onEdited} /> : <Content message={message} />}
        {!isDeleted && <Reactions room={room} message={message} />}
      </div>
      {!isDeleted && !isEditing && (
        <Tools {...props} isMine={isMine} isPicking={isPicking} onPick={setPicking} />
      )}
    </article>
  );
}, isSame);

function Content({ message }: { message: Message }): JSX.Element {
  if (message.deleted === true) return <p class="text tombstone">This message was deleted</p>;
  return (
    <div class="text" dir="auto">
      <MessageText text={message.text} />
      {Boolean(message.edited) && <span class="edited"> (edited)</span>}
    </div>
  );
}

function Quote({ target, quoted, onJump }: { target: number; quoted: Message | null | undefined; onJump: (offset: number) => void }): JSX.Element {
  const name = useName(useSession().profiles, quoted?.sender ?? '');
  if (quoted == null) return <span class="quote quiet">{quoted === null ? 'A message that is not available' : '…'}</span>;
  const text = quoted.deleted === true ? 'This message was deleted' : preview(quoted.text);
  return (
    <button type="button" class="quote" aria-label={`In reply to ${name}: ${text}`} onClick={() => onJump(target)}>
      <strong>{name}</strong><span>{text}</span>
    </button>
  );
}

interface ToolsProps extends Props {
  isMine: boolean;
  isPicking: boolean;
  onPick: (isPicking: boolean) => void;
}

function Tools({ room, message, isMine, canModerate, isPicking, onPick, onReply, onEdit, onDelete }: ToolsProps): JSX.Element {
  return (
    <div class="tools" role="group" aria-label="Message actions">
      <button type="button" class="icon-button" aria-label="Add reaction" title="React" aria-expanded={isPicking} onClick={() => onPick(!isPicking)}><Icon name="smile" size={18} /></button>
      <button type="button" class="icon-button" aria-label="Reply" title="Reply" onClick={() => onReply(message.offset)}><Icon name="reply" size={18} /></button>
      {isMine && <button type="button" class="icon-button" aria-label="Edit" title="Edit" onClick={() => onEdit(message.offset)}><Icon name="edit" size={18} /></button>}
      {(isMine || canModerate) && <button type="button" class="icon-button" aria-label="Delete" title="Delete" onClick={() => onDelete(message.offset)}><Icon name="trash" size={18} /></button>}
      {isPicking && <EmojiPicker onClose={() => onPick(false)} onPick={(emoji) => void room.react(message.offset, emoji)} />}
    </div>
  );
}

function EditBox({ room, message, onDone }: { room: Room; message: Message; onDone: () => void }): JSX.Element {
  const [text, setText] = useState(message.text);
  const box = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const element = box.current;
    element?.focus();
    element?.setSelectionRange(element.value.length, element.value.length);
  }, []);
  const save = (): void => {
    const next = text.trim();
    if (next !== '' && next !== message.text) void room.edit(message.offset, next);
    onDone();
  };
  return (
    <form class="edit" onSubmit={(event) => {
      event.preventDefault();
      save();
    }}>
      <textarea ref={box} aria-label="Edit message" rows={Math.min(8, text.split('\n').length + 1)} value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') onDone();
          else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
            event.preventDefault();
            save();
          }
        }} />
      <div class="row">
        <button type="submit" class="button primary small">Save</button>
        <button type="button" class="button small" onClick={onDone}>Cancel</button>
        <span class="hint">Enter saves, Escape cancels</span>
      </div>
    </form>
  );
}
