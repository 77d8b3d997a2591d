/**
 * What the parts of bench/secagg.ts measure with, and how they start one another: every figure is taken in a process of
 * its own, so that peak memory and compiled code are its own.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Milliseconds. `cpu` is user and system time of all threads of the process, garbage collection included. */
export interface Times {
  readonly cpu: number;
  readonly wall: number;
}

export const NO_TIME: Times = { cpu: 0, wall: 0 };

export const plus = (a: Times, b: Times): Times => ({ cpu: a.cpu + b.cpu, wall: a.wall + b.wall });

/** Runs `work`; its result, and what it took. */
export function timed<T>(work: () => T): { readonly result: T; readonly times: Times } {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const result = work();
  return { result, times: since(wall, cpu) };
}

/** As {@link timed}, waiting for what `work` promises. */
export async function timedAsync<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly times: Times }> {
  const [wall, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  return { result, times: since(wall, cpu) };
}

function since(wall: number, cpu: NodeJS.CpuUsage): Times {
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / 1000, wall: performance.now() - wall };
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

/** Median CPU time, and median wall time. */
export function medianOf(times: readonly Times[]): Times {
  return { cpu: median(times.map(({ cpu }) => cpu)), wall: median(times.map(({ wall }) => wall)) };
}

/** Largest resident memory of this process so far, MiB. */
export const peakMiB = (): number => process.resourceUsage().maxRSS / 1024;

/** Passed as `--options JSON`: a part that was started by hand gets its defaults. */
export function optionsOf<T>(defaults: T): T {
  const at = process.argv.indexOf('--options');
  return at < 0 ? defaults : { ...defaults, ...(JSON.parse(process.argv[at + 1]!) as Partial<T>) };
}

/** Prints a part's answer. */
export function report(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const ANSWER_BYTES = 2 ** 24;

/** Runs the part in `bench/<name>.ts` and gives its answer. @throws Error when it fails; its messages are on stderr. */
export function runPart(name: string, options: object, nodeFlags: readonly string[] = []): unknown {
  const file = fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  const args = [...process.execArgv, ...nodeFlags, file, '--options', JSON.stringify(options)];
  const output = execFileSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: ANSWER_BYTES,
  });
  return JSON.parse(output.trimEnd().split('\n').at(-1)!);
}
