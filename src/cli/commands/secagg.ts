/** `konsil secagg`: what a cohort's secure sums withstand, how they may fail, and what their messages cost. @module */
import type { Command } from 'commander';
import { failureBits, isSparse, messageSizes, messageTotals, thresholdsFor } from '../../aggregation/index.ts';
import { KonsilError } from '../../base/index.ts';
import { humanBytes, Output } from '../output.ts';
import { wholeNumber } from './shared.ts';

interface Flags {
  readonly pods: string;
  readonly colluding?: string;
  readonly dropouts: string;
  readonly graph: string;
  readonly json?: boolean;
}

export function addSecaggCommand(program: Command): void {
  program
    .command('secagg')
    .description('thresholds, failure probabilities and message sizes of secure aggregation; refuses unsafe cohorts')
    .requiredOption('--pods <count>', 'pods in a sum')
    .option('--colluding <fraction>', 'of the pods, that collude with the coordinator (default: (n - 1)/3, or 0.1)')
    .option('--dropouts <fraction>', 'of the pods, lost between sharing and release', '0.1')
    .option('--graph <kind>', 'auto or complete', 'auto')
    .option('--json', 'one JSON value')
    .action((flags: Flags) => calculate(flags, new Output(flags.json ?? false)));
}

/** @throws KonsilError USAGE for options that are no numbers, CONFIG_INVALID for a cohort that is not safe. */
function calculate(flags: Flags, output: Output): void {
  const { graph } = flags;
  if (graph !== 'auto' && graph !== 'complete')
    throw new KonsilError('USAGE', `--graph ${graph}: expected auto or complete`);
  const pods = wholeNumber('--pods', flags.pods, 0, 1e9);
  const dropouts = fraction('--dropouts', flags.dropouts);
  const thresholds = thresholdsFor(pods, {
    ...{ graph, dropouts },
    ...(flags.colluding === undefined ? {} : { colluding: fraction('--colluding', flags.colluding) }),
  });
  const { n, k, t, colluding, signatures, minSurvivors } = thresholds;
  const bits = failureBits(thresholds, dropouts);
  const sizes = messageSizes(thresholds);
  const totals = messageTotals(sizes);
  const isComplete = !isSparse(thresholds);
  const lost = Math.ceil(dropouts * n);
  output.value({
    ...{ pods: n, graph: isComplete ? 'complete' : 'neighbours', neighbours: k, colluding, threshold: t, signatures },
    minimum: minSurvivors,
    failureBits: { secrecy: finite(bits.secrecy), liveness: finite(bits.liveness) },
    bytesPerPod: { ...sizes, ...totals },
  });
  const rows: [string, string][] = [
    ['pods', `${n}, each sharing its secrets with ${isComplete ? 'all others' : `${k} others at random`}`],
    ['colluding', `${colluding} pods may help the coordinator`],
    ['threshold', `${t} shares rebuild a secret`],
    ['signatures', `${signatures} make a list of survivors the only one`],
    ['minimum', `${minSurvivors} inputs in a sum; up to ${n - minSurvivors} pods may be lost`],
    ['secrecy', isComplete ? 'no failure of the graph' : `a draw of the graph fails with ${power(bits.secrecy)}`],
    ['liveness', isComplete ? 'no failure of the graph' : `${lost} lost pods end a sum with ${power(bits.liveness)}`],
    ['messages', `${humanBytes(totals.sent)} sent and ${humanBytes(totals.received)} received per pod`],
  ];
  for (const [name, text] of rows) output.line(`${name.padEnd(12)}${text}`);
  output.line();
  for (const [type, bytes] of Object.entries(sizes)) output.line(`${type.padEnd(12)}${String(bytes).padStart(9)} B`);
}

function fraction(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 0.5))
    throw new KonsilError('USAGE', `${name} ${text}: expected a fraction from 0 to below 0.5`);
  return value;
}

/** JSON has no infinity. */
function finite(log2: number): number | null {
  return Number.isFinite(log2) ? log2 : null;
}

function power(log2: number): string {
  return Number.isFinite(log2) ? `probability 2^${log2.toFixed(1)}` : 'probability 0';
}
