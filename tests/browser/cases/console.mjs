import assert from 'node:assert/strict';
import { isAccessible } from '../lib/axe.mjs';
import { Person, until } from '../lib/person.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

/** Somebody whom the command line has made an operator, at the console. */
async function operator({ browser, url, run, command }, options) {
  const olga = await Person.arrives(browser, url, 'Olga', run, options);
  await olga.registers();
  await command('user', 'role', olga.username, 'operator');
  await olga.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  // A browser notes every refused request by itself: her session ended with her old role.
  olga.complaints = olga.complaints.filter((text) => !/status of 401/.test(text));
  await entersConsole(olga);
  await olga.page.getByRole('navigation', { name: 'Console' }).waitFor();
  await olga.page.getByRole('status', { name: 'Feed' }).getByText('Live').waitFor();
  return olga;
}

async function entersConsole(person) {
  await person.page.goto(`${person.url}/admin`);
  await person.page.getByLabel('Username').fill(person.username);
  await person.page.getByLabel('Password').fill(person.password);
  await person.page.getByRole('button', { name: 'Log in' }).click();
}

async function shows(person, view) {
  await person.page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: view, exact: true }).click();
}

async function finds(person, username) {
  await shows(person, 'Users');
  await person.page.getByLabel('Find a user').fill(username);
  await person.page.getByRole('button', { name: 'Find' }).click();
  const card = person.page.getByRole('article', { name: `User ${username}` });
  await card.waitFor();
  return card;
}

async function confirms(person, card, button, dialogTitle, word) {
  await card.getByRole('button', { name: button, exact: true }).click();
  const dialog = person.page.getByRole('dialog', { name: dialogTitle });
  await dialog.getByRole('button', { name: word, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
}

async function fits(person, what) {
  const width = await person.page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: window.innerWidth }));
  assert.ok(width.page <= width.window, `${what} is ${width.page} px wide in a window of ${width.window}`);
}

