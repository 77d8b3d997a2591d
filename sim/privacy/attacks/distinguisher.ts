/**
 * The attacker of the distinguishing game: a logistic regression on what it sees and what it knows, trained on games whose
 * solution it is told, and tested on others.
 * @module
 */
import type { Game, Sight } from '../games/game.ts';
import { minus } from '../views/words.ts';

/** A linear rule; positive says that the victim holds the first data set. */
export interface Rule {
  readonly mean: readonly number[];
  readonly scale: readonly number[];
  /** One weight a feature, then the constant. */
  readonly weights: readonly number[];
}

/** Passes over the training games; the loss is convex and there are few features. */
const PASSES = 400;
const RATE = 0.5;
const RIDGE = 0.02;

/**
 * What an attacker who has computed both candidate updates looks at: which of the two each vector is closer to, in four
 * ways, of the victim, of its partner and of their difference, with the masks off that can be taken off and with all on;
 * then the view's own numbers.
 */
export function featuresOf({ candidates, sightings }: Game, sight: Sight, bits: number): number[] {
  const { victim, partner, raw, more } = sightings.get(sight)!;
  const [first, second] = candidates;
  const [ahead, behind] = [minus(first, second, { bits }), minus(second, first, { bits })];
  const width = 2 ** (bits - 1);
  const words = [...victim.subarray(0, 2)].map((word) => word / width);
  return [
    ...[{ victim, partner }, ...(raw ? [raw] : [])].flatMap((pair) => [
      ...closeness(pair.victim, first, second, bits),
      ...closeness(pair.partner, second, first, bits),
      ...closeness(minus(pair.victim, pair.partner, { bits }), ahead, behind, bits),
    ]),
    ...[victim, partner].map((vector) => vector.reduce((sum, word) => sum + word / width, 0) / vector.length),
    ...words,
    ...more,
  ];
}

/** How much closer `words` are to `first` than to `second`, where these differ. */
function closeness(words: Int32Array, first: Int32Array, second: Int32Array, bits: number): number[] {
  const [toFirst, toSecond] = [minus(words, first, { bits }), minus(words, second, { bits })];
  let [count, nearer, hits, distance, along, length, between] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < words.length; i++) {
    if (first[i] === second[i]) continue;
    const [a, b] = [Math.abs(toFirst[i]!), Math.abs(toSecond[i]!)];
    const apart = first[i]! - second[i]!;
    count++;
    nearer += Math.sign(b - a);
    hits += Number(a <= 1) - Number(b <= 1); // a rounding apart
    distance += Math.log2(1 + b) - Math.log2(1 + a);
    along += words[i]! * apart;
    length += words[i]! ** 2;
    between += apart ** 2;
  }
  const cosine = along / Math.sqrt(length * between || 1);
  // a single coordinate without a mask is enough
  return count === 0 ? [0, 0, 0, 0] : [nearer / count, Math.sign(hits), distance / count, cosine];
}

/** Features whose means in the two cases are so many standard errors apart are taken; all, when none is. */
const APART = 3;

/** Which features say anything in the training games: with all of them, a few games are fitted by chance. */
function telling(features: readonly (readonly number[])[], labels: readonly boolean[]): boolean[] {
  const groups = [true, false].map((label) => features.filter((_, i) => labels[i] === label));
  const apart = features[0]!.map((_, j) => {
    const [a, b] = groups.map((group) => {
      const mean = group.reduce((sum, row) => sum + row[j]!, 0) / group.length;
      const squares = group.reduce((sum, row) => sum + (row[j]! - mean) ** 2, 0);
      return { mean, error: squares / group.length / Math.max(1, group.length - 1) };
    });
    return Math.abs(a!.mean - b!.mean) > APART * Math.sqrt(a!.error + b!.error);
  });
  return apart.includes(true) ? apart : apart.map(() => true);
}

/** Fits a rule to training games by gradient descent on the logistic loss. */
export function trainRule(features: readonly (readonly number[])[], labels: readonly boolean[]): Rule {
  const n = features.length;
  const width = features[0]!.length;
  const mean = Array.from({ length: width }, (_, j) => features.reduce((sum, row) => sum + row[j]!, 0) / n);
  const scale = mean.map(
    (centre, j) => Math.sqrt(features.reduce((sum, row) => sum + (row[j]! - centre) ** 2, 0) / n) || 1,
  );
  const takes = telling(features, labels);
  let weights = Array.from({ length: width + 1 }, () => 0);
  const rule = (): Rule => ({ mean, scale, weights });
  for (let pass = 0; pass < PASSES; pass++) {
    const slope = weights.map((weight, j) => (j < width ? RIDGE * weight : 0));
    for (const [i, row] of features.entries()) {
      const error = 1 / (1 + Math.exp(-score(rule(), row))) - Number(labels[i]!);
      for (let j = 0; j < width; j++) if (takes[j]) slope[j]! += (error * (row[j]! - mean[j]!)) / scale[j]! / n;
      slope[width]! += error / n;
    }
    weights = weights.map((weight, j) => weight - RATE * slope[j]!);
  }
  return rule();
}

/** What a rule says of one view. */
export function score({ mean, scale, weights }: Rule, row: readonly number[]): number {
  let sum = weights.at(-1)!;
  for (let j = 0; j < row.length; j++) sum += (weights[j]! * (row[j]! - mean[j]!)) / scale[j]!;
  return sum;
}

/** Trains on the first `training` games and counts the others that it solves. */
export function distinguish(
  games: readonly Game[],
  sight: Sight,
  training: number,
  bits: number,
): { readonly hits: number; readonly tested: number } {
  const features = games.map((game) => featuresOf(game, sight, bits));
  const labels = games.map(({ isFirst }) => isFirst);
  const rule = trainRule(features.slice(0, training), labels.slice(0, training));
  const hits = features.slice(training).filter((row, i) => score(rule, row) > 0 === labels[training + i]).length;
  return { hits, tested: games.length - training };
}
