/**
 * What is wrong with a transcript, as it is found.
 * @module
 */
import { isKonsilError } from '../../../base/index.ts';

/** Something wrong. `line` counts from 1; null for what concerns the whole. */
export interface Finding {
  readonly line: number | null;
  readonly pod: string | null;
  readonly what: string;
}

/** Collects findings. */
export class Findings {
  readonly all: Finding[] = [];

  add(line: number | null, pod: string | null, what: string): void {
    this.all.push({ line, pod, what });
  }

  /** Runs a check that throws; its error becomes a finding. @returns whether nothing was wrong. */
  guard(line: number | null, pod: string | null, check: () => void): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!isKonsilError(error)) throw error;
      this.add(line, pod, error.message);
      return false;
    }
  }
}