export const operators = [
  {
    name: 'the console is closed to those without the role, and says so',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      await ada.page.goto(`${url}/admin`);
      await ada.page.getByRole('heading', { name: 'This console is for operators' }).waitFor();
      await ada.page.getByText('rialto user role NAME operator').waitFor();
      await isAccessible(ada.page, 'the page for others');
      ada.complaints = ada.complaints.filter((text) => !/status of 403/.test(text));
      await ada.leaves();
    },
  },
  {
    name: 'live numbers move while somebody talks',
    async test(scene) {
      const olga = await operator(scene, { colorScheme: 'light' });
      const bob = await Person.arrives(scene.browser, scene.url, 'Bob', scene.run);
      await bob.registers();
      await bob.creates('Group', 'Noise', []);
      const tile = (column) => olga.page.locator(`[data-column=${column}]`);
      let said = 0;
      await until('commands are counted', async () => {
        said += 1;
        await bob.says(`noise ${said}`);
        return Number.parseFloat(await tile('commands').innerText()) > 0 && Number.parseFloat(await tile('publications').innerText()) > 0;
      }, 30_000);
      assert.ok(Number.parseInt(await tile('connections').innerText(), 10) >= 1);
      await olga.page.getByRole('table').getByText(/^conversation:/).first().waitFor();
      const painted = await olga.page.locator('.canvas canvas').first().evaluate((canvas) => {
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return data.some((value) => value !== 0);
      });
      assert.ok(painted, 'the plots are drawn');
      await olga.shoots(scene.shots, 'console-light');
      await isAccessible(olga.page, 'the overview');
      await olga.page.emulateMedia({ colorScheme: 'dark' });
      await isAccessible(olga.page, 'the overview in dark');
      await olga.shoots(scene.shots, 'console-dark');
      if (scene.shots !== null) await olga.page.screenshot({ path: `${scene.shots}/console-dark-full.png`, fullPage: true });
      await olga.page.getByRole('radio', { name: '1 hour' }).check();
      // The room's details are one step away.
      await olga.page.getByRole('table').getByRole('link', { name: /^conversation:/ }).first().click();
      await olga.page.getByRole('article', { name: 'Conversation' }).getByText('Messages').waitFor();
      // After a reload the last hour is there again.
      await shows(olga, 'Overview');
      await olga.page.reload();
      await olga.page.getByRole('status', { name: 'Feed' }).getByText('Live').waitFor();
      await Promise.all([olga.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'a user is found, muted, unmuted and kicked, each after a question',
    async test(scene) {
      const olga = await operator(scene);
      const bob = await Person.arrives(scene.browser, scene.url, 'Bob', scene.run);
      await bob.registers();
      await bob.creates('Group', 'Soap box', []);
      let card = await finds(olga, bob.username);
      await card.getByRole('heading', { name: '1 connection' }).waitFor();
      await card.getByText(`user:`).waitFor();
      await isAccessible(olga.page, 'a user');
      await olga.shoots(scene.shots, 'console-user');
      // A question that is answered with no changes nothing.
      await card.getByRole('button', { name: 'Mute…', exact: true }).click();
      await olga.page.getByRole('dialog', { name: 'Mute Bob?' }).waitFor();
      await isAccessible(olga.page, 'a question');
      await olga.page.keyboard.press('Escape');
      await olga.page.getByRole('dialog').waitFor({ state: 'detached' });
      await confirms(olga, card, 'Mute…', 'Mute Bob?', 'Mute');
      await olga.page.getByRole('status').getByText(/Bob is muted until/).waitFor();
      await card.getByText(/^muted until/).waitFor();
      await bob.says('may I?');
      await bob.page.getByText('Not sent').first().waitFor();
      await confirms(olga, card, 'Unmute…', 'Let Bob speak again?', 'Unmute');
      await olga.page.getByRole('status').getByText('Bob may speak again.').waitFor();
      card = await finds(olga, bob.username);
      await confirms(olga, card, 'Kick…', 'Kick Bob?', 'Kick');
      await olga.page.getByRole('status').getByText('1 connection ended.').waitFor();
      await card.getByRole('heading', { name: '0 connections' }).waitFor();
      bob.complaints = [];
      await Promise.all([olga.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'configuration and log are shown, and the log is filtered',
    async test(scene) {
      const olga = await operator(scene);
      await shows(olga, 'Configuration');
      await olga.page.getByText('[limits]').waitFor();
      await isAccessible(olga.page, 'the configuration');
      await shows(olga, 'Log');
      const lines = olga.page.getByRole('list', { name: 'Log lines' });
      await lines.getByText('console_opened').first().waitFor();
      await isAccessible(olga.page, 'the log');
      await olga.shoots(scene.shots, 'console-log');
      await olga.page.getByLabel('Text').fill('no line has this in it');
      await lines.getByText('No line fits.').waitFor();
      await olga.leaves();
    },
  },
  {
    name: 'the console fits a phone of 360 px and is worked by keyboard',
    async test(scene) {
      const olga = await operator(scene, PHONE);
      await fits(olga, 'the overview');
      await olga.shoots(scene.shots, 'console-phone');
      if (scene.shots !== null) await olga.page.screenshot({ path: `${scene.shots}/console-phone-full.png`, fullPage: true });
      await finds(olga, olga.username);
      await fits(olga, 'a user');
      await olga.shoots(scene.shots, 'console-phone-user');
      for (const view of ['Conversations', 'Log', 'Configuration', 'Overview']) {
        await shows(olga, view);
        await fits(olga, view);
      }
      await olga.page.keyboard.press('Tab');
      await until('the focus is on a control', () => olga.page.evaluate(() => document.activeElement?.matches('a, button, input') === true));
      const link = olga.page.getByRole('navigation', { name: 'Console' }).getByRole('link', { name: 'Users' });
      await link.focus();
      await olga.page.keyboard.press('Enter');
      await olga.page.getByLabel('Find a user').waitFor();
      await olga.leaves();
    },
  },
];
