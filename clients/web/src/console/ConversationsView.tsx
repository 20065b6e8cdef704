import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { explain } from '../state/errors.ts';
import type { Api } from './api.ts';
import { moment, whole } from './format.ts';
import type { ConversationDetails } from './protocol.ts';
import { routeTo } from './route.ts';
import { Search } from './Search.tsx';

export function ConversationsView({ api, wanted }: { api: Api; wanted: string }): JSX.Element {
  const [found, setFound] = useState<ConversationDetails | null>(null);
  const [notice, setNotice] = useState('');
  const look = async (id: string): Promise<void> => {
    setNotice('');
    try {
      setFound(await api.conversation(id));
    } catch (error) {
      setFound(null);
      setNotice(explain(error));
    }
  };
  useEffect(() => {
    if (wanted !== '') void look(wanted);
  }, [api, wanted]);
  return (
    <>
      <Search key={wanted} label="Find a conversation" hint="its id" value={wanted} onSearch={(text) => {
        const id = text.replace(/^conversation:/, '');
        if (id === wanted) void look(id);
        else location.hash = routeTo('conversations', id);
      }} />
      <p class="notice" role="status">{notice}</p>
      {found !== null && (
        <article class="panel" aria-label="Conversation">
          <header class="row"><h2>{found.title ?? 'Without a title'}</h2><span class="badge">{found.kind}</span></header>
          <dl class="facts">
            <div><dt>Id</dt><dd><code>{found.id}</code></dd></div>
            <div><dt>Made</dt><dd>{moment(found.created)}</dd></div>
            <div><dt>Messages</dt><dd>{whole(found.messages)}</dd></div>
            <div><dt>Newest row</dt><dd>{whole(found.offset)}</dd></div>
            <div><dt>Members</dt><dd>{whole(found.member_count)}</dd></div>
          </dl>
          <ul class="members">
            {found.members.map((member) => <li key={member}><a href={routeTo('users', member)}><code>{member}</code></a></li>)}
          </ul>
        </article>
      )}
    </>
  );
}
