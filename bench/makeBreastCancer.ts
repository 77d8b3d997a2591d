/**
 * Writes the four hospital shards of `examples/breast-cancer/data` from scikit-learn's `breast_cancer.csv`.
 *
 * Usage: `tsx bench/makeBreastCancer.ts <breast_cancer.csv>`. Deterministic: the same file gives the same shards.
 * Every row of the input goes to exactly one hospital; sizes and the share of malignant cases differ on purpose.
 * @module
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { permutation, seededRng } from '../src/base/index.ts';

/** Hospital to its number of rows and how many of them are malignant; 569 and 212 in all. */
const HOSPITALS = [
  { name: 'hospital-a', rows: 256, malignant: 51 }, // 45 %, mostly benign: a screening clinic
  { name: 'hospital-b', rows: 154, malignant: 75 }, // 27 %, half and half
  { name: 'hospital-c', rows: 102, malignant: 66 }, // 18 %, mostly malignant: a cancer centre
  { name: 'hospital-d', rows: 57, malignant: 20 }, // 10 %
] as const;

const MEASUREMENTS = [
  'radius',
  'texture',
  'perimeter',
  'area',
  'smoothness',
  'compactness',
  'concavity',
  'concave_points',
  'symmetry',
  'fractal_dimension',
];
/** scikit-learn's `feature_names` with `_` for the space. */
const FEATURES = [
  ...MEASUREMENTS.map((name) => `mean_${name}`),
  ...MEASUREMENTS.map((name) => `${name}_error`),
  ...MEASUREMENTS.map((name) => `worst_${name}`),
];
const SEED = 1995;
const INPUT_SHA256 = 'fed3eb72d0575ef6192293f5093c6e801b1476b577d0386bf4455504522172ed';

const bytes = readFileSync(process.argv[2] ?? 'breast_cancer.csv');
if (createHash('sha256').update(bytes).digest('hex') !== INPUT_SHA256)
  throw new Error('not the file the shards were made from');
const rows = bytes.toString('utf8').trim().split(/\r?\n/).slice(1);
const rng = seededRng(SEED, 'breast-cancer');
const shuffled = Array.from(permutation(rows.length, rng), (i) => rows[i]!);
// in the file the last column is 0 for malignant and 1 for benign
const pools = {
  malignant: shuffled.filter((row) => row.endsWith(',0')),
  benign: shuffled.filter((row) => row.endsWith(',1')),
};
for (const { name, rows: size, malignant } of HOSPITALS) {
  const taken = [
    ...pools.malignant.splice(0, malignant).map((row) => row.replace(/,0$/, ',malignant')),
    ...pools.benign.splice(0, size - malignant).map((row) => row.replace(/,1$/, ',benign')),
  ];
  const mixed = Array.from(permutation(taken.length, rng), (i) => taken[i]!);
  const header = [...FEATURES, 'diagnosis'].join(',');
  writeFileSync(
    new URL(`../examples/breast-cancer/data/${name}.csv`, import.meta.url),
    `${[header, ...mixed].join('\n')}\n`,
  );
}
if (pools.malignant.length + pools.benign.length > 0) throw new Error('some rows went to no hospital');
