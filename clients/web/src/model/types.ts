/** What the server says, in the SDK's types, which are made from the protocol. */
export type {
  Appended, Command, Conversation, ConversationEvent, InboxEvent, Member, Message, OutboxEntry, Page, Profile, Role,
} from '@rialto/client';
