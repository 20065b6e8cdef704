import type { JSX } from 'preact';
import { hueOf, initials } from '../lib/words.ts';
import type { Conversation } from '../model/types.ts';
import { useSession } from './context.ts';
import { useConversationName, useOther } from './names.ts';
import { Icon } from './icons.tsx';
import { useName } from '../state/profiles.ts';

const HUES = 10;

/** Somebody's initials on a colour of their own. */
export function Avatar({ user, size = 'm', isOnline = false }: { user: string; size?: 's' | 'm' | 'l'; isOnline?: boolean }): JSX.Element {
  const name = useName(useSession().profiles, user);
  return (
    <span class={`avatar avatar-${size} hue-${hueOf(user, HUES)}`} aria-hidden="true">
      {initials(name)}
      {isOnline && <span class="online-dot" />}
    </span>
  );
}

/** What stands for a conversation in lists: the other person, or a mark of its kind. */
export function ConversationAvatar({ conversation, isOnline = false }: { conversation: Conversation; isOnline?: boolean }): JSX.Element {
  const other = useOther(conversation);
  const name = useConversationName(conversation);
  if (conversation.kind === 'direct') return <Avatar user={other} isOnline={isOnline} />;
  return (
    <span class={`avatar avatar-m avatar-square hue-${hueOf(conversation.id, HUES)}`} aria-hidden="true">
      {initials(name)}
      {conversation.kind === 'public' && <span class="kind-mark"><Icon name="globe" size={11} /></span>}
    </span>
  );
}
