/**
 * Values of one metric on one axis, a row each: hospitals, alternatives, groups; with intervals, and means over them.
 * @module
 */
import * as Plot from '@observablehq/plot';
import { html, type Markup, shorten } from './markup.ts';
import { lowerIsBetter, shownMetric } from './metric.ts';
import { axisX, draw } from './plot.ts';
import { niceTicks } from './scale.ts';

/** What a mark stands for; each has a shape of its own. `mean` is a diamond as wide as its interval. */
export type DotKind = 'federated' | 'pooled' | 'alone' | 'site' | 'mean' | 'prediction';

/** One row. Values that are null are left out. */
export interface DotRow {
  readonly label: string;
  /** `weight` in [0, 1] is the area of a `site`. @default full size */
  readonly dots: readonly {
    readonly kind: DotKind;
    readonly value: number | null | undefined;
    readonly weight?: number;
  }[];
  readonly interval?: readonly [low: number, high: number];
  /** Right of the row, one below each of `headings`. */
  readonly note: string | readonly string[];
  /** In place of marks: why there are none. */
  readonly instead?: string;
  /** Set apart from the other rows. */
  readonly isMain?: boolean;
}

/** What a plot shows; `id` must be unique on the page. */
export interface DotPlot {
  readonly id: string;
  readonly title: string;
  readonly metric: string;
  readonly rows: readonly DotRow[];
  /** A dashed line for the eye to compare with. */
  readonly reference?: number | null | undefined;
  /** Above the notes. */
  readonly headings?: readonly string[];
  /** In words what can be seen. @default the values, row by row */
  readonly description?: string;
}

const WIDTH = 760;
const ROW = 30;
/** Room for labels of 13 units left of the plot, and for one note or two right of it. */
const LEFT = 205;
const RIGHT = [120, 225] as const;
const LABEL_LENGTH = 27;
/** Half the height of the ends of an interval, in rows. */
const WHISKER = 0.14;
/** Where a second note starts. */
const SECOND_NOTE = 162;

const isNumber = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

interface Mark {
  readonly row: number;
  readonly kind: DotKind;
  readonly value: number;
  readonly radius: number;
  readonly tip: string;
}

/** The drawing, or null when there is not one value. */
export function dotPlot(plot: DotPlot): Markup | null {
  const { rows, metric, headings, reference } = plot;
  const marks = marksOf(plot);
  if (marks.length === 0) return null;
  const known = [...marks.map(({ value }) => value), ...rows.flatMap(({ interval }) => interval ?? [])];
  const ticks = niceTicks(
    known.reduce((a, b) => Math.min(a, b)),
    known.reduce((a, b) => Math.max(a, b)),
    6,
  );
  const top = headings ? 30 : 8;
  const between = rows.map(({ dots }, y) => {
    const values = dots.map(({ value }) => value).filter(isNumber);
    return { y, isSpan: values.length > 1, x1: Math.min(...values), x2: Math.max(...values) };
  });
  const label = lowerIsBetter(metric) ? `← better · ${metric}` : `${metric} · better →`;
  return draw({
    ...{ id: plot.id, title: plot.title, description: plot.description ?? inWords(plot) },
    ...{ width: WIDTH, height: top + rows.length * ROW + 50 },
    ...{ marginLeft: LEFT, marginRight: RIGHT[(headings?.length ?? 1) > 1 ? 1 : 0]!, marginTop: top, marginBottom: 50 },
    x: { domain: [ticks[0]!, ticks.at(-1)!] },
    y: { domain: [rows.length - 0.5, -0.5], axis: null },
    marks: [
      Plot.gridX({ ticks: ticks as number[], className: 'grid' } as Plot.GridXOptions),
      axisX({ ticks, label }),
      isNumber(reference) ? Plot.ruleX([reference], { className: 'reference' }) : null,
      Plot.ruleY(
        between.filter(({ isSpan }) => isSpan),
        { y: 'y', x1: 'x1', x2: 'x2', className: 'between' },
      ),
      whiskers(rows),
      (['site', 'alone', 'pooled', 'federated'] as const).map((kind) => dots(kind, marks)),
      diamonds(rows),
      texts(rows, headings ?? []),
    ],
  });
}

function marksOf({ rows, metric }: DotPlot): readonly Mark[] {
  return rows.flatMap(({ label, dots }, row) =>
    dots.flatMap(({ kind, value, weight = 1 }) =>
      isNumber(value)
        ? { row, kind, value, radius: radiusOf(kind, weight), tip: `${label}, ${kind}: ${shownMetric(metric, value)}` }
        : [],
    ),
  );
}

/** The area of a site is as its weight; the least can still be seen. */
function radiusOf(kind: DotKind, weight: number): number {
  if (kind === 'site') return Math.max(2.5, 9 * Math.sqrt(weight));
  return kind === 'alone' ? 5.5 : 6.5;
}

const SYMBOLS: Readonly<Record<DotKind, 'circle' | 'square' | 'diamond'>> = {
  ...{ federated: 'circle', alone: 'circle', pooled: 'diamond' },
  ...{ site: 'square', mean: 'diamond', prediction: 'diamond' },
};

