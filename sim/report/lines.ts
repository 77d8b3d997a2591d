/**
 * Curves of several variants on one pair of axes, with levels to compare them with.
 * @module
 */
import {
  type Content,
  html,
  linear,
  type Markup,
  niceTicks,
  shorten,
  significant,
  wholeTicks,
} from '../../src/reports/index.ts';

/** One curve; `values` by round, null where unknown. */
export interface Curve {
  readonly name: string;
  readonly values: readonly { readonly x: number; readonly y: number | null }[];
}

/** A level that does not change by round. */
export interface Level {
  readonly name: string;
  readonly value: number;
}

export interface LineChart {
  /** Unique on the page. */
  readonly id: string;
  readonly title: string;
  readonly label: string;
  readonly curves: readonly Curve[];
  readonly levels?: readonly Level[];
}

/** Curves have a colour and a dash each; more than these begin again. */
export const CURVE_STYLES = 6;

const WIDTH = 760;
const HEIGHT = 340;
const PLOT = { left: 56, right: 530, top: 34, bottom: 286 } as const;
const LABEL_STEP = 19;
/** Characters beside the plot. */
const LABEL_LENGTH = 22;

interface End {
  readonly className: string;
  readonly text: string;
  readonly y: number;
}

/** The drawing, or null when no curve has a value. */
export function lineChart({ id, title, label, curves, levels = [] }: LineChart): Markup | null {
  const known = curves.map(({ name, values }, i) => ({
    ...{ name, className: `c${i % CURVE_STYLES}` },
    points: values.flatMap(({ x, y }) => (y !== null && Number.isFinite(y) ? [{ x, y }] : [])),
  }));
  const all = known.flatMap(({ points }) => points);
  if (all.length === 0) return null;
  const values = [...all.map(({ y }) => y), ...levels.map(({ value }) => value)];
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const ticks = niceTicks(low, high, 5);
  const last = all.reduce((most, { x }) => Math.max(most, x), 1);
  const x = linear([0, last], [PLOT.left, PLOT.right]);
  const y = linear([ticks[0]!, ticks.at(-1)!], [PLOT.bottom, PLOT.top]);
  const ends: End[] = [
    ...known.flatMap(({ name, className, points }) => {
      const end = points.at(-1);
      return end ? [{ className, text: `${shorten(name, LABEL_LENGTH)} ${significant(end.y, 3)}`, y: y(end.y) }] : [];
    }),
    ...levels.map(({ name, value }) => ({ className: 'level', text: `${name} ${significant(value, 3)}`, y: y(value) })),
  ];
  const described = known.map(
    ({ name, points }) => `${name}: ${significant(points[0]?.y)} to ${significant(points.at(-1)?.y)}.`,
  );
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-title ${id}-desc">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${described.join(' ')}</desc>
${ticks.map(
  (tick) => html`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${PLOT.left - 10}" y="${y(tick) + 4}" text-anchor="end">${significant(tick)}</text>`,
)}
${wholeTicks(last, 11).map((tick) => html`<text class="tick" x="${x(tick)}" y="${PLOT.bottom + 21}" text-anchor="middle">${tick}</text>`)}
<line class="axis" x1="${PLOT.left}" x2="${PLOT.right}" y1="${PLOT.bottom}" y2="${PLOT.bottom}"/>
<text class="label" x="0" y="16">${label}</text>
<text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">Rounds completed</text>
${levels.map(({ value }) => html`<line class="level" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(value)}" y2="${y(value)}"/>`)}
${known.map(
  ({
    name,
    className,
    points,
  }) => html`<path class="line ${className}" d="${points.map((point, i) => `${i === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`).join('')}"><title>${name}</title></path>
${points.length === 1 && html`<circle class="only ${className}" cx="${x(points[0]!.x)}" cy="${y(points[0]!.y)}" r="3.5"/>`}`,
)}
${endLabels(ends)}
</svg>`;
}

/** Names at the ends of the lines, pushed apart where these end close together. */
function endLabels(ends: readonly End[]): Content {
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  let previous = Number.NEGATIVE_INFINITY;
  return sorted.map(({ className, text, y }, i) => {
    const lowest = PLOT.bottom - (sorted.length - 1 - i) * LABEL_STEP;
    previous = Math.max(previous + LABEL_STEP, Math.min(y, lowest));
    return html`<text class="end ${className}" x="${PLOT.right + 10}" y="${previous + 4}">${text}</text>`;
  });
}
