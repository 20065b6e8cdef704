import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import { count, nameList } from '../lib/words.ts';
import type { Conversation, Message } from '../model/types.ts';
import { explain } from '../state/errors.ts';
import { useNames } from '../state/profiles.ts';
import type { Room } from '../state/room.ts';
import { closeConversation } from '../state/route.ts';
import { ConversationAvatar } from './Avatar.tsx';
import { Composer } from './Composer.tsx';
import { useSession } from './context.ts';
import { DetailsDialog } from './DetailsDialog.tsx';
import { Dialog } from './Dialog.tsx';
import { Icon } from './icons.tsx';
import { MessageLog } from './MessageLog.tsx';
import { useConversationName, useOther } from './names.ts';

/** One conversation: who and what it is, what was said, and the place to say something. */
export function RoomPane({ id }: { id: string }): JSX.Element {
  const session = useSession();
  const [generation, setGeneration] = useState(0);
  const room = useMemo(() => session.room(id), [id, generation]);
  const conversation = useStore(session.inbox, (inbox) => inbox.get(id));
  const inboxState = useStore(session.inboxState);
  const isClosed = useStore(room.view, (view) => view.isClosed);

  useEffect(() => {
    if (inboxState.isLoaded && conversation === undefined) void session.lookUp(id);
  }, [inboxState.isLoaded, conversation === undefined, generation]);

  if (isClosed || (inboxState.isLoaded && conversation === undefined)) {
    const again = (): void => {
      session.rejoin(id);
      setGeneration((value) => value + 1);
    };
    return <Outside id={id} room={room} onJoined={again} />;
  }
  return <Inside key={generation} room={room} conversation={conversation} />;
}

function Inside({ room, conversation }: { room: Room; conversation: Conversation | undefined }): JSX.Element {
  const session = useSession();
  const [replyTo, setReplyTo] = useState<number | null>(null);
  const [editing, setEditing] = useState<number | null>(null);
  const [deleting, setDeleting] = useState<number | null>(null);
  const [isDetailed, setDetailed] = useState(false);
  const composer = useRef<HTMLTextAreaElement>(null);
  const focusComposer = (): void => composer.current?.focus();

  useLayoutEffect(() => {
    room.enter();
    // On a phone the keyboard would cover what one came to read.
    if (!matchMedia('(pointer: coarse)').matches) focusComposer();
  }, [room]);

  const editLast = (): void => {
    const { items } = room.view.value.timeline;
    const mine = items.findLast((message: Message) => message.sender === session.me.id && message.deleted !== true);
    if (mine !== undefined) setEditing(mine.offset);
  };
  const role = conversation?.role ?? '';
  return (
    <main class="room">
      <RoomHead room={room} conversation={conversation} onDetails={() => setDetailed(true)} />
      <MessageLog
        room={room} isDirect={conversation?.kind === 'direct'} canModerate={role === 'owner' || role === 'admin'} editing={editing}
        onEdit={setEditing} onDelete={setDeleting}
        onReply={(offset) => {
          setReplyTo(offset);
          focusComposer();
        }}
        onEdited={() => {
          setEditing(null);
          focusComposer();
        }}
      />
      <TypingLine room={room} />
      <Composer ref={composer} room={room} replyTo={replyTo} onReplied={() => setReplyTo(null)} onEditLast={editLast} />
      {isDetailed && conversation !== undefined && <DetailsDialog room={room} conversation={conversation} onClose={() => setDetailed(false)} />}
      {deleting !== null && (
        <Dialog title="Delete this message?" onClose={() => setDeleting(null)}>
          <p>Everybody in the conversation will see that a message was deleted, but not what it said.</p>
          <div class="row end">
            <button type="button" class="button" onClick={() => setDeleting(null)}>Cancel</button>
            <button type="button" class="button danger" onClick={() => {
              void room.remove(deleting);
              setDeleting(null);
            }}>Delete</button>
          </div>
        </Dialog>
      )}
    </main>
  );
}

