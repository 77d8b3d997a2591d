/**
 * The code with defences taken out: bundles {@link file://./surface.ts} with edits of the source text.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Code, Edit } from './attack.ts';

const SOURCE = join(import.meta.dirname, '../../../src');
const { resolve } = createRequire(import.meta.url);

/** Source of a file with its edits applied. @throws Error when a text is not there exactly once. */
export function edited(file: string, edits: readonly Edit[]): string {
  let source = readFileSync(join(SOURCE, file), 'utf8');
  for (const { text, becomes } of edits) {
    const found = source.split(text).length - 1;
    if (found !== 1) throw new Error(`${file}: the defence is there ${found} times instead of once: ${text}`);
    source = source.replace(text, () => becomes);
  }
  return source;
}

function editing(edits: readonly Edit[]): Plugin {
  const byFile = new Map(edits.map(({ file }) => [file, edits.filter((edit) => edit.file === file)]));
  for (const [file, own] of byFile) edited(file, own); // fails early, and also where the bundle leaves a file out
  return {
    name: 'edit',
    setup({ onLoad, onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
        if (kind === 'entry-point' || path.startsWith('node:')) return undefined;
        return { path: pathToFileURL(resolve(path)).href, external: true };
      });
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const file = relative(SOURCE, path).split(sep).join('/');
        const own = byFile.get(file);
        return own ? { contents: edited(file, own), loader: 'ts' } : undefined;
      });
    },
  };
}

/** Builds mutants into a folder of its own. */
export class Mutants {
  readonly #folder = mkdtempSync(join(tmpdir(), 'konsil-mutants-'));
  readonly #built = new Map<string, Promise<Code>>();
  /** The import that vitest does not take over: the bundle is plain JavaScript. */
  readonly #load: (url: string) => Promise<Code>;

  constructor(load: (url: string) => Promise<Code>) {
    this.#load = load;
  }

  /** The code without these defences. */
  without(edits: readonly Edit[]): Promise<Code> {
    const key = JSON.stringify(edits);
    const known = this.#built.get(key) ?? this.#build(edits, `mutant-${this.#built.size}.mjs`);
    this.#built.set(key, known);
    return known;
  }

  async #build(edits: readonly Edit[], name: string): Promise<Code> {
    const outfile = join(this.#folder, name);
    await build({
      entryPoints: [join(import.meta.dirname, 'surface.ts')],
      ...{ outfile, bundle: true, format: 'esm', platform: 'node', target: 'node20', logLevel: 'silent' },
      plugins: [editing(edits)],
    });
    return this.#load(pathToFileURL(outfile).href);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
