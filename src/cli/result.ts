/**
 * From a run's outcome to result.json: the one record the report, the summary and machines read.
 * @module
 */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { thresholdsFor, wireBytes } from '../aggregation/index.ts';
import { toHex } from '../base/index.ts';
import { fingerprintOf, type RunOutcome } from '../coordinator/index.ts';
import { sha256 } from '../crypto/index.ts';
import { problemOf, targetsOf } from '../datasources/index.ts';
import { exactSums, hasRanges, modelLength, plainBytes, type SumFacts, sumSpec } from '../protocols/index.ts';
import type { Comparison, RunResult } from '../reports/index.ts';
import { type LocalTask, quantisationOf } from '../tasks/index.ts';
import type { Purpose } from '../wire/index.ts';
import { VERSION } from './package.ts';
import { titleOf } from './title.ts';

/** The result record of a run. */
export function resultOf(task: LocalTask, outcome: RunOutcome, comparison: Comparison | null): RunResult {
  const { resolved, facts, modelFile, secure, members, rounds, error } = outcome;
  const { kind, classes } = problemOf(task.dataStructure);
  const parameters = facts ? modelLength(facts) : 0;
  const traffic = new Map(members.map((member) => [member.name, outcome.trafficOf(member)]));
  const { training, protocol } = task;
  const { local } = outcome;
  const secret = secure !== null;
  const { scaleQuantile: _, ...quantisation } = quantisationOf(task.aggregator);
  const sizeOf = (purpose: Purpose): number => {
    if (!facts) return 0;
    const spec = sumSpec(purpose, facts, secure ?? exactSums(task.pods.length));
    return secret ? wireBytes(spec) : plainBytes(spec);
  };
  const thresholds = secure && thresholdsFor(Math.max(3, members.length), task.aggregator.cohort ?? {});
  return {
    format: 'konsil-result-v1',
    run: outcome.run,
    title: titleOf(task.local.file),
    status: outcome.status,
    ...(error ? { reason: outcome.reason } : {}),
    startedAt: outcome.startedAt.toISOString(),
    seconds: outcome.seconds,
    ...(outcome.interruptions && { interruptions: outcome.interruptions }),
    mode: local ? 'local' : task.aggregator.secure ? 'secure' : 'plain',
    ...(secure && thresholds
      ? {
          secure: {
            threshold: thresholds.t,
            colluding: thresholds.colluding,
            minimum: secure.minimum,
            clip: secure.clip,
            bound: secure.bound,
            ...quantisation,
          },
        }
      : {}),
    problem: { kind, target: targetsOf(task.dataStructure).join(', '), classes: [...classes] },
    features: facts?.features ?? 0,
    model: {
      source: resolved?.source ?? '',
      file: modelFile === null ? null : relative(outcome.folder, modelFile),
      parameters,
      float32Bytes: 4 * parameters,
      sha256: modelFile === null ? null : toHex(sha256(new Uint8Array(readFileSync(modelFile)))),
    },
    training: {
      optimizer: training.optimizer,
      'learning rate': training.learningRate,
      'batch size': training.batchSize,
      ...(training.schedule && { schedule: training.schedule.kind }),
      loss: training.loss,
      ...(training.proximalMu !== undefined && { 'proximal mu': training.proximalMu }),
      ...(task.aggregator.strategy && { strategy: strategyText(task.aggregator.strategy) }),
      [training.unit]: training.total,
      [`${training.unit} between updates`]: protocol.interval,
      seed: training.seed,
      ...(local && { device: local.device, threads: local.threads }),
    },
    cohort: local
      ? [ownData(local)]
      : members.map((member) => ({
          name: member.name,
          dataset: member.dataset,
          fingerprint: fingerprintOf(member),
          state: member.state === 'active' || member.state === 'invited' ? 'lost' : member.state,
          ...(member.reason ? { reason: member.reason } : {}),
          // what the pod sent is what this side received
          sentBytes: traffic.get(member.name)!.receivedBytes,
          receivedBytes: traffic.get(member.name)!.sentBytes,
        })),
    ...(outcome.privacy && {
      differentialPrivacy: { ...outcome.privacy, notCovered: NOT_COVERED },
    }),
    rounds: rounds.map((round) => ({ ...round, survivors: [...round.survivors], dropped: [...round.dropped] })),
    ...(outcome.result && { agreement: { ...outcome.result, confirmedBy: [...outcome.result.confirmedBy] } }),
    pooled: outcome.pooled,
    ...(outcome.evaluated && { evaluated: outcome.evaluated }),
    sites: outcome.sites.map((site) => ({ ...site })),
    ...(comparison ? { comparison } : {}),
    privacy: {
      whatLeft: local
        ? []
        : [
            {
              what: 'Names and kinds of the columns, once',
              to: 'coordinator',
              // measured from the task: what the schema holds is the column names with a few bytes each
              bytes: 0,
              visibleTo: 'the coordinator',
            },
            {
              what: secret
                ? 'Masked counts, sums and squares of each feature, once'
                : 'Counts, sums and squares of each feature, once',
              to: 'coordinator',
              bytes: sizeOf('statistics'),
              visibleTo: secret ? 'nobody alone; the coordinator learns the sum over all sites' : 'the coordinator',
            },
            ...(secret && facts && hasRanges(facts) ? [{ ...rangeStatement(facts), bytes: sizeOf('range') }] : []),
            {
              what: `${secret ? 'Masked model' : 'Model'} update${besideUpdate(facts)}, sample count and losses, each round`,
              to: 'coordinator',
              bytes: sizeOf('update'),
              visibleTo: secret ? 'nobody alone; the coordinator learns the weighted sum' : 'the coordinator',
            },
            {
              what: secret
                ? 'Masked score histogram and counts of the test rows, once'
                : 'Score histogram and counts of the test rows, once',
              to: 'coordinator',
              bytes: sizeOf('evaluation'),
              visibleTo: secret ? 'nobody alone; the coordinator learns the sum' : 'the coordinator',
            },
            {
              what: 'A signature that says which final parameters the site was given, once',
              to: 'coordinator and the other sites',
              bytes: outcome.result ? 64 : 0,
              visibleTo: 'all of them',
            },
            {
              what: "The site's own test metrics, only where the site allows it",
              to: 'coordinator',
              bytes: outcome.sites.length > 0 ? 256 : 0,
              visibleTo: outcome.sites.length > 0 ? 'the coordinator' : 'nobody: no site shared them',
            },
          ],
    },
    machine: { cores: availableParallelism(), node: process.version, platform: `${process.platform} ${process.arch}` },
    konsil: VERSION,
  };
}

