// Standups.
//   /standup 09:30                    each day at 09:30 UTC asks every member by direct message, and posts the answers a quarter of an hour later
//   /standup 09:30 1h What is new?    with more time, and a question of one's own
//   /standup-now                      asks now
//   /standup-off                      asks no more
// What is agreed, who was asked and who answered what is kept, and so is what is to happen when: killed at any point and started again, the bot goes
// on there, and asks and posts nothing twice.
import { Bot, BOT_ID_PREFIX, InvalidOption, option, Option } from '@rialto/client/bot';
import { duration } from './remind.mjs';
import { Timers } from './timers.mjs';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const WAIT_MS = 15 * MINUTE_MS;
const QUESTION = 'Standup! What did you do, what comes next, what is in your way?';
const MEMBERS_MAX = 100;

/** `09:30`, in milliseconds since midnight. */
function timeOfDay() {
  return new Option('text', '09:30', 'one', ([word = '']) => {
    const found = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(word);
    if (found === null) throw new InvalidOption('it must be a time of the day such as 09:30');
    return (Number(found[1]) * 60 + Number(found[2])) * MINUTE_MS;
  });
}

/** When it is that time of the day (UTC) the next time. @param {number} time @param {number} now */
export function nextAt(time, now) {
  const today = now - (now % DAY_MS) + time;
  return today > now ? today : today + DAY_MS;
}

/** The next time to ask a room. @param {string} room @param {number} time @param {number} now */
function tomorrow(room, time, now) {
  const at = nextAt(time, now);
  return { id: `day-${at}-${room}`, kind: 'begin', at, data: { room, isDaily: true } };
}

/** @param {number} time */
function clock(time) {
  const minutes = time / MINUTE_MS;
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

/**
 * Of each room: `plan ROOM` what is agreed. While it asks: `round ROOM` who is asked where, `asked DIRECT` for which room,
 * `answer ROOM USER` what was answered, by offset. `begun ROOM` is when it asked last.
 *
 * @param {import('@rialto/client').Client} client
 * @param {import('./kept.mjs').Kept} kept
 */
export function standup(client, kept) {
  const bot = new Bot(client);
  const timers = new Timers(client, kept, { begin, ask, post });

  bot.command('standup', { at: timeOfDay(), wait: duration().or(WAIT_MS), question: option.rest().or(QUESTION) }, async (context) => {
    const { at, wait, question } = context.options;
    const room = context.conversation;
    const first = tomorrow(room, at, context.event.time);
    await timers.cancel(kept.get(`plan ${room}`)?.timer);
    kept.set(`plan ${room}`, { at, wait, question, timer: first.id });
    await timers.set(first);
    await context.reply(`Each day at ${clock(at)} UTC I ask everybody here.`);
  });
  bot.command('standup-off', {}, async (context) => {
    const plan = kept.get(`plan ${context.conversation}`);
    kept.set(`plan ${context.conversation}`, undefined);
    await timers.cancel(plan?.timer);
    await context.reply(plan === undefined ? 'I do not ask here.' : 'I ask no more.');
  });
  bot.command('standup-now', {}, async (context) => {
    const room = context.conversation;
    await timers.set({ id: `now-${context.offset}-${room}`, kind: 'begin', at: context.event.time, data: { room, isDaily: false } });
    await context.react('👍');
  });
  bot.message(async (context) => {
    const room = kept.get(`asked ${context.conversation}`);
    if (room === undefined) return;
    // By offset: a message that is handled again after a crash is the same answer.
    const name = `answer ${room} ${context.sender}`;
    kept.set(name, { ...kept.get(name), [context.offset]: context.text });
    await kept.saved();
    await context.react('✅');
  });

  /** @param {import('./timers.mjs').Timer} timer */
  async function begin({ at, data: { room, isDaily } }) {
    // Killed before it was forgotten, it is handled again.
    if (at <= (kept.get(`begun ${room}`) ?? 0)) return;
    const plan = kept.get(`plan ${room}`) ?? { wait: WAIT_MS, question: QUESTION };
    const next = [];
    if (kept.get(`round ${room}`) === undefined) {
      const asked = await directs(room);
      // Who is asked is kept before anybody is asked: an answer may be quick.
      for (const direct of Object.values(asked)) kept.set(`asked ${direct}`, room);
      kept.set(`round ${room}`, asked);
      next.push({ id: `ask-${at}-${room}`, kind: 'ask', at, data: { room, question: plan.question } });
      next.push({ id: `post-${at}-${room}`, kind: 'post', at: client.serverNow() + plan.wait, data: { room } });
    }
    if (isDaily && plan.at !== undefined) {
      const day = tomorrow(room, plan.at, at);
      kept.set(`plan ${room}`, { ...plan, timer: day.id });
      next.push(day);
    }
    kept.set(`begun ${room}`, at);
    await timers.set(...next);
  }

  /** Where each member is asked. @param {string} room */
  async function directs(room) {
    /** @type {Record<string, string>} */
    const asked = {};
    const { items } = await client.members(room, { limit: MEMBERS_MAX });
    for (const { user } of items.filter((member) => member.user !== bot.me.id)) asked[user] = (await client.create({ kind: 'direct', members: [user] })).id;
    return asked;
  }

  /** @param {import('./timers.mjs').Timer} timer */
  async function ask({ at, data: { room, question } }) {
    for (const direct of Object.values(kept.get(`round ${room}`) ?? {})) await client.send(String(direct), question, { clientId: `${BOT_ID_PREFIX}ask-${at}` });
  }

  /** @param {import('./timers.mjs').Timer} timer */
  async function post({ id, data: { room } }) {
    const asked = Object.entries(kept.get(`round ${room}`) ?? {});
    const lines = ['📋 Standup'];
    const silent = [];
    for (const [user] of asked) {
      const { display_name: name } = await client.user(user);
      const answer = kept.get(`answer ${room} ${user}`);
      if (answer === undefined) silent.push(name);
      else lines.push(`${name}: ${Object.values(answer).join('\n')}`);
    }
    if (silent.length > 0) lines.push(`(no answer: ${silent.join(', ')})`);
    await client.send(room, lines.join('\n'), { clientId: BOT_ID_PREFIX + id });
    for (const [user, direct] of asked) {
      kept.set(`answer ${room} ${user}`, undefined);
      // Another room may have asked the same person since.
      if (kept.get(`asked ${direct}`) === room) kept.set(`asked ${direct}`, undefined);
    }
    kept.set(`round ${room}`, undefined);
  }

  return bot;
}
