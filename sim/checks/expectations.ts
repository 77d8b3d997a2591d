/**
 * Whether a run ended as its scenario says it must.
 * @module
 */
import type { Check, VariantResult } from '../result.ts';
import type { Expectations } from '../scenario/schema.ts';

type Ended = Pick<VariantResult, 'status' | 'code' | 'reason' | 'rounds' | 'metrics' | 'roundsLost'>;

/** One check for each thing that is expected. */
export function checkExpectations(expected: Expectations, result: Ended): Check[] {
  const { status, code, metrics = {}, rounds_lost_at_most } = expected;
  const { rounds, roundsLost } = result;
  const checks: Check[] = [
    {
      name: `status is ${status}`,
      passed: result.status === status,
      detail: result.status === status ? result.reason : `${result.status}: ${result.reason}`,
    },
  ];
  if (code !== undefined)
    checks.push({ name: `code is ${code}`, passed: result.code === code, detail: result.code ?? 'no error' });
  if (rounds_lost_at_most !== undefined)
    checks.push({
      name: `rounds lost at most ${rounds_lost_at_most}`,
      passed: roundsLost <= rounds_lost_at_most,
      detail: `${roundsLost} lost, ${rounds.length} completed`,
    });
  for (const [name, { at_least = Number.NEGATIVE_INFINITY, at_most = Number.POSITIVE_INFINITY }] of Object.entries(
    metrics,
  )) {
    const value = metricOf(name, result);
    const limits = [
      ...(at_least > Number.NEGATIVE_INFINITY ? [`at least ${at_least}`] : []),
      ...(at_most < Number.POSITIVE_INFINITY ? [`at most ${at_most}`] : []),
    ];
    const known = Object.keys(result.metrics).join(', ') || 'none';
    checks.push({
      name: `${name} is ${limits.join(' and ')}`,
      passed: typeof value === 'number' && value >= at_least && value <= at_most,
      detail: value === undefined ? `no such metric; there are ${known}` : value === null ? 'undefined' : String(value),
    });
  }
  return checks;
}

function metricOf(name: string, { metrics, rounds }: Ended): number | null | undefined {
  if (name === 'training loss') return rounds.at(-1)?.trainingLoss;
  if (name === 'validation loss') return rounds.at(-1)?.validationLoss;
  return Object.hasOwn(metrics, name) ? metrics[name]!.value : undefined;
}
