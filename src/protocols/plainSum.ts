/**
 * Aggregation without masks: a pod's input as bytes (update as float32, the rest as float64), and the sum over pods.
 * The coordinator sees each input; tasks use it only when they switch secure aggregation off and the site allows it.
 * @module
 */
import type { Aggregate, PodInput, SummedVector, VectorSpec } from '../aggregation/index.ts';
import { bytesOf, concatBytes, float32Of, KonsilError } from '../base/index.ts';

/** Bytes of `input`: update (4 each), then weight, extras and counts in the order of `spec` (8 each). */
export function encodePlain(input: PodInput, spec: VectorSpec): Uint8Array {
  const tail = Float64Array.of(
    input.weight,
    ...spec.extras.map((name) => input.extras[name]!),
    ...spec.counts.map((name) => input.counts[name]!),
  );
  return concatBytes(bytesOf(Float32Array.from(input.update ?? [])), bytesOf(tail));
}

/** Length of {@link encodePlain}'s result. */
export function plainBytes(spec: VectorSpec): number {
  return 4 * spec.updateLength + 8 * (1 + spec.extras.length + spec.counts.length);
}

/**
 * Reads one pod's bytes.
 * @throws KonsilError AGG_BAD_MESSAGE naming the pod when the length is wrong, a number is not finite, or a weight or
 *   count is not a whole number in range.
 */
export function decodePlain(bytes: Uint8Array, spec: VectorSpec, pod: string): PodInput {
  const bad = (what: string): KonsilError => new KonsilError('AGG_BAD_MESSAGE', `pod ${pod}: ${what}`, { pod });
  if (bytes.length !== plainBytes(spec)) throw bad(`input has ${bytes.length} bytes, expected ${plainBytes(spec)}`);
  const split = 4 * spec.updateLength;
  const update = float32Of(bytes.subarray(0, split));
  const tail = new Float64Array(bytes.slice(split).buffer);
  if (!update.every(Number.isFinite)) throw bad('update contains a number that is not finite');
  // the bound of a masked slot: what no pod can send in secret, none may send in the open
  if (!tail.every((value) => Math.abs(value) < 2 ** 64)) throw bad('a metric is not a number below 2^64');
  const whole = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
  const weight = tail[0]!;
  if (!whole(weight) || weight > spec.maxWeight)
    throw bad(`weight ${weight} is not a whole number up to ${spec.maxWeight}`);
  const extras = Object.fromEntries(spec.extras.map((name, i) => [name, tail[1 + i]!]));
  const counts = Object.fromEntries(spec.counts.map((name, i) => [name, tail[1 + spec.extras.length + i]!]));
  if (!Object.values(counts).every(whole)) throw bad('a count is not a whole number');
  return spec.updateLength > 0 ? { update, weight, extras, counts } : { weight, extras, counts };
}

/** An update of an earlier round. */
export interface LateInput {
  readonly pod: string;
  readonly input: PodInput;
  /** By how many rounds it is late, and the factor in (0, 1] on its weight. */
  readonly rounds: number;
  readonly discount: number;
}

/**
 * One update of all, made by `begin`, and plain sums of everything else. What comes out does not depend on who was first:
 * pods are added in the order of their names. Of `late` inputs only the updates count, since the rest was said about another
 * model.
 * @param inputs - Read one at a time, so that as many as the strategy keeps are in memory.
 * @throws KonsilError AGG_BAD_MESSAGE when an update cannot be used, DATA_EMPTY without inputs, AGG_TOO_FEW_SURVIVORS when
 *   they are too few for `begin`.
 */
export function sumPlain(
  inputs: ReadonlyMap<string, () => PodInput>,
  spec: VectorSpec,
  begin: (length: number) => Aggregate,
  late: readonly LateInput[] = [],
): SummedVector {
  const updates = begin(spec.updateLength);
  const extras = Object.fromEntries(spec.extras.map((name) => [name, 0]));
  const counts = Object.fromEntries(spec.counts.map((name) => [name, 0]));
  let totalWeight = 0;
  // by name: float sums depend on their order, and who answered first is chance
  const sorted = [...inputs].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [pod, read] of sorted) {
    const { update, weight, ...sums } = read();
    if (update) updates.add({ pod, update, samples: weight });
    totalWeight += weight;
    for (const name of spec.extras) extras[name]! += sums.extras[name]!;
    for (const name of spec.counts) counts[name]! += sums.counts[name]!;
  }
  const older = late.toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
  for (const { pod, input, rounds, discount } of older)
    if (input.update) updates.add({ pod, update: input.update, samples: input.weight, late: { rounds, discount } });
  const mean = spec.updateLength > 0 ? updates.result().mean : new Float64Array(0);
  return { mean, totalWeight, extras, counts, clipped: 0 };
}
