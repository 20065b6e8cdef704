// Reminders.
//   /remind 10m the tea is ready     says so in ten minutes, in answer to this message (also 90s, 1h30m, 2d)
//   /reminders                       says what is to come here
// A reminder is kept before its message counts as handled, and said under an id that is made of that message: killed at any point and
// started again, the bot says each one exactly once.
import { Bot, BOT_ID_PREFIX, InvalidOption, option, Option } from '@rialto/client/bot';
import { Timers } from './timers.mjs';

const WAIT_MS_MAX = 400 * 24 * 3_600_000;

/** A time to wait, such as `1h30m`, in milliseconds. */
export function duration() {
  return new Option('text', '10m|1h30m|2d', 'one', ([word = '']) => {
    const found = /^(?:(\d{1,4})d)?(?:(\d{1,5})h)?(?:(\d{1,6})m(?:in)?)?(?:(\d{1,7})s)?$/i.exec(word);
    if (found === null || word === '') throw new InvalidOption('it must be a time such as 10m, 1h30m or 2d');
    const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0));
    return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000;
  });
}

/**
 * @param {import('@rialto/client').Client} client
 * @param {import('./kept.mjs').Kept} kept
 */
export function remind(client, kept) {
  const bot = new Bot(client);
  const timers = new Timers(client, kept, {
    async remind({ id, data: { conversation, offset, text } }) {
      await client.reply(conversation, offset, `⏰ ${text}`, { clientId: BOT_ID_PREFIX + id });
    },
  });
  bot.command('remind', { after: duration(), text: option.rest() }, async (context) => {
    const { conversation, offset, event, options: { after, text } } = context;
    if (after > WAIT_MS_MAX) return void (await context.reply('That is too far away: 400 days at most.'));
    // From when it was said, not from now: the bot may have been away.
    await timers.set({ id: `remind-${conversation}-${offset}`, kind: 'remind', at: event.time + after, data: { conversation, offset, text } });
    await context.react('⏰');
  });
  bot.command('reminders', {}, async (context) => {
    const here = timers.waiting('remind').filter(({ data }) => data.conversation === context.conversation);
    const lines = here.map(({ at, data }) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC: ${data.text}`);
    await context.reply(lines.join('\n') || 'There are no reminders here.');
  });
  return bot;
}
