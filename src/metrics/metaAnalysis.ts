/**
 * One metric over sites: the mean of a random-effects model, how much sites differ beyond chance, and where a new site is
 * expected.
 *
 * Shares and areas are combined as log-odds, errors with a unit as logarithms, the rest as they are. A site's error there
 * is its `standardError` by the delta method, else what its interval implies. A site at 0 or 1 (all rows right, AUC 1) has
 * no log-odds: it takes part with the middle of its interval, which for Wilson's is Agresti and Coull's shrunken share. A
 * site without a positive finite error is left out and named.
 * @module
 */
import { logitOf, sigmoid } from './activations.ts';
import { estimateOf } from './estimate.ts';
import type { Estimate, MetaAnalysis } from './groupEvaluation.ts';
import { Z } from './intervals.ts';
import { chiSquareAbove, studentQuantile } from './special.ts';

export interface SiteEstimate {
  readonly site: string;
  readonly estimate: Estimate;
}

export interface MetaAnalysisOptions {
  /** How the variance between sites is found. @default 'REML' */
  readonly method?: MetaAnalysis['method'];
  /**
   * Interval of the mean: `normal`, or Hartung and Knapp's with t quantiles, which covers better with few sites; never shorter
   * than the normal one. Two sites get the normal one. @default 'Hartung-Knapp'
   */
  readonly interval?: 'normal' | 'Hartung-Knapp';
  /** @default by the metric's name */
  readonly scale?: MetaAnalysis['scale'];
}

const LOG_ODDS = new Set([
  ...['Accuracy', 'Precision', 'Recall', 'Specificity', 'F1 Score', 'ROC AUC', 'Average Precision'],
  ...['Sensitivity at 95% specificity', 'Concordance Index', 'IoU', 'Image IoU', 'Dice Coefficients', 'Dice Score'],
]);
const LOGARITHM = new Set([...['Mean Absolute Error', 'Mean Squared Error', 'Root Mean Squared Error', 'Log Loss']]);

/** The scale on which sites' values of a metric are combined. */
export function scaleOf(metric: string): MetaAnalysis['scale'] {
  if (LOG_ODDS.has(metric)) return 'logit';
  return LOGARITHM.has(metric) ? 'log' : 'identity';
}

interface Scale {
  readonly to: (value: number) => number;
  readonly back: (value: number) => number;
  /** Derivative of `to`. */
  readonly slope: (value: number) => number;
}

const SCALES: Readonly<Record<MetaAnalysis['scale'], Scale>> = {
  identity: { to: (x) => x, back: (x) => x, slope: () => 1 },
  log: { to: Math.log, back: Math.exp, slope: (x) => 1 / x },
  logit: { to: logitOf, back: sigmoid, slope: (x) => 1 / (x * (1 - x)) },
};

/** A site on the scale: its value and the variance of its error. */
interface Effect {
  readonly site: string;
  readonly y: number;
  readonly v: number;
}

/**
 * Random-effects meta-analysis of one metric; null with fewer than two sites to combine.
 * @param sites - Names must differ.
 */
export function metaAnalysis(
  metric: string,
  sites: readonly SiteEstimate[],
  options: MetaAnalysisOptions = {},
): MetaAnalysis | null {
  const scale = options.scale ?? scaleOf(metric);
  const found = sites.map((site) => effectOf(site, SCALES[scale]));
  const effects = found.filter((effect) => 'y' in effect);
  if (effects.length < 2) return null;
  const { tau2, method } = spreadOf(effects, options.method ?? 'REML');
  const { q, df } = heterogeneity(effects);
  const { mean, weights } = weighted(effects, tau2);
  const error = 1 / Math.sqrt(weights.reduce((a, b) => a + b, 0));
  const { back } = SCALES[scale];
  const half = df >= 2 ? studentQuantile(0.975, df - 1) * Math.sqrt(tau2 + error * error) : null;
  const all = weights.reduce((a, b) => a + b, 0);
  return {
    ...{ metric, method, scale },
    mean: meanOf(effects, tau2, scale, options),
    prediction: half === null ? null : [back(mean - half), back(mean + half)],
    tau2,
    i2: q > 0 ? Math.max(0, (q - df) / q) : 0,
    q,
    qPValue: chiSquareAbove(q, df),
    sites: effects.map(({ site }, i) => ({ site, weight: weights[i]! / all })),
    leftOut: found.filter((effect) => 'reason' in effect),
    leaveOneOut: effects.map(({ site }) => {
      const rest = effects.filter((other) => other.site !== site);
      return { site, mean: meanOf(rest, spreadOf(rest, options.method ?? 'REML').tau2, scale, options) };
    }),
  };
}

