/**
 * Counts of what came of many runs, as a table at the end.
 * @module
 */
import type { Verdict } from './play.ts';

/** One table: a line a label. */
export class Tally {
  readonly #title: string;
  readonly #lines = new Map<string, Verdict[]>();

  constructor(title: string) {
    this.#title = title;
  }

  add(label: string, verdict: Verdict): void {
    this.#lines.set(label, [...(this.#lines.get(label) ?? []), verdict]);
  }

  /** Writes the table to the terminal. */
  print(): void {
    const all = [...this.#lines.values()].flat();
    const codes = [...new Set(all.map(({ ending }) => ending))].filter((ending) => ending !== 'complete').sort();
    const header = ['', 'runs', 'complete', ...codes, 'wrong', 'rounds', 'lost', 'resumed'];
    const row = (label: string, verdicts: readonly Verdict[]): string[] => {
      const sum = (of: (verdict: Verdict) => number): string =>
        String(verdicts.reduce((total, verdict) => total + of(verdict), 0));
      return [
        ...[label, String(verdicts.length)],
        ...['complete', ...codes].map((code) => sum(({ ending }) => Number(ending === code))),
        ...[sum(({ problems }) => Number(problems.length > 0)), sum(({ rounds }) => rounds)],
        ...[sum(({ roundsLost }) => roundsLost), sum(({ resumed }) => resumed)],
      ];
    };
    const rows = [header, ...[...this.#lines].map(([label, verdicts]) => row(label, verdicts)), row('all', all)];
    const widths = header.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
    const lines = rows.map((cells) =>
      cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
    );
    process.stdout.write(`\n${this.#title}\n${lines.join('\n')}\n\n`);
  }
}
