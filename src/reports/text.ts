/**
 * A run's result in a few lines for a terminal.
 * @module
 */
import { visible } from './markup.ts';
import { MAIN_METRIC } from './metric.ts';
import type { RunResult } from './result.ts';

const shown = (value: number | null | undefined): string =>
  value === null || value === undefined ? '–' : value.toFixed(4);

/** At most 25 lines. Names and reasons come from other hospitals: nothing in them can steer the terminal. */
export function renderSummary(result: RunResult): string {
  const { pooled, comparison, rounds, problem } = result;
  const metric = MAIN_METRIC[problem.kind];
  const lines = [
    `${result.status === 'complete' ? 'complete' : `aborted (${result.reason ?? 'no reason given'})`} in ${result.seconds.toFixed(1)} s: ${rounds.length} rounds, ${result.mode === 'local' ? 'a local run of one site' : `${result.cohort.filter(({ state }) => state === 'finished').length} of ${result.cohort.length} pods to the end, ${result.mode} aggregation`}`,
  ];
  const last = rounds.at(-1);
  if (last) lines.push(`training loss ${shown(rounds[0]!.trainingLoss)} → ${shown(last.trainingLoss)}`);
  if (pooled) {
    const what = result.mode === 'local' ? 'model, test rows of this site' : 'federated model, test rows of all sites';
    lines.push('', `${what.padEnd(44)} value    95 % interval`);
    for (const [name, { value, low, high }] of Object.entries(pooled))
      lines.push(
        `  ${name.padEnd(42)} ${shown(value)}   ${low === null ? '' : `${shown(low)} – ${shown(high)}`}`.trimEnd(),
      );
  }
  if (comparison) {
    lines.push('', `${metric} on the test rows of all sites`);
    const row = (name: string, value: number | null | undefined): void =>
      void lines.push(`  ${name.padEnd(42)} ${shown(value)}`);
    row('federated', comparison.federatedAllTest[metric]);
    row('all data pooled (impossible in practice)', comparison.pooledTraining.metrics[metric]);
    for (const { name, allTest } of comparison.sitesAlone) row(`${name} alone`, allTest[metric]);
  }
  const dropped = rounds.flatMap((round) =>
    round.dropped.map(({ pod, phase }) => `${pod} in ${phase} of round ${round.round}`),
  );
  if (dropped.length > 0)
    lines.push('', `dropped out: ${dropped.slice(0, 4).join('; ')}${dropped.length > 4 ? ' …' : ''}`);
  return lines.slice(0, 25).map(visible).join('\n');
}
