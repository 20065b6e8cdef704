import type { Appended, ConversationKind, Message, Profile, UserId } from '../protocol/types.ts';
import type { TestServer } from './server.ts';

/** How long something that a test waits for may take, in milliseconds. */
const PATIENCE_MS = 10_000;

/** Somebody at a test server, who acts at once and needs no client. */
export class Person {
  readonly id: UserId;
  readonly username: string;

  constructor(private readonly server: TestServer, profile: Profile) {
    this.id = profile.id;
    this.username = profile.username;
  }

  /** The access token. */
  get token(): string {
    return `test:${this.id}`;
  }

  /** Makes a conversation; answers its id. */
  creates(kind: ConversationKind, title: string | null, others: readonly { readonly id: UserId }[] = []): string {
    return this.server.create(this.id, { kind, members: others.map(({ id }) => id), ...(title === null ? {} : { title }) }).id;
  }

  /** Says something; answers the message's place. */
  says(conversation: string, text: string, replyTo?: number): number {
    const body = { conversation, client_id: crypto.randomUUID(), text, ...(replyTo === undefined ? {} : { reply_to: replyTo }) };
    return (this.does('send', body) as Appended).offset;
  }

  reacts(conversation: string, target: number, emoji: string): void {
    this.does('react', { conversation, client_id: crypto.randomUUID(), target, emoji });
  }

  invites(conversation: string, others: readonly { readonly id: UserId }[]): void {
    this.does('invite', { conversation, client_id: crypto.randomUUID(), users: others.map(({ id }) => id) });
  }

  /** Everything that stands in a conversation. */
  reads(conversation: string): readonly Message[] {
    return this.server.conversation(conversation).messages;
  }

  /** Waits for a message of somebody else that fits, behind this place; fails when none comes. */
  hears(conversation: string, wanted: string | RegExp, after = 0): Promise<Message> {
    const fits = ({ text, sender, offset }: Message): boolean =>
      offset > after && sender !== this.id && (typeof wanted === 'string' ? text === wanted : wanted.test(text));
    return this.server.until(() => this.reads(conversation).find(fits), AbortSignal.timeout(PATIENCE_MS));
  }

  private does(verb: string, body: object): unknown {
    return this.server.call(`conversation.${verb}`, this.id, body);
  }
}
