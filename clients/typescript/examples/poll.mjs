// Polls by reactions.
//   /poll "Where do we eat?" pizza noodles "the usual place"     asks, and offers a number for each answer
//   /close                                                       counts the newest poll; as a reply to a poll, that one
// The poll itself is all that is kept: its message and the reactions on it. So nothing is lost when the bot is started again.
import { Bot, option } from '@rialto/client/bot';

const NUMBERS = ['1️⃣', '2️⃣', '3️⃣', '4️⃣', '5️⃣', '6️⃣', '7️⃣', '8️⃣', '9️⃣'];
const MARK = '📊 ';
/** Messages that are looked through for the newest poll. */
const LOOKED_THROUGH = 100;

/** @param {import('@rialto/client').Client} client */
export function poll(client) {
  const bot = new Bot(client);
  bot.command('poll', { question: option.text(), answers: option.list({ min: 2, max: NUMBERS.length }) }, async (context) => {
    const { question, answers } = context.options;
    const lines = answers.map((answer, index) => `${NUMBERS[index]} ${answer}`);
    const { offset } = await context.say([MARK + question, ...lines].join('\n'));
    for (let index = 0; index < answers.length; index += 1) await context.react(NUMBERS[index] ?? '', offset);
  });
  bot.command('close', {}, async (context) => {
    const asked = await find(context, bot.me.id);
    if (asked === undefined) return void (await context.reply('There is no poll here.'));
    const [question, ...answers] = asked.text.split('\n');
    const votes = answers.map((line, index) => {
      const count = (asked.reactions[NUMBERS[index] ?? ''] ?? []).filter((user) => user !== bot.me.id).length;
      return { line, count };
    });
    votes.sort((a, b) => b.count - a.count);
    await context.reply([`Result: ${question?.slice(MARK.length)}`, ...votes.map(({ line, count }) => `${line}: ${count}`)].join('\n'));
  });
  return bot;
}

/**
 * The poll that is meant.
 *
 * @param {import('@rialto/client/bot').MessageContext} context
 * @param {string} me
 */
async function find({ client, conversation, offset, event }, me) {
  const { items } = await client.messages(conversation, { before: offset, limit: LOOKED_THROUGH });
  const polls = items.filter(({ sender, text }) => sender === me && text.startsWith(MARK));
  return event.reply_to === undefined ? polls.at(-1) : polls.find((message) => message.offset === event.reply_to);
}
