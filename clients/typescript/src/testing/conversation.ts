import type {
  Appended, ClientId, Conversation, ConversationEvent, ConversationKind, Message, Role, UserId,
} from '../protocol/types.ts';
import { Refusal } from './refusal.ts';
import { Stream } from './stream.ts';

/** One conversation of the test server: its rows, and everything else as a fold of them. */
export class TestConversation {
  readonly stream: Stream;
  readonly members = new Map<UserId, Role>();
  readonly messages: Message[] = [];
  readonly read = new Map<UserId, number>();
  title: string | undefined;
  /** Milliseconds since 1970. */
  created = 0;
  private readonly appended = new Map<string, Appended>();

  constructor(readonly id: string, readonly kind: ConversationKind, epoch: string) {
    this.stream = new Stream(epoch);
  }

  /** The caller's role; refuses whoever is no member. */
  roleOf(user: UserId): Role {
    const role = this.members.get(user);
    if (role === undefined) throw new Refusal(this.kind === 'public' ? 'not_a_member' : 'not_found');
    return role;
  }

  /** Appends an event once for each sender and id. */
  append(sender: UserId, clientId: ClientId, time: number, event: ConversationEvent): { readonly appended: Appended; readonly isNew: boolean } {
    const known = this.appended.get(`${sender} ${clientId}`);
    if (known !== undefined) return { appended: { ...known, duplicate: true }, isNew: false };
    const { offset = 0 } = this.stream.push(event);
    if (offset === 1) this.created = time;
    this.fold(offset, event);
    const appended = { offset, epoch: this.stream.epoch, time, duplicate: false };
    this.appended.set(`${sender} ${clientId}`, appended);
    return { appended, isNew: true };
  }

  message(offset: number): Message {
    const found = this.messages.find((message) => message.offset === offset);
    if (found === undefined || found.deleted === true) throw new Refusal('not_found');
    return found;
  }

  unread(user: UserId): number {
    const marker = this.read.get(user) ?? 0;
    return this.messages.filter((message) => message.offset > marker && message.sender !== user).length;
  }

  seenBy(user: UserId): Conversation {
    const { id, kind, title } = this;
    return {
      id, kind, title, role: this.members.get(user), members: [...this.members.keys()], member_count: this.members.size,
      created: this.created, epoch: this.stream.epoch, offset: this.stream.top, unread: this.unread(user), read: this.read.get(user) ?? 0, last: this.messages.at(-1),
    };
  }

  private fold(offset: number, event: ConversationEvent): void {
    switch (event.type) {
      case 'conversation_created':
        this.title = event.title;
        for (const user of event.members) this.members.set(user, user === event.by && this.kind !== 'direct' ? 'owner' : 'member');
        break;
      case 'message': {
        const { type: _, ...message } = event;
        this.messages.push({ offset, ...message, reactions: {} });
        break;
      }
      case 'message_edited':
        this.change(event.target, (message) => ({ ...message, text: event.text, edited: true }));
        break;
      case 'message_deleted':
        this.change(event.target, (message) => ({ ...message, text: '', deleted: true, reactions: {} }));
        break;
      case 'reaction_added':
      case 'reaction_removed':
        this.change(event.target, (message) => ({ ...message, reactions: reacted(message.reactions, event.emoji, event.user, event.type === 'reaction_added') }));
        break;
      case 'member_joined':
      case 'role_changed':
        this.members.set(event.user, event.role ?? 'member');
        break;
      case 'member_left':
      case 'member_removed':
        this.members.delete(event.user);
        break;
      case 'settings_changed':
        this.title = event.title ?? this.title;
        break;
      default:
    }
  }

  private change(target: number, edit: (message: Message) => Message): void {
    const index = this.messages.findIndex((message) => message.offset === target);
    const message = this.messages[index];
    if (message !== undefined) this.messages[index] = edit(message);
  }
}

function reacted(reactions: Message['reactions'], emoji: string, user: UserId, isAdded: boolean): Message['reactions'] {
  const others = (reactions[emoji] ?? []).filter((other) => other !== user);
  const users = isAdded ? [...others, user] : others;
  const { [emoji]: _, ...rest } = reactions;
  return users.length === 0 ? rest : { ...rest, [emoji]: users };
}
