/**
 * Updates of which only some blocks travel: each pod votes for the blocks that it changed most, and the blocks with most
 * votes are what all of them send. The votes are summed under masks, so that nobody's are seen. A choice is a bitmap: bit
 * k mod 8 of byte ⌊k/8⌋ is block k.
 * @source top-k with error feedback as in Stich et al., "Sparsified SGD with memory" (NeurIPS 2018); that pods agree on
 *   the coordinates, so that masks still cancel, and by which vote, is own.
 * @module
 */
import { createCipheriv } from 'node:crypto';
import { KonsilError } from '../base/index.ts';
import { hkdf } from '../crypto/index.ts';
import type { ClipRun } from './vectorSpec.ts';

/** Parameters of a block; the last one may be shorter. A vote a block is then a small part of what is not sent. */
export const SPARSE_BLOCK = 64;
const SEED_BYTES = 32;
const LABEL = 'konsil/sparse/ties/v1';

/** Blocks of `length` parameters. */
export function blockCount(length: number): number {
  return Math.ceil(length / SPARSE_BLOCK);
}

/** How many of the blocks of `length` parameters are sent: `share` of them, rounded up. @param share in (0, 1]. */
export function blocksToSend(length: number, share: number): number {
  if (!(share > 0 && share <= 1)) throw new RangeError(`share must be in (0, 1], got ${share}`);
  // 0.1·30 is 3.0000000000000004 in floats, which is not four blocks
  return Math.max(1, Math.ceil(share * blockCount(length) - 1e-9));
}

/** One pod's votes. */
export type Votes = Float32Array;

/**
 * Votes for the `take` blocks of largest L2 norm: 1 for each, else 0. What a block loses by not being sent is the square
 * of its norm, and these lose the least. A pod's weight would scale all its blocks alike and change no vote. A block
 * without any change gets none, so the votes may be fewer.
 * @throws KonsilError AGG_OVERFLOW naming the first NaN or infinite coordinate.
 */
export function blockVotes(update: Float32Array | Float64Array, take: number): Votes {
  const energies = new Float64Array(blockCount(update.length));
  for (let i = 0; i < update.length; i++) {
    const x = update[i]!;
    if (!Number.isFinite(x)) throw new KonsilError('AGG_OVERFLOW', `update is not finite at index ${i}`, { index: i });
    energies[Math.floor(i / SPARSE_BLOCK)]! += x * x;
  }
  const votes = new Float32Array(energies.length);
  for (const block of largest(energies, take)) if (energies[block]! > 0) votes[block] = 1;
  return votes;
}

/** Indices of the `take` largest numbers, ascending; among equal ones the first. */
function largest(numbers: Float64Array, take: number): number[] {
  if (take >= numbers.length) return Array.from(numbers.keys());
  const least = numbers.toSorted()[numbers.length - take]!;
  let spare = take - numbers.reduce((count, x) => count + Number(x > least), 0);
  const taken: number[] = [];
  numbers.forEach((x, i) => {
    if (x > least || (x === least && spare-- > 0)) taken.push(i);
  });
  return taken;
}

/**
 * Smallest width in which the votes of `cohort` pods add up: 8 bits for 63 pods, 9 for 127.
 * @source the condition of `quantiseLevels`, 2^(b−1) ≥ 2N + 1.
 */
export function voteBits(cohort: number): number {
  return Math.max(8, 1 + Math.ceil(Math.log2(2 * cohort + 1)));
}

/**
 * The choice of the `take` blocks with most votes. Ties go by numbers drawn from `seed`, fresh in every round: by
 * position, some blocks would never be sent.
 * @param mean - Votes over pods, as a sum of votes with weight 1 gives it.
 * @throws KonsilError AGG_OVERFLOW when these are not the votes of `pods` pods: some pod sent garbage.
 */
export function chooseBlocks(mean: ArrayLike<number>, take: number, pods: number, seed: Uint8Array): Uint8Array {
  const votes = Float64Array.from(mean, (share) => Math.round(share * pods));
  const isCount = (count: number, block: number): boolean =>
    count >= 0 && count <= pods && Math.abs(count - mean[block]! * pods) < 1e-6;
  const total = votes.reduce((sum, count) => sum + count, 0);
  if (!votes.every(isCount) || total > take * pods)
    throw new KonsilError('AGG_OVERFLOW', `votes for blocks do not come from ${pods} pods`);
  const ties = tieBreakers(seed, votes.length);
  return choiceOf(
    largest(
      votes.map((count, block) => count * 2 ** 32 + ties[block]!),
      take,
    ),
    votes.length,
  );
}

