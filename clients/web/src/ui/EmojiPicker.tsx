import type { JSX, TargetedKeyboardEvent } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

const EMOJI: readonly (readonly [string, string])[] = [
  ['👍', 'thumbs up'], ['❤️', 'heart'], ['😂', 'tears of joy'], ['🎉', 'party'], ['😮', 'surprised'], ['😢', 'sad'], ['🙏', 'thank you'], ['🔥', 'fire'],
  ['👎', 'thumbs down'], ['👀', 'eyes'], ['✅', 'done'], ['❌', 'no'], ['💯', 'hundred'], ['🚀', 'rocket'], ['👏', 'clapping'], ['🤔', 'thinking'],
  ['😄', 'smile'], ['😅', 'relieved'], ['😍', 'love it'], ['😎', 'cool'], ['🤝', 'handshake'], ['💡', 'idea'], ['⏳', 'waiting'], ['☕', 'coffee'],
];
const COLUMNS = 8;

/** A small board of reactions; arrow keys move, Escape closes. */
export function EmojiPicker({ onPick, onClose }: { onPick: (emoji: string) => void; onClose: () => void }): JSX.Element {
  const board = useRef<HTMLDivElement>(null);
  const [isBelow, setBelow] = useState(false);
  useLayoutEffect(() => {
    const log = board.current?.closest('.log')?.getBoundingClientRect();
    const own = board.current?.parentElement?.getBoundingClientRect();
    if (log !== undefined && own !== undefined) setBelow(own.top - log.top < log.bottom - own.bottom);
    board.current?.querySelector('button')?.focus({ preventScroll: true });
  }, []);
  useEffect(() => {
    const outside = (event: PointerEvent): void => {
      if (!(event.target instanceof Node) || board.current?.parentElement?.contains(event.target) !== true) onClose();
    };
    document.addEventListener('pointerdown', outside);
    return () => document.removeEventListener('pointerdown', outside);
  }, []);

  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const buttons = [...event.currentTarget.querySelectorAll('button')];
    const steps: Record<string, number> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: COLUMNS, ArrowUp: -COLUMNS };
    const step = steps[event.key];
    if (event.key === 'Escape') {
      onClose();
      event.currentTarget.closest<HTMLElement>('article')?.focus();
    } else if (step !== undefined) {
      buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step]?.focus();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class={isBelow ? 'emoji-board below' : 'emoji-board'} ref={board} role="dialog" aria-label="Choose a reaction" onKeyDown={onKeyDown}>
      {EMOJI.map(([emoji, name]) => (
        <button type="button" key={emoji} aria-label={`${emoji} ${name}`} title={name} onClick={() => {
          onPick(emoji);
          onClose();
        }}>{emoji}</button>
      ))}
    </div>
  );
}