/** A strategy with its arguments, as `FedAdam, beta1 0.9, tau 0.001`. */
function strategyText({ name, ...given }: NonNullable<LocalTask['aggregator']['strategy']>): string {
  const inWords = (key: string): string => key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return [name, ...Object.entries(given).map(([key, value]) => `${inWords(key)} ${value}`)].join(', ');
}

/** What the strategy sums with the update. */
function besideUpdate(facts: SumFacts | null): string {
  if (facts?.controls) return ', change of the control variate';
  return facts?.isNormalised ? ', number of training steps' : '';
}

/** What the sum before each update told, and to whom. */
function rangeStatement({ stretches = [], share }: SumFacts): { what: string; to: string; visibleTo: string } {
  const ranges = stretches.length > 0;
  const votes = share !== undefined;
  const what = [
    ...(ranges ? ['ranges of the update, as powers of two'] : []),
    ...(votes ? ['votes for its blocks'] : []),
  ];
  const told = [...(ranges ? ['need which power of two'] : []), ...(votes ? ['voted for which block'] : [])];
  return {
    what: `Masked ${what.join(', and ')}, before each round`,
    to: 'coordinator',
    visibleTo: `nobody alone; the coordinator learns how many sites ${told.join(' and ')}`,
  };
}

/** Sums that go out without noise, whatever the task says. */
const NOT_COVERED = [
  'counts, sums and squares of the features, which standardisation needs',
  'training and validation losses and counts of each round',
  'counts and sums of the final evaluation',
  'which sites took part',
];

/** The one site of a local run, from which nothing went anywhere. */
function ownData({ site, dataset }: NonNullable<RunOutcome['local']>): RunResult['cohort'][number] {
  return { name: site, dataset, fingerprint: '', state: 'finished', sentBytes: 0, receivedBytes: 0 };
}
