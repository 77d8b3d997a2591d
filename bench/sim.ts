/**
 * Time and memory of the simulator against pods and parameters: secure rounds with pseudo-updates, each size in a process
 * of its own.
 *
 * Usage: `npm run bench:sim`, with `--full` up to 1,000 pods and 100,000 parameters; `--rounds 10` for longer runs. The
 * last column says with which power of the number of pods time grows from the row above.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { parseScenario, runScenario } from '../sim/index.ts';

interface Cell {
  readonly pods: number;
  readonly parameters: number;
  readonly rounds: number;
  /** Without masks. @default false */
  readonly isPlain?: boolean;
}

interface Measured {
  readonly seconds: number;
  readonly mebibytes: number;
  readonly sentBytes: number;
}

const FEATURES = 10;

/** The scenario of one cell: two classes, one hidden layer as wide as the parameters ask for. */
function scenarioOf({ pods, parameters, rounds, isPlain = false }: Cell): string {
  const hidden = Math.max(1, Math.round((parameters - 1) / (FEATURES + 2)));
  return JSON.stringify({
    ...{ name: `${pods} pods`, pods, rounds, baselines: false, training: { kind: 'synthetic' } },
    data: { kind: 'blobs', rows: 6 * pods, features: FEATURES },
    task: {
      algorithm: { model: { hyperparameters: { hidden_layers: [hidden] } } },
      ...(isPlain && { aggregator: { secure: false, minimum_cohort: 1 } }),
      deadlines: { join: 600, train: 6_000, exchange: 600, evaluate: 3_000 },
    },
  });
}

/** Runs one cell in this process. */
async function measure(cell: Cell): Promise<Measured> {
  const { variants } = await runScenario(parseScenario(scenarioOf(cell), 'bench.yaml'));
  const [variant] = variants;
  if (!variant!.passed) throw new Error(`${JSON.stringify(cell)}: ${variant!.reason}`);
  return {
    seconds: variant!.wallSeconds,
    mebibytes: process.resourceUsage().maxRSS / 1_024,
    sentBytes: variant!.pods.reduce((sum, pod) => sum + pod.sentBytes, 0) / cell.pods,
  };
}

function inChild(cell: Cell): Measured {
  const args = [
    ...process.execArgv,
    '--max-old-space-size=16000',
    import.meta.filename,
    '--cell',
    JSON.stringify(cell),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Measured;
}

const [flag, value] = process.argv.slice(2);
if (flag === '--cell') {
  process.stdout.write(JSON.stringify(await measure(JSON.parse(value!) as Cell)));
  process.exit(0);
}
const isFull = process.argv.includes('--full');
const at = process.argv.indexOf('--rounds');
const rounds = at < 0 ? 2 : Number(process.argv[at + 1]);
process.stdout.write(
  `${'parameters'.padStart(10)} ${'pods'.padStart(6)} ${'s'.padStart(8)} ${'s a round'.padStart(9)} ${'MiB'.padStart(7)} ${'kB a pod'.padStart(9)}  growth\n`,
);
for (const parameters of isFull ? [1_000, 10_000, 100_000] : [1_000, 10_000]) {
  let above: { pods: number; seconds: number } | null = null;
  for (const pods of isFull ? [50, 200, 1_000] : [10, 20, 40]) {
    const { seconds, mebibytes, sentBytes } = inChild({ pods, parameters, rounds });
    const growth: string = above ? (Math.log(seconds / above.seconds) / Math.log(pods / above.pods)).toFixed(2) : '';
    // statistics and evaluation are sums as well
    const perRound = (seconds / (rounds + 2)).toFixed(2);
    process.stdout.write(
      `${String(parameters).padStart(10)} ${String(pods).padStart(6)} ${seconds.toFixed(1).padStart(8)} ${perRound.padStart(9)} ${mebibytes.toFixed(0).padStart(7)} ${(sentBytes / 1_000).toFixed(0).padStart(9)}  ${growth}\n`,
    );
    above = { pods, seconds };
  }
}
