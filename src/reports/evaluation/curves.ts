/**
 * Drawings of curves over thresholds: receiver operating characteristic, precision and recall, calibration, decision.
 * @module
 */
import * as Plot from '@observablehq/plot';
import type { Band, Curves } from '../../metrics/groupEvaluation.ts';
import type { Markup } from '../markup.ts';
import { significant } from '../numbers.ts';
import { axisX, axisY, draw } from '../plot.ts';
import { niceTicks } from '../scale.ts';

export type CurveName = keyof Curves;

/** Points of any curve with what it is compared to. */
interface Line {
  readonly points: readonly Point[];
  /** Dashed: chance, agreement, or treating all. */
  readonly reference: readonly { readonly x: number; readonly y: number }[];
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  readonly rows?: number;
}

/** What a curve is called, and what its axes and its dashed line say. */
export const CURVES: Readonly<Record<CurveName, { title: string; x: string; y: string; caption: string }>> = {
  roc: {
    ...{ title: 'Receiver operating characteristic', x: '1 − specificity', y: 'Sensitivity' },
    caption: 'Sensitivity that each rate of false alarms buys. Dashed: guessing.',
  },
  precisionRecall: {
    ...{ title: 'Precision and recall', x: 'Recall', y: 'Precision' },
    caption:
      'How many alarms are right as more of the cases are found. Dashed: the share of cases, which guessing reaches.',
  },
  calibration: {
    ...{ title: 'Calibration', x: 'Predicted probability', y: 'Observed share' },
    caption:
      'What happened against what was predicted; marks are bins, larger with more rows, with 95 % intervals. Dashed: perfect agreement.',
  },
  decision: {
    ...{ title: 'Decision curve', x: 'Threshold probability', y: 'Net benefit' },
    caption:
      'Benefit of acting on the model, in true positives a row less what false alarms cost at that threshold. Dashed: treating all; the axis at 0: treating none.',
  },
};

const DIAGONAL = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
] as const;

const points = (x: readonly number[], y: readonly number[], band?: Band, rows?: readonly number[]): Point[] =>
  x.map((value, i) => ({
    ...{ x: value, y: y[i]! },
    ...(band && { low: band.low[i]!, high: band.high[i]! }),
    ...(rows && { rows: rows[i]! }),
  }));

/** One form for all curves; null where it is absent or has no point. @param prevalence - Share of positives. */
export function lineOf(name: CurveName, curves: Curves | undefined, prevalence: number | null): Line | null {
  const { roc, precisionRecall, calibration, decision } = curves ?? {};
  const line = ((): Line | null => {
    if (name === 'roc')
      return roc ? { points: points(roc.falsePositiveRate, roc.sensitivity, roc.band), reference: DIAGONAL } : null;
    if (name === 'calibration')
      return calibration
        ? {
            points: points(calibration.predicted, calibration.observed, calibration.band, calibration.rows),
            reference: DIAGONAL,
          }
        : null;
    if (name === 'decision')
      return decision
        ? {
            points: points(decision.threshold, decision.netBenefit, decision.band),
            reference: points(decision.threshold, decision.treatAll),
          }
        : null;
    const level = prevalence === null ? [] : [0, 1].map((x) => ({ x, y: prevalence }));
    return precisionRecall
      ? { points: points(precisionRecall.recall, precisionRecall.precision, precisionRecall.band), reference: level }
      : null;
  })();
  return line !== null && line.points.length > 0 ? line : null;
}

interface Panel {
  readonly id: string;
  readonly name: CurveName;
  /** Whose curve. */
  readonly who: string;
  readonly line: Line;
  /** Drawn faintly behind it, to compare with. */
  readonly behind?: Line | null;
  readonly isSmall?: boolean;
  /** Ends of the vertical axis, so that panels can be compared. */
  readonly range: readonly [number, number];
}

/** The vertical axis that shows all `lines`: [0, 1], but for net benefit, of which the part that matters. */
export function rangeOf(name: CurveName, lines: readonly Line[]): readonly [number, number] {
  if (name !== 'decision') return [0, 1];
  const highs = lines.flatMap((line) => line.points.map(({ y, high }) => high ?? y));
  const most = highs.reduce((a, b) => Math.max(a, b), 0.01);
  return [-0.15 * most, niceTicks(0, most, 5).at(-1)!];
}

