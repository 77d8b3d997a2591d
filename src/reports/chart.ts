/**
 * Convergence as a line chart: training and validation loss over the rounds, with marks where a hospital dropped out.
 * @module
 */
import { type Content, html, type Markup } from './markup.ts';
import { ranges, significant } from './numbers.ts';
import type { RoundResult } from './result.ts';
import { linear, niceTicks, wholeTicks } from './scale.ts';

const WIDTH = 760;
const HEIGHT = 340;
const PLOT = { left: 56, right: 650, top: 40, bottom: 286 } as const;
/** Above this many points a mark on each would hide the line. */
const MOST_MARKS = 60;
/** Line height of the labels at the ends of the lines, in units of the drawing. */
const LABEL_STEP = 17;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Series {
  readonly name: string;
  readonly className: string;
  /** Null where the loss is unknown: the line has a gap. */
  readonly points: readonly (Point | null)[];
}

/** The drawing, or null when no round has a loss. */
export function convergenceChart(rounds: readonly RoundResult[]): Markup | null {
  const series = seriesOf(rounds);
  const values = series.flatMap(({ points }) => points.flatMap((point) => (point ? [point.y] : [])));
  if (values.length === 0) return null;
  const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
  const yTicks = niceTicks(low >= 0 && low < high / 2 ? 0 : low, high, 5);
  const lastRound = rounds.reduce((most, { round }) => Math.max(most, round), 1);
  const x = linear([0, lastRound], [PLOT.left, PLOT.right]);
  const y = linear([yTicks[0]!, yTicks.at(-1)!], [PLOT.bottom, PLOT.top]);
  const dropped = rounds.filter((round) => round.dropped.length > 0);
  return html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="convergence-title convergence-desc">
<title id="convergence-title">Training and validation loss by round</title>
<desc id="convergence-desc">${describe(series, dropped)}</desc>
${yTicks.map(
  (tick) => html`<line class="grid" x1="${PLOT.left}" x2="${PLOT.right}" y1="${y(tick)}" y2="${y(tick)}"/>
<text class="tick" x="${PLOT.left - 10}" y="${y(tick) + 4}" text-anchor="end">${significant(tick)}</text>`,
)}
${wholeTicks(lastRound, 11).map(
  (tick) => html`<line class="axis" x1="${x(tick)}" x2="${x(tick)}" y1="${PLOT.bottom}" y2="${PLOT.bottom + 5}"/>
<text class="tick" x="${x(tick)}" y="${PLOT.bottom + 21}" text-anchor="middle">${tick}</text>`,
)}
<line class="axis" x1="${PLOT.left}" x2="${PLOT.right}" y1="${PLOT.bottom}" y2="${PLOT.bottom}"/>
<text class="label" x="0" y="16">Loss (lower is better)</text>
<text class="label" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 8}" text-anchor="middle">Rounds completed</text>
${dropped.map((round) => dropMark(round, x(round.round), dropped.length <= 2))}
${series.map((one) => drawSeries(one, x, y))}
${endLabels(series, y)}
</svg>`;
}

function seriesOf(rounds: readonly RoundResult[]): readonly Series[] {
  const at = (x: number, y: number | null): Point | null => (y !== null && Number.isFinite(y) ? { x, y } : null);
  const both: readonly Series[] = [
    // the validation loss is that of the model a round starts from: one round fewer has gone into it
    {
      name: 'Validation',
      className: 'validation',
      points: rounds.map(({ round, validationLoss }) => at(round - 1, validationLoss)),
    },
    {
      name: 'Training',
      className: 'training',
      points: rounds.map(({ round, trainingLoss }) => at(round, trainingLoss)),
    },
  ];
  return both.filter(({ points }) => points.some((point) => point !== null));
}

type Place = (value: number) => number;

function drawSeries({ name, className, points }: Series, x: Place, y: Place): Content {
  const path = points
    .map((point, i) => (point ? `${points[i - 1] ? 'L' : 'M'}${x(point.x)} ${y(point.y)}` : ''))
    .join('');
  const isMarked = (i: number): boolean => points.length <= MOST_MARKS || (!points[i - 1] && !points[i + 1]);
  return html`<path class="line ${className}" d="${path}"/>
${points.map((point, i) => point && isMarked(i) && pointMark(name, className, point, x(point.x), y(point.y)))}`;
}

/** Circles for training, squares for validation: the colour is not the only difference. */
function pointMark(name: string, className: string, { x: round, y: loss }: Point, x: number, y: number): Markup {
  const tip = html`<title>${name} loss ${className === 'validation' ? 'after' : 'in'} round ${round}: ${significant(loss)}</title>`;
  return className === 'training'
    ? html`<circle class="mark ${className}" cx="${x}" cy="${y}" r="3.5">${tip}</circle>`
    : html`<rect class="mark ${className}" x="${x - 3.5}" y="${y - 3.5}" width="7" height="7">${tip}</rect>`;
}

function dropMark({ round, dropped }: RoundResult, x: number, isLabelled: boolean): Markup {
  const base = PLOT.bottom - 1;
  return html`<g class="drop"><title>Round ${round}, dropped out: ${dropped.map(({ pod }) => pod).join(', ')}</title>
<line x1="${x}" x2="${x}" y1="${PLOT.top}" y2="${base}"/><path d="M${x - 6} ${base}h12l-6 -10z"/>
${isLabelled && html`<text class="tick" x="${x}" y="${PLOT.top - 7}" text-anchor="middle">drop-out</text>`}</g>`;
}

/** Names and last values beside the ends of the lines, pushed apart where the lines end close together. */
function endLabels(series: readonly Series[], y: Place): Content {
  const ends = series
    .map(({ name, className, points }) => {
      const last = points.findLast((point) => point !== null)!;
      return { name, className, value: last.y, y: y(last.y) };
    })
    .sort((a, b) => a.y - b.y);
  let previous = Number.NEGATIVE_INFINITY;
  // two lines of text each, the last one above the axis
  const most = (i: number): number => PLOT.bottom - LABEL_STEP - (ends.length - 1 - i) * 2 * LABEL_STEP - 6;
  return ends.map(({ name, className, value, y }, i) => {
    const at = Math.max(previous + 2 * LABEL_STEP + 6, Math.min(y, most(i)));
    previous = at;
    return html`<text class="end ${className}" x="${PLOT.right + 14}" y="${at + 4}">${className === 'training' ? '●' : '■'} ${name}</text>
<text class="tick" x="${PLOT.right + 14}" y="${at + 4 + LABEL_STEP}">last ${significant(value, 3)}</text>`;
  });
}

function describe(series: readonly Series[], dropped: readonly RoundResult[]): string {
  const lines = series.map(({ name, points }) => {
    const known = points.filter((point) => point !== null);
    return `${name} loss goes from ${significant(known[0]!.y)} to ${significant(known.at(-1)!.y)}.`;
  });
  if (dropped.length > 0) lines.push(`Hospitals dropped out in round ${ranges(dropped.map(({ round }) => round))}.`);
  return lines.join(' ');
}
