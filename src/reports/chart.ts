/**
 * The convergence plot: losses by round as inline SVG.
 * @module
 */
import { metricText } from './format.ts';
import type { RoundResult } from './result.ts';

const [WIDTH, HEIGHT] = [760, 300];
const [LEFT, RIGHT, TOP, BOTTOM] = [56, 16, 16, 44];

interface Point {
  readonly round: number;
  readonly loss: number;
}

/** Training and validation loss by round, with a marker where pods dropped out; empty without rounds. */
export function convergencePlot(rounds: readonly RoundResult[]): string {
  const series = (pick: (round: RoundResult) => number | null): Point[] =>
    rounds.flatMap((round) => {
      const loss = pick(round);
      return loss === null ? [] : [{ round: round.round, loss }];
    });
  const training = series(({ trainingLoss }) => trainingLoss);
  // the validation loss of a round is that of the model it started from: the one round r-1 made
  const validation = series(({ validationLoss }) => validationLoss).map(({ round, loss }) => ({
    round: round - 1,
    loss,
  }));
  const all = [...training, ...validation];
  if (all.length === 0) return '';
  const lastRound = Math.max(1, ...all.map(({ round }) => round));
  const top = niceCeiling(Math.max(...all.map(({ loss }) => loss)));
  const x = (round: number): number => LEFT + ((WIDTH - LEFT - RIGHT) * round) / lastRound;
  const y = (loss: number): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Math.max(0, loss) / top);
  const line = (points: readonly Point[], kind: string): string =>
    `<polyline class="line ${kind}" points="${points.map((p) => `${x(p.round).toFixed(1)},${y(p.loss).toFixed(1)}`).join(' ')}"/>`;
  const ticksY = [0, 0.25, 0.5, 0.75, 1].map((share) => share * top);
  const stepX = Math.max(1, Math.ceil(lastRound / 10));
  const ticksX = Array.from({ length: Math.floor(lastRound / stepX) + 1 }, (_, i) => i * stepX);
  const drops = rounds.filter(({ dropped }) => dropped.length > 0);
  const ends = [training.at(-1), validation.at(-1)];
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="plot-title plot-desc">
<title id="plot-title">Loss by round</title>
<desc id="plot-desc">Training loss from ${metricText(training[0]?.loss)} to ${metricText(ends[0]?.loss)}, validation loss from ${metricText(validation[0]?.loss)} to ${metricText(ends[1]?.loss)} over ${rounds.length} rounds.</desc>
${ticksY.map((t) => `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(t).toFixed(1)}" y2="${y(t).toFixed(1)}"/><text class="tick" x="${LEFT - 8}" y="${(y(t) + 4).toFixed(1)}" text-anchor="end">${metricText(t, 2)}</text>`).join('\n')}
${ticksX.map((t) => `<text class="tick" x="${x(t).toFixed(1)}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${t}</text>`).join('')}
<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 6}" text-anchor="middle">rounds completed</text>
<text class="axis" transform="translate(14 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">mean loss</text>
${drops.map(({ round }) => `<line class="drop" x1="${x(round).toFixed(1)}" x2="${x(round).toFixed(1)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`).join('')}
${line(training, 'training')}
${line(validation, 'validation')}
${validation.map((p) => `<circle class="dot validation" cx="${x(p.round).toFixed(1)}" cy="${y(p.loss).toFixed(1)}" r="2.6"/>`).join('')}
</svg>
<p class="legend"><span class="key training"></span>training loss (solid) <span class="key validation"></span>validation loss (dashed, dots)${drops.length > 0 ? ' <span class="key drop"></span>a hospital dropped out' : ''}</p>`;
}

/** The next of 1, 2, 2.5, 5 × 10^k at or above `value`. */
function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 1.5, 2, 2.5, 3, 4, 5, 7.5, 10].find((step) => step * power >= value)!;
}
