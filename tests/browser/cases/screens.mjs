import assert from 'node:assert/strict';
import { isAccessible } from '../lib/axe.mjs';
import { Person, until } from '../lib/person.mjs';

const PHONE = { viewport: { width: 360, height: 700 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

async function scene(browser, url, run, options) {
  const ada = await Person.arrives(browser, url, 'Ada', run, options);
  const bob = await Person.arrives(browser, url, 'Bob', run);
  await Promise.all([ada.registers(), bob.registers()]);
  await bob.creates('Group', 'Bridge builders', [ada]);
  for (const text of ['Good morning!', 'The stone for the second arch arrives on Thursday. Could somebody look at `plan.svg` before noon?', 'Notes: https://example.org/notes']) await bob.says(text);
  await bob.sees('Notes: https://example.org/notes');
  return { ada, bob };
}

async function fits(person) {
  const width = await person.page.evaluate(() => ({ page: document.documentElement.scrollWidth, window: window.innerWidth }));
  assert.ok(width.page <= width.window, `the page is ${width.page} px wide in a window of ${width.window}`);
}

export const screens = [
  {
    name: 'on a phone of 360 px one pane at a time, everything within reach',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await scene(browser, url, run, PHONE);
      await fits(ada);
      await ada.shoots(shots, 'phone-list');
      await ada.opens('Bridge builders');
      await fits(ada);
      assert.equal(await ada.page.getByRole('complementary', { name: 'Sidebar' }).isVisible(), false);
      await ada.box.fill('Enter makes a line here');
      await ada.box.press('Enter');
      await ada.box.pressSequentially('and the button sends');
      await ada.page.getByRole('button', { name: 'Send' }).tap();
      await bob.sees('Enter makes a line here\nand the button sends');
      await ada.message('Good morning!').tap();
      await ada.message('Good morning!').getByRole('button', { name: 'Add reaction' }).tap();
      await ada.page.getByRole('dialog', { name: 'Choose a reaction' }).getByRole('button', { name: /heart/ }).tap();
      await bob.message('Good morning!').getByRole('button', { name: /❤️ 1, by Ada/ }).waitFor();
      await fits(ada);
      await ada.shoots(shots, 'phone-room');
      for (const button of await ada.page.getByRole('button').all()) {
        const box = await button.boundingBox();
        if (box !== null && (await button.isVisible()) && box.x >= 0) assert.ok(box.x + box.width <= 361, 'a button leaves the screen');
      }
      await ada.page.getByRole('button', { name: 'Back to conversations' }).tap();
      await ada.entry('Bridge builders').waitFor();
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'on a 4K screen lines stay short enough to read',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await scene(browser, url, run, { viewport: { width: 3840, height: 2160 } });
      await ada.opens('Bridge builders');
      const long = 'A line that would cross the whole screen. '.repeat(20).trim();
      await bob.says(long);
      await ada.sees(long);
      await fits(ada);
      const width = async (part) => (await part.boundingBox()).width;
      assert.ok((await width(ada.page.getByText(long))) < 1200, 'the text is as wide as the screen');
      assert.ok((await width(ada.box)) < 1200, 'the box is as wide as the screen');
      await ada.shoots(shots, '4k');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'light and dark follow the system, both with enough contrast',
    async test({ browser, url, run, shots }) {
      const { ada, bob } = await scene(browser, url, run, { colorScheme: 'light' });
      await ada.opens('Bridge builders');
      await ada.sees('Good morning!');
      const light = await luminance(ada);
      await ada.shoots(shots, 'light');
      await ada.page.emulateMedia({ colorScheme: 'dark' });
      const dark = await until('the page turned dark', async () => {
        const now = await luminance(ada);
        return now < light ? { value: now } : null;
      });
      await ada.shoots(shots, 'dark');
      assert.ok(light > 0.8 && dark.value < 0.1, `light ${light}, dark ${dark.value}`);
      for (const scheme of ['light', 'dark']) {
        await ada.page.emulateMedia({ colorScheme: scheme });
        const poor = await ada.page.evaluate(poorContrast);
        assert.deepEqual(poor, [], `contrast below 4.5 in ${scheme}`);
      }
      await ada.page.getByRole('button', { name: 'New conversation' }).click();
      const dialog = ada.page.getByRole('dialog', { name: 'New conversation' });
      await dialog.waitFor();
      await ada.shoots(shots, 'dialog-dark');
      await ada.page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await ada.page.getByRole('button', { name: 'Conversation details' }).click();
      await ada.page.getByRole('dialog').getByText('2 members').waitFor();
      await ada.shoots(shots, 'details-dark');
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'axe finds nothing serious in the main views, light and dark',
    async test({ browser, url, run }) {
      const ada = await Person.arrives(browser, url, 'Ada', run);
      await isAccessible(ada.page, 'the login');
      await ada.leaves();
      const { ada: cyd, bob } = await scene(browser, url, `${run}x`, {});
      await isAccessible(cyd.page, 'the list');
      await cyd.opens('Bridge builders');
      await cyd.sees('Good morning!');
      for (const colorScheme of ['light', 'dark']) {
        await cyd.page.emulateMedia({ colorScheme });
        await isAccessible(cyd.page, `a room in ${colorScheme}`);
      }
      await cyd.page.getByRole('button', { name: 'New conversation' }).click();
      await cyd.page.getByRole('dialog', { name: 'New conversation' }).waitFor();
      await isAccessible(cyd.page, 'the dialog of a new conversation');
      await cyd.page.keyboard.press('Escape');
      await cyd.page.getByRole('dialog').waitFor({ state: 'detached' });
      await cyd.page.getByRole('button', { name: 'Conversation details' }).click();
      await cyd.page.getByRole('dialog').getByText('2 members').waitFor();
      await isAccessible(cyd.page, 'the details');
      await Promise.all([cyd.leaves(), bob.leaves()]);
    },
  },
  {
    name: 'every control has a name',
    async test({ browser, url, run }) {
      const { ada, bob } = await scene(browser, url, run, {});
      await ada.opens('Bridge builders');
      const nameless = await ada.page.evaluate(() => [...document.querySelectorAll('button, a, input, textarea, select')]
        .filter((control) => (control.getAttribute('aria-label') ?? control.textContent ?? '').trim() === '' && (control.labels?.length ?? 0) === 0)
        .map((control) => control.outerHTML.slice(0, 120)));
      assert.deepEqual(nameless, []);
      await Promise.all([ada.leaves(), bob.leaves()]);
    },
  },
];

function luminance(person) {
  return person.page.evaluate(() => {
    const channels = getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map((value) => (Number(value) / 255) ** 2.2);
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2];
  });
}

/** Visible texts whose colour is too close to the ground they stand on (WCAG AA, 4.5). Runs in the page. */
function poorContrast() {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = (top, bottom) => top.slice(0, 3).map((value, index) => (value * top[3] + bottom[index] * (255 - top[3])) / 255);
  const light = (rgb) => {
    const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at !== null; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduceRight((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const hasText = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim() !== '');
    const style = getComputedStyle(element);
    if (!hasText || style.opacity === '0' || element.closest('.tools, .visually-hidden') !== null || element.matches(':disabled') || element.offsetParent === null) continue;
    const ground = groundOf(element);
    const ink = over(rgba(style.color), ground);
    const [high, low] = [light(ink), light(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) poor.push(`${element.className || element.tagName}: ${ratio.toFixed(2)} "${element.textContent.slice(0, 30)}"`);
  }
  return poor;
}
