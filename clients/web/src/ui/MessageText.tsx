import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { markdown } from '../lib/markdown.ts';
import type { Block, Inline } from '../lib/markdown.ts';

/** A message's words. Text stays text: nothing a person writes is ever read as HTML. */
export function MessageText({ text }: { text: string }): JSX.Element {
  const blocks = useMemo(() => markdown(text), [text]);
  return <>{blocks.map((block, index) => <BlockView key={index} block={block} />)}</>;
}

function BlockView({ block }: { block: Block }): JSX.Element {
  switch (block.kind) {
    case 'code':
      return <pre tabIndex={0}><code>{block.text}</code></pre>;
    case 'quote':
      return <blockquote>{block.blocks.map((inner, index) => <BlockView key={index} block={inner} />)}</blockquote>;
    case 'list': {
      const items = block.items.map((item, index) => <li key={index}><Words parts={item} /></li>);
      return block.start === null ? <ul>{items}</ul> : <ol start={block.start}>{items}</ol>;
    }
    case 'heading':
      // Not a heading of the page: a line that stands out.
      return <p class="headline"><Words parts={block.children} /></p>;
    default:
      return <p><Words parts={block.children} /></p>;
  }
}

function Words({ parts }: { parts: readonly Inline[] }): JSX.Element {
  return <>{parts.map((part, index) => <Word key={index} part={part} />)}</>;
}

function Word({ part }: { part: Inline }): JSX.Element {
  switch (part.kind) {
    case 'text':
      return <>{part.text}</>;
    case 'code':
      return <code>{part.text}</code>;
    case 'link':
      // The title says where a link with words of its own leads.
      return <a href={part.href} title={part.text === part.href ? undefined : part.href} target="_blank" rel="noopener noreferrer nofollow">{part.text}</a>;
    case 'strong':
      return <strong><Words parts={part.children} /></strong>;
    case 'stress':
      return <em><Words parts={part.children} /></em>;
    default:
      return <s><Words parts={part.children} /></s>;
  }
}
