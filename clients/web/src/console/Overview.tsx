import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useStore } from '../lib/store.ts';
import type { Feed } from './feed.ts';
import { ago, bytes, bytesPerSecond, count, duration, moment, share, whole } from './format.ts';
import { Plot } from './Plot.tsx';
import type { Line } from './Plot.tsx';
import type { FeedSample, NodeFacts } from './protocol.ts';
import { routeTo } from './route.ts';
import { columnsLike, latest, total } from './samples.ts';
import type { Samples } from './samples.ts';

const SPANS = [
  { ms: 5 * 60_000, name: '5 min' },
  { ms: 15 * 60_000, name: '15 min' },
  { ms: 60 * 60_000, name: '1 hour' },
] as const;

const THREADS = /^thread_\d+_busy$/;

const TILES: readonly { readonly name: string; readonly column: string; readonly format: (value: number | null) => string }[] = [
  { name: 'Connections', column: 'connections', format: whole },
  { name: 'Subscriptions', column: 'subscriptions', format: whole },
  { name: 'Commands /s', column: 'commands', format: count },
  { name: 'Publications /s', column: 'publications', format: count },
  { name: 'Deliveries /s', column: 'deliveries', format: count },
  { name: 'Command p99', column: 'command_p99', format: duration },
  { name: 'Append p99', column: 'append_p99', format: duration },
  { name: 'Memory', column: 'memory_bytes', format: bytes },
];

const PLOTS: readonly { readonly title: string; readonly lines: readonly Line[]; readonly format: (value: number | null) => string }[] = [
  { title: 'Connections', format: count, lines: [{ column: 'connections', name: 'WebSockets' }, { column: 'http_connections', name: 'HTTP' }] },
  {
    title: 'Rates per second', format: count,
    lines: [{ column: 'commands', name: 'commands' }, { column: 'publications', name: 'publications' }, { column: 'deliveries', name: 'deliveries' }],
  },
  { title: 'Traffic', format: bytesPerSecond, lines: [{ column: 'received_bytes', name: 'in' }, { column: 'sent_bytes', name: 'out' }] },
  { title: 'Command to answer', format: duration, lines: [{ column: 'command_p50', name: 'p50' }, { column: 'command_p99', name: 'p99' }] },
  {
    title: 'Append and commit', format: duration,
    lines: [
      { column: 'append_p50', name: 'append p50' }, { column: 'append_p99', name: 'append p99' },
      { column: 'commit_p50', name: 'commit p50' }, { column: 'commit_p99', name: 'commit p99' },
    ],
  },
  {
    title: 'Commits per second', format: count,
    lines: [{ column: 'appends', name: 'appends' }, { column: 'commits', name: 'commits' }, { column: 'rows', name: 'rows' }, { column: 'rows_per_commit', name: 'rows per commit' }],
  },
  {
    title: 'Waiting', format: count,
    lines: [
      { column: 'mailboxes', name: 'mailboxes' }, { column: 'mailbox_longest', name: 'fullest mailbox' },
      { column: 'gateway_queue', name: 'gateway queues' }, { column: 'store_writes_waiting', name: 'store writes' },
    ],
  },
  { title: 'Memory and outboxes', format: bytes, lines: [{ column: 'memory_bytes', name: 'resident' }, { column: 'outbox_bytes', name: 'outboxes' }] },
  {
    title: 'Refused and closed per second', format: count,
    lines: [{ column: 'errors', name: 'errors' }, { column: 'refusals', name: 'refusals' }, { column: 'slow_consumers', name: 'slow consumers closed' }],
  },
];

