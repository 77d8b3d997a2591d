/**
 * A task that asks as sums over its pods, one after another, at the modeller.
 * @module
 */
import { utf8 } from '../base/index.ts';
import type { Identity, MaskPool } from '../crypto/index.ts';
import { type AnalysisAnswer, analysisPlan, exactSums, type StepSum, stepSums } from '../protocols/index.ts';
import type { Analysis } from '../tasks/index.ts';
import type { Blobs, Clock } from '../transport/index.ts';
import { Aggregator } from './aggregate.ts';
import type { AnalysisSteps } from './analysisSteps.ts';
import type { Evaluation } from './evaluation.ts';
import type { RunEvent } from './events.ts';
import type { Members } from './members.ts';
import type { Transcripts } from './transcript.ts';

export interface AnalysisSumsOptions {
  readonly runId: string;
  readonly task: Analysis;
  /** As it was sent. */
  readonly taskJson: string;
  /** Of the model that came with it; empty for a task without one. */
  readonly modelId: string;
  /** Pods without which there is no sum. */
  readonly minimum: number;
  readonly identity: Identity;
  readonly members: Members;
  readonly blobs: Blobs;
  readonly clock: Clock;
  readonly pool: MaskPool;
  readonly signal: AbortSignal;
  readonly emit: (event: RunEvent) => void;
  readonly transcripts: Transcripts | null;
  /** Of a task that evaluates models. */
  readonly evaluation: Evaluation | null;
}

/** One sum that came about. */
export interface Summed {
  /** Pods in it. */
  readonly survivors: readonly string[];
  /** Bytes of a pod's part of it. */
  readonly bytes: number;
}

/**
 * What the sums say.
 * @param onSum - Told of each: what was found before a failure is known.
 * @throws KonsilError COHORT_TOO_SMALL, CANCELLED, or as the sums do.
 */
export async function addUp(
  options: AnalysisSumsOptions,
  steps: AnalysisSteps,
  onSum: (summed: Summed) => void,
): Promise<AnalysisAnswer> {
  const { task, taskJson, modelId, evaluation, transcripts, emit, ...parts } = options;
  const plan = analysisPlan(task.algorithm);
  const sums: StepSum[] = [];
  let pods = 0;
  for (let step = 0; step < plan.steps; step++) {
    if (evaluation?.has(step) === false) continue;
    const given = plan.given(step, sums);
    if (evaluation) steps.forgetTimes();
    const facts = evaluation ? evaluation.model(step) : given === null ? undefined : utf8(JSON.stringify(given));
    const parameters = facts && steps.offer(facts);
    const aggregator = new Aggregator({
      ...{ ...parts, task, taskJson, modelId, sums: stepSums(plan.layout(step, given)) },
      ...{ deadlines: steps.deadlines, journal: null, emit },
      ...(transcripts && { transcript: (session, agreedOn) => transcripts.open(session, agreedOn) }),
    });
    const said = steps.listen(step);
    const found = await aggregator
      .run({
        ...{ purpose: 'analysis', round: step, completed: step },
        ...(parameters && { parameters }),
        ...(task.aggregator.secure && { secure: exactSums(task.pods.length) }),
      })
      .finally(said.stop);
    await evaluation?.takeAll(steps, said.answers);
    if (parameters) steps.withdraw(parameters);
    sums.push(found.sum);
    pods = found.survivors.length;
    onSum({ survivors: found.survivors, bytes: found.vectorBytes });
  }
  return plan.answer(sums, pods);
}
