/**
 * Where the sums of a site lie: blocks of counts and real sums by kind of problem, classes and bins alone.
 * @module
 */
import { CALIBRATION_BINS } from './calibration.ts';
import type { EvaluationKind } from './groupEvaluation.ts';
import { HISTOGRAM_BINS } from './histogram.ts';

/** Sums of one site, or of several added up. */
export interface SiteStatistics {
  /** In the order of `statisticsLayout(…).counts`. */
  readonly counts: Uint32Array;
  /** The keys of `statisticsLayout(…).sums`. */
  readonly sums: Readonly<Record<string, number>>;
}

/** Bins per class of a problem of several classes, and the most classes whose scores are binned. */
export const CLASS_BINS = 256;
export const MAX_BINNED_CLASSES = 64;

/** Consecutive numbers of one meaning. */
type Block = readonly [name: string, length: number];
interface Blocks {
  readonly counts: readonly Block[];
  readonly sums: readonly Block[];
}

/** Of one class against the rest: its scores in bins, its calibration and its losses. */
function oneClassBlocks(prefix: string, bins: number): Blocks {
  return {
    counts: [
      [`${prefix}negative`, bins],
      [`${prefix}positive`, bins],
      [`${prefix}calibrationNegative`, CALIBRATION_BINS],
      [`${prefix}calibrationPositive`, CALIBRATION_BINS],
    ],
    sums: [
      [`${prefix}probability`, CALIBRATION_BINS],
      ...['brier', 'brierSquares', 'logLoss', 'logLossSquares'].map((name): Block => [prefix + name, 1]),
    ],
  };
}

const single = (names: readonly string[]): Block[] => names.map((name) => [name, 1]);

/** @param bins - Of scores. @default 1024 for binary, 256 a class otherwise */
export function blocksOf(kind: EvaluationKind, classes: number, bins?: number): Blocks {
  const each = (blocks: (prefix: string) => Blocks): Blocks => {
    const all = Array.from({ length: classes }, (_, c) => blocks(`${c}.`));
    return { counts: all.flatMap(({ counts }) => counts), sums: all.flatMap(({ sums }) => sums) };
  };
  switch (kind) {
    case 'regression':
      return {
        counts: single(['rows']),
        sums: single(['absolute', 'squares', 'fourths', 'error', 'target', 'targetSquares']),
      };
    case 'binary': {
      const one = oneClassBlocks('', bins ?? HISTOGRAM_BINS);
      return { counts: [['confusion', 4], ...one.counts], sums: one.sums };
    }
    case 'multiclass': {
      const ones =
        classes <= MAX_BINNED_CLASSES
          ? each((prefix) => oneClassBlocks(prefix, bins ?? CLASS_BINS))
          : { counts: [], sums: [] };
      return {
        counts: [
          ['confusion', classes * classes],
          ['wrong', CALIBRATION_BINS],
          ['right', CALIBRATION_BINS],
          ...ones.counts,
        ],
        sums: [['confidence', CALIBRATION_BINS], ...single(LOSSES), ...ones.sums],
      };
    }
    case 'multilabel': {
      const ones = each((prefix) => {
        const one = oneClassBlocks(prefix, bins ?? CLASS_BINS);
        return { counts: [[`${prefix}confusion`, 4], ...one.counts], sums: one.sums };
      });
      return { counts: [...single(['rows', 'rowsRight']), ...ones.counts], sums: ones.sums };
    }
    case 'survival':
      return { counts: single(['censored', 'events']), sums: single(PAIR_SUMS) };
    case 'segmentation': {
      const ones = each((prefix) => ({
        counts: single([`${prefix}images`]),
        sums: single(SEGMENTATION_SUMS.map((name) => prefix + name)),
      }));
      return {
        counts: [...single(['images', 'imagesScored']), ...ones.counts],
        sums: [...single(['dice', 'diceSquares', 'iou', 'iouSquares']), ...ones.sums],
      };
    }
  }
}

