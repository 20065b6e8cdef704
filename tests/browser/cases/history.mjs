import assert from 'node:assert/strict';
import { Person, until } from '../lib/person.mjs';
import { longestTaskMs } from '../lib/trace.mjs';
import { Writer } from '../lib/writer.mjs';

/** More than four pages, so that scrolling back must fetch several times. */
const MESSAGES = 230;

export const history = [
  {
    name: `a history of ${MESSAGES} messages is scrolled back page by page and keeps its place`,
    async test({ browser, url, run, shots }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Long story', [bob]);
      for (let number = 1; number <= MESSAGES; number += 1) await ada.says(`line ${number}`);
      await until('all are sent', async () => (await ada.log.locator('.pending').count()) === 0, 60_000);
      await bob.page.goto(`${url}/${new URL(ada.page.url()).hash}`);
      await bob.opens('Long story');
      await until('the first page is there', async () => (await bob.message(`line ${MESSAGES}`).count()) === 1);
      assert.ok((await bob.texts()).length < 120, 'only the newest pages are loaded at first');
      const latest = bob.page.getByRole('button', { name: /Latest|new message/ });
      if ((await latest.count()) > 0) await latest.click();

      for (let page = 0; (await bob.message('line 1').count()) === 0; page += 1) {
        assert.ok(page < 30, 'the beginning is never reached');
        await keepsItsPlace(bob);
      }
      await bob.page.getByText('This is where the conversation begins.').waitFor();
      const texts = await bob.texts();
      assert.ok(texts.length >= 100 && texts.length < MESSAGES, 'a part of it is on the page');
      assert.deepEqual(texts, Array.from({ length: texts.length }, (_, index) => `line ${index + 1}`));
      await bob.shoots(shots, 'history-start');

      await ada.says('the newest word');
      await until('the new message is announced', async () => (await bob.page.getByRole('button', { name: '1 new message' }).count()) === 1);
      assert.deepEqual((await bob.texts()).slice(0, 3), ['line 1', 'line 2', 'line 3'], 'a new message does not move the reader');
      await bob.page.getByRole('button', { name: '1 new message' }).click();
      await until('the end is on screen', () => bob.log.evaluate((log) => log.scrollTop + log.clientHeight > log.scrollHeight - 40));
      await bob.hasUnread('Long story', 0);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
];

/** A history that nobody should feel. */
const LONG = 10_000;
/** Processor time of one task of the page above which a person feels it is 50 milliseconds; what is above this is wrong on the slowest machine too. */
const TASK_MS_MAX = 150;

export const longHistory = [
  {
    limitMs: 300_000,
    name: `${LONG} messages are scrolled through smoothly, from the newest to the oldest and back`,
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      const writer = await Writer.arrives(url, `writer-${run}`);
      await writer.writes('Encyclopaedia', ada.username, Array.from({ length: LONG }, (_, index) => `entry ${index + 1}: **${'word '.repeat(index % 30)}**`));
      await ada.opens('Encyclopaedia');
      await ada.log.hover();
      await browser.startTracing(ada.page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline', '__metadata'] });
      await scrollsUntil(ada, -6000, () => ada.page.getByText('This is where the conversation begins.').isVisible());
      const rendered = await ada.log.getByRole('article').count();
      await scrollsUntil(ada, 6000, async () => (await ada.page.getByRole('button', { name: 'Latest' }).count()) === 0);
      const longest = longestTaskMs(await browser.stopTracing());
      assert.ok(rendered <= 200, `${rendered} messages are on the page at once`);
      assert.ok(longest > 0 && longest <= TASK_MS_MAX, `the longest task took ${longest} ms of the processor`);
      process.stdout.write(`      the longest task took ${longest.toFixed(1)} ms of the processor\n`);
      await ada.leaves();
    },
  },
];

async function scrollsUntil(person, delta, isThere) {
  for (let turns = 0; !(await isThere()); turns += 1) {
    assert.ok(turns < 2000, 'the end is never reached');
    await person.page.mouse.wheel(0, delta);
    await person.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
}

/** Scrolls to the top of what is loaded, and checks that the message seen there stays where it is when older ones arrive. */
async function keepsItsPlace(person) {
  const before = await person.log.evaluate((log) => {
    log.scrollTop = 0;
    const first = log.querySelector('article');
    return { offset: first.dataset.offset, top: first.getBoundingClientRect().top };
  });
  await until('an older page arrives', () => person.log.evaluate((log, offset) => log.querySelector('article').dataset.offset !== offset, before.offset));
  const after = await person.log.evaluate((log, offset) => log.querySelector(`[data-offset="${offset}"]`).getBoundingClientRect().top, before.offset);
  // The line that was on top moves at most by what stands above the first message: the day it belongs to is now said further up.
  assert.ok(Math.abs(after - before.top) < 60, `the reader was moved by ${after - before.top} px`);
}
