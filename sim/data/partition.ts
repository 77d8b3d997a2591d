/**
 * Dealing the rows of one table to sites: evenly, or as unevenly as hospitals are.
 * @module
 */

import { KonsilError, normal, permutation, type Rng, seededRng } from '../../src/base/index.ts';
import { textOf } from '../../src/datasources/index.ts';
import type { PartitionSettings } from '../scenario/schema.ts';
import { featuresOf, type Table, takeRows } from './table.ts';

/** A site and its rows. */
export interface Site {
  readonly name: string;
  readonly table: Table;
}

/** Rows that a site has at least: below this its splits would be empty. */
export const LEAST_ROWS = 5;
/** Draws of a skew before giving up on every site having its least. */
const MOST_DRAWS = 100;

/** `site-001` and so on, as many digits as the last one needs. */
export function siteNames(count: number): string[] {
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, i) => `site-${String(i + 1).padStart(digits, '0')}`);
}

/**
 * Deals every row to exactly one of `pods` sites; by column, a site gets the rows that name it.
 * @throws KonsilError DATA_EMPTY when there are too few rows for so many sites; CONFIG_INVALID when the table cannot be dealt so.
 */
export function partition(table: Table, settings: PartitionSettings, pods: number | undefined, seed: number): Site[] {
  if (settings.kind === 'column') return byColumn(table, settings.column);
  if (pods === undefined) throw new RangeError('how many pods is needed to deal rows');
  if (table.rows < pods * LEAST_ROWS)
    throw new KonsilError(
      'DATA_EMPTY',
      `${table.rows} rows for ${pods} pods; expected at least ${LEAST_ROWS} for each, ${pods * LEAST_ROWS} in all`,
    );
  const rng = seededRng(seed, `partition ${settings.kind}`);
  const dealt = deal(table, settings, pods, rng);
  const names = siteNames(pods);
  return dealt.map((rows, i) => {
    const part = takeRows(table, rows);
    return { name: names[i]!, table: settings.kind === 'shift' ? shifted(part, table, settings.strength, rng) : part };
  });
}

function deal(
  table: Table,
  settings: Exclude<PartitionSettings, { kind: 'column' }>,
  pods: number,
  rng: Rng,
): number[][] {
  if (settings.kind === 'dirichlet') return untilEnough(() => byLabel(table, settings.alpha, pods, rng), rng);
  const shares =
    settings.kind === 'quantity'
      ? (): number[] => dirichlet(pods, settings.alpha, rng)
      : (): number[] => Array.from({ length: pods }, () => 1 / pods);
  return untilEnough(() => cut(permutation(table.rows, rng), shares()), rng);
}

/** Draws until every site has its least; after many draws sites that have more give rows to those that lack them. */
function untilEnough(draw: () => number[][], rng: Rng): number[][] {
  let sites = draw();
  for (let i = 1; i < MOST_DRAWS && sites.some((rows) => rows.length < LEAST_ROWS); i++) sites = draw();
  for (const poor of sites)
    while (poor.length < LEAST_ROWS) {
      const rich = sites.reduce((a, b) => (b.length > a.length ? b : a));
      poor.push(rich.splice(Math.floor(rng() * rich.length), 1)[0]!);
    }
  return sites.map((rows) => rows.sort((a, b) => a - b));
}

/** For each class, shares of its rows from one Dirichlet draw. @source Hsu et al., arXiv 1909.06335 */
function byLabel({ columns, target, classes, rows }: Table, alpha: number, pods: number, rng: Rng): number[][] {
  if (classes.length === 0)
    throw new KonsilError('CONFIG_INVALID', 'partition dirichlet deals classes; the target of this data is a number');
  const sites: number[][] = Array.from({ length: pods }, () => []);
  for (const label of classes) {
    const own = Array.from({ length: rows }, (_, row) => row).filter((row) => textOf(columns[target]![row]) === label);
    const order = permutation(own.length, rng);
    const parts = cut(
      Array.from(order, (i) => own[i]!),
      dirichlet(pods, alpha, rng),
    );
    parts.forEach((part, i) => sites[i]!.push(...part));
  }
  // rows without a class go round
  const known = new Set(sites.flat());
  for (let row = 0; row < rows; row++) if (!known.has(row)) sites[row % pods]!.push(row);
  return sites;
}

/** `rows` in stretches with these shares; every row is in one. */
function cut(rows: ArrayLike<number>, shares: readonly number[]): number[][] {
  const ends: number[] = [];
  let sum = 0;
  for (const share of shares) ends.push(Math.round((sum += share) * rows.length));
  ends[ends.length - 1] = rows.length; // shares sum to 1 but for rounding
  const all = Array.from(rows);
  return ends.map((end, i) => all.slice(ends[i - 1] ?? 0, end));
}

/** One draw of a symmetric Dirichlet distribution: gamma variates over their sum. */
export function dirichlet(count: number, alpha: number, rng: Rng): number[] {
  // logarithms: with a small alpha a variate itself is often 0 in double precision
  const logs = Array.from({ length: count }, () => logGamma(alpha, rng));
  const most = logs.reduce((a, b) => Math.max(a, b));
  const weights = logs.map((value) => Math.exp(value - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((value) => value / sum);
}

/** Logarithm of a gamma variate. @source Marsaglia and Tsang, ACM TOMS 26 (2000), with their boost below shape 1. */
function logGamma(shape: number, rng: Rng): number {
  if (shape < 1) return logGamma(shape + 1, rng) + Math.log(1 - rng()) / shape;
  const d = shape - 1 / 3;
  for (;;) {
    const x = normal(rng);
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - rng()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return Math.log(d * v);
  }
}

/** The site's rows with its own offset on every feature, as another scanner or laboratory would have. */
function shifted(part: Table, whole: Table, strength: number, rng: Rng): Table {
  const columns = { ...part.columns };
  for (const name of featuresOf(whole)) {
    const values = whole.columns[name]!.filter((cell) => typeof cell === 'number');
    if (values.length === 0) continue;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const deviation = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
    const offset = strength * deviation * normal(rng);
    columns[name] = part.columns[name]!.map((cell) => (typeof cell === 'number' ? cell + offset : cell));
  }
  return { ...part, columns };
}

function byColumn(table: Table, column: string): Site[] {
  const cells = table.columns[column];
  if (!cells) throw new KonsilError('DATA_COLUMN_MISSING', `partition: the data has no column "${column}"`);
  const rows = new Map<string, number[]>();
  for (const [row, cell] of cells.entries()) {
    const name = cell === null ? 'unnamed' : textOf(cell);
    rows.set(name, [...(rows.get(name) ?? []), row]);
  }
  const { [column]: _site, ...columns } = table.columns;
  return [...rows.keys()].sort().map((name, i) => ({
    // names of sites are names of pods, which are letters and digits
    name: /^[A-Za-z0-9-]{3,70}$/.test(name) ? name : `site-${i + 1}`,
    table: takeRows({ ...table, columns }, rows.get(name)!),
  }));
}
