/**
 * Whether byte strings look like uniform randomness: five tests, each with its p-value and with the smallest deviation
 * that it would have found.
 * @module
 */
import { normalAbove, solveDecreasing } from '../../../src/aggregation/privacy/special.ts';
import { POWER } from './intervals.ts';
import {
  chiSquareAbove,
  chiSquareQuantile,
  kolmogorovAbove,
  noncentralChiSquareAbove,
  normalQuantile,
} from './special.ts';

/** What one test found. */
export interface UniformityTest {
  readonly test: string;
  /** Observations: bits, bytes, words or pairs. */
  readonly n: number;
  readonly statistic: number;
  /** Chance of a statistic at least as extreme from uniform bytes, corrected for the number of places looked at. */
  readonly p: number;
  /** What `detectable` measures. */
  readonly deviation: string;
  /** Deviation that is found with 95 % probability when p below `alpha` counts as found. */
  readonly detectable: number;
}

/** Distances in words at which a stream may repeat itself: neighbours, and a block of AES apart. */
const LAGS = [1, 2, 4] as const;
/** Most words that are sorted for Kolmogorov's test. */
const MOST_SORTED = 1 << 20;

/** Each p-value times the number of values looked at, the smallest counts. @source Bonferroni. */
const corrected = (p: number, looks: number): number => Math.min(1, p * looks);

/**
 * All tests over vectors of one length, a multiple of four bytes, neighbours in the list being vectors that might share a
 * mask.
 * @param alpha - p-value below which a deviation counts as found, for what is said about power.
 */
export function testUniformity(vectors: readonly Uint8Array[], alpha: number): UniformityTest[] {
  const words = vectors.map((vector) => new Uint32Array(vector.slice().buffer));
  return [
    bitPlaces(vectors, alpha),
    byteValues('values of bytes, by place in a word', vectors, alpha),
    kolmogorov(words, alpha),
    serialCorrelation(words, alpha),
    byteValues('differences of vectors', differences(words), alpha),
  ];
}

/** Every single bit of the vector is one in half of the vectors. */
function bitPlaces(vectors: readonly Uint8Array[], alpha: number): UniformityTest {
  const places = 8 * vectors[0]!.length;
  const ones = new Float64Array(places);
  for (const vector of vectors) for (let i = 0; i < places; i++) ones[i]! += (vector[i >> 3]! >> (i & 7)) & 1;
  const n = vectors.length;
  const worst = ones.reduce((most, count) => Math.max(most, Math.abs(count - n / 2)), 0);
  // continuity: a count moves by whole ones
  const z = Math.max(0, worst - 0.5) / Math.sqrt(n / 4);
  const need = normalQuantile(alpha / places / 2) + normalQuantile(1 - POWER);
  return {
    ...{ test: 'each bit of the vector', n: n * places, statistic: z, p: corrected(2 * normalAbove(z), places) },
    ...{ deviation: 'one bit’s chance of being 1, from 1/2', detectable: Math.min(0.5, need / Math.sqrt(4 * n)) },
  };
}

/** Pearson's test of the 256 values, for each of the four bytes of a word. */
function byteValues(test: string, vectors: readonly Uint8Array[], alpha: number): UniformityTest {
  const counts = [0, 1, 2, 3].map(() => new Float64Array(256));
  for (const vector of vectors) for (let i = 0; i < vector.length; i++) counts[i & 3]![vector[i]!]!++;
  const each = counts[0]!.reduce((sum, count) => sum + count, 0);
  const expected = each / 256;
  const statistics = counts.map((cells) => cells.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0));
  const statistic = Math.max(...statistics);
  const critical = chiSquareQuantile(alpha / 4, 255);
  const lambda = solveDecreasing((x) => 1 - noncentralChiSquareAbove(critical, 255, x), 1 - POWER, 0, 10_000);
  return {
    ...{ test, n: 4 * each, statistic, p: corrected(chiSquareAbove(statistic, 255), 4) },
    ...{ deviation: 'root mean square of the values’ relative excess', detectable: Math.sqrt(lambda / each) },
  };
}

/** Distance of the words' distribution to the even one. @source small-sample correction: Stephens (1970). */
function kolmogorov(words: readonly Uint32Array[], alpha: number): UniformityTest {
  const stride = Math.ceil(words.reduce((sum, { length }) => sum + length, 0) / MOST_SORTED);
  const all = Uint32Array.from(words.flatMap((vector) => [...vector.filter((_, i) => i % stride === 0)])).sort();
  const n = all.length;
  const distance = all.reduce(
    (most, word, i) => Math.max(most, Math.abs(word / 2 ** 32 - i / n), Math.abs(word / 2 ** 32 - (i + 1) / n)),
    0,
  );
  const root = Math.sqrt(n);
  // by Dvoretzky, Kiefer, Wolfowitz and Massart: the empirical distance is within √(ln(2/δ)/2n) of the true one
  const detectable = (Math.sqrt(Math.log(2 / alpha) / 2) + Math.sqrt(Math.log(1 / (1 - POWER)) / 2)) / root;
  return {
    ...{ test: 'distribution of words', n, statistic: distance },
    ...{
      p: kolmogorovAbove((root + 0.12 + 0.11 / root) * distance),
      deviation: 'distance of distribution functions',
      detectable,
    },
  };
}

/** Correlation of words with those a few places on in the same vector. */
function serialCorrelation(words: readonly Uint32Array[], alpha: number): UniformityTest {
  const found = LAGS.map((lag) => {
    // of numbers with a known mean and variance, so that a constant vector is correlated too
    let [sum, n] = [0, 0];
    for (const vector of words)
      for (let i = lag; i < vector.length; i++, n++)
        sum += (vector[i]! / 2 ** 32 - 0.5) * (vector[i - lag]! / 2 ** 32 - 0.5);
    return { correlation: n === 0 ? 0 : (12 * sum) / n, n };
  });
  const worst = found.reduce((a, b) =>
    Math.abs(a.correlation) * Math.sqrt(a.n) >= Math.abs(b.correlation) * Math.sqrt(b.n) ? a : b,
  );
  const z = Math.abs(worst.correlation) * Math.sqrt(worst.n);
  const need = normalQuantile(alpha / LAGS.length / 2) + normalQuantile(1 - POWER);
  return {
    ...{ test: `correlation of words ${LAGS.join(', ')} apart`, n: worst.n, statistic: worst.correlation },
    ...{
      p: corrected(2 * normalAbove(z), LAGS.length),
      deviation: 'correlation',
      detectable: need / Math.sqrt(worst.n),
    },
  };
}

/** Word by word, modulo 2^32, of vectors beside each other: small where two have one mask. */
function differences(words: readonly Uint32Array[]): Uint8Array[] {
  // every second pair: a difference is then independent of the next
  return words.flatMap((vector, i) => {
    const next = words[i + 1];
    return i % 2 === 1 || !next ? [] : [new Uint8Array(vector.map((word, at) => word - next[at]!).buffer)];
  });
}
