import assert from 'node:assert/strict';
import { Person, until } from '../lib/person.mjs';

export const network = [
  {
    name: 'one is cut off and back, and has what was said meanwhile exactly once',
    async test({ browser, url, run, shots }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Two shores', [bob]);
      await bob.opens('Two shores');
      await ada.says('before the cut');
      await bob.sees('before the cut');
      await bob.isCutOff();
      await bob.shoots(shots, 'cut-off');
      const meanwhile = ['one', 'two', 'three', 'four', 'five'];
      for (const text of meanwhile) {
        await ada.says(text);
        await ada.sees(text);
      }
      await bob.says('written while away');
      await bob.log.getByText('Waiting for the connection').waitFor();
      await bob.isBack();
      await bob.shoots(shots, 'back-online');
      for (const text of meanwhile) await bob.sees(text);
      await bob.sees('written while away');
      await ada.sees('written while away');
      await ada.says('after the cut');
      await bob.sees('after the cut');
      const expected = ['before the cut', ...meanwhile, 'written while away', 'after the cut'];
      assert.deepEqual(await ada.texts(), expected);
      assert.deepEqual(await bob.texts(), expected);
      await bob.page.reload();
      await bob.sees('after the cut');
      assert.deepEqual(await bob.texts(), expected);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'three short cuts in a row lose and double nothing',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Ferry', [bob]);
      await bob.opens('Ferry');
      const expected = [];
      for (const round of [1, 2, 3]) {
        await bob.isCutOff();
        for (const side of ['a', 'b', 'c']) {
          await ada.says(`${round}${side}`);
          expected.push(`${round}${side}`);
        }
        await ada.sees(`${round}c`);
        await bob.isBack();
        await bob.sees(`${round}c`);
        await bob.says(`${round} got it`);
        expected.push(`${round} got it`);
        await ada.sees(`${round} got it`);
      }
      assert.deepEqual(await bob.texts(), expected);
      assert.deepEqual(await ada.texts(), expected);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'what was written while cut off survives a reload and arrives once',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Pigeon post', [bob]);
      await bob.opens('Pigeon post');
      await bob.page.evaluate(() => navigator.serviceWorker.ready);
      await bob.isCutOff();
      await bob.says('carried by hand');
      await bob.says('and this one too');
      await bob.log.getByText('Waiting for the connection').first().waitFor();
      await bob.page.reload();
      await bob.page.getByText('The server cannot be reached. Trying again…').waitFor();
      await bob.context.setOffline(false);
      await bob.sees('and this one too');
      await ada.sees('and this one too');
      assert.deepEqual(await ada.texts(), ['carried by hand', 'and this one too']);
      await until('nothing is waiting any more', async () => (await bob.log.locator('.pending').count()) === 0);
      assert.deepEqual(await bob.texts(), ['carried by hand', 'and this one too']);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'what is on its way in two tabs at once arrives once',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Twins', [bob]);
      await bob.opens('Twins');
      await ada.page.evaluate(() => navigator.serviceWorker.ready);
      await ada.isCutOff();
      await ada.says('once only');
      await ada.log.getByText('Waiting for the connection').waitFor();
      const second = await ada.context.newPage();
      await second.goto(ada.page.url());
      await second.getByText('The server cannot be reached. Trying again…').waitFor();
      await ada.context.setOffline(false);
      await bob.sees('once only');
      await ada.sees('once only');
      const inSecond = second.getByRole('log', { name: 'Messages' });
      await until('the second tab shows it in its place', async () => (await inSecond.locator('article[data-offset] .text').allInnerTexts()).join() === 'once only');
      await until('nothing is waiting in either tab', async () => (await ada.log.locator('.pending').count()) + (await inSecond.locator('.pending').count()) === 0);
      assert.deepEqual(await bob.texts(), ['once only']);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'somebody who is removed sees it at once',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const bob = await Person.arrives(browser, url, 'Bob', run);
      await Promise.all([ada.registers(), bob.registers()]);
      await ada.creates('Group', 'Closed gate', [bob]);
      await bob.opens('Closed gate');
      await ada.page.getByRole('button', { name: 'Conversation details' }).click();
      const details = ada.page.getByRole('dialog', { name: 'Closed gate' });
      await details.getByRole('button', { name: 'Remove Bob' }).click();
      await details.getByText('1 member', { exact: true }).waitFor();
      await until('the conversation is closed for Bob', async () => (await bob.entry('Closed gate').count()) === 0);
      await bob.page.getByRole('heading', { name: /You are not in this conversation|Closed gate/, level: 2 }).waitFor();
      assert.equal(await bob.box.count(), 0, 'there is nowhere to write');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'the app itself opens without a network and says so',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      await ada.page.evaluate(() => navigator.serviceWorker.ready);
      await ada.page.reload();
      await ada.page.getByText(`@${ada.username}`).waitFor();
      ada.wasOffline = true;
      await ada.context.setOffline(true);
      await ada.page.reload();
      await ada.page.getByText('The server cannot be reached. Trying again…').waitFor();
      await ada.context.setOffline(false);
      await ada.page.getByText(`@${ada.username}`).waitFor();
      await ada.leaves();
    },
  },
];
