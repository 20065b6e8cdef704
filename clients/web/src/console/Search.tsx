import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

/** One field and its button. */
export function Search({ label, hint, value, onSearch }: { label: string; hint: string; value: string; onSearch: (text: string) => void }): JSX.Element {
  const [text, setText] = useState(value);
  return (
    <form class="panel search" role="search" onSubmit={(event) => {
      event.preventDefault();
      if (text.trim() !== '') onSearch(text.trim());
    }}>
      <label class="field">
        <span>{label} <em>{hint}</em></span>
        <span class="with-button">
          <input type="search" autocapitalize="none" spellcheck={false} value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <button type="submit" class="button primary">Find</button>
        </span>
      </label>
    </form>
  );
}
