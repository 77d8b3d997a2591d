/**
 * Convergence as a line chart: training and validation loss over the rounds, with marks where a hospital dropped out.
 * @module
 */
import * as Plot from '@observablehq/plot';
import type { Markup } from './markup.ts';
import { ranges, significant } from './numbers.ts';
import { axisX, axisY, draw } from './plot.ts';
import type { RoundResult } from './result.ts';
import { niceTicks, wholeTicks } from './scale.ts';

const WIDTH = 760;
const HEIGHT = 340;
const MARGIN = { marginLeft: 56, marginRight: 110, marginTop: 40, marginBottom: 54 } as const;
/** Above this many points a mark on each would hide the line. */
const MOST_MARKS = 60;
/** The least distance of the labels at the ends of two lines, in units of the drawing. */
const LABEL_STEP = 40;

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
  const range = [yTicks[0]!, yTicks.at(-1)!] as const;
  const lastRound = rounds.reduce((most, { round }) => Math.max(most, round), 1);
  const dropped = rounds.filter((round) => round.dropped.length > 0);
  return draw({
    ...{ id: 'convergence', title: 'Training and validation loss by round', description: describe(series, dropped) },
    ...{ width: WIDTH, height: HEIGHT, ...MARGIN },
    x: { domain: [0, lastRound] },
    y: { domain: [...range] },
    marks: [
      axisY({ ticks: yTicks, label: 'Loss (lower is better)' }),
      axisX({ ticks: wholeTicks(lastRound, 11), label: 'Rounds completed', format: String }),
      dropMarks(dropped),
      series.map(lineOf),
      endLabels(series, range),
    ],
  });
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

function lineOf({ name, className, points }: Series): Plot.Markish {
  const isMarked = (i: number): boolean => points.length <= MOST_MARKS || (!points[i - 1] && !points[i + 1]);
  const marked = points.filter((point, i): point is Point => point !== null && isMarked(i));
  const when = className === 'validation' ? 'after' : 'in';
  return [
    // what is not a number breaks the line
    Plot.line(
      points.map((point) => point ?? { x: Number.NaN, y: Number.NaN }),
      { x: 'x', y: 'y', className: `line ${className}` },
    ),
    // circles for training, squares for validation: the colour is not the only difference
    Plot.dot(marked, {
      ...{
        x: 'x',
        y: 'y',
        r: 3.75,
        symbol: className === 'training' ? 'circle' : 'square',
        className: `mark ${className}`,
      },
      title: ({ x, y }: Point) => `${name} loss ${when} round ${x}: ${significant(y)}`,
    }),
  ];
}

function dropMarks(dropped: readonly RoundResult[]): Plot.Markish {
  const title = ({ round, dropped: gone }: RoundResult): string =>
    `Round ${round}, dropped out: ${gone.map(({ pod }) => pod).join(', ')}`;
  return [
    Plot.ruleX(dropped, { x: 'round', title, className: 'drop' }),
    Plot.dot(dropped, {
      x: 'round',
      frameAnchor: 'bottom',
      symbol: 'triangle',
      r: 5,
      dy: -5,
      title,
      className: 'drop',
    }),
    Plot.text(dropped.length <= 2 ? dropped : [], {
      ...{ x: 'round', text: () => 'drop-out', frameAnchor: 'top', lineAnchor: 'bottom', dy: -7, className: 'drop' },
    }),
  ];
}

/** Names and last values beside the ends of the lines, pushed apart where the lines end close together. */
function endLabels(series: readonly Series[], [low, high]: readonly [number, number]): Plot.Markish {
  const step = (LABEL_STEP * (high - low)) / (HEIGHT - MARGIN.marginTop - MARGIN.marginBottom);
  const ends = series
    .map(({ name, className, points }) => ({ name, className, last: points.findLast((point) => point !== null)!.y }))
    .sort((a, b) => a.last - b.last);
  let lowest = low;
  return ends.map(({ name, className, last }) => {
    const y = Math.max(lowest, last);
    lowest = y + step;
    const place = { y: () => y, frameAnchor: 'right', textAnchor: 'start', dx: 14 } as const;
    return [
      Plot.text([`${className === 'training' ? '●' : '■'} ${name}`], {
        ...place,
        dy: -8,
        className: `end ${className}`,
      }),
      Plot.text([`last ${significant(last, 3)}`], { ...place, dy: 9, className: 'ticks' }),
    ];
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
