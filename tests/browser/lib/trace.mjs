/** Processor time of the longest task of a page's main thread in a trace, in milliseconds. Time on the clock would depend on who else is on the machine. */
export function longestTaskMs(trace) {
  const { traceEvents: events } = JSON.parse(trace.toString('utf8'));
  const mains = new Set(events.filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain').map(threadOf));
  const tasks = events.filter((event) => event.ph === 'X' && /RunTask$/.test(event.name) && mains.has(threadOf(event)));
  return Math.max(0, ...tasks.map(({ tdur }) => (tdur ?? 0) / 1000));
}

function threadOf({ pid, tid }) {
  return `${pid}.${tid}`;
}