function effectOf({ site, estimate }: SiteEstimate, { to, slope }: Scale): Effect | { site: string; reason: string } {
  const { value, low, high, standardError } = estimate;
  if (value === null) return { site, reason: 'has no value' };
  const finite = Number.isFinite(to(value));
  if (finite && standardError !== undefined && standardError > 0)
    return { site, y: to(value), v: (standardError * slope(value)) ** 2 };
  if (low === null || high === null) return { site, reason: 'has no error' };
  const y = to(finite ? value : (low + high) / 2);
  const ends = [to(low), to(high)].filter(Number.isFinite);
  // the mean distance of the ends, or the only one where an end is that of the scale
  const distance = ends.reduce((sum, end) => sum + Math.abs(end - y), 0) / ends.length;
  const v = (distance / Z) ** 2;
  return Number.isFinite(y) && v > 0 && Number.isFinite(v)
    ? { site, y, v }
    : { site, reason: finite ? 'has an error of zero' : 'lies at the end of the scale' };
}

function weighted(effects: readonly Effect[], tau2: number): { readonly mean: number; readonly weights: number[] } {
  const weights = effects.map(({ v }) => 1 / (v + tau2));
  const all = weights.reduce((a, b) => a + b, 0);
  return { mean: effects.reduce((sum, { y }, i) => sum + (weights[i]! * y) / all, 0), weights };
}

/** Cochran's Q. @source Cochran, Biometrics 10 (1954). */
function heterogeneity(effects: readonly Effect[]): { readonly q: number; readonly df: number } {
  const { mean, weights } = weighted(effects, 0);
  return { q: effects.reduce((sum, { y }, i) => sum + weights[i]! * (y - mean) ** 2, 0), df: effects.length - 1 };
}

const power = (weights: readonly number[], exponent: number): number =>
  weights.reduce((sum, weight) => sum + weight ** exponent, 0);

/** @source DerSimonian and Laird, Controlled Clinical Trials 7 (1986). */
function derSimonianLaird(effects: readonly Effect[]): number {
  const { q, df } = heterogeneity(effects);
  const { weights } = weighted(effects, 0);
  const [w1, w2] = [power(weights, 1), power(weights, 2)];
  return df > 0 ? Math.max(0, (q - df) / (w1 - w2 / w1)) : 0;
}

const STEPS = 200;

/** Variance between sites; DerSimonian and Laird's where REML does not settle. */
function spreadOf(
  effects: readonly Effect[],
  method: MetaAnalysis['method'],
): { readonly tau2: number; readonly method: MetaAnalysis['method'] } {
  const start = derSimonianLaird(effects);
  const tau2 = method === 'REML' ? restrictedLikelihood(effects, start) : null;
  return tau2 === null ? { tau2: start, method: 'DerSimonian-Laird' } : { tau2, method };
}

/**
 * Restricted maximum likelihood by Fisher scoring, kept at or above 0; null when it does not settle.
 * @source Viechtbauer, Journal of Educational and Behavioral Statistics 30 (2005), §2.
 */
function restrictedLikelihood(effects: readonly Effect[], start: number): number | null {
  if (effects.length < 2) return 0;
  const typical = effects.reduce((sum, { v }) => sum + v, 0) / effects.length;
  let tau2 = start;
  for (let i = 0; i < STEPS; i++) {
    const { mean, weights } = weighted(effects, tau2);
    const [w1, w2, w3] = [power(weights, 1), power(weights, 2), power(weights, 3)];
    const squares = effects.reduce((sum, { y }, s) => sum + (weights[s]! * (y - mean)) ** 2, 0);
    const next = Math.max(0, tau2 + (squares - (w1 - w2 / w1)) / (w2 - (2 * w3) / w1 + (w2 / w1) ** 2));
    if (!Number.isFinite(next)) return null;
    const moved = Math.abs(next - tau2);
    tau2 = next;
    if (moved <= 1e-13 * (tau2 + typical)) return tau2;
  }
  return null;
}

/** @source Hartung and Knapp, Statistics in Medicine 20 (2001); Röver et al., BMC Med Res Methodol 15 (2015): max(1, q). */
function meanOf(
  effects: readonly Effect[],
  tau2: number,
  scale: MetaAnalysis['scale'],
  { interval = 'Hartung-Knapp' }: MetaAnalysisOptions,
): Estimate {
  const { mean, weights } = weighted(effects, tau2);
  const error = 1 / Math.sqrt(weights.reduce((a, b) => a + b, 0));
  const df = effects.length - 1;
  const isKnapp = interval === 'Hartung-Knapp' && df >= 2;
  const q = effects.reduce((sum, { y }, i) => sum + weights[i]! * (y - mean) ** 2, 0) / df;
  const half = isKnapp ? studentQuantile(0.975, df) * error * Math.sqrt(Math.max(1, q)) : Z * error;
  const { back } = SCALES[scale];
  return estimateOf(back(mean), [back(mean - half), back(mean + half)], {
    method: isKnapp ? 'Hartung-Knapp' : 'normal',
  });
}
