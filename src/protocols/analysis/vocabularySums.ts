/**
 * The values of columns that nobody has listed, from two sums: the first counts rows and sites in buckets that values are hashed
 * into, the second adds up the bytes of the value in each bucket that enough sites share. Where all who give have the same value,
 * the sum is a multiple of it; a value that too few sites have stands in no sum of bytes.
 * @source own; private heavy hitters are reviewed in Boneh et al., "Lightweight techniques for private heavy hitters" (S&P 2021).
 * @module
 */
import { frame, KonsilError, utf8 } from '../../base/index.ts';
import { type RandomBytes, sha256 } from '../../crypto/index.ts';
import type { Schema } from '../../datasources/index.ts';
import { didYouMean } from '../../datasources/index.ts';
import type { StatisticsAlgorithm, VocabularyOptions } from '../../tasks/index.ts';
import type { FederatedVocabulary } from './federatedSummary.ts';
import type { PublicFacts, StepLayout, StepSum } from './plan.ts';

/** Two of 100 values share one of these in about 2 % of the values; each costs 8 bytes a column in the first sum. */
export const BUCKETS = 4_096;
/** Buckets whose values are asked for in the second sum, of one column. */
export const MOST_OPENED = 256;
/** UTF-8 bytes of a value; longer ones are not given. */
export const TEXT_BYTES = 48;
const CHECK_BYTES = 4;
/** What is added up of a value: its length, its bytes, zeros, a checksum; each in [0, 255]. */
const SYMBOLS = 1 + TEXT_BYTES + CHECK_BYTES;
/**
 * Noise that hides the bytes of others is uniform in [0, 2^18): 10,000 pods of it stay below 2^32, and a byte below it shows in
 * one sum of a thousand.
 */
const NOISE_BITS = 18;

/** A column at a site. */
export interface VocabularyRows {
  /** Rows with a value. */
  readonly rows: number;
  /** Each value, and its rows. */
  readonly values: ReadonlyMap<string, number>;
}

interface Hashed {
  readonly bucket: number;
  readonly check: Uint8Array;
}

/** Where a value lies: public, the same at all sites. */
function hashOf(column: string, salt: number, text: Uint8Array): Hashed {
  const digest = sha256(utf8('konsil/vocabulary/v1'), frame(column, salt, text));
  return { bucket: ((digest[0]! << 8) | digest[1]!) % BUCKETS, check: digest.slice(2, 2 + CHECK_BYTES) };
}

function symbolsOf(text: Uint8Array, { check }: Hashed): Uint8Array {
  const symbols = new Uint8Array(SYMBOLS);
  symbols[0] = text.length;
  symbols.set(text, 1);
  symbols.set(check, 1 + TEXT_BYTES);
  return symbols;
}

const slot = (what: string, column: number, bucket: number | '' = '', symbol: number | '' = ''): string =>
  `${what}.${column}.${bucket}.${symbol}`;
const numbers = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Why a dataset has no vocabulary of the columns, from its schema; empty when it has. */
export function vocabularyProblems({ vocabulary }: StatisticsAlgorithm, schema: Schema): string[] {
  const names = schema.columns.map(({ name }) => name);
  return (vocabulary?.columns ?? []).flatMap((column) => {
    const found = schema.columns.find(({ name }) => name === column);
    if (found === undefined) return [`no column "${column}" (vocabularies)${didYouMean(column, names)}`];
    return found.semanticType === 'image' ? [`column "${column}" (vocabularies) is an image; expected text`] : [];
  });
}

/** The first sum. */
export function bucketLayout({ columns }: VocabularyOptions): StepLayout {
  const ofColumn = (c: number): string[] => [
    slot('rows', c),
    ...numbers(BUCKETS).flatMap((b) => [slot('bucket', c, b), slot('sites', c, b)]),
  ];
  return { extras: [], counts: columns.flatMap((_, c) => ofColumn(c)) };
}

/** The second sum, of buckets that {@link readBuckets} accepts. */
export function textLayout({ columns }: VocabularyOptions, given: PublicFacts): StepLayout {
  const opened = readBuckets(given, columns.length);
  return {
    extras: [],
    counts: columns.flatMap((_, c) =>
      opened[c]!.flatMap((b) => [
        slot('givers', c, b),
        slot('several', c, b),
        ...numbers(SYMBOLS).map((i) => slot('symbol', c, b, i)),
      ]),
    ),
  };
}

/** @throws KonsilError PROTOCOL_VIOLATION unless they are an ascending list of at most {@link MOST_OPENED} buckets a column. */
export function readBuckets(given: PublicFacts, columns: number): readonly (readonly number[])[] {
  const isList = (list: unknown): list is number[] =>
    Array.isArray(list) &&
    list.length <= MOST_OPENED &&
    list.every(
      (bucket, i) => Number.isInteger(bucket) && bucket >= 0 && bucket < BUCKETS && (i === 0 || bucket > list[i - 1]),
    );
  if (!Array.isArray(given) || given.length !== columns || !given.every(isList))
    throw new KonsilError('PROTOCOL_VIOLATION', 'the buckets of a vocabulary are none');
  return given;
}

/** The buckets whose values are asked for: those of enough rows and sites, at most {@link MOST_OPENED} with the most rows. */
export function bucketsToOpen(
  { minimumCount }: StatisticsAlgorithm,
  { columns, minimumSites }: VocabularyOptions,
  { counts }: StepSum,
): number[][] {
  return columns.map((_, c) => {
    const rowsOf = (b: number): number => counts[slot('bucket', c, b)]!;
    return numbers(BUCKETS)
      .filter((b) => rowsOf(b) >= minimumCount && counts[slot('sites', c, b)]! >= minimumSites)
      .sort((a, b) => rowsOf(b) - rowsOf(a) || a - b)
      .slice(0, MOST_OPENED)
      .sort((a, b) => a - b);
  });
}