export function Overview({ feed, facts }: { feed: Feed; facts: NodeFacts }): JSX.Element {
  const { samples, last } = useStore(feed.state);
  const [spanMs, setSpanMs] = useState<number>(SPANS[0].ms);
  const threads = columnsLike(samples, THREADS).map((column, number) => ({ column, name: `thread ${number}` }));
  return (
    <>
      <section class="tiles" aria-label="Now">
        {TILES.map((tile) => (
          <div class="panel tile" key={tile.column}><span>{tile.name}</span><b data-column={tile.column}>{tile.format(latest(samples, tile.column))}</b></div>
        ))}
      </section>
      <div class="toolbar">
        <fieldset class="spans">
          <legend class="visually-hidden">Time shown</legend>
          {SPANS.map((span) => (
            <label key={span.ms}><input type="radio" name="span" checked={span.ms === spanMs} onChange={() => setSpanMs(span.ms)} /><span>{span.name}</span></label>
          ))}
        </fieldset>
        <p class="quiet">Rialto {facts.version}, {facts.store} store, {facts.threads} threads, started <time title={moment(facts.started)}>{ago(facts.started, Date.now())}</time></p>
      </div>
      <section class="plots" aria-label="The last hour">
        {PLOTS.map((plot) => <Plot key={plot.title} samples={samples} spanMs={spanMs} {...plot} />)}
        <Plot title="Thread load" samples={samples} spanMs={spanMs} format={share} lines={[...threads, { column: 'store_busy', name: 'store writer' }]} />
      </section>
      <section class="columns">
        <Rooms last={last} />
        <Threads samples={samples} columns={threads} />
        <Dependencies last={last} samples={samples} />
      </section>
    </>
  );
}

function Rooms({ last }: { last: FeedSample | null }): JSX.Element {
  const rooms = last?.rooms ?? [];
  return (
    <div class="panel">
      <h2>Busiest rooms of the last minute</h2>
      {rooms.length === 0 ? <p class="quiet">Nothing was published.</p> : (
        <div class="scroll" tabIndex={0} role="region" aria-label="Busiest rooms">
          <table>
            <thead><tr><th scope="col">Channel</th><th scope="col" class="number">Publications</th><th scope="col" class="number">Deliveries</th></tr></thead>
            <tbody>
              {rooms.map((room) => (
                <tr key={room.channel}>
                  <td><RoomName channel={room.channel} /></td>
                  <td class="number">{whole(room.publications)}</td>
                  <td class="number">{whole(room.deliveries)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function RoomName({ channel }: { channel: string }): JSX.Element {
  const id = /^conversation:(.+)$/.exec(channel)?.[1];
  return id === undefined ? <span>{channel}</span> : <a href={routeTo('conversations', id)}>{channel}</a>;
}

function Threads({ samples, columns }: { samples: Samples; columns: readonly Line[] }): JSX.Element {
  const all = [...columns, { column: 'store_busy', name: 'store writer' }];
  return (
    <div class="panel">
      <h2>Threads</h2>
      <ul class="bars">
        {all.map((line) => {
          const busy = latest(samples, line.column);
          return (
            <li key={line.column}>
              <span>{line.name}</span>
              <span class="track" aria-hidden="true"><span style={{ width: `${Math.min(100, Math.round((busy ?? 0) * 100))}%` }} /></span>
              <b>{share(busy)}</b>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

function Dependencies({ last, samples }: { last: FeedSample | null; samples: Samples }): JSX.Element {
  const entries = Object.entries(last?.dependencies ?? {});
  return (
    <div class="panel">
      <h2>Health</h2>
      <dl class="facts">
        {entries.map(([name, { state, ms }]) => (
          <div key={name}><dt>{name}</dt><dd><span class={`badge ${state}`}>{state}</span> {ms} ms</dd></div>
        ))}
        <div><dt>Slow consumers closed, last hour</dt><dd>{whole(total(samples, 'slow_consumers'))}</dd></div>
        <div><dt>Entities in memory</dt><dd>{whole(latest(samples, 'entities'))}</dd></div>
        <div><dt>Free on the store’s disk</dt><dd>{bytes(latest(samples, 'store_free_bytes'))}</dd></div>
        <div><dt>HTTP requests /s</dt><dd>{count(latest(samples, 'http_requests'))}, p99 {duration(latest(samples, 'http_p99'))}</dd></div>
      </dl>
    </div>
  );
}
