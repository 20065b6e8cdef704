import assert from 'node:assert/strict';
import { Person, until } from '../lib/person.mjs';

async function pair(browser, url, run) {
  const ada = await Person.arrives(browser, url, 'Ada', run);
  const bob = await Person.arrives(browser, url, 'Bob', run);
  await Promise.all([ada.registers(), bob.registers()]);
  return { ada, bob };
}

async function inGroup(browser, url, run) {
  const { ada, bob } = await pair(browser, url, run);
  await ada.creates('Group', 'Bridge builders', [bob]);
  await bob.opens('Bridge builders');
  return { ada, bob };
}

/** A bot of somebody's own with commands, made over HTTP. */
async function makesBot(url, owner, username, commands) {
  const call = async (method, path, token, body) => {
    const headers = { 'content-type': 'application/json', ...(token === null ? {} : { authorization: `Bearer ${token}` }) };
    const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.status === 204 ? null : response.json();
  };
  const { token } = await call('POST', '/v1/auth/login', null, { username: owner.username, password: owner.password });
  const made = await call('POST', '/v1/bots', token, { username, display_name: 'Dice', scopes: ['conversation.*', 'bot.set_commands'] });
  await call('PUT', `/v1/bots/${made.bot.user.id}/commands`, made.token, { commands });
  return made.bot.user;
}

