/**
 * A dot plot of one metric: a row for each hospital or alternative, on one axis.
 * @module
 */
import { type Content, html, type Markup, shorten } from './markup.ts';
import { lowerIsBetter, shownMetric } from './metric.ts';
import { significant } from './numbers.ts';
import { linear, niceTicks } from './scale.ts';

/** Which model a dot stands for; each has a shape of its own. */
export type DotKind = 'federated' | 'pooled' | 'alone';

/** One row. Values that are null are left out. */
export interface DotRow {
  readonly label: string;
  readonly dots: readonly { readonly kind: DotKind; readonly value: number | null | undefined }[];
  readonly interval?: readonly [low: number, high: number];
  /** Right of the row. */
  readonly note: string;
  /** Set apart from the rows below it. */
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
}

const WIDTH = 760;
const PLOT = { left: 200, right: 640, top: 14 } as const;
const ROW = 32;
/** Characters of a 13-unit font that fit left of the plot. */
const LABEL_LENGTH = 25;

const isNumber = (value: number | null | undefined): value is number =>
  value !== null && value !== undefined && Number.isFinite(value);

/** The drawing, or null when there is not one value. */
export function dotPlot({ id, title, metric, rows, reference }: DotPlot): Markup | null {
  const values = rows.flatMap(({ dots, interval }) => [...dots.map(({ value }) => value), ...(interval ?? [])]);
  const known = values.filter(isNumber);
  if (known.length === 0 || !rows.some(({ dots }) => dots.some(({ value }) => isNumber(value)))) return null;
  const ticks = niceTicks(
    known.reduce((a, b) => Math.min(a, b)),
    known.reduce((a, b) => Math.max(a, b)),
    6,
  );
  const x = linear([ticks[0]!, ticks.at(-1)!], [PLOT.left, PLOT.right]);
  const bottom = PLOT.top + rows.length * ROW + 4;
  const isLower = lowerIsBetter(metric);
  return html`<svg viewBox="0 0 ${WIDTH} ${bottom + 52}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${rows.map(({ label, dots }) => `${label}: ${dots.map(({ kind, value }) => `${kind} ${shownMetric(metric, value)}`).join(', ')}.`).join(' ')}</desc>
${ticks.map(
  (tick) => html`<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${PLOT.top - 8}" y2="${bottom}"/>
<text class="tick" x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${significant(tick)}</text>`,
)}
<line class="axis" x1="${PLOT.left}" x2="${PLOT.right}" y1="${bottom}" y2="${bottom}"/>
${isNumber(reference) && html`<line class="reference" x1="${x(reference)}" x2="${x(reference)}" y1="${PLOT.top - 8}" y2="${bottom}"/>`}
<text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${bottom + 42}" text-anchor="middle">${isLower ? `← better · ${metric}` : `${metric} · better →`}</text>
${rows.map((row, i) => drawRow(row, metric, x, PLOT.top + (i + 0.5) * ROW))}
</svg>`;
}

function drawRow(
  { label, dots, interval, note, isMain }: DotRow,
  metric: string,
  x: (v: number) => number,
  y: number,
): Content {
  const known = dots.flatMap(({ kind, value }) => (isNumber(value) ? [{ kind, value }] : []));
  const places = known.map(({ value }) => x(value));
  const [from, to] = [Math.min(...places), Math.max(...places)];
  return html`<text class="row${isMain && ' main'}" x="${PLOT.left - 16}" y="${y + 4.5}" text-anchor="end">${shorten(label, LABEL_LENGTH)}</text>
${places.length > 1 && html`<line class="between" x1="${from}" x2="${to}" y1="${y}" y2="${y}"/>`}
${interval && html`<path class="whisker" d="M${x(interval[0])} ${y - 5}v10M${x(interval[0])} ${y}H${x(interval[1])}M${x(interval[1])} ${y - 5}v10"/>`}
${known.map(({ kind, value }) => dot(kind, x(value), y, `${label}, ${kind}: ${shownMetric(metric, value)}`))}
<text class="value${isMain && ' main'}" x="${PLOT.right + 20}" y="${y + 4.5}">${note}</text>`;
}

function dot(kind: DotKind, x: number, y: number, tip: string): Markup {
  const title = html`<title>${tip}</title>`;
  if (kind === 'pooled')
    return html`<path class="dot pooled" d="M${x} ${y - 7.5}l7.5 7.5l-7.5 7.5l-7.5 -7.5z">${title}</path>`;
  return html`<circle class="dot ${kind}" cx="${x}" cy="${y}" r="${kind === 'federated' ? 6.5 : 5.5}">${title}</circle>`;
}

const KEY: Readonly<Record<DotKind, string>> = {
  federated: 'the federated model',
  pooled: 'trained on all data in one place',
  alone: 'trained by that hospital alone',
};

/** What the shapes of `kinds` mean, for the caption. */
export function dotKey(kinds: readonly DotKind[]): Markup {
  return html`<span class="key">${kinds.map(
    (kind) =>
      html`<span><svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">${dot(kind, 9, 9, kind)}</svg> ${KEY[kind]}</span>`,
  )}</span>`;
}
