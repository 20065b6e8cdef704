import assert from 'node:assert/strict';
import { Person, until } from '../lib/person.mjs';

export const accounts = [
  {
    name: 'an account is created, left and entered again',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      assert.equal(await ada.page.evaluate(() => Object.values(localStorage).concat(Object.values(sessionStorage)).join('')), '1', 'storage holds no token');
      assert.equal(await ada.page.evaluate(() => document.cookie), '', 'no cookie can be read by a script');
      await ada.page.reload();
      await ada.page.getByText(`@${ada.username}`).waitFor();
      await ada.logsOut();
      await ada.page.reload();
      await ada.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
      await ada.logsIn();
      await ada.leaves();
    },
  },
  {
    name: 'wrong passwords and taken names are refused in words',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      await ada.logsOut();
      await ada.page.getByLabel('Username').fill(ada.username);
      await ada.page.getByLabel('Password').fill('not the password');
      await ada.page.getByRole('button', { name: 'Log in', exact: true }).click();
      await ada.page.getByText('The username or password is not right.').waitFor();
      await ada.page.getByRole('button', { name: 'Create an account' }).click();
      await ada.page.getByLabel('Username').fill(ada.username);
      await ada.page.getByLabel('Password').fill(ada.password);
      await ada.page.getByRole('button', { name: 'Create account' }).click();
      await ada.page.getByText('That username is taken.').waitFor();
      // A browser notes every refused request by itself; nothing else may be there.
      ada.complaints = ada.complaints.filter((text) => !/status of (401|409)/.test(text));
      await ada.leaves();
    },
  },
  {
    name: 'logging out in one tab logs the other out',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await ada.registers();
      const second = await ada.context.newPage();
      await second.goto(url);
      await second.getByText(`@${ada.username}`).waitFor();
      await ada.logsOut();
      await second.getByText('You logged out in another tab.').waitFor();
      await ada.leaves();
    },
  },
  {
    name: 'the page is guarded by a strict policy and works without what it forbids',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      const answer = await ada.page.request.get(url);
      const policy = answer.headers()['content-security-policy'] ?? '';
      assert.match(policy, /default-src 'self'/);
      assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval/);
      const hasRun = await ada.page.evaluate(() => {
        const script = document.createElement('script');
        script.textContent = 'window.hasRun = true';
        document.body.append(script);
        return window.hasRun === true;
      });
      assert.equal(hasRun, false, 'an inline script is refused');
      await until('the worker is installed', () => ada.page.evaluate(async () => (await navigator.serviceWorker.getRegistration()) !== undefined));
      ada.complaints = ada.complaints.filter((text) => !/Content Security Policy/.test(text));
      await ada.leaves();
    },
  },
];
