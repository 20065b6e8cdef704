// Somebody at a browser of their own: what people do and what they look for, in the words and roles of the page.
import assert from 'node:assert/strict';

/** How long something on the page may take to appear, in milliseconds. */
export const PATIENCE_MS = 15_000;

/** Waits until `probe` returns something true, and says what was awaited when it never does. */
export async function until(what, probe, patienceMs = PATIENCE_MS) {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** What a browser writes by itself when its network is switched off; everything else is a defect. */
const OFFLINE_NOISE = [/net::ERR_INTERNET_DISCONNECTED/, /net::ERR_NETWORK_CHANGED/, /WebSocket connection to .* failed/, /net::ERR_CONNECTION_/];

export class Person {
  static async arrives(browser, url, name, run, options = {}) {
    const context = await browser.newContext({ viewport: { width: 1180, height: 780 }, locale: 'en-GB', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const person = new Person(context, page, url, name, run);
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') person.complain(message.text());
    });
    page.on('pageerror', (error) => person.complain(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(url) && !request.url().startsWith('data:')) person.complain(`outside request: ${request.url()}`);
    });
    await page.goto(url);
    return person;
  }

  constructor(context, page, url, name, run) {
    Object.assign(this, { context, page, url, name, username: `${name.toLowerCase()}-${run}`, password: `long enough ${run}!`, complaints: [], wasOffline: false });
  }

  complain(text) {
    if (this.wasOffline && OFFLINE_NOISE.some((pattern) => pattern.test(text))) return;
    this.complaints.push(text);
  }

  // ---- account ----

  async registers() {
    await this.page.getByRole('button', { name: 'Create an account' }).click();
    await this.page.getByLabel('Username').fill(this.username);
    await this.page.getByLabel('Display name').fill(this.name);
    await this.page.getByLabel('Password').fill(this.password);
    await this.page.getByRole('button', { name: 'Create account' }).click();
    await this.page.getByRole('navigation', { name: 'Conversations' }).waitFor();
  }

  async logsIn() {
    await this.page.getByLabel('Username').fill(this.username);
    await this.page.getByLabel('Password').fill(this.password);
    await this.page.getByRole('button', { name: 'Log in', exact: true }).click();
    await this.page.getByRole('navigation', { name: 'Conversations' }).waitFor();
  }

  async logsOut() {
    await this.page.getByRole('button', { name: 'Log out' }).click();
    await this.page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  }

  // ---- conversations ----

  async creates(kind, title, people) {
    await this.page.getByRole('button', { name: 'New conversation' }).click();
    const dialog = this.page.getByRole('dialog', { name: 'New conversation' });
    await dialog.getByRole('radio', { name: kind }).check();
    if (kind !== 'Direct') await dialog.getByLabel('Title').fill(title);
    for (const person of people) {
      await dialog.getByLabel('Find people by username').fill(person.username);
      await dialog.getByRole('button', { name: 'Add', exact: true }).click();
      await dialog.getByRole('list', { name: 'Chosen people' }).getByText(person.name).waitFor();
    }
    await dialog.getByRole('button', { name: 'Create' }).click();
    await this.page.getByRole('heading', { name: title, level: 2 }).waitFor();
    await dialog.waitFor({ state: 'detached' });
    return this.page.url();
  }

  entry(title) {
    return this.page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: title });
  }

  async opens(title) {
    await this.entry(title).click();
    await this.page.getByRole('heading', { name: title, level: 2 }).waitFor();
    await this.page.locator('[role=log][aria-busy=false]').waitFor();
  }

  async hasUnread(title, number) {
    const words = number === 1 ? '1 unread message' : `${number} unread messages`;
    const badge = this.entry(title).getByLabel(/unread message/);
    if (number === 0) await until(`${this.name} has nothing unread in ${title}`, async () => (await badge.count()) === 0);
    else await until(`${this.name} has ${words} in ${title}`, async () => (await this.entry(title).getByLabel(words, { exact: true }).count()) === 1);
  }

  // ---- talking ----

  get log() {
    return this.page.getByRole('log', { name: 'Messages' });
  }

  get box() {
    return this.page.getByRole('textbox', { name: 'Message', exact: true });
  }

  message(text) {
    return this.log.getByRole('article').filter({ has: this.page.locator('.text', { hasText: new RegExp(`^${escaped(text)}( \\(edited\\))?$`) }) });
  }

  async says(text) {
    await this.box.fill(text);
    await this.box.press('Enter');
  }

  /** The message is on screen once, with a position of its own (not merely on its way). */
  async sees(text) {
    await until(`${this.name} sees "${text}"`, async () => (await this.message(text).and(this.page.locator('[data-offset]')).count()) === 1);
    assert.equal(await this.message(text).count(), 1, `${this.name} sees "${text}" more than once`);
  }

  async texts() {
    return this.log.locator('article .text').allInnerTexts();
  }

  async does(action, text) {
    const message = this.message(text);
    await message.hover();
    await message.getByRole('button', { name: action, exact: true }).click();
  }

  // ---- the network ----

  async isCutOff() {
    this.wasOffline = true;
    await this.context.setOffline(true);
    await this.page.getByRole('status', { name: 'Connection' }).getByText(/offline|lost|Reconnecting/i).waitFor();
  }

  async isBack() {
    await this.context.setOffline(false);
    await this.page.getByRole('status', { name: 'Connection' }).getByText('Back online').waitFor({ timeout: 30_000 });
  }

  async shoots(folder, name) {
    if (folder !== null) await this.page.screenshot({ path: `${folder}/${name}.png` });
  }

  async leaves() {
    await this.context.close();
    assert.deepEqual(this.complaints, [], `${this.name}'s browser complained`);
  }
}

export function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
