import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';

let lastId = 0;

/** A modal window. The browser's own dialog keeps the focus inside and gives it back, and Escape closes it. */
export function Dialog({ title, isDrawer = false, onClose, children }: { title: string; isDrawer?: boolean; onClose: () => void; children: ComponentChildren }): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useRef(`dialog-${++lastId}`);
  const isGone = useRef(false);
  useLayoutEffect(() => {
    const element = dialog.current;
    const opener = document.activeElement;
    element?.showModal();
    // The first thing to fill in, or the harmless button; a drawer is for looking first.
    if (!isDrawer) element?.querySelector<HTMLElement>('input:checked, input, .row .button')?.focus();
    return () => {
      isGone.current = true;
      element?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} class={isDrawer ? 'dialog drawer' : 'dialog'} aria-labelledby={id.current}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClose={() => {
        // A browser may close without asking; our own closing comes here too, when nobody is to be told any more.
        if (!isGone.current) onClose();
      }}
      onPointerDown={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id.current}>{title}</h2>
          <button type="button" class="icon-button" aria-label="Close" onClick={onClose}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
