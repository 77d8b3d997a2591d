/**
 * Time of reading data: `npm run bench:data`.
 *
 * - DICOM: read and decode 500 small files, in a process of its own, in turn with pydicom where python3 can import it. The
 *   ratio is of the medians of CPU time; the sums of all pixels must be equal.
 * - CSV: a million rows from text to columns, in turn with Python's csv module.
 * - Pictures: a small network trains on PNG files that are decoded while it trains; how long it waits for them.
 *
 * Option: `--runs 5` of each side.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { seededRng } from '../src/base/index.ts';
import { CSVSource, openDataset } from '../src/datasources/index.ts';
import { inputsOf, loadSiteData } from '../src/protocols/index.ts';
import { Trainer, zooModel } from '../src/training/index.ts';

const { values: flags } = parseArgs({ options: { runs: { type: 'string', default: '5' } } });
const RUNS = Number(flags.runs);
const FILES = 500;
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../test/fixtures/dicom/files/${name}`, import.meta.url));
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'konsil-bench-'));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The first python that can import `modules`. */
function findPython(modules: string): string | undefined {
  return ['python3', '/usr/bin/python3'].find((python) => {
    try {
      execFileSync(python, ['-c', `import ${modules}`], { stdio: 'ignore', timeout: 60_000 });
      return true;
    } catch {
      return false;
    }
  });
}

/** What a child prints: seconds and a check. */
function measure(command: string, args: readonly string[]): readonly [seconds: number, check: string] {
  const [seconds, check] = execFileSync(command, args, { encoding: 'utf8' }).trim().split(' ');
  return [Number(seconds), check!];
}

function dicom(): void {
  const cases = {
    uncompressed: ['CT_small.dcm', 'MR_small_implicit.dcm'],
    RLE: ['MR_small_RLE.dcm'],
    'JPEG 2000': ['MR_small_jp2klossless.dcm'],
    'JPEG-LS': ['MR_small_jpeg_ls_lossless.dcm'],
  };
  const python = findPython('pydicom, numpy');
  const peer = python !== undefined ? 'pydicom' : 'no pydicom here';
  say(`DICOM, read and decode ${FILES} files, CPU seconds, median of ${RUNS} (${peer})`);
  for (const [name, files] of Object.entries(cases)) {
    const at = join(folder, name);
    mkdirSync(at);
    for (let i = 0; i < FILES; i++) copyFileSync(fixture(files[i % files.length]!), join(at, `${i}.dcm`));
    const [ours, theirs]: [number[], number[]] = [[], []];
    const checks = new Set<string>();
    for (let run = 0; run < RUNS; run++) {
      const [seconds, check] = measure(process.execPath, ['--import', 'tsx', script('dataChild.ts'), at]);
      ours.push(seconds);
      checks.add(check);
      if (python === undefined) continue;
      const [pythonSeconds, pythonCheck] = measure(python, [script('dataDicom.py'), at]);
      theirs.push(pythonSeconds);
      checks.add(pythonCheck);
    }
    const ratio =
      python !== undefined
        ? `  pydicom ${median(theirs).toFixed(2)}  ratio ${(median(theirs) / median(ours)).toFixed(1)}`
        : '';
    say(
      `  ${name.padEnd(14)} ${median(ours).toFixed(2)}${ratio}  ${checks.size === 1 ? 'same pixels' : 'PIXELS DIFFER'}`,
    );
  }
}

async function csv(): Promise<void> {
  const rows = 1_000_000;
  const rng = seededRng(1, 'bench');
  const lines = Array.from(
    { length: rows },
    (_, i) => `${i},${rng().toFixed(6)},${Math.floor(100 * rng())},site ${i % 7}`,
  );
  const file = join(folder, 'rows.csv');
  writeFileSync(file, `id,value,age,site\n${lines.join('\n')}\n`);
  const ours: number[] = [];
  const theirs: number[] = [];
  const python = `import csv,time,sys
s=time.process_time();n=0
for row in csv.reader(open(sys.argv[1])): n+=1
print(time.process_time()-s,n-1)`;
  for (let run = 0; run < RUNS; run++) {
    const start = process.cpuUsage();
    const source = await CSVSource.open({ name: 'rows', path: file });
    let seen = 0;
    for await (const { keys } of source.yieldData(100_000)) seen += keys.length;
    source.close();
    const { user, system } = process.cpuUsage(start);
    if (seen !== rows) throw new Error(`read ${seen} rows of ${rows}`);
    ours.push((user + system) / 1e6);
    theirs.push(measure('python3', ['-c', python, file])[0]);
  }
  say(`CSV, ${rows} rows of 4 columns to typed columns, CPU seconds: ${median(ours).toFixed(2)}`);
  say(
    `  Python's csv module, to text alone: ${median(theirs).toFixed(2)}; ratio ${(median(theirs) / median(ours)).toFixed(2)}`,
  );
}

async function pictures(): Promise<void> {
  const [count, size] = [512, 28];
  const rng = seededRng(2, 'bench');
  for (let i = 0; i < count; i++) {
    const at = join(folder, 'pictures', String(i % 2));
    mkdirSync(at, { recursive: true });
    const pixels = Uint8Array.from({ length: 64 * 64 }, () => Math.floor(256 * rng()));
    await sharp(pixels, { raw: { width: 64, height: 64, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toFile(join(at, `${i}.png`));
  }
  const source = await openDataset({
    name: 'p',
    datasource: 'ImageSource',
    path: join(folder, 'pictures'),
    infersLabels: true,
  });
  const transformations = [
    { Resize: { height: size, width: size } },
    'HorizontalFlip',
    { Normalize: { mean: [0.5], std: [0.5] } },
    'ToTensorV2',
  ];
  const data = await loadSiteData(source, {
    dataStructure: {
      select: { include: ['Pixel Data'] },
      target: 'BITFOUNT_INFERRED_LABEL',
      categories: { BITFOUNT_INFERRED_LABEL: ['0', '1'] },
      split: {
        splitter: 'percentage',
        testPercentage: 0,
        validationPercentage: 0,
        shuffle: true,
        stratify: false,
        seed: 1,
      },
      standardise: false,
      images: { transforms: [{ step: 'train', transformations }], convertsGreyscale: false },
    },
  });
  source.close();
  const model = zooModel('cnn').build({ channels: 1, size, outputs: 2, seed: 1 });
  const trainer = await Trainer.create({
    model,
    source: 'cnn',
    batchSize: 32,
    loss: 'cross_entropy',
    optimiser: { kind: 'sgd', learningRate: 0.01 },
  });
  const call = { parameters: trainer.program.initial, y: data.train.y, rows: data.train.rows, seed: 1 };
  const x = inputsOf(data, data.train, 'train');
  await trainer.train({ ...call, x, budget: { steps: 4 } });
  const shares: number[] = [];
  let rate = 0;
  for (let run = 0; run < RUNS; run++) {
    const started = performance.now();
    const { waitedMs, samples } = await trainer.train({ ...call, x, budget: { epochs: 6 } });
    const elapsed = performance.now() - started;
    shares.push(waitedMs / elapsed);
    rate = (1_000 * samples) / elapsed;
  }
  await trainer.close();
  say(`Pictures, PNG of 64 x 64 to ${size} x ${size}, network of 1.66 million parameters, batch 32`);
  say(
    `  training waits ${(100 * median(shares)).toFixed(1)} % of the time (${rate.toFixed(0)} pictures a second on this machine)`,
  );
}

try {
  say(`${cpus().length} cores, load ${loadavg()[0]!.toFixed(1)}`);
  dicom();
  await csv();
  await pictures();
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
