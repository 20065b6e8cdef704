/**
 * What people mean by a few marks in a message: **strong**, *stressed*, ~~struck~~, `code`, fenced code, > quotes, lists, # headings, links.
 * A message becomes a tree of plain values; nothing of it is ever HTML, and only http(s) addresses become links. The time taken is linear in the
 * length, whatever is written.
 */

export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'link'; readonly href: string; readonly text: string }
  | { readonly kind: 'strong' | 'stress' | 'struck'; readonly children: readonly Inline[] };

export type Block =
  | { readonly kind: 'paragraph' | 'heading'; readonly children: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly start: number | null; readonly items: readonly (readonly Inline[])[] };

/** Quotes within quotes deeper than this are text. */
const QUOTES_MAX = 4;
/** Marks that are open at once; further ones are text. */
const OPEN_MAX = 12;
/** Parts of one line; what lies behind is one text. */
const PARTS_MAX = 4_000;

const FENCE = /^```[\w+#.-]*\s*$/;
const BULLET = /^[-*•] +(?=\S)/;
const NUMBER = /^(\d{1,9})[.)] +(?=\S)/;
const HEADING = /^#{1,3} +(?=\S)/;
const QUOTE = /^>( |$)/;

export function markdown(text: string): readonly Block[] {
  return blocks(text.split('\n'), 0);
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const found: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const [block, next] = blockAt(lines, at, depth);
    if (block !== null) found.push(block);
    at = next;
  }
  return found;
}

/** The block that begins at a line, and the line after it. */
function blockAt(lines: readonly string[], at: number, depth: number): readonly [Block | null, number] {
  const line = lines[at] ?? '';
  if (line.trim() === '') return [null, at + 1];
  if (FENCE.test(line)) {
    const end = lines.indexOf('```', at + 1);
    if (end > at) return [{ kind: 'code', text: lines.slice(at + 1, end).join('\n') }, end + 1];
    // Without its end everything that follows is code: somebody pasted and forgot it.
    return [{ kind: 'code', text: lines.slice(at + 1).join('\n') }, lines.length];
  }
  if (depth < QUOTES_MAX && QUOTE.test(line)) {
    const end = run(lines, at, (other) => QUOTE.test(other));
    return [{ kind: 'quote', blocks: blocks(lines.slice(at, end).map((quoted) => quoted.replace(QUOTE, '')), depth + 1) }, end];
  }
  if (HEADING.test(line)) return [{ kind: 'heading', children: inline(line.replace(HEADING, '')) }, at + 1];
  for (const mark of [BULLET, NUMBER]) {
    const first = mark.exec(line);
    if (first === null) continue;
    const end = run(lines, at, (other) => mark.test(other));
    const items = lines.slice(at, end).map((item) => inline(item.replace(mark, '')));
    return [{ kind: 'list', start: first[1] === undefined ? null : Number(first[1]), items }, end];
  }
  const end = run(lines, at, (other, index) => index === at || isParagraph(other, depth));
  return [{ kind: 'paragraph', children: inline(lines.slice(at, end).join('\n')) }, end];
}

function isParagraph(line: string, depth: number): boolean {
  return line.trim() !== '' && !FENCE.test(line) && !HEADING.test(line) && !BULLET.test(line) && !NUMBER.test(line) && (depth >= QUOTES_MAX || !QUOTE.test(line));
}

function run(lines: readonly string[], at: number, belongs: (line: string, index: number) => boolean): number {
  let end = at;
  while (end < lines.length && belongs(lines[end] ?? '', end)) end += 1;
  return end;
}

interface Frame {
  readonly kind: 'strong' | 'stress' | 'struck' | 'root';
  /** The mark as it was written. */
  readonly mark: string;
  readonly children: Inline[];
}

const PART = /\\([\\`*_~[\]()>#])|`([^`\n]+)`|\[([^[\]\n]{1,500})\]\((https?:\/\/[^\s()<>]{1,2000})\)|(https?:\/\/[^\s<>"'`]+)|\*\*|\*|__|_|~~/g;

function inline(text: string): readonly Inline[] {
  const frames: Frame[] = [{ kind: 'root', mark: '', children: [] }];
  let from = 0;
  const part = new RegExp(PART);
  for (let parts = 0; parts < PARTS_MAX; parts += 1) {
    const match = part.exec(text);
    if (match === null) break;
    add(frames, text.slice(from, match.index));
    from = match.index + place(frames, match, text);
    part.lastIndex = from;
  }
  add(frames, text.slice(from));
  while (frames.length > 1) giveUp(frames);
  return frames[0]?.children ?? [];
}

/** Puts what was found into the tree; answers how many characters of it were used. */
function place(frames: Frame[], match: RegExpExecArray, text: string): number {
  const [all, escaped, code, label, target, address] = match;
  const children = frames.at(-1)?.children ?? [];
  if (escaped !== undefined) add(frames, escaped);
  else if (code !== undefined) children.push({ kind: 'code', text: code });
  else if (label !== undefined && target !== undefined) children.push({ kind: 'link', href: target, text: label });
  else if (address !== undefined) {
    // Punctuation after an address belongs to the sentence.
    const href = address.replace(/[.,;:!?)\]}*_~]+$/, '');
    children.push({ kind: 'link', href, text: href });
    return href.length;
  } else {
    mark(frames, all, text[match.index - 1] ?? ' ', text[match.index + all.length] ?? ' ');
  }
  return all.length;
}

const SPACE = /\s/;
const WORD = /[\p{L}\p{N}]/u;

/** Opens or closes what a mark stands for, or leaves it as text. */
function mark(frames: Frame[], written: string, before: string, after: string): void {
  const kind = written === '~~' ? 'struck' : written.length === 2 ? 'strong' : 'stress';
  // Underscores inside words are names of things.
  const isInWord = written.startsWith('_') && WORD.test(before) && WORD.test(after);
  const open = frames.findLastIndex((frame) => frame.mark === written);
  if (!isInWord && open > 0 && !SPACE.test(before) && (frames[open]?.children.length ?? 0) + (frames.length - 1 - open) > 0) {
    while (frames.length - 1 > open) giveUp(frames);
    const { children } = frames.pop() as Frame;
    frames.at(-1)?.children.push({ kind, children });
  } else if (!isInWord && open < 0 && !SPACE.test(after) && frames.length <= OPEN_MAX) {
    frames.push({ kind, mark: written, children: [] });
  } else {
    add(frames, written);
  }
}

/** The innermost mark was never closed: it was meant as it stands. */
function giveUp(frames: Frame[]): void {
  const { mark: written, children } = frames.pop() as Frame;
  add(frames, written);
  const outer = frames.at(-1)?.children;
  for (const child of children) {
    if (child.kind === 'text') add(frames, child.text);
    else outer?.push(child);
  }
}

/** Adds text, joined to text before it. */
function add(frames: Frame[], text: string): void {
  const children = frames.at(-1)?.children;
  if (text === '' || children === undefined) return;
  const last = children.at(-1);
  if (last?.kind === 'text') children[children.length - 1] = { kind: 'text', text: last.text + text };
  else children.push({ kind: 'text', text });
}