export const LOSSES = ['brier', 'brierSquares', 'logLoss', 'logLossSquares'];
/** Of pairs of rows of one site, see `pairSums`. */
export const PAIR_SUMS = ['pairs', 'rightPairs', 'comparedSquares', 'rightSquares', 'comparedRight'] as const;
const SEGMENTATION_SUMS = ['intersection', 'predicted', 'true', 'dice', 'diceSquares', 'iou', 'iouSquares'];

const namesOf = (blocks: readonly Block[]): string[] =>
  blocks.flatMap(([name, length]) => (length === 1 ? [name] : Array.from({ length }, (_, i) => `${name}.${i}`)));

/**
 * Names of the numbers a site gives; they follow from the arguments alone.
 * @param classes - 2 for binary, labels for multilabel; ignored for regression.
 * @param bins - Of scores, even. @default 1024 for binary, 256 a class otherwise
 */
export function statisticsLayout(
  kind: EvaluationKind,
  classes: number,
  bins?: number,
): { readonly counts: readonly string[]; readonly sums: readonly string[] } {
  const blocks = blocksOf(kind, classes, bins);
  return { counts: namesOf(blocks.counts), sums: namesOf(blocks.sums) };
}

/** Statistics by name of their block. */
export interface Parts {
  readonly counts: Readonly<Record<string, Uint32Array>>;
  readonly sums: Readonly<Record<string, ArrayLike<number>>>;
}

/** @throws RangeError when a block is missing or has another length; programming mistake. */
export function statisticsOf(blocks: Blocks, parts: Parts): SiteStatistics {
  const checked = <T extends ArrayLike<number>>(values: T | undefined, [name, length]: Block): T => {
    if (values?.length !== length) throw new RangeError(`expected ${length} numbers of ${name}`);
    return values;
  };
  const counts = new Uint32Array(blocks.counts.reduce((sum, [, length]) => sum + length, 0));
  let at = 0;
  for (const block of blocks.counts) {
    counts.set(checked(parts.counts[block[0]], block), at);
    at += block[1];
  }
  const sums = blocks.sums.flatMap((block) => Array.from(checked(parts.sums[block[0]], block)));
  return { counts, sums: Object.fromEntries(namesOf(blocks.sums).map((name, i) => [name, sums[i]!])) };
}

/** The other way round. @throws RangeError when the statistics have another layout. */
export function partsOf(blocks: Blocks, { counts, sums }: SiteStatistics): Parts {
  const expected = blocks.counts.reduce((sum, [, length]) => sum + length, 0);
  if (counts.length !== expected) throw new RangeError(`expected ${expected} counts, got ${counts.length}`);
  let at = 0;
  const slice = ([name, length]: Block): readonly [string, Uint32Array] => [name, counts.subarray(at, (at += length))];
  const sum = (name: string): number => {
    const value = sums[name];
    if (value === undefined) throw new RangeError(`expected the sum ${name}`);
    return value;
  };
  return {
    counts: Object.fromEntries(blocks.counts.map(slice)),
    sums: Object.fromEntries(blocks.sums.map((block) => [block[0], namesOf([block]).map(sum)])),
  };
}

/** Sums over sites of one layout. @throws RangeError when layouts differ or there is none. */
export function addStatistics(sites: readonly SiteStatistics[]): SiteStatistics {
  const first = sites[0];
  if (first === undefined) throw new RangeError('expected statistics of at least one site');
  const counts = new Uint32Array(first.counts.length);
  const sums: Record<string, number> = Object.fromEntries(Object.keys(first.sums).map((key) => [key, 0]));
  for (const site of sites) {
    if (site.counts.length !== counts.length) throw new RangeError('expected statistics of one layout');
    site.counts.forEach((count, i) => {
      counts[i]! += count;
    });
    for (const key of Object.keys(sums)) sums[key]! += site.sums[key] ?? Number.NaN;
  }
  return { counts, sums };
}
