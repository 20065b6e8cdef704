import type { Conversation } from '../model/types.ts';
import { nameList } from '../lib/words.ts';
import { useNames } from '../state/profiles.ts';
import { useSession } from './context.ts';

/** The other person of a direct conversation; oneself when one talks to oneself. */
export function useOther(conversation: Conversation): string {
  const { me } = useSession();
  return conversation.members.find((id) => id !== me.id) ?? me.id;
}

/** What a conversation is called: its title, the other person, or the people in it. */
export function useConversationName(conversation: Conversation): string {
  const session = useSession();
  const title = conversation.title ?? '';
  const others = conversation.members.filter((id) => id !== session.me.id).slice(0, 4);
  const needsNames = conversation.kind === 'direct' || title === '';
  const names = useNames(session.profiles, needsNames ? others : []);
  if (conversation.kind !== 'direct' && title !== '') return title;
  if (names.length > 0) return conversation.kind === 'direct' ? (names[0] ?? '') : nameList(names, 3);
  return conversation.kind === 'direct' ? session.me.display_name : 'Only you';
}
