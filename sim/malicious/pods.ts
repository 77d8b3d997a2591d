/**
 * Pods that cheat in ways no protocol can see: with false labels, or with updates of another length.
 * @module
 */

import { permutation, seededRng } from '../../src/base/index.ts';
import { textOf } from '../../src/datasources/index.ts';
import type { Site } from '../data/partition.ts';
import type { OnTrained } from '../memory/trainers.ts';
import type { Malicious } from '../scenario/schema.ts';

/** The sites with the labels of some rows moved on to the next class; numbers change their sign. */
export function flipLabels(sites: readonly Site[], malicious: readonly Malicious[], seed: number): Site[] {
  return sites.map((site) => {
    const role = malicious.find((one) => one.role === 'label_flipping' && one.pod === site.name);
    if (role?.role !== 'label_flipping') return site;
    const { columns, target, classes, rows } = site.table;
    const order = permutation(rows, seededRng(seed, `labels of ${site.name}`));
    const labels = [...columns[target]!];
    for (const row of order.slice(0, Math.round(role.fraction * rows))) {
      const label = labels[row] ?? null;
      if (typeof label === 'number' && classes.length === 0) labels[row] = -label;
      else if (label !== null) labels[row] = classes[(classes.indexOf(textOf(label)) + 1) % classes.length]!;
    }
    return { ...site, table: { ...site.table, columns: { ...columns, [target]: labels } } };
  });
}

/** What pod `name` makes of its trained parameters. */
export function updateOf(name: string, malicious: readonly Malicious[]): OnTrained {
  const role = malicious.find((one) => one.role === 'scaled_updates' && one.pod === name);
  if (role?.role !== 'scaled_updates') return (_start, trained) => trained;
  return (start, trained) => trained.map((value, i) => start[i]! + role.factor * (value - start[i]!));
}