function tieBreakers(seed: Uint8Array, count: number): Uint32Array {
  if (seed.length !== SEED_BYTES) throw new RangeError(`a seed has ${SEED_BYTES} bytes, got ${seed.length}`);
  const cipher = createCipheriv('aes-256-ctr', hkdf(seed, new Uint8Array(0), LABEL, 32), new Uint8Array(16));
  return new Uint32Array(new Uint8Array(cipher.update(new Uint8Array(4 * count))).buffer);
}

/** The bitmap of `chosen` among `blocks` blocks. */
export function choiceOf(chosen: readonly number[], blocks: number): Uint8Array {
  const choice = new Uint8Array(Math.ceil(blocks / 8));
  for (const block of chosen) choice[block >>> 3]! |= 1 << (block & 7);
  return choice;
}

/** The stretches of `length` parameters that a choice names, in order. */
function* chosenStretches(choice: Uint8Array, length: number): Generator<readonly [from: number, to: number]> {
  const blocks = blockCount(length);
  for (let block = 0; block < blocks; block++)
    if ((choice[block >>> 3]! >>> (block & 7)) & 1)
      yield [block * SPARSE_BLOCK, Math.min((block + 1) * SPARSE_BLOCK, length)];
}

/** @throws KonsilError PROTOCOL_VIOLATION unless `choice` names exactly `take` of the blocks of `length` parameters. */
export function checkChoice(choice: Uint8Array, length: number, take: number): void {
  const blocks = blockCount(length);
  const isWhole = choice.length === Math.ceil(blocks / 8);
  const beyond = blocks % 8 === 0 ? 0 : choice.at(-1)! >>> (blocks % 8);
  if (!isWhole || beyond !== 0)
    throw new KonsilError('PROTOCOL_VIOLATION', `the chosen blocks are not a choice among ${blocks}`);
  const chosen = Array.from(chosenStretches(choice, length)).length;
  if (chosen !== take)
    throw new KonsilError('PROTOCOL_VIOLATION', `${chosen} of ${blocks} blocks are chosen, expected ${take}`);
}

/** How many of `length` parameters a choice names. */
export function chosenLength(choice: Uint8Array, length: number): number {
  let sum = 0;
  for (const [from, to] of chosenStretches(choice, length)) sum += to - from;
  return sum;
}

/** The chosen parameters one after another, a copy. */
export function gatherChosen(update: Float32Array, choice: Uint8Array): Float32Array {
  const gathered = new Float32Array(chosenLength(choice, update.length));
  let at = 0;
  for (const [from, to] of chosenStretches(choice, update.length)) {
    gathered.set(update.subarray(from, to), at);
    at += to - from;
  }
  return gathered;
}

/** Inverse of {@link gatherChosen} for `length` parameters; the others are 0. */
export function scatterChosen(gathered: Float64Array, choice: Uint8Array, length: number): Float64Array {
  const update = new Float64Array(length);
  let at = 0;
  for (const [from, to] of chosenStretches(choice, length)) {
    update.set(gathered.subarray(at, at + to - from), from);
    at += to - from;
  }
  return update;
}

/** `update` without the chosen parameters, which become 0, in place. */
export function clearChosen(update: Float32Array, choice: Uint8Array): void {
  for (const [from, to] of chosenStretches(choice, update.length)) update.fill(0, from, to);
}

/**
 * Clips of the chosen parameters from those of all; neighbours with one clip are merged.
 * @throws KonsilError PROTOCOL_VIOLATION when the clips do not cover `length` parameters.
 */
export function chosenClips(clips: readonly ClipRun[], choice: Uint8Array, length: number): ClipRun[] {
  if (clips.reduce((sum, run) => sum + run.length, 0) !== length)
    throw new KonsilError('PROTOCOL_VIOLATION', `clips must cover the ${length} parameters`);
  const chosen: { length: number; clip: number }[] = [];
  let run = 0;
  let end = clips[0]?.length ?? 0;
  for (const [from, to] of chosenStretches(choice, length))
    for (let at = from; at < to; ) {
      while (at >= end) end += clips[++run]!.length;
      const { clip } = clips[run]!;
      const taken = Math.min(to, end) - at;
      const last = chosen.at(-1);
      if (last?.clip === clip) last.length += taken;
      else chosen.push({ length: taken, clip });
      at += taken;
    }
  return chosen;
}
