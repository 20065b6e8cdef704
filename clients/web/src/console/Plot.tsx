import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import { latest, plotted } from './samples.ts';
import type { Samples } from './samples.ts';

export interface Line {
  readonly column: string;
  readonly name: string;
}

interface PlotProps {
  readonly title: string;
  readonly samples: Samples;
  readonly lines: readonly Line[];
  readonly spanMs: number;
  readonly format: (value: number | null) => string;
}

const HEIGHT = 170;
const AXIS_WIDTH = 64;
/** As many colours as a plot has lines; more begin again. */
const COLOURS = 4;

function colour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

function options(element: HTMLElement, { lines, format }: PlotProps): uPlot.Options {
  const axis = { stroke: colour(element, '--ink-soft'), grid: { stroke: colour(element, '--line'), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(200, element.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { y: { range: (_plot, low, high) => [Math.min(0, low ?? 0), (Math.max(high ?? 0, 0) || 1) * 1.08] } },
    axes: [{ ...axis, space: 80, values: (_plot, marks) => marks.map(clock) }, { ...axis, size: AXIS_WIDTH, values: (_plot, marks) => marks.map((mark) => format(mark)) }],
    series: [{}, ...lines.map((line, index) => ({
      label: line.name,
      stroke: colour(element, `--line-${index % COLOURS}`),
      width: 1.5,
      points: { show: true, size: 4, filter: (plot: uPlot, series: number) => lone(plot.data[series] ?? []) },
    }))],
  };
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
}

/** Places of numbers without a neighbour: no line goes through them. */
function lone(values: ArrayLike<number | null | undefined>): number[] {
  const isNone = (at: number): boolean => values[at] === null || values[at] === undefined;
  return Array.from({ length: values.length }, (_, at) => at).filter((at) => !isNone(at) && isNone(at - 1) && isNone(at + 1));
}

/** Goes up when the system turns dark or light: a canvas does not notice by itself. */
function useScheme(): number {
  const [changes, setChanges] = useState(0);
  useEffect(() => {
    const query = matchMedia('(prefers-color-scheme: dark)');
    const note = (): void => setChanges((count) => count + 1);
    query.addEventListener('change', note);
    return () => query.removeEventListener('change', note);
  }, []);
  return changes;
}

/** Lines over time, with their present values as text beside them. */
export function Plot(props: PlotProps): JSX.Element {
  const { title, samples, lines, spanMs, format } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const scheme = useScheme();
  const key = lines.map((line) => line.column).join();
  useLayoutEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(options(element, props), [[], ...lines.map(() => [])], element);
    plot.current = made;
    const watcher = new ResizeObserver(() => made.setSize({ width: Math.max(200, element.clientWidth), height: HEIGHT }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [scheme, key]);
  useLayoutEffect(() => {
    plot.current?.setData(plotted(samples, lines.map((line) => line.column), 1, spanMs) as uPlot.AlignedData);
  }, [samples, spanMs, scheme, key]);
  return (
    <figure class="panel plot">
      <figcaption>
        <h2>{title}</h2>
        <ul>
          {lines.map((line, index) => (
            <li key={line.column}>
              <span class={`swatch swatch-${index % COLOURS}`} aria-hidden="true" />{line.name} <b>{format(latest(samples, line.column))}</b>
            </li>
          ))}
        </ul>
      </figcaption>
      <div class="canvas" ref={place} role="img" aria-label={`${title} over time`} />
    </figure>
  );
}
