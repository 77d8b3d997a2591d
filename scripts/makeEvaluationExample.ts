/**
 * Writes examples/evaluate-across-hospitals from the cohorts of examples/two-cohorts: two models, made from Rotterdam rows that no
 * site of the example has, and five sites of unequal size. `npx tsx scripts/makeEvaluationExample.ts`
 * @module
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { permutation, seededRng } from '../src/base/index.ts';
import { exportModel, Trainer, zooModel } from '../src/training/index.ts';

const COLUMNS = ['age', 'meno', 'size', 'grade', 'nodes', 'pgr', 'er', 'hormon', 'relapse'] as const;
const SIZES = ['<=20', '20-50', '>50'];
const FEATURES = [...COLUMNS.slice(0, 2), ...SIZES.map((size) => `size=${size}`), ...COLUMNS.slice(3, 8)];
/** Rows the models are made from. */
const DEVELOPMENT = 700;
/** Rotterdam sites: rows, and how many of them relapse where that is fixed. */
const SITES = [
  { name: 'hospital-amsel', rows: 1050 },
  { name: 'hospital-buche', rows: 560 },
  { name: 'hospital-distel', rows: 230 },
  { name: 'hospital-eibe', rows: 46, relapses: 3 }, // too few to show
] as const;

type Row = readonly string[];
const here = (path: string): string => fileURLToPath(new URL(`../examples/${path}`, import.meta.url));

function read(name: string, separator: string): Row[] {
  const [, ...lines] = readFileSync(here(`two-cohorts/data/${name}.csv`), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => line.split(separator));
}

const isRelapse = (row: Row): boolean => row[8] === 'yes';
const encoded = (row: Row): number[] => [
  ...row.slice(0, 2).map(Number),
  ...SIZES.map((size) => Number(row[2] === size)),
  ...row.slice(3, 8).map(Number),
];

function write(name: string, rows: readonly Row[]): void {
  writeFileSync(
    here(`evaluate-across-hospitals/data/${name}.csv`),
    `${[COLUMNS, ...rows].map((row) => row.join(',')).join('\n')}\n`,
  );
}

async function writeModel(name: 'mlp' | 'logistic_regression', rows: readonly Row[]): Promise<void> {
  const raw = rows.map(encoded);
  const width = FEATURES.length;
  const column = (i: number): number[] => raw.map((values) => values[i]!);
  const mean = Float32Array.from({ length: width }, (_, i) => column(i).reduce((a, b) => a + b, 0) / raw.length);
  const scale = Float32Array.from({ length: width }, (_, i) =>
    Math.sqrt(column(i).reduce((sum, value) => sum + (value - mean[i]!) ** 2, 0) / raw.length),
  );
  const x = Float32Array.from(raw.flatMap((values) => values.map((value, i) => (value - mean[i]!) / scale[i]!)));
  const y = Int32Array.from(rows, (row) => Number(isRelapse(row)));
  const shape = { inputs: width, outputs: 2, seed: 1 };
  const model = zooModel(name).build(name === 'mlp' ? { ...shape, hidden: [8], activation: 'relu' } : shape);
  const optimiser = { kind: 'adam', learningRate: 0.01, weightDecay: 0.01 } as const;
  const trainer = await Trainer.create({ model, source: name, batchSize: 32, loss: 'cross_entropy', optimiser });
  const { program } = trainer;
  const { parameters } = await trainer.train({
    ...{ x, y, rows: rows.length, parameters: program.initial, seed: 1, budget: { epochs: 30 } },
  });
  await trainer.close();
  const bytes = exportModel(model, program.layout, parameters, {
    ...{ source: name, head: 'softmax', preprocess: { mean, scale } },
    metadata: {
      'konsil.features': JSON.stringify(FEATURES),
      'konsil.classes': '["no","yes"]',
      'konsil.target': 'relapse',
    },
  });
  const file = name === 'mlp' ? 'network' : 'score';
  writeFileSync(here(`evaluate-across-hospitals/models/${file}.onnx`), bytes);
}

for (const folder of ['data', 'models']) mkdirSync(here(`evaluate-across-hospitals/${folder}`), { recursive: true });
const rotterdam = [...read('hospital-rotterdam-early', ','), ...read('hospital-rotterdam-late', ',')];
const shuffled = Array.from(permutation(rotterdam.length, seededRng(3, 'evaluation')), (i) => rotterdam[i]!);
const development = shuffled.splice(0, DEVELOPMENT);
for (const { name, rows, ...fixed } of [...SITES].reverse()) {
  if (!('relapses' in fixed)) {
    write(name, shuffled.splice(0, rows));
    continue;
  }
  const chosen: Row[] = [];
  const take = (wanted: boolean): void =>
    void chosen.push(
      ...shuffled.splice(
        shuffled.findIndex((row) => isRelapse(row) === wanted),
        1,
      ),
    );
  for (let i = 0; i < rows; i++) take(i % 15 === 0 && i / 15 < fixed.relapses);
  write(name, chosen);
}
// another country, trial patients with positive nodes: relapses are more frequent, and harder to foresee
write('hospital-celle', read('hospital-freiburg', ';'));
await writeModel('logistic_regression', development);
await writeModel('mlp', development);
