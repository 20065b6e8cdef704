import type { JSX } from 'preact';
import { Dialog } from './Dialog.tsx';
import { SHORTCUTS } from './shortcuts.ts';

export function HelpDialog({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class="shortcuts">
        {SHORTCUTS.map(({ keys, does }) => (
          <div key={does}>
            <dt>{does}</dt>
            <dd>{keys.map((key) => <kbd key={key}>{key}</kbd>)}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">Marks in a message: **strong**, *stressed*, ~~struck~~, `code`, ``` on a line of its own around code, &gt; quote, - list.</p>
    </Dialog>
  );
}
