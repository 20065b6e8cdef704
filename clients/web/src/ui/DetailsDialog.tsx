import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { count } from '../lib/words.ts';
import type { Conversation, Member, Profile, Role } from '../model/types.ts';
import { explain } from '../state/errors.ts';
import { useName } from '../state/profiles.ts';
import type { Room } from '../state/room.ts';
import { closeConversation, linkTo } from '../state/route.ts';
import { Avatar } from './Avatar.tsx';
import { useSession } from './context.ts';
import { Dialog } from './Dialog.tsx';
import { Icon } from './icons.tsx';
import { useConversationName } from './names.ts';
import { PeopleField } from './PeopleField.tsx';

/** People who can be invited in one go. */
const INVITED_MAX = 50;

export function DetailsDialog({ room, conversation, onClose }: { room: Room; conversation: Conversation; onClose: () => void }): JSX.Element {
  const session = useSession();
  const name = useConversationName(conversation);
  const [members, setMembers] = useState<readonly Member[] | null>(null);
  const [problem, setProblem] = useState('');
  const isDirect = conversation.kind === 'direct';
  const canManage = !isDirect && (conversation.role === 'owner' || conversation.role === 'admin');

  const load = async (): Promise<void> => {
    try {
      setMembers(await session.members(conversation.id));
    } catch (error) {
      setProblem(explain(error));
    }
  };
  useEffect(() => void load(), [conversation.member_count ?? conversation.members.length]);

  const { client } = session;
  const act = async (change: Promise<unknown>): Promise<boolean> => {
    setProblem('');
    try {
      await change;
      await Promise.all([load(), session.lookUp(conversation.id)]);
      return true;
    } catch (error) {
      setProblem(explain(error));
      return false;
    }
  };
  const leave = async (): Promise<void> => {
    setProblem('');
    try {
      await client.leave(conversation.id);
      onClose();
      closeConversation();
    } catch (error) {
      setProblem(explain(error));
    }
  };
  return (
    <Dialog title={name} isDrawer onClose={onClose}>
      <p class="form-problem" role="alert">{problem}</p>
      {canManage && <TitleForm conversation={conversation} onSave={(title) => act(client.setTitle(conversation.id, title))} />}
      {conversation.kind === 'public' && <InviteLink id={conversation.id} />}
      {!isDirect && (canManage || conversation.kind === 'public') && <InviteForm onInvite={(users) => act(client.invite(conversation.id, users))} />}
      <section>
        <h3>{members === null ? 'Members' : count(Math.max(members.length, conversation.member_count ?? 0), 'member')}</h3>
        <ul class="members">
          {(members ?? []).map((member) => (
            <MemberRow key={member.user} room={room} member={member} canManage={canManage} isOwner={conversation.role === 'owner'}
              onRole={(role) => void act(client.setRole(conversation.id, member.user, role))} onRemove={() => void act(client.remove(conversation.id, member.user))} />
          ))}
        </ul>
      </section>
      {!isDirect && <button type="button" class="button danger wide" onClick={() => void leave()}>Leave conversation</button>}
    </Dialog>
  );
}

function TitleForm({ conversation, onSave }: { conversation: Conversation; onSave: (title: string) => Promise<boolean> }): JSX.Element {
  const [title, setTitle] = useState(conversation.title ?? '');
  const isChanged = title.trim() !== '' && title.trim() !== (conversation.title ?? '');
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      if (isChanged) void onSave(title.trim());
    }}>
      <label class="field">
        <span>Title</span>
        <span class="with-button">
          <input value={title} maxLength={120} onInput={(event) => setTitle(event.currentTarget.value)} />
          <button type="submit" class="button" disabled={!isChanged}>Save</button>
        </span>
      </label>
    </form>
  );
}

function InviteLink({ id }: { id: string }): JSX.Element {
  const session = useSession();
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(linkTo(id));
      session.toasts.show('The link is copied.');
    } catch {
      session.toasts.show('Copying is not allowed here. Select the link instead.');
    }
  };
  return (
    <label class="field">
      <span>Invitation link</span>
      <span class="with-button">
        <input readOnly value={linkTo(id)} onFocus={(event) => event.currentTarget.select()} />
        <button type="button" class="button" aria-label="Copy link" onClick={() => void copy()}><Icon name="copy" size={18} /></button>
      </span>
    </label>
  );
}

function InviteForm({ onInvite }: { onInvite: (users: string[]) => Promise<boolean> }): JSX.Element {
  const [people, setPeople] = useState<readonly Profile[]>([]);
  const invite = async (): Promise<void> => {
    if (await onInvite(people.map((person) => person.id))) setPeople([]);
  };
  return (
    <section class="invite" aria-label="Invite">
      <PeopleField people={people} onChange={setPeople} max={INVITED_MAX} />
      {people.length > 0 && <button type="button" class="button primary" onClick={() => void invite()}>Invite {count(people.length, 'person').replace('persons', 'people')}</button>}
    </section>
  );
}

interface RowProps {
  room: Room;
  member: Member;
  canManage: boolean;
  isOwner: boolean;
  onRole: (role: Role) => void;
  onRemove: () => void;
}

function MemberRow({ room, member, canManage, isOwner, onRole, onRemove }: RowProps): JSX.Element {
  const name = useName(useSession().profiles, member.user);
  const isOnline = useStore(room.view, (view) => view.online.has(member.user));
  const isMe = member.user === room.me;
  const canChange = canManage && !isMe && member.role !== 'owner';
  return (
    <li class="member">
      <Avatar user={member.user} isOnline={isOnline} />
      <span class="member-name">{name}{isMe && ' (you)'}<small>{isOnline ? 'Online' : 'Offline'}</small></span>
      {canChange && isOwner ? (
        <select aria-label={`Role of ${name}`} value={member.role} onChange={(event) => onRole(event.currentTarget.value as Role)}>
          <option value="member">Member</option>
          <option value="admin">Admin</option>
        </select>
      ) : member.role !== 'member' && <span class="role">{member.role}</span>}
      {canChange && <button type="button" class="icon-button" aria-label={`Remove ${name}`} title="Remove" onClick={onRemove}><Icon name="close" size={16} /></button>}
    </li>
  );
}
