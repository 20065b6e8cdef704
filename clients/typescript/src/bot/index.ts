/** Bots: commands, patterns and mentions over every conversation that the bot is in. A reader starts at `bot.ts`. */
export { Bot } from './bot.ts';
export type { BotOptions, CommandContext, MessageContext, Middleware, PatternContext } from './bot.ts';
export { actorOf, BOT_ID_PREFIX, Context } from './context.ts';
export { InvalidOption, Option, option, readOptions, usageOf } from './options.ts';
export type { Options, Values } from './options.ts';
