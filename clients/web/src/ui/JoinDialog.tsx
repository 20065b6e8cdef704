import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { explain } from '../state/errors.ts';
import { idIn, openConversation } from '../state/route.ts';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';

export function JoinDialog({ onClose }: { onClose: () => void }): JSX.Element {
  const session = useSession();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState('');
  const [isBusy, setBusy] = useState(false);

  const join = async (event: Event): Promise<void> => {
    event.preventDefault();
    const id = idIn(text);
    if (id === null) {
      setProblem('That is neither a link nor an id of a conversation.');
      return;
    }
    setBusy(true);
    setProblem('');
    try {
      if (!session.inbox.value.has(id)) await session.client.join(id);
      await session.lookUp(id);
      session.rejoin(id);
      onClose();
      openConversation(id);
    } catch (error) {
      setProblem(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog title="Join a conversation" onClose={onClose}>
      <form onSubmit={(event) => void join(event)}>
        <label class="field">
          <span>Invitation link or id</span>
          <input value={text} autocomplete="off" spellcheck={false} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <p class="form-problem" role="alert">{problem}</p>
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>Cancel</button>
          <button type="submit" class="button primary" disabled={text.trim() === '' || isBusy}>Join</button>
        </div>
      </form>
    </Dialog>
  );
}
