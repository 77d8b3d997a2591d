/**
 * One federation in memory with something going wrong in it, and whether what came of it is right: the model that a replay
 * gives, or an abort that says what was missing.
 * @module
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { partition } from '../../sim/data/partition.ts';
import { parseScenario, type VariantResult } from '../../sim/index.ts';
import { SharedTrainers, TrainerThreads } from '../../sim/memory/trainers.ts';
import { MemoryWorld } from '../../sim/memory/world.ts';
import { play, type World } from '../../sim/play.ts';
import { prepare, scratchFolder, tableOf } from '../../sim/prepare.ts';
import { VirtualClock } from '../../sim/virtualClock.ts';
import { ERROR_CODES, messageOf } from '../../src/base/index.ts';
import type { RunEvent, RunOutcome } from '../../src/coordinator/index.ts';
import { readRun } from '../../src/coordinator/interruptedRuns.ts';
import { Replay } from './replay.ts';

/** Simulated time by which every run has to be over, whatever happens to it. */
const MOST_SIMULATED_MS = 12 * 3_600_000;
/** Real time after which a run counts as hanging, even on a machine with a lot else to do. */
const MOST_REAL_MS = 120_000;

/** Of all runs of a test file: most train the same model. */
const threads = new TrainerThreads(1);
export const closeThreads = (): Promise<void> => threads.close();

/** What came of a run. */
export interface Verdict {
  /** `complete`, or `aborted` and the error code. */
  readonly ending: string;
  readonly reason: string;
  readonly rounds: number;
  readonly roundsLost: number;
  /** How often the coordinator went on with the run. */
  readonly resumed: number;
  /** Faults that had begun by the end. */
  readonly faults: number;
  /** What must not be; empty when the run is right. */
  readonly problems: readonly string[];
}

/** Runs a scenario, given as the object that its file would be, and looks at everything that it leaves behind. */
export async function playScenario(file: object): Promise<Verdict> {
  const scenario = parseScenario(JSON.stringify(file), 'plan.yaml');
  const table = await tableOf(scenario);
  const sites = partition(table, scenario.partition, scenario.pods, scenario.seed);
  const folder = mkdtempSync(join(scratchFolder(), 'konsil-faults-'));
  const replay = new Replay();
  const problems: string[] = [];
  const stray = (error: unknown): void => void problems.push(`unhandled rejection: ${messageOf(error)}`);
  process.on('unhandledRejection', stray);
  const abort = new AbortController();
  const hangs = (how: string) => (): void => {
    problems.push(`hangs: not over after ${how}`);
    abort.abort();
  };
  const timer = setTimeout(hangs(`${MOST_REAL_MS} ms`), MOST_REAL_MS);
  let resumed = 0;
  const see = (event: RunEvent): void => {
    if (event.type === 'resumed') resumed++;
    replay.see(event);
  };
  const trainers = new SharedTrainers(new VirtualClock(), threads);
  try {
    const prepared = prepare(scenario, scenario.variants[0]!, sites, folder, table);
    const onTrained = (pod: string, start: Float32Array): void => replay.trained(pod, start);
    const world = await MemoryWorld.open({ ...prepared, onTrained, threads, journal: true });
    const cancel = world.clock.after(MOST_SIMULATED_MS, hangs(`${MOST_SIMULATED_MS} simulated ms`));
    // what follows the run takes no time that counts
    const timed: World = {
      clock: world.clock,
      begin: (fault) => world.begin(fault),
      run: (...args) => world.run(...args).finally(cancel),
      close: () => world.close(),
    };
    const onEvent = (told: { type: string; event?: RunEvent }): void => told.event && see(told.event);
    const { result, outcome } = await play(prepared, timed, { signal: abort.signal, onEvent });
    problems.push(...result.checks.filter(isInvariant).map(({ name, detail }) => `not so: ${name}: ${detail}`));
    problems.push(...(await replay.check(outcome, sites, trainers.opener('reference'))));
    problems.push(...recordProblems(outcome), ...(outcome.status === 'aborted' ? abortProblems(outcome) : []));
    if (outcome.status === 'complete' && outcome.rounds.length + result.roundsLost !== scenario.rounds)
      problems.push(`${outcome.rounds.length} rounds and ${result.roundsLost} lost ones are not ${scenario.rounds}`);
    return {
      ending: outcome.error ? `aborted ${outcome.error.code}` : outcome.status,
      ...{ reason: outcome.reason, rounds: outcome.rounds.length, roundsLost: result.roundsLost, resumed, problems },
      faults: result.faults.filter(({ what }) => what === 'begins').length,
    };
  } finally {
    clearTimeout(timer);
    process.off('unhandledRejection', stray);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How the run ended is judged here, not by the scenario. */
const isInvariant = ({ name, passed }: VariantResult['checks'][number]): boolean =>
  !passed && !name.startsWith('status is');

/** Codes that an operator can act on when others are gone; anything else is a fault of the program. */
const EXPLAINED: ReadonlySet<string> = new Set([
  ...['COHORT_TOO_SMALL', 'AGG_TOO_FEW_SURVIVORS', 'AGG_ROUND_SPENT', 'RUN_ABORTED', 'BROKER_UNREACHABLE'],
]);

/** An abort names what was missing, and keeps what there was. */
function abortProblems({ error, reason, rounds, modelFile }: RunOutcome): string[] {
  const problems: string[] = [];
  if (!error || !Object.hasOwn(ERROR_CODES, error.code) || !EXPLAINED.has(error.code))
    problems.push(`aborted with ${error?.code ?? 'no code'}: ${reason}`);
  if (!/\d+ (?:of \d+ )?(?:usable )?(?:pods|updates|attempts|rounds)|broker|site-\d+|shares were released/.test(reason))
    problems.push(`does not say what was missing: ${reason}`);
  if (rounds.length > 0 && (modelFile === null || !existsSync(modelFile)))
    problems.push(`${rounds.length} rounds are done, and their model is gone`);
  return problems;
}

/** The journal and the events on disk tell the same end as the result. */
function recordProblems({ status, reason, folder }: RunOutcome): string[] {
  const problems: string[] = [];
  const journal = readRun(folder);
  if (journal.status !== status || journal.reason !== reason)
    problems.push(`the journal says ${journal.status} (${journal.reason}), the result ${status} (${reason})`);
  const last = readFileSync(join(folder, 'events.jsonl'), 'utf8').trimEnd().split('\n').at(-1)!;
  const event = JSON.parse(last) as { type: string; status?: string };
  if (event.type !== 'finished' || event.status !== status) problems.push(`the last event is ${last}`);
  return problems;
}
