import type { JSX } from 'preact';
import { textParts } from '../lib/words.ts';

/** A message's words. Text stays text: nothing a person writes is ever read as HTML. */
export function MessageText({ text }: { text: string }): JSX.Element {
  return (
    <>
      {textParts(text).map((part, index) => {
        if (part.kind === 'code') return <code key={index}>{part.text}</code>;
        if (part.kind === 'link') return <a key={index} href={part.text} target="_blank" rel="noopener noreferrer nofollow">{part.text}</a>;
        return part.text;
      })}
    </>
  );
}
