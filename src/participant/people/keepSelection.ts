/**
 * Makes a selection of what an intersection found, by the site's rules.
 * @module
 */
import { randomBytes } from '../../crypto/index.ts';
import type { KeySet } from '../../intersection/index.ts';
import type { IntersectionAlgorithm, RowFilterPolicy } from '../../tasks/index.ts';
import type { Selections } from './selections.ts';

const DAY_MS = 86_400_000;

export interface KeepOptions {
  readonly dataset: string;
  /** Of the dataset. */
  readonly keys: KeySet;
  readonly rules: RowFilterPolicy;
  readonly selections: Selections;
  readonly nowMs: () => number;
  /** Told what became of it; for the site's operator alone. */
  readonly onProblem: (problem: string) => void;
}

/** @param modeller - Peer id. @throws KonsilError as `Selections.store`. */
export function keepSelection(
  { dataset, keys, rules, selections, nowMs, onProblem }: KeepOptions,
  { columns, rule, saveAs }: IntersectionAlgorithm,
  matches: Uint8Array,
  modeller: string,
): void {
  const { atLeast } = selections.store(
    {
      ...{ modeller, dataset, name: saveAs!, columns, rule, keys, matches },
      ...{ expiresMs: nowMs() + rules.keepDays * DAY_MS, minimum: rules.minimumPeople },
    },
    randomBytes,
  );
  if (atLeast === null)
    onProblem(
      `the selection "${saveAs}" is too small, too large or too close to an earlier one, and will not be trained on`,
    );
}
