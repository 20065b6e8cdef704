import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markdown } from '../src/lib/markdown.ts';
import type { Block, Inline } from '../src/lib/markdown.ts';

/** A short notation for what was understood. */
function told(blocks: readonly Block[]): string {
  return blocks.map((block) => {
    switch (block.kind) {
      case 'code': return `pre{${block.text}}`;
      case 'quote': return `quote{${told(block.blocks)}}`;
      case 'list': return `${block.start === null ? 'ul' : `ol${block.start}`}{${block.items.map(words).join('|')}}`;
      case 'heading': return `h{${words(block.children)}}`;
      default: return words(block.children);
    }
  }).join('¶');
}

function words(parts: readonly Inline[]): string {
  return parts.map((part) => {
    switch (part.kind) {
      case 'text': return part.text;
      case 'code': return `code{${part.text}}`;
      case 'link': return part.href === part.text ? `a{${part.href}}` : `a{${part.text}→${part.href}}`;
      default: return `${part.kind}{${words(part.children)}}`;
    }
  }).join('');
}

const cases: Readonly<Record<string, string>> = {
  'plain': 'plain',
  'two\nlines': 'two\nlines',
  'one\n\n\ntwo': 'one¶two',
  '**a** *b* _c_ __d__ ~~e~~': 'strong{a} stress{b} stress{c} strong{d} struck{e}',
  '**a *b* c**': 'strong{a stress{b} c}',
  '*a **b* c**': 'stress{a **b} c**',
  '2 * 3 * 4, a*b, snake_case_name, **': '2 * 3 * 4, a*b, snake_case_name, **',
  'unclosed **bold and *it': 'unclosed **bold and *it',
  '\\*not\\* `code *x*`': '*not* code{code *x*}',
  'see https://a.b/c?d=1, and `x < y`.': 'see a{https://a.b/c?d=1}, and code{x < y}.',
  '**https://a.b/**': 'strong{a{https://a.b/}}',
  '[here](https://a.b) [no](javascript:alert(1))': 'a{here→https://a.b} [no](javascript:alert(1))',
  '<b>x</b> <script>': '<b>x</b> <script>',
  '- a\n- **b**\n\n3. c\n4) d': 'ul{a|strong{b}}¶ol3{c|d}',
  'as follows:\n- a\nend': 'as follows:¶ul{a}¶end',
  '> one\n> > two\nthree': 'quote{one¶quote{two}}¶three',
  '```ts\nlet *a* = `b`;\n\n> c\n```\nafter': 'pre{let *a* = `b`;\n\n> c}¶after',
  '```\nforgotten': 'pre{forgotten}',
  '# Title\n#not': 'h{Title}¶#not',
  '> > > > > deep': 'quote{quote{quote{quote{> deep}}}}',
};

for (const [written, meant] of Object.entries(cases)) {
  test(`markdown ${JSON.stringify(written)}`, () => assert.equal(told(markdown(written)), meant));
}

function length(blocks: readonly Block[]): number {
  return told(blocks).length;
}

test('no text takes long or loses words', () => {
  const hostile = ['*a ', '**a*b ', '[a](', '`', '_', '~~x', '> ', 'https://a.b/', '\\', '- ', '```\n', '*_~~**__'];
  for (const piece of hostile) {
    const text = piece.repeat(Math.ceil(32_768 / piece.length));
    assert.ok(length(markdown(text)) > 0);
  }
  assert.equal(told(markdown(`https://a.b/${'x'.repeat(20_000)} \``)).length, 20_017);
});
