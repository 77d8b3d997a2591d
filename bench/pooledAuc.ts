/**
 * How far pooled ROC AUC and average precision are from the exact ones, and how far they say they may be, by number of
 * bins and shape of the scores. Prints the table of docs/reference/metrics.md: `npm run bench:pooled-auc`.
 * @module
 */
import { parseArgs } from 'node:util';
import { normal, type Rng, seededRng } from '../src/base/index.ts';
import { evaluateGroup, groupStatistics, pooledEvaluation, sigmoid } from '../src/metrics/index.ts';

const { values } = parseArgs({ options: { rows: { type: 'string', default: '100000' } } });
const rows = Number(values.rows);
const BINS = [64, 128, 256, 512, 1024, 2048, 4096];
const PREVALENCE = 0.1;

/** A probability for a row of this label. */
const SHAPES: Readonly<Record<string, (label: number, rng: Rng) => number>> = {
  'well separated': (label, rng) => sigmoid(4 * label - 3 + normal(rng)),
  'moderate, calibrated': (label, rng) => sigmoid(1.5 * label - 2.8 + Math.sqrt(1.5) * normal(rng)),
  uninformative: (_, rng) => sigmoid(-2.2 + 0.3 * normal(rng)),
  'overconfident, near 0 and 1': (label, rng) => sigmoid(12 * (1.5 * label - 0.9 + normal(rng))),
  'narrow, near the prevalence': (label, rng) => 0.1 + 0.01 * label + 0.01 * normal(rng),
  'discrete, steps of 0.05': (label, rng) => Math.round(20 * sigmoid(1.5 * label - 2 + normal(rng))) / 20,
};
const PROBLEM = { kind: 'binary', classes: ['no', 'yes'] } as const;
const METRICS = ['ROC AUC', 'Average Precision'] as const;

const short = (value: number): string => (value === 0 ? '0' : value.toPrecision(2));
const lines: string[] = [];
for (const [name, scoreOf] of Object.entries(SHAPES)) {
  const rng = seededRng(1, name);
  const y = Uint8Array.from({ length: rows }, () => Number(rng() < PREVALENCE));
  const p = Float64Array.from(y, (label) => Math.min(1, Math.max(0, scoreOf(label, rng))));
  const exact = evaluateGroup(PROBLEM, p, y, { resamples: 0 });
  for (const bins of BINS) {
    const start = performance.now();
    const statistics = groupStatistics(PROBLEM, p, y, { bins });
    const pooled = pooledEvaluation(PROBLEM, statistics, { bins, resamples: 0 });
    const seconds = (performance.now() - start) / 1000;
    const cells = METRICS.flatMap((metric) => {
      const { value, bound = 0 } = pooled.metrics[metric]!;
      const truth = exact.metrics[metric]!.value!;
      const error = Math.abs(value! - truth);
      if (error > bound + 1e-9) throw new Error(`${metric} of ${name} with ${bins} bins is outside of its bound`);
      return [truth.toFixed(4), short(error), short(bound)];
    });
    lines.push(`| ${[name, bins, ...cells, seconds.toFixed(3)].join(' | ')} |`);
  }
}
const head = ['scores', 'bins', 'AUC', 'error', 'bound', 'AP', 'error', 'bound', 'seconds'];
process.stdout.write(
  `${rows} rows, prevalence ${PREVALENCE}, one site.\n\n| ${head.join(' | ')} |\n|${' --- |'.repeat(head.length)}\n${lines.join('\n')}\n`,
);