export const conversation = [
  {
    name: 'two people in a group talk live, with typing, presence and unread counts',
    async test({ browser, url, run }) {
      const { ada, bob } = await pair(browser, url, run);
      await ada.creates('Group', 'Bridge builders', [bob]);
      await bob.entry('Bridge builders').waitFor();
      await ada.says('Is anybody here?');
      await ada.says('The arch holds.');
      await ada.sees('The arch holds.');
      await bob.hasUnread('Bridge builders', 2);
      await until('the title counts too', async () => (await bob.page.title()).startsWith('(2)'));
      await bob.entry('Bridge builders').getByText('The arch holds.').waitFor();
      await bob.opens('Bridge builders');
      await bob.sees('Is anybody here?');
      await bob.hasUnread('Bridge builders', 0);
      await ada.page.getByLabel('Presence').getByText('2 online').waitFor();
      await bob.box.pressSequentially('On my');
      await ada.page.getByRole('status', { name: 'Typing' }).getByText('Bob is typing').waitFor();
      await bob.says('On my way');
      await ada.sees('On my way');
      await until('typing ends with the message', async () => (await ada.page.getByText('Bob is typing').count()) === 0);
      await ada.hasUnread('Bridge builders', 0);
      assert.deepEqual(await ada.texts(), await bob.texts());
      await bob.page.reload();
      await bob.sees('On my way');
      assert.deepEqual(await bob.texts(), await ada.texts());
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'messages are edited, answered, reacted to and deleted for both',
    async test({ browser, url, run }) {
      const { ada, bob } = await inGroup(browser, url, run);
      await ada.says('We meet at nien');
      await bob.sees('We meet at nien');
      await ada.does('Edit', 'We meet at nien');
      await ada.page.getByRole('textbox', { name: 'Edit message' }).fill('We meet at nine');
      await ada.page.getByRole('button', { name: 'Save' }).click();
      await bob.sees('We meet at nine');
      await bob.message('We meet at nine').getByText('(edited)').waitFor();
      await bob.does('Reply', 'We meet at nine');
      await bob.says('Fine with me');
      await ada.message('Fine with me').getByRole('button', { name: /In reply to Ada: We meet at nine/ }).waitFor();
      await bob.does('Add reaction', 'We meet at nine');
      await bob.page.getByRole('dialog', { name: 'Choose a reaction' }).getByRole('button', { name: /thumbs up/ }).click();
      const chip = ada.message('We meet at nine').getByRole('button', { name: /👍 1, by Bob/ });
      await chip.waitFor();
      await chip.click();
      await bob.message('We meet at nine').getByRole('button', { name: /👍 2/ }).waitFor();
      await chip.or(ada.message('We meet at nine').getByRole('button', { name: /👍 2/ })).click();
      await bob.message('We meet at nine').getByRole('button', { name: /👍 1, by You/ }).waitFor();
      await bob.does('Delete', 'Fine with me');
      await bob.page.getByRole('dialog', { name: 'Delete this message?' }).getByRole('button', { name: 'Delete', exact: true }).click();
      await ada.log.getByText('This message was deleted').waitFor();
      await ada.page.reload();
      await ada.sees('We meet at nine');
      await ada.log.getByText('This message was deleted').waitFor();
      await ada.message('We meet at nine').getByRole('button', { name: /👍 1, by Bob/ }).waitFor();
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'direct conversations are one per pair, and show who is online',
    async test({ browser, url, run }) {
      const { ada, bob } = await pair(browser, url, run);
      const first = await ada.creates('Direct', 'Bob', [bob]);
      await ada.says('Psst');
      await bob.opens('Ada');
      await bob.sees('Psst');
      await ada.page.getByLabel('Presence').getByText('Online', { exact: true }).waitFor();
      await bob.leaves();
      await ada.page.getByLabel('Presence').getByText('Offline').waitFor();
      assert.ok(first.includes('#/c/'));
      await ada.leaves();
    },
  },
  {
    name: 'a public conversation is joined by its link, renamed, and left',
    async test({ browser, url, run }) {
      const { ada, bob } = await pair(browser, url, run);
      const link = await ada.creates('Public', 'Market square', []);
      await bob.page.getByRole('button', { name: 'Join a conversation' }).click();
      const dialog = bob.page.getByRole('dialog', { name: 'Join a conversation' });
      await dialog.getByLabel('Name of a public room, or an invitation link').fill(link);
      await dialog.getByRole('button', { name: 'Join', exact: true }).click();
      await bob.page.getByRole('heading', { name: 'Market square', level: 2 }).waitFor();
      await bob.says('Good morning');
      await ada.sees('Good morning');
      await ada.page.getByRole('button', { name: 'Conversation details' }).click();
      const details = ada.page.getByRole('dialog', { name: 'Market square' });
      await details.getByText('2 members').waitFor();
      await details.getByLabel('Title').fill('Market hall');
      await details.getByRole('button', { name: 'Save' }).click();
      await bob.page.getByRole('heading', { name: 'Market hall', level: 2 }).waitFor();
      await ada.page.keyboard.press('Escape');
      await bob.page.getByRole('button', { name: 'Conversation details' }).click();
      await bob.page.getByRole('button', { name: 'Leave conversation' }).click();
      await until('it is gone from the list', async () => (await bob.entry('Market hall').count()) === 0);
      await bob.page.getByText('Pick a conversation').waitFor();
      await bob.page.goto(link);
      await bob.page.getByRole('button', { name: 'Join conversation' }).click();
      await bob.sees('Good morning');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'everything is done with the keyboard alone',
    async test({ browser, url, run }) {
      const { ada, bob } = await inGroup(browser, url, run);
      await ada.box.focus();
      await ada.page.keyboard.type('first line');
      await ada.page.keyboard.press('Shift+Enter');
      await ada.page.keyboard.type('second line');
      await ada.page.keyboard.press('Enter');
      await bob.sees('first line\nsecond line');
      await ada.sees('first line\nsecond line');
      await ada.page.keyboard.press('ArrowUp');
      await ada.page.getByRole('textbox', { name: 'Edit message' }).waitFor();
      await ada.page.keyboard.press('Control+a');
      await ada.page.keyboard.type('one line');
      await ada.page.keyboard.press('Enter');
      await bob.sees('one line');
      await ada.log.focus();
      await ada.page.keyboard.press('ArrowUp');
      await until('the last message has the focus', () => ada.page.evaluate(() => document.activeElement?.matches('article') === true));
      await ada.page.keyboard.press('r');
      await until('the reply strip is there', async () => (await ada.page.getByText('Replying to').count()) === 1);
      await until('the box has the focus', () => ada.box.evaluate((box) => box === document.activeElement));
      await ada.page.keyboard.press('Escape');
      await until('the reply is cancelled', async () => (await ada.page.getByText('Replying to').count()) === 0);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'commands of a bot are completed with the keyboard or the pointer',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      const options = [{ name: 'sides', kind: 'integer', required: true, description: '' }];
      const bot = await makesBot(url, ada, `dice-${run}`, [
        { name: 'roll', description: 'Rolls a die', options }, { name: 'reroll', description: 'Rolls it again' }, { name: 'rules', description: 'Explains' },
      ]);
      await ada.creates('Group', 'Casino', [{ username: bot.username, name: 'Dice' }]);
      const list = ada.page.getByRole('listbox', { name: 'Commands' });
      const option = (name) => list.getByRole('option', { name });
      await ada.box.focus();
      await ada.page.keyboard.type('/r');
      await option(/^\/roll <sides> Rolls a die/).waitFor();
      assert.equal(await list.getByRole('option').count(), 3);
      await ada.page.getByRole('status', { name: 'Commands' }).getByText('3 commands').waitFor();
      const active = () => ada.box.evaluate((box) => document.getElementById(box.getAttribute('aria-activedescendant'))?.textContent);
      await ada.page.keyboard.press('ArrowDown');
      await until('the second is chosen', async () => (await active())?.startsWith('/roll') === true);
      await ada.page.keyboard.press('Tab');
      await until('it is completed', async () => (await ada.box.inputValue()) === '/roll ');
      assert.equal(await list.count(), 0);
      await ada.page.keyboard.type('6');
      await ada.page.keyboard.press('Enter');
      await ada.sees('/roll 6');
      await ada.box.fill('/ru');
      await option(/^\/rules/).click();
      await until('the pointer completes too', async () => (await ada.box.inputValue()) === '/rules');
      await ada.page.keyboard.press('Enter');
      await ada.sees('/rules');
      await ada.box.fill('/r');
      await option(/^\/roll/).waitFor();
      await ada.page.keyboard.press('Escape');
      await until('Escape closes the list', async () => (await list.count()) === 0);
      assert.equal(await ada.box.inputValue(), '/r');
      await ada.leaves();
    },
  },
  {
    name: 'what somebody writes is never taken as HTML',
    async test({ browser, url, run }) {
      const { ada, bob } = await inGroup(browser, url, run);
      const text = '<img src=x onerror="document.title=1"> <b>bold</b> https://example.org/?q=<script>';
      await ada.says(text);
      await bob.sees(text);
      assert.equal(await bob.log.locator('img, b, script').count(), 0);
      assert.equal(await bob.log.getByRole('link').getAttribute('href'), 'https://example.org/?q=');
      assert.match((await bob.log.getByRole('link').getAttribute('rel')) ?? '', /noopener/);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
];