function RoomHead({ room, conversation, onDetails }: { room: Room; conversation: Conversation | undefined; onDetails: () => void }): JSX.Element {
  return (
    <header class="room-head">
      <button type="button" class="icon-button back" aria-label="Back to conversations" onClick={closeConversation}><Icon name="back" /></button>
      {conversation === undefined ? <div class="grow" /> : <Title room={room} conversation={conversation} />}
      <button type="button" class="icon-button" aria-label="Conversation details" title="Details" disabled={conversation === undefined} onClick={onDetails}><Icon name="info" /></button>
    </header>
  );
}

function Title({ room, conversation }: { room: Room; conversation: Conversation }): JSX.Element {
  const name = useConversationName(conversation);
  const other = useOther(conversation);
  const online = useStore(room.view, (view) => view.online);
  const isOtherOnline = conversation.kind === 'direct' && online.has(other);
  const members = conversation.member_count ?? conversation.members.length;
  const kind = conversation.kind === 'public' ? 'Public · ' : '';
  // While we are cut off ourselves we cannot know who is there.
  const isKnown = useStore(useSession().status, (status) => status.state === 'connected');
  const presence = conversation.kind === 'direct' ? (isOtherOnline ? 'Online' : 'Offline') : `${online.size} online`;
  const parts = conversation.kind === 'direct' ? [] : [`${kind}${count(members, 'member')}`];
  const line = (isKnown ? [...parts, presence] : parts).join(' · ');
  return (
    <>
      <ConversationAvatar conversation={conversation} isOnline={isOtherOnline} />
      <div class="room-title">
        <h2>{name}</h2>
        <p role="group" aria-label="Presence">{line}</p>
      </div>
    </>
  );
}

function TypingLine({ room }: { room: Room }): JSX.Element {
  const typing = useStore(room.view, (view) => view.typing);
  const names = useNames(useSession().profiles, typing);
  const text = names.length === 0 ? '' : `${nameList(names)} ${names.length === 1 ? 'is' : 'are'} typing`;
  return (
    <div class="typing" role="status" aria-label="Typing">
      {text !== '' && <><span class="dots" aria-hidden="true"><i /><i /><i /></span>{text}</>}
    </div>
  );
}

/** A conversation one is not in: it can be joined if it is public. */
function Outside({ id, room, onJoined }: { id: string; room: Room; onJoined: () => void }): JSX.Element {
  const session = useSession();
  const problem = useStore(room.view, (view) => view.problem);
  const [found, setFound] = useState<Conversation | null>(null);
  const [refusal, setRefusal] = useState('');
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    let isGone = false;
    void session.lookUp(id).then((conversation) => {
      if (!isGone) setFound(conversation);
    });
    return () => {
      isGone = true;
    };
  }, [id]);

  const join = async (): Promise<void> => {
    setBusy(true);
    setRefusal('');
    try {
      await session.client.join(id);
      await session.lookUp(id);
      onJoined();
    } catch (error) {
      setRefusal(explain(error));
      setBusy(false);
    }
  };
  return (
    <main class="room nothing">
      <header class="room-head bare">
        <button type="button" class="icon-button back" aria-label="Back to conversations" onClick={closeConversation}><Icon name="back" /></button>
      </header>
      <div class="empty">
        <span class="empty-mark"><Icon name="group" size={26} /></span>
        <h2>{found?.title ?? 'You are not in this conversation'}</h2>
        <p>{found !== null ? `${count(found.member_count ?? found.members.length, 'member')}` : (problem ?? 'If it is public, you can join it.')}</p>
        <p class="form-problem" role="alert">{refusal}</p>
        {(found === null || found.kind === 'public') && (
          <button type="button" class="button primary" disabled={isBusy} onClick={() => void join()}>Join conversation</button>
        )}
      </div>
    </main>
  );
}
