import { useMemo } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { nameList } from '../lib/words.ts';
import type { Conversation, Profile } from '../model/types.ts';
import { nameOf } from '../state/profiles.ts';
import { useSession } from './context.ts';

/** The other person of a direct conversation; oneself when one talks to oneself. */
export function useOther(conversation: Conversation): string {
  const { me } = useSession();
  return conversation.members.find((id) => id !== me.id) ?? me.id;
}

/** What a conversation is called: its title, the other person, or the people in it. */
export function useConversationName(conversation: Conversation): string {
  const { profiles, me } = useSession();
  return useStore(profiles.known, () => nameOfConversation(conversation, me, (id) => nameOf(profiles.get(id))));
}

/** What several are called, by id. */
export function useConversationNames(list: readonly Conversation[]): ReadonlyMap<string, string> {
  const { profiles, me } = useSession();
  const known = useStore(profiles.known);
  return useMemo(
    () => new Map(list.map((conversation) => [conversation.id, nameOfConversation(conversation, me, (id) => nameOf(profiles.get(id)))])),
    [list, known],
  );
}

function nameOfConversation({ kind, title, members }: Conversation, me: Profile, name: (id: string) => string): string {
  if (kind !== 'direct' && title !== undefined && title !== null && title !== '') return title;
  const others = members.filter((id) => id !== me.id).slice(0, 4).map(name);
  if (others.length > 0) return kind === 'direct' ? (others[0] ?? '') : nameList(others, 3);
  return kind === 'direct' ? name(me.id) : 'Only you';
}
