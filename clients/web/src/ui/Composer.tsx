import type { JSX, Ref, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { count, preview } from '../lib/words.ts';
import { completed, matching, wordOf } from '../model/commands.ts';
import { indexOfOffset } from '../model/timeline.ts';
import { useName } from '../state/profiles.ts';
import type { Command } from '../model/types.ts';
import type { Room } from '../state/room.ts';
import { COMMAND_LIST_ID, CommandList, optionId } from './CommandList.tsx';
import { useSession } from './context.ts';
import { Icon } from './icons.tsx';

/** The server's limit of a message's text, in bytes of UTF-8. */
const TEXT_BYTES_MAX = 32 * 1024;
/** The box grows up to this height, in CSS pixels. */
const HEIGHT_MAX = 220;

interface Props {
  ref: Ref<HTMLTextAreaElement>;
  room: Room;
  replyTo: number | null;
  onReplied: () => void;
  onEditLast: () => void;
}

export function Composer({ ref, room, replyTo, onReplied, onEditLast }: Props): JSX.Element {
  const { drafts } = useSession();
  const [text, setText] = useState(() => drafts.get(room.id));
  const box = useRef<HTMLTextAreaElement | null>(null);
  const bytes = text.length < TEXT_BYTES_MAX / 4 ? 0 : new TextEncoder().encode(text).length;
  const isTooLong = bytes > TEXT_BYTES_MAX;
  const known = useStore(room.view, (view) => view.commands);
  const [isListed, setListed] = useState(true);
  const [chosen, setChosen] = useState(0);
  const word = wordOf(text);
  const commands = word === null || !isListed ? [] : matching(known, word);
  const active = Math.min(chosen, commands.length - 1);

  useEffect(() => {
    drafts.set(room.id, text);
  }, [drafts, room, text]);
  useLayoutEffect(() => {
    const element = box.current;
    if (element === null) return;
    element.style.height = 'auto';
    element.style.height = `${Math.min(HEIGHT_MAX, element.scrollHeight)}px`;
  }, [text]);

  const write = (written: string): void => {
    setText(written);
    setListed(true);
    setChosen(0);
    if (wordOf(written) !== null) void room.loadCommands();
    if (written.trim() !== '') room.typing();
  };
  const pick = (command: Command): void => {
    setText(completed(command));
    setListed(false);
    box.current?.focus();
  };

  /** Whether the key was for the list of commands. */
  const steers = (key: string): boolean => {
    const command = commands[active];
    if (command === undefined) return false;
    const step = key === 'ArrowDown' ? 1 : key === 'ArrowUp' ? -1 : 0;
    if (step !== 0) setChosen((active + step + commands.length) % commands.length);
    else if (key === 'Escape') setListed(false);
    // A command that is written out is sent; until then the key completes it.
    else if (key === 'Tab' || (key === 'Enter' && command.name !== word)) pick(command);
    else return false;
    return true;
  };

  const send = (): void => {
    const said = text.trim();
    if (said === '' || isTooLong) return;
    room.send(said, replyTo ?? undefined);
    setText('');
    onReplied();
    box.current?.focus();
  };

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.isComposing) return;
    if (!event.shiftKey && steers(event.key)) {
      event.preventDefault();
      return;
    }
    // On a phone Enter is the only way to a new line; there the button sends.
    const sends = event.key === 'Enter' && !event.shiftKey && !matchMedia('(pointer: coarse)').matches;
    if (sends) {
      event.preventDefault();
      send();
    } else if (event.key === 'ArrowUp' && text === '' && !event.altKey) {
      event.preventDefault();
      onEditLast();
    } else if (event.key === 'Escape' && replyTo !== null) {
      onReplied();
    }
  };
  return (
    <form class="composer" onSubmit={(event) => {
      event.preventDefault();
      send();
    }}>
      {replyTo !== null && <ReplyStrip room={room} target={replyTo} onCancel={onReplied} />}
      {isTooLong && <p class="form-problem" role="alert">This is too long by {(bytes - TEXT_BYTES_MAX).toLocaleString()} bytes.</p>}
      {commands.length > 0 && <CommandList commands={commands} active={active} onPick={pick} />}
      <p class="visually-hidden" role="status" aria-label="Commands">{commands.length > 0 ? `${count(commands.length, 'command')}, Tab completes` : ''}</p>
      <div class="composer-box">
        <textarea rows={1} aria-label="Message" placeholder="Write a message" value={text} enterkeyhint="enter"
          ref={(element) => {
            box.current = element;
            if (typeof ref === 'function') ref(element);
            else if (ref !== null && ref !== undefined) ref.current = element;
          }}
          aria-autocomplete="list" aria-haspopup="listbox"
          aria-controls={commands.length > 0 ? COMMAND_LIST_ID : undefined}
          aria-activedescendant={commands.length > 0 ? optionId(active) : undefined}
          onInput={(event) => write(event.currentTarget.value)}
          onKeyDown={onKeyDown} />
        <button type="submit" class="send" aria-label="Send" disabled={text.trim() === '' || isTooLong}><Icon name="send" /></button>
      </div>
    </form>
  );
}

function ReplyStrip({ room, target, onCancel }: { room: Room; target: number; onCancel: () => void }): JSX.Element {
  const items = useStore(room.view, (view) => view.timeline.items);
  const message = items[indexOfOffset(items, target)];
  const name = useName(useSession().profiles, message?.sender ?? '');
  return (
    <div class="reply-strip">
      <Icon name="reply" size={16} />
      <span>Replying to <strong>{name}</strong> {preview(message?.text ?? '', 80)}</span>
      <button type="button" class="icon-button" aria-label="Cancel reply" onClick={onCancel}><Icon name="close" size={16} /></button>
    </div>
  );
}
