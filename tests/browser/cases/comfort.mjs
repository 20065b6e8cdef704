import assert from 'node:assert/strict';
import { Person, until } from '../lib/person.mjs';

async function pair(browser, url, run) {
  const ada = await Person.arrives(browser, url, 'Ada', run);
  const bob = await Person.arrives(browser, url, 'Bob', run);
  await Promise.all([ada.registers(), bob.registers()]);
  return { ada, bob };
}

export const comfort = [
  {
    name: 'marks in messages are shown, hostile ones are words',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await pair(browser, url, run);
      await ada.creates('Group', 'Writers', [bob]);
      await bob.opens('Writers');
      await ada.says('**bold** *stressed* ~~gone~~ `x < y` [here](https://example.org/a) [no](javascript:alert(1))');
      await ada.box.fill('> quoted\n\n- one\n- two\n\n```js\nlet a = "**no**";\n```');
      await ada.box.press('Enter');
      await until('both are there', async () => (await bob.log.locator('article[data-offset]').count()) === 2);
      const said = (selector) => bob.log.locator(`.text ${selector}`).allInnerTexts();
      assert.deepEqual(await said('strong'), ['bold']);
      assert.deepEqual(await said('em'), ['stressed']);
      assert.deepEqual(await said('s'), ['gone']);
      assert.deepEqual(await said('blockquote'), ['quoted']);
      assert.deepEqual(await said('li'), ['one', 'two']);
      assert.deepEqual(await said('pre'), ['let a = "**no**";']);
      const links = await bob.log.locator('.text a').evaluateAll((all) => all.map((link) => [link.getAttribute('href'), link.rel]));
      assert.deepEqual(links, [['https://example.org/a', 'noopener noreferrer nofollow']]);
      await bob.shoots(shots, 'markdown');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'a draft outlives the page, and leaves with the person',
    async test({ browser, url, run }) {
      const { ada, bob } = await pair(browser, url, run);
      await ada.creates('Group', 'Writers', [bob]);
      await ada.box.fill('half a thou');
      await ada.page.reload();
      await until('the draft is back', async () => (await ada.box.inputValue()) === 'half a thou');
      await ada.says('a whole thought');
      await bob.opens('Writers');
      await bob.sees('a whole thought');
      await ada.page.reload();
      await ada.sees('a whole thought');
      assert.equal(await ada.box.inputValue(), '', 'what was sent is no draft');
      await ada.box.fill('never seen by others');
      await ada.logsOut();
      assert.equal(await ada.page.evaluate(() => Object.values(localStorage).join('')), '', 'nothing is left in the browser');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'conversations are reached by shortcuts, which a sheet explains',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await pair(browser, url, run);
      for (const title of ['Alpha', 'Beta', 'Gamma']) await ada.creates('Group', title, [bob]);
      const heading = (title) => ada.page.getByRole('heading', { name: title, level: 2 }).waitFor();
      await heading('Gamma');
      await ada.page.keyboard.press('Alt+ArrowDown');
      await heading('Beta');
      await ada.page.keyboard.press('Alt+ArrowUp');
      await heading('Gamma');
      await bob.opens('Alpha');
      await bob.says('over here');
      await ada.hasUnread('Alpha', 1);
      await until('the icon shows it', () => ada.page.evaluate(() => document.querySelector('link[rel=icon]').href.startsWith('data:')));
      await ada.page.keyboard.press('Alt+Shift+ArrowUp');
      await heading('Alpha');
      await ada.sees('over here');
      await until('the icon is plain again', () => ada.page.evaluate(() => document.querySelector('link[rel=icon]').href.endsWith('/icon.svg')));
      await ada.page.keyboard.press('Control+k');
      const dialog = ada.page.getByRole('dialog', { name: 'Go to a conversation' });
      await dialog.getByRole('combobox').fill('bet');
      await dialog.getByRole('option', { name: 'Beta' }).waitFor();
      await ada.shoots(shots, 'switch');
      await ada.page.keyboard.press('Enter');
      await heading('Beta');
      await ada.log.focus();
      await ada.page.keyboard.press('?');
      await ada.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).getByText('Go to a conversation by name').waitFor();
      await ada.shoots(shots, 'shortcuts');
      await ada.page.keyboard.press('Escape');
      await ada.page.keyboard.press('Escape');
      await until('the box has the focus', () => ada.box.evaluate((box) => box === document.activeElement));
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'public rooms are browsed, searched and joined',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await pair(browser, url, run);
      const title = `Chess ${run}`;
      await ada.creates('Public', title, []);
      await ada.creates('Public', `Checkers ${run}`, []);
      await bob.page.getByRole('button', { name: 'Join a conversation' }).click();
      const dialog = bob.page.getByRole('dialog', { name: 'Join a conversation' });
      await dialog.getByRole('button', { name: new RegExp(`Checkers ${run}.*1 member`) }).waitFor();
      await dialog.getByLabel('Name of a public room, or an invitation link').fill(title.toUpperCase());
      await until('only what was looked for is there', async () => (await dialog.getByRole('list', { name: 'Public rooms' }).getByRole('button').count()) === 1);
      await bob.shoots(shots, 'browse');
      await dialog.getByRole('button', { name: new RegExp(title) }).click();
      await bob.page.getByRole('heading', { name: title, level: 2 }).waitFor();
      await bob.says('Your move');
      await ada.opens(title);
      await ada.sees('Your move');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'name, appearance, password and devices are one\'s own to change',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await pair(browser, url, run);
      await bob.creates('Group', 'Office', [ada]);
      await ada.opens('Office');
      await ada.says('hello');
      await bob.sees('hello');
      const phone = await Person.arrives(browser, url, 'Ada', run);
      await phone.logsIn();
      await ada.page.getByRole('button', { name: 'Settings' }).click();
      const dialog = ada.page.getByRole('dialog', { name: 'Settings' });
      await dialog.getByLabel('Display name').fill('Ada Lovelace');
      await dialog.getByRole('button', { name: 'Save' }).click();
      await dialog.getByText('Your name is changed.').waitFor();
      await bob.page.reload();
      await bob.log.getByText('Ada Lovelace').waitFor();
      await dialog.getByRole('radio', { name: 'Dark' }).check();
      assert.equal(await ada.page.evaluate(() => document.documentElement.dataset.theme), 'dark');
      await ada.shoots(shots, 'settings');
      await dialog.getByRole('listitem').nth(1).waitFor();
      await dialog.getByRole('button', { name: /^Log out Chrome/ }).first().click();
      await phone.page.getByText('Your session has ended. Log in again.').waitFor();
      await until('one device is left', async () => (await dialog.getByRole('region', { name: 'Devices' }).getByRole('listitem').count()) === 1);
      await dialog.getByLabel('Password until now').fill(ada.password);
      await dialog.getByLabel('New password').fill(`${ada.password}?`);
      await dialog.getByRole('button', { name: 'Change password' }).click();
      await dialog.getByText('Your password is changed').waitFor();
      await dialog.getByRole('button', { name: 'Log out everywhere' }).click();
      await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
      assert.equal(await ada.page.evaluate(() => document.documentElement.dataset.theme), 'dark', 'the choice is this browser\'s');
      phone.complaints = phone.complaints.filter((text) => !/status of 401/.test(text));
      await Promise.all([ada.leaves(), bob.leaves(), phone.leaves()]);
    },
  },
];
