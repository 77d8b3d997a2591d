/**
 * Synthetic data sets; the same seed gives the same rows on every machine.
 * @module
 */
import { normal, type Rng, seededRng } from '../../src/base/index.ts';
import type { DataSettings } from '../scenario/schema.ts';
import type { Table } from './table.ts';

type Synthetic = Exclude<DataSettings, { kind: 'csv' | 'images' }>;

/** Six decimals: what a CSV file of measurements would have, and no more text than that. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

const normals = (count: number, rng: Rng): number[] => Array.from({ length: count }, () => normal(rng));

/** The data set that `settings` describes. */
export function generate(settings: Synthetic, seed: number): Table {
  const rng = seededRng(seed, `data ${settings.kind}`);
  switch (settings.kind) {
    case 'blobs':
      return blobs(settings, rng);
    case 'logistic':
      return logistic(settings, rng);
    case 'linear':
      return linear(settings, rng);
    case 'bars':
      return bars(settings, rng);
  }
}

function table(x: readonly (readonly number[])[], y: readonly (string | number)[], classes: readonly string[]): Table {
  const width = x[0]!.length;
  const columns: [string, (string | number)[]][] = Array.from({ length: width }, (_, i) => [
    `x${i}`,
    x.map((row) => rounded(row[i]!)),
  ]);
  return { rows: x.length, columns: Object.fromEntries([...columns, ['y', [...y]]]), target: 'y', classes };
}

/** Normal clouds, one a class, around centres that are `separation` away from the origin in random directions. */
function blobs({ rows, features, classes, separation }: Extract<Synthetic, { kind: 'blobs' }>, rng: Rng): Table {
  const centres = Array.from({ length: classes }, () => {
    const direction = normals(features, rng);
    // two centres in random directions are √2 · radius apart
    const radius = separation / Math.SQRT2 / Math.hypot(...direction);
    return direction.map((value) => value * radius);
  });
  const y = Array.from({ length: rows }, (_, row) => row % classes);
  const x = y.map((label) => centres[label]!.map((centre) => centre + normal(rng)));
  const names = centres.map((_, label) => `c${label}`);
  return table(
    x,
    y.map((label) => names[label]!),
    names,
  );
}

/** Classes drawn with the log-odds of a random linear function, whose deviation is `strength`. */
function logistic({ rows, features, strength }: Extract<Synthetic, { kind: 'logistic' }>, rng: Rng): Table {
  const weights = normals(features, rng);
  const scale = strength / Math.hypot(...weights);
  const x = Array.from({ length: rows }, () => normals(features, rng));
  const y = x.map((row) => {
    const odds = scale * row.reduce((sum, value, i) => sum + value * weights[i]!, 0);
    return rng() < 1 / (1 + Math.exp(-odds)) ? 'c1' : 'c0';
  });
  return table(x, y, ['c0', 'c1']);
}

/** A random linear function of deviation 1, and noise. */
function linear({ rows, features, noise }: Extract<Synthetic, { kind: 'linear' }>, rng: Rng): Table {
  const weights = normals(features, rng);
  const length = Math.hypot(...weights);
  const x = Array.from({ length: rows }, () => normals(features, rng));
  const y = x.map((row) =>
    rounded(row.reduce((sum, value, i) => sum + value * weights[i]!, 0) / length + noise * normal(rng)),
  );
  return table(x, y, []);
}

/** Images of one bright line, horizontal, vertical or diagonal, at a random place, under noise. */
function bars({ rows, size, noise }: Extract<Synthetic, { kind: 'bars' }>, rng: Rng): Table {
  const classes = ['horizontal', 'vertical', 'diagonal'];
  const y = Array.from({ length: rows }, (_, row) => classes[row % 3]!);
  const x = y.map((label) => {
    const place = Math.floor(rng() * size);
    return Array.from({ length: size * size }, (_, pixel) => {
      const [row, column] = [Math.floor(pixel / size), pixel % size];
      const onLine =
        label === 'horizontal'
          ? row === place
          : label === 'vertical'
            ? column === place
            : (row + size - column) % size === place;
      return (onLine ? 1 : 0) + noise * normal(rng);
    });
  });
  return table(x, y, classes);
}
