/**
 * How many pods must share, agree, answer and be summed. Small cohorts share with everybody (complete graph); beyond
 * {@link COMPLETE_UP_TO} each pod shares with k neighbours of a random Harary graph, and k and t come from the wanted
 * failure probabilities.
 * @source Complete graph: Bonawitz et al. (CCS 2017), §6.2 and Theorem 6.5 (active adversary). Neighbours: Bell et al.
 *   (CCS 2020), §3 and §4; the tails below are exact hypergeometric ones, joined by union bounds.
 * @module
 */
import { KonsilError } from '../../base/index.ts';

/** Fewer than three pods cannot hide an input: each of two would subtract its own. */
export const MIN_COHORT = 3;
/** The complete graph's messages grow with n²; above this a neighbour graph is used unless the task says otherwise. */
export const COMPLETE_UP_TO = 32;
/** Shares are points of GF(2^8) other than 0, so no secret has more holders. */
const MAX_HOLDERS = 255;
/** Most pods in one sum: an index has two bytes, and one aggregator has one list. */
export const MAX_COHORT = 10_000;

/** What the cohort is believed to withstand; public, and part of every signature. */
export interface CohortAssumptions {
  /** `complete`: everybody shares with everybody. @default 'auto', complete up to {@link COMPLETE_UP_TO} */
  readonly graph?: 'auto' | 'complete';
  /** Fraction of pods that collude with the coordinator, in [0, 0.5). @default (n − 1)/3 pods complete, 0.1 in a graph */
  readonly colluding?: number;
  /** Fraction of pods lost between sharing and release, in [0, 0.5). Decides k only. @default 0.1 */
  readonly dropouts?: number;
}

/** The chance of a failure of the graph is below 2^-this; of a pod's secrets being in reach of colluders. */
export const SECRECY_BITS = 40;
/** Of a sum that is lost although no more pods dropped out than assumed. */
export const LIVENESS_BITS = 20;

/** The public numbers of one cohort size; all counts of pods. */
export interface Thresholds {
  /** Cohort size, pods in the roster. */
  readonly n: number;
  /** Pods assumed to collude with the coordinator at worst. */
  readonly colluding: number;
  /** Neighbours of a pod; n − 1 for the complete graph. A pod's secrets have k + 1 holders: it holds a share itself. */
  readonly k: number;
  /**
   * Shares that rebuild a secret. With at most a colluders among the k + 1 holders, 2t > k + 1 + a: each honest holder
   * answers one kind of share, so nobody gets t answers of both kinds.
   */
  readonly t: number;
  /** Signatures that prove one survivor list: 2·signatures > n + c, so two lists cannot both have them. */
  readonly signatures: number;
  /** Fewest inputs a sum may have; c + 2 leaves at least two honest ones in it. */
  readonly minSurvivors: number;
}

/**
 * Thresholds of a cohort of `n` pods.
 * @throws KonsilError CONFIG_INVALID when the cohort is too small or too large, or no degree is safe for what is assumed.
 */
export function thresholdsFor(n: number, assumptions: CohortAssumptions = {}): Thresholds {
  if (!Number.isInteger(n) || n < MIN_COHORT || n > MAX_COHORT)
    throw new KonsilError(
      'CONFIG_INVALID',
      `secure aggregation needs between ${MIN_COHORT} and ${MAX_COHORT} pods, got ${n}`,
      { n },
    );
  for (const [name, fraction] of Object.entries({ colluding: 0, dropouts: 0, ...assumptions }))
    if (typeof fraction === 'number' && !(fraction >= 0 && fraction < 0.5))
      throw new KonsilError('CONFIG_INVALID', `${name} must be a fraction in [0, 0.5), got ${fraction}`, { name });
  const isComplete = assumptions.graph === 'complete' || n <= COMPLETE_UP_TO;
  return isComplete ? completeGraph(n, assumptions) : neighbourGraph(n, assumptions);
}

/** Signatures and inputs, which do not depend on the graph. */
function common(n: number, colluding: number, t: number): Pick<Thresholds, 'signatures' | 'minSurvivors'> {
  const signatures = Math.floor((n + colluding) / 2) + 1;
  return { signatures, minSurvivors: Math.max(MIN_COHORT, t, signatures, colluding + 2) };
}

function completeGraph(n: number, { colluding: fraction }: CohortAssumptions): Thresholds {
  if (n > MAX_HOLDERS)
    throw new KonsilError('CONFIG_INVALID', `the complete graph has at most ${MAX_HOLDERS} pods, got ${n}`, { n });
  const colluding = fraction === undefined ? Math.floor((n - 1) / 3) : Math.ceil(fraction * n);
  const t = Math.floor((n + colluding) / 2) + 1;
  if (t > n || colluding + 2 > n)
    throw new KonsilError('CONFIG_INVALID', `${colluding} of ${n} pods colluding leave no safe threshold`, { n });
  return { n, colluding, k: n - 1, t, ...common(n, colluding, t) };
}