function dots(kind: DotKind, marks: readonly Mark[]): Plot.Markish {
  return Plot.dot(
    marks.filter((mark) => mark.kind === kind),
    { x: 'value', y: 'row', r: 'radius', title: 'tip', symbol: SYMBOLS[kind], className: `dot ${kind}` },
  );
}

/** Lines from end to end of the intervals, but of means: these are diamonds. */
function whiskers(rows: readonly DotRow[]): Plot.Markish {
  const found = rows.flatMap(({ interval, dots }, y) =>
    interval && !dots.some(({ kind }) => kind === 'mean')
      ? { y, x1: interval[0], x2: interval[1], isPrediction: dots.some(({ kind }) => kind === 'prediction') }
      : [],
  );
  const lines = (className: string, data: typeof found): Plot.Markish => [
    Plot.ruleY(data, { y: 'y', x1: 'x1', x2: 'x2', className }),
    Plot.ruleX(
      data.flatMap(({ y, x1, x2 }) => [x1, x2].map((x) => ({ x, from: y - WHISKER, to: y + WHISKER }))),
      { x: 'x', y1: 'from', y2: 'to', className },
    ),
  ];
  return [
    lines(
      'whisker',
      found.filter(({ isPrediction }) => !isPrediction),
    ),
    lines(
      'whisker prediction',
      found.filter(({ isPrediction }) => isPrediction),
    ),
  ];
}

function diamonds(rows: readonly DotRow[]): Plot.Markish {
  return rows.map(({ interval, dots }, y) => {
    const mean = dots.find(({ kind }) => kind === 'mean')?.value;
    if (!isNumber(mean)) return null;
    const [low, high] = interval ?? [mean, mean];
    const corners = [
      [low, y],
      [mean, y - 0.28],
      [high, y],
      [mean, y + 0.28],
    ] as const;
    return Plot.line(corners, { curve: 'linear-closed', className: 'dot mean' });
  });
}

function texts(rows: readonly DotRow[], headings: readonly string[]): Plot.Markish {
  const all = rows.map(({ label, note, isMain, instead }, y) => ({
    ...{ y, instead, label: shorten(label, isMain ? LABEL_LENGTH - 2 : LABEL_LENGTH), isMain: isMain === true },
    notes: typeof note === 'string' ? [note] : note,
  }));
  const column = (dx: number, anchor: 'start' | 'end', className: string) =>
    ({ frameAnchor: anchor === 'end' ? 'left' : 'right', textAnchor: anchor, dx, y: 'y', className }) as const;
  return [
    [true, false].map((main) => {
      const group = all.filter(({ isMain }) => isMain === main);
      const weight = main ? ' main' : '';
      return [
        Plot.text(group, { ...column(-14, 'end', `row${weight}`), text: 'label' }),
        ...[0, 1].map((i) =>
          Plot.text(
            group.filter(({ notes }) => notes[i] !== undefined),
            {
              ...column(16 + i * SECOND_NOTE, 'start', `value${weight}`),
              text: ({ notes }: (typeof all)[number]) => notes[i]!,
            },
          ),
        ),
      ];
    }),
    Plot.text(
      all.filter(({ instead }) => instead !== undefined),
      { frameAnchor: 'left', textAnchor: 'start', dx: 8, y: 'y', text: 'instead', className: 'instead' },
    ),
    headings.map((heading, i) =>
      Plot.text([heading], {
        ...{ frameAnchor: 'top-right', textAnchor: 'start', lineAnchor: 'bottom' },
        ...{ dx: 16 + i * SECOND_NOTE, dy: -10, className: 'label' },
      }),
    ),
  ];
}

function inWords({ rows, metric }: DotPlot): string {
  return rows
    .map(
      ({ label, dots, instead }) =>
        `${label}: ${instead ?? dots.map(({ kind, value }) => `${kind} ${shownMetric(metric, value)}`).join(', ')}.`,
    )
    .join(' ');
}

const KEY: Readonly<Record<DotKind, string>> = {
  federated: 'the federated model',
  pooled: 'trained on all data in one place',
  alone: 'trained by that hospital alone',
  site: 'a hospital; the area is its weight in the mean',
  mean: 'mean over hospitals, as wide as its interval',
  prediction: 'where a further hospital is expected (95 %)',
};

const GLYPHS: Readonly<Record<DotKind, Markup>> = {
  federated: html`<circle class="dot federated" cx="9" cy="9" r="6.5"/>`,
  alone: html`<circle class="dot alone" cx="9" cy="9" r="5.5"/>`,
  pooled: html`<path class="dot pooled" d="M9 1.5l7.5 7.5l-7.5 7.5l-7.5-7.5z"/>`,
  site: html`<rect class="dot site" x="4" y="4" width="10" height="10"/>`,
  mean: html`<path class="dot mean" d="M1 9l8-6l8 6l-8 6z"/>`,
  prediction: html`<path class="whisker prediction" d="M1 9h16M1 5v8M17 5v8"/>`,
};

/** What the shapes of `kinds` mean, for the caption. */
export function dotKey(kinds: readonly DotKind[]): Markup {
  return html`<span class="key">${kinds.map(
    (kind) =>
      html`<span><svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">${GLYPHS[kind]}</svg> ${KEY[kind]}</span>`,
  )}</span>`;
}
