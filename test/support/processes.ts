/**
 * Real `konsil` processes for end-to-end tests: watched by their JSON lines, never left behind. They are of the build where it is
 * newer than all sources, since they start in half the time then, and of the sources otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'dist/src/cli/main.js');

/** Whether nothing has changed since the build. */
function isBuilt(): boolean {
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs;
  if (built === undefined) return false;
  return ['src', 'sim'].every((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).every(
      (file) => statSync(join(ROOT, folder, file)).mtimeMs < built,
    ),
  );
}
const PROGRAM = isBuilt() ? [BUILT] : ['--import', import.meta.resolve('tsx'), join(ROOT, 'src/cli/main.ts')];
type Value = Record<string, unknown>;

/** One running command. */
export class Konsil {
  readonly child: ChildProcess;
  readonly values: Value[] = [];
  /** Everything it wrote, both streams. */
  text = '';
  readonly exit: Promise<number>;
  readonly #waiting: { matches: (value: Value) => boolean; resolve: (value: Value) => void }[] = [];

  constructor(
    args: readonly string[],
    options: { readonly cwd: string; readonly env?: Readonly<Record<string, string>> },
  ) {
    const child = spawn(process.execPath, [...PROGRAM, ...args], {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    running.add(this);
    child.stderr.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.text += `${line}\n`;
      if (!line.startsWith('{')) return;
      const value = JSON.parse(line) as Value;
      this.values.push(value);
      for (const waiting of this.#waiting) if (waiting.matches(value)) waiting.resolve(value);
    });
    this.exit = new Promise((resolve) =>
      child.on('close', (code, signal) => {
        running.delete(this);
        resolve(code ?? (signal === 'SIGKILL' ? 137 : 143));
      }),
    );
  }

  /** The first value with all of `fields`, past or to come. Rejects with the output when the process ends without one. */
  async until(fields: Value): Promise<Value> {
    const matches = (value: Value): boolean => Object.entries(fields).every(([key, field]) => value[key] === field);
    const seen = this.values.find(matches);
    if (seen) return seen;
    return Promise.race([
      new Promise<Value>((resolve) => this.#waiting.push({ matches, resolve })),
      this.exit.then((code) => {
        throw new Error(`ended with ${code} before ${JSON.stringify(fields)}:\n${this.text}`);
      }),
    ]);
  }
}

const running = new Set<Konsil>();

/** Kills whatever a failed test left behind. */
export async function killAll(): Promise<void> {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all([...running].map(({ exit }) => exit));
}

/** A private copy of the example with few rounds. */
export function exampleCopy(rounds = 3): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'konsil-e2e-'));
  cpSync(join(ROOT, 'examples/breast-cancer'), folder, {
    recursive: true,
    filter: (path) => !/[/\\](keys|runs|state)$/.test(path),
  });
  const file = join(folder, 'task.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace(/\n( +)epochs: \d+/, `\n$1epochs: ${rounds}`));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