function neighbourGraph(n: number, { colluding = 0.1, dropouts = 0.1 }: CohortAssumptions): Thresholds {
  const bad = Math.ceil(colluding * n);
  const lost = Math.ceil(dropouts * n);
  for (let k = 4; k < n - 1 && k + 1 <= MAX_HOLDERS; k += 2) {
    const t = thresholdOf({ n, k, bad, lost });
    if (t === null) continue;
    const counts = { n, colluding: bad, k, t, ...common(n, bad, t) };
    if (counts.minSurvivors <= n - lost) return counts;
  }
  if (n <= MAX_HOLDERS) return completeGraph(n, { colluding });
  throw new KonsilError(
    'CONFIG_INVALID',
    `no neighbour graph of ${n} pods is safe with ${bad} colluding and ${lost} dropping out (2^-${SECRECY_BITS})`,
    { n, colluding: bad, dropouts: lost },
  );
}

/** A degree's parameters; counts of pods. */
interface Degree {
  readonly n: number;
  readonly k: number;
  readonly bad: number;
  readonly lost: number;
}

/** Smallest safe threshold for degree k, or null when k is too small for it to be live or connected. */
function thresholdOf(degree: Degree): number | null {
  const { n, k, bad, lost } = degree;
  if (log2Disconnected(degree) > -(SECRECY_BITS + 1)) return null;
  // union bound over the n pods: more than `a` colluders among somebody's neighbours
  const a = leastBeyond((x) => log2TailAbove(n - 1, bad, k, x), -(SECRECY_BITS + 1) - Math.log2(n), k);
  const t = Math.floor((k + 1 + a) / 2) + 1;
  // a lost pod holds no share of itself any more: t of its k neighbours must be left
  const logLost = log2TailAbove(n - 1, lost, k, k - t);
  return logLost <= -LIVENESS_BITS - Math.log2(n) ? t : null;
}

function leastBeyond(log2Tail: (x: number) => number, limit: number, from: number): number {
  let x = from;
  while (x > 0 && log2Tail(x - 1) <= limit) x--;
  return x;
}

/**
 * Failure probabilities of a neighbour graph, as log2, joined over all pods: what the calculator prints.
 * @returns `secrecy`: some pod has so many colluding neighbours that both its secrets are in reach, or the honest
 *   survivors are not connected; `liveness`: some pod's secret cannot be rebuilt.
 */
export function failureBits(thresholds: Thresholds, dropouts = 0.1): { secrecy: number; liveness: number } {
  const { n, k, t, colluding: bad } = thresholds;
  if (k === n - 1) return { secrecy: Number.NEGATIVE_INFINITY, liveness: Number.NEGATIVE_INFINITY };
  const lost = Math.ceil(dropouts * n);
  const reach = log2TailAbove(n - 1, bad, k, 2 * t - k - 2) + Math.log2(n);
  const apart = log2Disconnected({ n, k, bad, lost });
  return {
    secrecy: Math.log2(2 ** reach + 2 ** apart),
    liveness: log2TailAbove(n - 1, lost, k, k - t) + Math.log2(n),
  };
}

/**
 * log2 of a bound on the chance that colluding and lost pods together cut the ring of honest ones: in a Harary graph
 * they must hold k/2 consecutive places twice.
 * @source Bell et al. (CCS 2020), lemma 3.7, in the closed form n(n−k−1)/2 · C(n−k, b−k)/C(n, b), b = colluding + lost.
 */
function log2Disconnected({ n, k, bad, lost }: Degree): number {
  const b = bad + lost;
  if (k > b) return Number.NEGATIVE_INFINITY;
  const pairs = Math.log2(n) + Math.log2(Math.max(1, n - k - 1)) - 1;
  return pairs + (lnFactorial(b) + lnFactorial(n - k) - lnFactorial(n) - lnFactorial(b - k)) / Math.LN2;
}

/** log2 Pr[X > x] of X marked ones among `draws` of `population` with `marked` of them (hypergeometric). */
function log2TailAbove(population: number, marked: number, draws: number, x: number): number {
  const all = lnChoose(population, draws);
  let sum = 0;
  for (let i = Math.max(x + 1, draws + marked - population, 0); i <= Math.min(draws, marked); i++)
    sum += Math.exp(lnChoose(marked, i) + lnChoose(population - marked, draws - i) - all);
  return sum === 0 ? Number.NEGATIVE_INFINITY : Math.log2(sum);
}

function lnChoose(n: number, k: number): number {
  return lnFactorial(n) - lnFactorial(k) - lnFactorial(n - k);
}

const LN_FACTORIALS = [0];
function lnFactorial(n: number): number {
  for (let i = LN_FACTORIALS.length; i <= n; i++) LN_FACTORIALS.push(LN_FACTORIALS[i - 1]! + Math.log(i));
  return LN_FACTORIALS[n]!;
}
