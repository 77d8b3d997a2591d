/**
 * Flower's SecAgg+ beside ours: runs bench/secaggFlower.py on the user's checkout for every cohort and vector length that
 * was measured. Flower then neither signs nor checks what clients say, and its masks come from 28 bits of entropy (its
 * issue 7522): the two do not do the same work, only the same task.
 * @module
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { CellReport } from './secaggCell.ts';
import { number, type SkippedCell, totalOf } from './secaggTable.ts';

/** CPU seconds by stage. `complete` is false when the round was given up. */
interface FlowerReport {
  readonly complete: boolean;
  readonly client: Readonly<Record<string, number>>;
  readonly server: Readonly<Record<string, number>>;
}

export interface FlowerRow {
  readonly n: number;
  readonly lost: number;
  readonly length: number;
  readonly shares: number;
  readonly threshold: number;
  readonly report: FlowerReport | null;
  readonly error: string | null;
}

/** Shamir in Python takes minutes beyond this. */
const MAX_SHARES = 33;
const TIMEOUT_MS = 600_000;

function runOne(checkout: string, options: object): { report: FlowerReport | null; error: string | null } {
  const script = fileURLToPath(new URL('secaggFlower.py', import.meta.url));
  try {
    const output = execFileSync('python3', [script, checkout, JSON.stringify(options)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
      env: { ...process.env, OMP_NUM_THREADS: '1', PYTHONDONTWRITEBYTECODE: '1' },
    });
    return { report: JSON.parse(output.trimEnd().split('\n').at(-1)!) as FlowerReport, error: null };
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string };
    const why = code === 'ETIMEDOUT' ? `longer than ${TIMEOUT_MS / 1000} s` : stderr?.trimEnd().split('\n').at(-1);
    return { report: null, error: why || String(code) };
  }
}

const seconds = (stages: Readonly<Record<string, number>>): number => Object.values(stages).reduce((a, b) => a + b, 0);

/** The measured cohorts again, with Flower. @returns a table in Markdown, and its rows. */
export function runFlower(
  checkout: string,
  cells: readonly (CellReport | SkippedCell)[],
): { readonly table: string; readonly rows: readonly FlowerRow[] } {
  const lines = [
    '| n | lost | parameters | shares, threshold | client s | server s | client, ours | server, ours |\n',
    '| --- | --- | --- | --- | --- | --- | --- | --- |\n',
  ];
  const rows: FlowerRow[] = [];
  for (const cell of cells) {
    if ('skipped' in cell) continue;
    const { n, lost, k, t } = cell;
    const [shares, threshold] = [Math.min(k + 1, MAX_SHARES), Math.min(t, Math.floor((MAX_SHARES * t) / (k + 1)))];
    for (const bulk of cell.bulk) {
      const { length } = bulk;
      const { report, error } = runOne(checkout, { n, lost, length, shares, threshold });
      rows.push({ n, lost, length, shares, threshold, report, error });
      const ours = [totalOf(cell.client).cpu + totalOf(bulk.client).cpu, 0];
      if (bulk.server) ours[1] = totalOf(cell.server).cpu + totalOf(bulk.server).cpu;
      const theirs = report
        ? [number(seconds(report.client)), report.complete ? number(seconds(report.server)) : 'round given up']
        : [error ?? '', '–'];
      const cells = [String(n), String(lost), String(length), `${shares}, ${threshold}`, ...theirs];
      lines.push(`| ${[...cells, ...ours.map((ms) => number(ms / 1000))].join(' | ')} |\n`);
    }
  }
  return { table: lines.join(''), rows };
}