/** What a site gives of its values. */
export interface VocabularyGiving {
  /** One a column of the task. */
  readonly columns: readonly VocabularyRows[];
  /** Values in fewer rows of the site than this are never given. */
  readonly minimumRows: number;
  readonly random: RandomBytes;
}

/** Values that may leave the site, by bucket. */
function givable(
  column: string,
  salt: number,
  { values }: VocabularyRows,
  minimumRows: number,
): Map<number, { readonly symbols: Uint8Array; readonly rows: number }[]> {
  const byBucket = new Map<number, { symbols: Uint8Array; rows: number }[]>();
  for (const [value, rows] of values) {
    const text = utf8(value);
    if (rows < minimumRows || text.length === 0 || text.length > TEXT_BYTES) continue;
    const hashed = hashOf(column, salt, text);
    const found = byBucket.get(hashed.bucket) ?? [];
    found.push({ symbols: symbolsOf(text, hashed), rows });
    byBucket.set(hashed.bucket, found);
  }
  return byBucket;
}

const zeroCounts = ({ counts }: StepLayout): Record<string, number> =>
  Object.fromEntries(counts.map((name) => [name, 0]));

/** One pod's part of the first sum. */
export function bucketInput(
  options: VocabularyOptions,
  { columns, minimumRows }: Omit<VocabularyGiving, 'random'>,
): StepSum {
  const counts = zeroCounts(bucketLayout(options));
  for (const [c, name] of options.columns.entries()) {
    counts[slot('rows', c)] = columns[c]!.rows;
    for (const [bucket, values] of givable(name, options.salt, columns[c]!, minimumRows)) {
      counts[slot('bucket', c, bucket)] = values.reduce((sum, { rows }) => sum + rows, 0);
      counts[slot('sites', c, bucket)] = 1;
    }
  }
  return { extras: {}, counts };
}

/**
 * One pod's part of the second sum. Who has several values in a bucket adds noise there, so that the sum does not show the value
 * of the only other site that has one.
 * @throws KonsilError PROTOCOL_VIOLATION as {@link readBuckets}.
 */
export function textInput(
  options: VocabularyOptions,
  given: PublicFacts,
  { columns, minimumRows, random }: VocabularyGiving,
): StepSum {
  const counts = zeroCounts(textLayout(options, given));
  const opened = readBuckets(given, options.columns.length);
  for (const [c, name] of options.columns.entries()) {
    const own = givable(name, options.salt, columns[c]!, minimumRows);
    for (const bucket of opened[c]!) {
      const values = own.get(bucket) ?? [];
      if (values.length === 0) continue;
      counts[slot(values.length === 1 ? 'givers' : 'several', c, bucket)] = 1;
      const symbols = values.length === 1 ? values[0]!.symbols : noise(random);
      for (const [i, symbol] of symbols.entries()) counts[slot('symbol', c, bucket, i)] = symbol;
    }
  }
  return { extras: {}, counts };
}

/** In place of symbols. */
function noise(random: RandomBytes): Uint32Array {
  const words = new Uint32Array(random(4 * SYMBOLS).slice().buffer);
  return words.map((word) => word >>> (32 - NOISE_BITS));
}

/** What both sums say. */
export function vocabulariesOf(
  algorithm: StatisticsAlgorithm,
  options: VocabularyOptions,
  [buckets, texts]: readonly [StepSum, StepSum],
): FederatedVocabulary[] {
  const opened = bucketsToOpen(algorithm, options, buckets);
  return options.columns.map((name, c) => {
    const rowsOf = (b: number): number => buckets.counts[slot('bucket', c, b)]!;
    const values: { value: string; count: number }[] = [];
    let [collisions, unopened] = [0, numbers(BUCKETS).filter((b) => rowsOf(b) > 0).length - opened[c]!.length];
    for (const bucket of opened[c]!) {
      const read = readText(name, options, texts, c, bucket);
      if (read === 'collision') collisions++;
      else if (read === 'rare') unopened++;
      else values.push({ value: read.value, count: rowsOf(bucket) });
    }
    const counted = values.reduce((sum, { count }) => sum + count, 0);
    return {
      name,
      values: values.sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1)),
      ...{ collisions, tooRare: unopened, otherRows: buckets.counts[slot('rows', c)]! - counted },
    };
  });
}

/** The value that all who gave one share; `rare` when too few are left of those who had one. */
function readText(
  column: string,
  { salt, minimumSites }: VocabularyOptions,
  { counts }: StepSum,
  c: number,
  bucket: number,
): { readonly value: string } | 'collision' | 'rare' {
  const givers = counts[slot('givers', c, bucket)]!;
  if (counts[slot('several', c, bucket)]! > 0) return 'collision';
  if (givers < minimumSites) return 'rare';
  const symbols = numbers(SYMBOLS).map((i) => counts[slot('symbol', c, bucket, i)]! / givers);
  const length = symbols[0]!;
  if (!symbols.every((symbol) => Number.isInteger(symbol) && symbol <= 255) || length < 1 || length > TEXT_BYTES)
    return 'collision';
  const text = Uint8Array.from(symbols.slice(1, 1 + length));
  const hashed = hashOf(column, salt, text);
  const expected = symbolsOf(text, hashed);
  if (hashed.bucket !== bucket || !symbols.every((symbol, i) => symbol === expected[i])) return 'collision';
  try {
    return { value: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text) };
  } catch {
    return 'collision'; // bytes that are no text: some site does not keep to the protocol
  }
}