export function drawCurve({ id, name, who, line, behind, isSmall = false, range }: Panel): Markup {
  const { title, x, y } = CURVES[name];
  const [width, height] = isSmall ? [180, 165] : [390, 320];
  const lastX = name === 'decision' ? line.points.reduce((most, point) => Math.max(most, point.x), 0) : 1;
  const isIn = (point: { readonly y: number }): boolean => point.y >= range[0] && point.y <= range[1];
  const within = (value: number): number => Math.min(range[1], Math.max(range[0], value));
  const banded = line.points.filter(({ low, high }) => low !== undefined && high !== undefined);
  const at = { x: 'x', y: 'y' } as const;
  const ticks = isSmall ? 2 : 5;
  const isBinned = name === 'calibration';
  const mostRows = line.points.reduce((most, { rows = 1 }) => Math.max(most, rows), 1);
  const radius = ({ rows = 1 }: Point): number =>
    Math.max(isSmall ? 1.6 : 2.4, (isSmall ? 4.5 : 7) * Math.sqrt(rows / mostRows));
  return draw({
    ...{ id, title: `${title}, ${who}`, description: inWords(name, line), width, height },
    ...{
      marginLeft: isSmall ? 34 : 44,
      marginRight: 12,
      marginTop: isSmall ? 10 : 30,
      marginBottom: isSmall ? 26 : 48,
    },
    x: { domain: [0, lastX] },
    y: { domain: [...range] },
    marks: [
      axisY({ ticks, ...(!isSmall && { label: y }) }),
      axisX({ ticks, ...(!isSmall && { label: x }) }),
      Plot.line(line.reference.filter(isIn), { ...at, className: 'reference plain' }),
      range[0] < 0 ? Plot.ruleY([0], { className: 'axis' }) : null,
      isBinned
        ? Plot.ruleX(banded, {
            x: 'x',
            y1: (p: Point) => within(p.low!),
            y2: (p: Point) => within(p.high!),
            className: 'whisker',
          })
        : Plot.areaY(banded, {
            x: 'x',
            y1: (p: Point) => within(p.low!),
            y2: (p: Point) => within(p.high!),
            className: 'band',
          }),
      behind ? Plot.line(behind.points.filter(isIn), { ...at, className: 'line behind' }) : null,
      Plot.line(line.points.filter(isIn), { ...at, className: `line curve${isBinned ? ' thin' : ''}` }),
      isBinned ? Plot.dot(line.points, { ...at, r: radius, title: tip, className: 'dot site' }) : null,
    ],
  } as Parameters<typeof draw>[0]);
}

const tip = ({ x, y, rows }: Point): string =>
  `predicted ${significant(x, 2)}, observed ${significant(y, 2)}, ${rows ?? 0} rows`;

/** Some points of a curve, with their bands. */
function inWords(name: CurveName, { points }: Line): string {
  const { x, y } = CURVES[name];
  const some =
    name === 'calibration' ? points : [0.05, 0.1, 0.2, 0.4, 0.6, 0.8].flatMap((at) => nearest(points, at) ?? []);
  const shown = [...new Set(some)].map(
    (point) =>
      `${significant(point.x, 2)}: ${significant(point.y, 2)}${point.low === undefined || point.high === undefined ? '' : ` (${significant(point.low, 2)} to ${significant(point.high, 2)})`}${point.rows === undefined ? '' : `, ${point.rows} rows`}`,
  );
  return `${y} by ${x.replace('1 − specificity', 'one minus specificity').toLowerCase()}: ${shown.join('; ')}.`;
}

/** The point whose place is closest to `at`; null when the curve does not come near. */
function nearest(points: readonly Point[], at: number): Point | null {
  const closest = points.reduce((best, point) => (Math.abs(point.x - at) < Math.abs(best.x - at) ? point : best));
  return Math.abs(closest.x - at) <= 0.1 ? closest : null;
}
