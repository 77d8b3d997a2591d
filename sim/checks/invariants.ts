/**
 * What must be true of every run, whatever happens to it.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Check, VariantResult } from '../result.ts';

/** What a run left behind. */
export interface RunTraces {
  readonly pods: readonly string[];
  readonly minimum: number;
  readonly rounds: number;
  readonly parameters: Float32Array | null;
  /** Folder with a folder `state/<pod>` for each. */
  readonly folder: string;
}

/** Every invariant, passed or not. */
export function checkInvariants(result: Pick<VariantResult, 'rounds' | 'secure'>, traces: RunTraces): Check[] {
  const { rounds, secure } = result;
  return [
    verdict('every sum is over at least the minimum and at most the cohort', outOfCohort(rounds, traces)),
    verdict('every completed round is counted once', miscounted(rounds, traces.rounds)),
    verdict('final parameters are finite', traces.parameters?.every(Number.isFinite) === false ? ['they are not'] : []),
    ...(secure ? journalChecks(traces) : []),
  ];
}

function verdict(name: string, problems: readonly string[]): Check {
  const more = problems.length > 3 ? ` and ${problems.length - 3} more` : '';
  const detail = problems.length === 0 ? 'holds' : problems.slice(0, 3).join('; ') + more;
  return { name, passed: problems.length === 0, detail };
}

function outOfCohort(rounds: VariantResult['rounds'], { pods, minimum }: RunTraces): string[] {
  const known = new Set(pods);
  return rounds.flatMap(({ round, survivors }) => [
    ...(survivors.length < minimum ? [`round ${round} has ${survivors.length} survivors, minimum ${minimum}`] : []),
    ...(new Set(survivors).size !== survivors.length ? [`round ${round} counts a pod twice`] : []),
    ...survivors.filter((pod) => !known.has(pod)).map((pod) => `round ${round} has ${pod}, which is not in the cohort`),
  ]);
}

function miscounted(rounds: VariantResult['rounds'], planned: number): string[] {
  return rounds.flatMap(({ round }, i) => [
    ...(round > planned ? [`round ${round} of ${planned}`] : []),
    ...(i > 0 && round <= rounds[i - 1]!.round ? [`round ${round} after round ${rounds[i - 1]!.round}`] : []),
  ]);
}

/** A line of a pod's journal of sums. */
interface SumLine {
  readonly fact: string;
  readonly run: string;
  readonly round: number;
  readonly attempt: number;
  readonly stage: string;
  readonly survivors: readonly string[];
}

/** From the pods' own journals: what they have signed and released, on their disks before it was sent. */
function journalChecks({ pods, folder, minimum }: RunTraces): Check[] {
  const signedTwice: string[] = [];
  const releasedTwice: string[] = [];
  const different: string[] = [];
  const tooFew: string[] = [];
  const releasedIn = new Map<string, Map<string, string>>();
  for (const pod of pods) {
    const signed = new Map<string, Set<string>>();
    const released = new Map<string, number>();
    for (const { run, round, attempt, stage, survivors } of journalOf(join(folder, 'state', pod, 'sums.jsonl'))) {
      const set = survivors.join();
      if (stage === 'signed' || stage === 'released') {
        const key = `sum ${round}, attempt ${attempt}\n${run}`;
        signed.set(key, (signed.get(key) ?? new Set()).add(set));
        if (survivors.length < minimum) tooFew.push(`${pod} ${stage} for ${survivors.length} in round ${round}`);
      }
      if (stage !== 'released') continue;
      const key = `sum ${round}\n${run}`;
      released.set(key, (released.get(key) ?? 0) + 1);
      const others = releasedIn.get(key) ?? new Map<string, string>();
      releasedIn.set(key, others.set(set, pod));
    }
    for (const [key, sets] of signed) if (sets.size > 1) signedTwice.push(`${pod} in ${shortKey(key)}`);
    for (const [key, times] of released) if (times > 1) releasedTwice.push(`${pod} in ${shortKey(key)}`);
  }
  for (const [key, sets] of releasedIn)
    if (sets.size > 1) different.push(`${[...sets.values()].join(' and ')} in ${shortKey(key)}`);
  return [
    verdict('no pod signed two survivor sets in one attempt', signedTwice),
    verdict('no pod released shares twice in a round', releasedTwice),
    verdict('no two pods released shares for different survivors of one round', different),
    verdict('no pod signed or released for fewer than the minimum', tooFew),
  ];
}

/** Without the run's name, which is the same for all. */
const shortKey = (key: string): string => key.split('\n')[0]!;

function journalOf(file: string): SumLine[] {
  if (!existsSync(file)) return []; // never took part
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as SumLine).filter(({ fact }) => fact === 'sum');
}
