// Answers every message with the same words.
import { Bot } from '@rialto/client/bot';

/** @param {import('@rialto/client').Client} client */
export function echo(client) {
  return new Bot(client).message((context) => context.reply(`echo: ${context.text}`));
}
