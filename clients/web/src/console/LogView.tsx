import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { explain } from '../state/errors.ts';
import type { Api } from './api.ts';
import type { LogPage } from './protocol.ts';

/** Time between two looks for new lines, in milliseconds. */
const LOOK_EVERY_MS = 2_000;
/** Lines that are kept on the page. */
const LINES_MAX = 500;
const LEVELS = ['error', 'warn', 'info', 'debug', 'trace'] as const;
/** What stands at a place of its own. */
const KNOWN: readonly string[] = ['timestamp', 'level', 'target', 'message'];

type Line = LogPage['items'][number];

export function LogView({ api }: { api: Api }): JSX.Element {
  const [level, setLevel] = useState<string>('info');
  const [text, setText] = useState('');
  const [isFollowing, setFollowing] = useState(true);
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [problem, setProblem] = useState('');
  const next = useRef(0);
  useEffect(() => {
    let isCurrent = true;
    let timer = 0;
    next.current = 0;
    setLines([]);
    const look = async (): Promise<void> => {
      try {
        const page = await api.log({ level, text, after: next.current });
        if (!isCurrent) return;
        next.current = page.next;
        setProblem('');
        if (page.items.length > 0) setLines((known) => [...known, ...page.items].slice(-LINES_MAX));
      } catch (error) {
        if (isCurrent) setProblem(explain(error));
      }
      if (isCurrent && isFollowing) timer = window.setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    void look();
    return () => {
      isCurrent = false;
      window.clearTimeout(timer);
    };
  }, [api, level, text, isFollowing]);
  return (
    <section class="panel log">
      <div class="row">
        <label class="field"><span>Level</span>
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            {LEVELS.map((one) => <option key={one} value={one}>{one}</option>)}
          </select>
        </label>
        <label class="field grow"><span>Text</span>
          <input type="search" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <label class="check"><input type="checkbox" checked={isFollowing} onChange={(event) => setFollowing(event.currentTarget.checked)} /> Follow</label>
      </div>
      <p class="form-problem" role="alert">{problem}</p>
      <Lines lines={lines} isFollowing={isFollowing} />
    </section>
  );
}

/** The newest line stays in sight while one follows. */
function Lines({ lines, isFollowing }: { lines: readonly Line[]; isFollowing: boolean }): JSX.Element {
  const list = useRef<HTMLOListElement>(null);
  useEffect(() => {
    if (isFollowing && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [lines, isFollowing]);
  return (
    <ol class="lines scroll" ref={list} tabIndex={0} aria-label="Log lines">
      {lines.map((line, index) => (
        <li key={index} class={`level-${String(line['level']).toLowerCase()}`}>
          <time>{String(line['timestamp'] ?? '').slice(11, 23)}</time> <b>{String(line['level'] ?? '')}</b> <i>{String(line['target'] ?? '')}</i>{' '}
          {String(line['message'] ?? '')} <span>{fields(line)}</span>
        </li>
      ))}
      {lines.length === 0 && <li class="quiet">No line fits.</li>}
    </ol>
  );
}

function fields(line: Line): string {
  const rest = Object.entries(line).filter(([name, value]) => !KNOWN.includes(name) && value !== '');
  return rest.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ');
}
