/**
 * Time and memory of training, beside PyTorch where there is one: `npm run bench:train -- --models resnet18 --batch 8`.
 *
 * Both sides train the same network from the same weights on the same batch with SGD and momentum 0.9, each in a process
 * of its own for every model, batch size and number of threads. They take turns in short bursts, so that other load on
 * the machine meets both, and all thread pools are pinned (PyTorch's own setting does not limit its BLAS). The ratio is
 * of the medians of CPU time per step, which other processes disturb less than wall time.
 *
 * Options: `--models a,b` (default all), `--batch 8,32`, `--threads 1,2`, `--seconds 3` of training a side and line,
 * `--fixtures DIR` of small models, `--python COMMAND`, `--json FILE` for all figures.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/base/index.ts';
import { type Job, type Subject, subjectsOf } from './trainCases.ts';
import { type Burst, FIRST_STEPS, type Measured, type Opened, type Row, Side } from './trainProtocol.ts';
import { renderTable } from './trainTable.ts';

const { values: flags } = parseArgs({
  options: {
    models: { type: 'string', default: '' },
    batch: { type: 'string', default: '8,32' },
    threads: { type: 'string', default: '1,2' },
    fixtures: { type: 'string', default: fileURLToPath(new URL('../test/fixtures/training', import.meta.url)) },
    python: { type: 'string' },
    seconds: { type: 'string', default: '3' },
    json: { type: 'string' },
  },
});

/** Length of a burst: long against the clock, short against changes of other load. */
const BURST_MS = 250;
const MIN_BURSTS = 3;
const MAX_STEPS = 5000;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** The first python that can import torch. */
function findPython(): string | undefined {
  const candidates = flags.python === undefined ? ['python3', '/usr/bin/python3'] : [flags.python];
  return candidates.find((python) => {
    try {
      execFileSync(python, ['-c', 'import torch'], { stdio: 'ignore', timeout: 60_000 });
      return true;
    } catch {
      return false;
    }
  });
}

function path(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Alternating bursts until `seconds` have passed per side. */
async function alternate(sides: readonly Side[], seconds: number): Promise<Burst[][]> {
  const steps = sides.map(() => 2);
  // twice: only a long call shows how fast the side gets
  for (let warmUp = 0; warmUp < 2; warmUp++) {
    for (const [i, side] of sides.entries()) {
      const { wallMs } = await side.ask<'burst'>({ do: 'burst', steps: steps[i]! });
      steps[i] = 1 + Math.max(1, Math.min(MAX_STEPS, Math.round(BURST_MS / wallMs)));
    }
  }
  const bursts: Burst[][] = sides.map(() => []);
  const end = performance.now() + 1000 * seconds * sides.length;
  while (performance.now() < end || bursts[0]!.length < MIN_BURSTS)
    // first one side first, then the other
    for (const i of bursts[0]!.length % 2 === 0 ? sides.keys() : [...sides.keys()].reverse())
      bursts[i]!.push(await sides[i]!.ask({ do: 'burst', steps: steps[i]! }));
  return bursts;
}

async function finish(side: Side, opened: Opened, bursts: readonly Burst[]): Promise<Measured> {
  const { peakMb } = await side.ask<'end'>({ do: 'end' });
  const of = (key: keyof Burst): number => median(bursts.map((burst) => burst[key] ?? Number.NaN));
  return { ...opened, wallMs: of('wallMs'), cpuMs: of('cpuMs'), jsUs: of('jsUs'), peakMb };
}

/** The same training gives the same number of parameters and the same loss in the first steps. */
function disagreement(konsil: Opened, torch: Opened): string | undefined {
  if (konsil.parameters !== torch.parameters)
    return `${konsil.parameters} parameters, PyTorch has ${torch.parameters}: not the same model`;
  const distance = Math.abs(konsil.loss - torch.loss);
  if (distance <= 1e-3 * Math.abs(torch.loss) + 1e-5) return undefined;
  return `loss ${konsil.loss} in the first steps, PyTorch has ${torch.loss}: not the same computation`;
}

async function measure(job: Job, python: string | undefined): Promise<Row> {
  const row = { model: job.name, batch: job.batch, threads: job.threads };
  const load = (): number => loadavg()[0]! / cpus().length;
  const sides = [new Side(process.execPath, [...process.execArgv, path('trainChild.ts')], job.threads)];
  if (python !== undefined) sides.push(new Side(python, [path('trainTorch.py')], job.threads));
  const errors: string[] = [];
  try {
    const opened = [await sides[0]!.ask<'open'>({ do: 'open', job, firstSteps: FIRST_STEPS })];
    if (sides.length > 1) {
      try {
        opened.push(await sides[1]!.ask<'open'>({ do: 'open', job, firstSteps: FIRST_STEPS }));
        errors.push(...[disagreement(opened[0]!, opened[1]!)].filter((problem) => problem !== undefined));
      } catch (error) {
        errors.push(messageOf(error));
        sides.pop()!.close();
      }
    }
    const bursts = await alternate(sides, Number(flags.seconds));
    const konsil = await finish(sides[0]!, opened[0]!, bursts[0]!);
    const torch = sides.length > 1 ? await finish(sides[1]!, opened[1]!, bursts[1]!) : undefined;
    return {
      ...row,
      load: load(),
      konsil,
      ...(torch && { torch }),
      ...(errors.length > 0 && { error: errors.join('; ') }),
    };
  } catch (error) {
    return { ...row, load: load(), error: [...errors, messageOf(error)].join('; ').slice(0, 300) };
  } finally {
    for (const side of sides) side.close();
  }
}

async function measureAll(subjects: readonly Subject[], python: string | undefined): Promise<Row[]> {
  const rows: Row[] = [];
  const numbers = (text: string): number[] => text.split(',').map(Number);
  for (const subject of subjects) {
    for (const batch of numbers(flags.batch)) {
      for (const threads of numbers(flags.threads)) {
        const folder = mkdtempSync(join(tmpdir(), 'konsil-bench-'));
        try {
          process.stderr.write(`${subject.name}, batch ${batch}, ${threads} thread${threads === 1 ? '' : 's'}\n`);
          rows.push(await measure(subject.prepare(folder, batch, threads), python));
        } catch (error) {
          rows.push({ model: subject.name, batch, threads, load: 0, error: messageOf(error) });
        } finally {
          rmSync(folder, { recursive: true });
        }
      }
    }
  }
  return rows;
}

const python = findPython();
const wanted = flags.models.split(',').filter(Boolean);
const machine = { cores: cpus().length, cpu: cpus()[0]?.model ?? 'unknown', loadBefore: loadavg()[0]! };
const rows = await measureAll(subjectsOf(flags.fixtures, wanted), python);
const loadAfter = loadavg()[0]!;
const beside = python === undefined ? 'no python with torch found' : `PyTorch of ${python}`;
process.stdout.write(
  `${machine.cores} cores (${machine.cpu}), load ${machine.loadBefore.toFixed(2)} before and ${loadAfter.toFixed(2)} after; Node ${process.version}; ${beside}\n\n`,
);
process.stdout.write(renderTable(rows));
if (flags.json !== undefined)
  writeFileSync(flags.json, `${JSON.stringify({ machine: { ...machine, loadAfter }, rows }, null, 2)}\n`);
