import { LIMITS } from '../protocol/codes.ts';
import type { Appended, ClientId, ConversationEvent, Methods, Page, UserId } from '../protocol/types.ts';
import type { TestConversation } from './conversation.ts';
import { Refusal } from './refusal.ts';
import type { TestServer } from './server.ts';

type Handlers = { [M in keyof Methods]: (server: TestServer, user: UserId, body: Methods[M]['body']) => Methods[M]['answer'] };

function appends<Body extends { readonly conversation: string; readonly client_id: ClientId }>(
  event: (conversation: TestConversation, user: UserId, body: Body, time: number) => ConversationEvent,
): (server: TestServer, user: UserId, body: Body) => Appended {
  return (server, user, body) => {
    const conversation = server.conversation(body.conversation);
    return server.append(conversation, user, body.client_id, event(conversation, user, body, server.now()));
  };
}

function needsAdmin(conversation: TestConversation, user: UserId): void {
  if (conversation.roleOf(user) === 'member') throw new Refusal('forbidden');
}

function checkedText(text: string): string {
  if (text === '') throw new Refusal('invalid_argument');
  if (new TextEncoder().encode(text).length > LIMITS.textBytesMax) throw new Refusal('too_large');
  return text;
}

/** Cursors are the index of the next item. */
function page<T>(items: readonly T[], limit: number = 50, cursor: string | undefined): Page<T> {
  const from = Number(cursor ?? 0);
  const to = from + Math.min(limit, LIMITS.pageItemsMax);
  return { items: items.slice(from, to), next: to < items.length ? String(to) : null };
}

/** What each rpc method does. */
export const HANDLERS: Handlers = {
  'conversation.create': (server, user, body) => server.create(user, body).seenBy(user),
  'conversation.list': (server, user, { limit, cursor }) => page(server.conversationsOf(user).map((conversation) => conversation.seenBy(user)), limit, cursor),
  'conversation.browse': (server, _, { title, limit, cursor }) => page(server.publicConversations(title ?? ''), limit, cursor),
  'conversation.get': (server, user, body) => {
    const conversation = server.conversation(body.conversation);
    if (conversation.kind !== 'public') conversation.roleOf(user);
    return conversation.seenBy(user);
  },
  'conversation.members': (server, user, { conversation: id, limit, cursor }) => {
    const conversation = server.conversation(id);
    conversation.roleOf(user);
    return page([...conversation.members].map(([member, role]) => ({ user: member, role })), limit, cursor);
  },
  'conversation.messages': (server, user, { conversation: id, before = Infinity, after = 0, limit = 50 }) => {
    const conversation = server.conversation(id);
    conversation.roleOf(user);
    const range = conversation.messages.filter(({ offset }) => offset < before && offset > after);
    const items = after > 0 ? range.slice(0, limit) : range.slice(-limit);
    const edge = after > 0 ? items.at(-1) : items[0];
    return { items, next: items.length < range.length && edge !== undefined ? String(edge.offset) : null };
  },
  'conversation.join': appends((conversation, user) => {
    if (conversation.kind !== 'public') conversation.roleOf(user);
    return { type: 'member_joined', user, role: 'member', by: user };
  }),
  'conversation.leave': appends((conversation, user) => {
    conversation.roleOf(user);
    return { type: 'member_left', user, by: user };
  }),
  'conversation.invite': (server, user, { conversation: id, client_id: clientId, users }) => {
    const conversation = server.conversation(id);
    conversation.roleOf(user);
    const rows = users.map((invited, index) =>
      server.append(conversation, user, `${clientId}-${index}`, { type: 'member_joined', user: invited, role: 'member', by: user }));
    const last = rows.at(-1);
    if (last === undefined) throw new Refusal('invalid_argument');
    return last;
  },
  'conversation.remove': appends((conversation, by, { user }) => {
    needsAdmin(conversation, by);
    return { type: 'member_removed', user, by };
  }),
  'conversation.set_role': appends((conversation, by, { user, role }) => {
    if (conversation.roleOf(by) !== 'owner') throw new Refusal('forbidden');
    return { type: 'role_changed', user, role, by };
  }),
  'conversation.set': appends((conversation, by, { title }) => {
    needsAdmin(conversation, by);
    return { type: 'settings_changed', title, by };
  }),
  'conversation.send': appends((conversation, sender, { client_id, text, reply_to }, time) => {
    conversation.roleOf(sender);
    return { type: 'message', sender, client_id, text: checkedText(text), time, ...(reply_to === undefined ? {} : { reply_to }) };
  }),
  'conversation.edit': appends((conversation, by, { target, text }) => {
    if (conversation.message(target).sender !== by) throw new Refusal('forbidden');
    return { type: 'message_edited', target, text: checkedText(text), by };
  }),
  'conversation.delete': appends((conversation, by, { target }) => {
    if (conversation.message(target).sender !== by) needsAdmin(conversation, by);
    return { type: 'message_deleted', target, by };
  }),
  'conversation.react': appends((conversation, user, { target, emoji }) => {
    conversation.roleOf(user);
    return { type: 'reaction_added', target: conversation.message(target).offset, emoji, user };
  }),
  'conversation.unreact': appends((conversation, user, { target, emoji }) => {
    conversation.roleOf(user);
    return { type: 'reaction_removed', target: conversation.message(target).offset, emoji, user };
  }),
  'conversation.mark_read': (server, user, { conversation: id, offset }) => {
    const conversation = server.conversation(id);
    conversation.roleOf(user);
    const marker = Math.max(conversation.read.get(user) ?? 0, Math.min(offset, conversation.stream.top));
    conversation.read.set(user, marker);
    server.tell(user, { type: 'read', conversation: id, offset: marker });
    return { offset: marker, unread: conversation.unread(user) };
  },
  'conversation.typing': (server, user, { conversation: id }) => {
    server.conversation(id).roleOf(user);
    server.broadcast(`conversation:${id}`, { data: { type: 'typing', user, until: server.now() + LIMITS.typingHoldsMs } });
    return {};
  },
  'conversation.commands': (server, user, { conversation: id }) => {
    const conversation = server.conversation(id);
    conversation.roleOf(user);
    const items = [...conversation.members.keys()].flatMap((bot) =>
      (server.commands.get(bot) ?? []).map(({ name, description = '', options = [] }) => ({ bot, name, description, options })));
    return { items: items.sort((one, other) => (one.name < other.name ? -1 : 1)), next: null };
  },
  'bot.set_commands': (server, user, { commands }) => {
    server.commands.set(user, commands);
    return {};
  },
  'user.me': (server, user) => server.profile(user),
  'user.get': (server, _, { user }) => server.profile(user),
  'user.set': (server, user, { display_name: displayName }) => server.rename(user, displayName),
  'user.find': (server, _, { username }) => server.findProfile(username),
};
