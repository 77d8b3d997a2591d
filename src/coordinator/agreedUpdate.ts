/**
 * What the pods agree on before each update, where the task asks for it: clips of its stretches and the blocks of it that
 * are sent, by one small secure sum.
 * @module
 */
import { blockCount, blocksToSend } from '../aggregation/index.ts';
import { randomBytes, SECRET_BYTES } from '../crypto/index.ts';
import { choiceFrom, clipsOf, exactSums, hasRanges, type SumFacts } from '../protocols/index.ts';
import { quantisationOf, type Task } from '../tasks/index.ts';
import type { SecureParameters } from '../wire/index.ts';
import type { Aggregation } from './aggregation.ts';
import type { RunEvent } from './events.ts';

/** What an agreement needs. */
export interface UpdateAgreement {
  readonly task: Pick<Task, 'aggregator' | 'pods'>;
  readonly facts: SumFacts;
  /** Parameters of all the task's updates. */
  readonly secure: SecureParameters;
  /** Update rounds so far. */
  readonly completed: number;
  /** Runs the sum of ranges and votes. */
  readonly sumRanges: (ranges: SecureParameters) => Promise<Aggregation>;
  readonly emit: (event: RunEvent) => void;
}

/**
 * The public parameters of the update after `completed` rounds.
 * @throws KonsilError AGG_ROUND_SPENT when some pod sent garbage; what `sumRanges` throws.
 */
export async function agreeOnUpdate(agreement: UpdateAgreement): Promise<SecureParameters> {
  const { task, facts, secure, completed, sumRanges, emit } = agreement;
  const { parameters, share } = facts;
  const rotation = quantisationOf(task.aggregator).rotation ? { rotation: randomBytes(SECRET_BYTES) } : {};
  if (!hasRanges(facts)) return { ...secure, ...rotation };
  const { sum, survivors } = await sumRanges({ ...exactSums(task.pods.length), ...rotation });
  const clips = [...clipsOf(sum, task, facts, survivors.length)];
  const blocks = choiceFrom(sum, facts, survivors.length, randomBytes(SECRET_BYTES));
  const bounds = clips.map(({ clip }) => clip);
  if (clips.length > 0) emit({ type: 'scale', completed, least: Math.min(...bounds), most: Math.max(...bounds) });
  if (share !== undefined)
    emit({ type: 'blocks', completed, chosen: blocksToSend(parameters, share), of: blockCount(parameters) });
  return { ...secure, ...rotation, ...(clips.length > 0 && { clips }), ...(blocks && { blocks }) };
}
