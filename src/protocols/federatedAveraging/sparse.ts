/**
 * What a pod does with the part of an update that is not sent, and how a choice of blocks follows from votes.
 * @module
 */
import {
  blocksToSend,
  blockVotes,
  type ClipRun,
  chooseBlocks,
  clearChosen,
  gatherChosen,
  type PodInput,
  type SummedVector,
} from '../../aggregation/index.ts';
import { isKonsilError, KonsilError } from '../../base/index.ts';
import type { SecureParameters } from '../../wire/index.ts';

/** What a task says of sparse updates, beside its model. */
interface SparseFacts {
  readonly parameters: number;
  readonly share?: number;
}

/** A pod's votes as its part in the sum of ranges; nothing when updates are sent whole. Weight 1: every pod has one vote. */
export function votesOf(
  update: Float32Array | Float64Array,
  { parameters, share }: SparseFacts,
): Pick<PodInput, 'weight' | 'update'> {
  if (share === undefined) return { weight: 0 };
  return { weight: 1, update: blockVotes(update, blocksToSend(parameters, share)) };
}

/**
 * The blocks that a sum of votes chooses; undefined when updates are sent whole.
 * @param seed - 32 fresh bytes, for ties.
 * @throws KonsilError AGG_ROUND_SPENT when honest pods cannot have voted so.
 */
export function choiceFrom(
  { mean, totalWeight }: Pick<SummedVector, 'mean' | 'totalWeight'>,
  { parameters, share }: SparseFacts,
  pods: number,
  seed: Uint8Array,
): Uint8Array | undefined {
  if (share === undefined) return undefined;
  const garbage = (cause?: KonsilError): KonsilError =>
    new KonsilError('AGG_ROUND_SPENT', 'some pod sent garbage instead of votes', {}, cause && { cause });
  if (totalWeight !== pods) throw garbage();
  try {
    return chooseBlocks(mean, blocksToSend(parameters, share), pods, seed);
  } catch (cause) {
    throw isKonsilError(cause, 'AGG_OVERFLOW') ? garbage(cause) : cause;
  }
}

/** What one round left unsent. */
interface Rest {
  readonly completed: number;
  readonly update: Float32Array;
}

/**
 * What this pod's updates have left unsent so far: error feedback. The next training starts from the round's parameters
 * with it added, and the update is the whole way from the round's parameters: what waited is in it once. (Trained from the
 * round's parameters alone, a pod would make an unsent step again in each round and send it several times over.)
 *
 * In memory only, as float32; a pod that starts again starts without. So does one that was not in the last round: others
 * may have moved what its rest was measured from, and variances of a BatchNormalization could come out below zero.
 */
export class Residual {
  #kept: Rest | null = null;
  /** Of the update that was split last, until it is known to be in a sum. */
  #next: Rest | null = null;

  /** Where training starts in a round with these `parameters`, the one after `completed` others. */
  startFrom(parameters: Float32Array, completed: number): Float32Array {
    if (this.#kept?.completed !== completed - 1) this.#kept = null;
    const kept = this.#kept?.update;
    return kept ? parameters.map((value, i) => value + kept[i]!) : parameters;
  }

  /**
   * The chosen part of `input`; the rest is remembered once {@link settle} says that it was sent. The rest is held to the
   * clips of the round like what is sent, so that waiting never makes a step larger than the task allows.
   * @throws KonsilError AGG_OVERFLOW naming the first coordinate that is not finite, sent or not.
   */
  split(input: PodInput, secure: Pick<SecureParameters, 'clip' | 'clips' | 'blocks'>, completed: number): PodInput {
    const { update, ...beside } = input;
    if (!secure.blocks || !update) return input;
    const rest = Float32Array.from(update);
    const broken = rest.findIndex((value) => !Number.isFinite(value));
    if (broken >= 0)
      throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${broken}`, { index: broken });
    const chosen = gatherChosen(rest, secure.blocks);
    clearChosen(rest, secure.blocks);
    clipTo(rest, secure.clips ?? [{ length: rest.length, clip: secure.clip }]);
    this.#next = { completed, update: rest };
    return { ...beside, update: chosen };
  }

  /** The last update that was split is in a sum. */
  settle(): void {
    this.#kept = this.#next ?? this.#kept;
    this.#next = null;
  }
}

function clipTo(update: Float32Array, clips: readonly ClipRun[]): void {
  let at = 0;
  for (const { length, clip } of clips)
    for (const end = at + length; at < end; at++) update[at] = Math.max(-clip, Math.min(clip, update[at]!));
}
