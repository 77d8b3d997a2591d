/**
 * What a run of a scenario is made of: its rows, a whole task, a folder.
 * @module
 */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KonsilError } from '../src/base/index.ts';
import { LABEL_COLUMN, openDataset, PIXELS, textOf } from '../src/datasources/index.ts';
import { generate } from './data/generate.ts';
import type { Site } from './data/partition.ts';
import { type Table, takeRows } from './data/table.ts';
import { flipLabels } from './malicious/pods.ts';
import type { PreparedVariant } from './options.ts';
import { type Scenario, taskOf, type Variant } from './scenario/scenario.ts';

/** A variant on the rows of `sites`, in a folder of its own below `parent`. @throws KonsilError CONFIG_INVALID. */
export function prepare(
  scenario: Scenario,
  variant: Variant,
  sites: readonly Site[],
  parent: string,
  { target, classes }: Table,
): PreparedVariant {
  const folder = join(parent, variant.name.replace(/[^\w-]+/g, '-'));
  mkdirSync(folder, { recursive: true });
  const names = sites.map(({ name }) => name);
  const composed = taskOf({ ...scenario, target, classes }, variant.task, names);
  if ('problems' in composed)
    throw new KonsilError(
      'CONFIG_INVALID',
      composed.problems
        .map(
          ({ path, message }) => `${scenario.file}: variant ${variant.name}: ${path.map(String).join('.')}: ${message}`,
        )
        .join('\n'),
    );
  const { task } = composed;
  const own = flipLabels(sites, variant.malicious, scenario.seed);
  return {
    scenario,
    variant,
    sites: own,
    folder,
    task: { ...task, local: { ...task.local, runs: join(folder, 'runs') } },
  };
}

/** Memory where the system has files in memory: pods flush every line of their journals, and a thousand wait for one disk. */
export function scratchFolder(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return process.env['TMPDIR'] ?? '/dev/shm';
  } catch {
    return tmpdir();
  }
}

/** All rows of a scenario. @throws KonsilError DATA_* or FILE_*. */
export async function tableOf({ data, seed }: Scenario): Promise<Table> {
  if (data.kind === 'images') return picturesOf(data);
  if (data.kind !== 'csv') return generate(data, seed);
  const source = await openDataset({ name: 'data', datasource: 'CSVSource', path: data.path });
  try {
    if (!source.columns.includes(data.target))
      throw new KonsilError('DATA_COLUMN_MISSING', `${data.path} has no column "${data.target}" (data.target)`);
    const keys = Array.from({ length: source.rowCount }, (_, i) => i);
    const { columns } = await source.getData(keys);
    return { rows: source.rowCount, columns, target: data.target, classes: (data.classes ?? []).map(String) };
  } finally {
    source.close();
  }
}

/** Pictures as handles, with the names of their folders. @throws KonsilError DATA_* or FILE_*. */
async function picturesOf({ path, classes }: Extract<Scenario['data'], { kind: 'images' }>): Promise<Table> {
  const source = await openDataset({ name: 'data', datasource: 'ImageSource', path, infersLabels: true });
  try {
    const keys = Array.from({ length: source.rowCount }, (_, i) => i);
    const { columns } = await source.getData(keys);
    const pictures = columns[PIXELS];
    if (pictures === undefined)
      throw new KonsilError('DATA_INVALID', `${path}: some files have several pages; expected one picture a file`);
    const labels = columns[LABEL_COLUMN]!;
    const known = keys.filter((key) => classes.includes(textOf(labels[key])));
    return takeRows(
      { rows: keys.length, columns: { [PIXELS]: pictures, [LABEL_COLUMN]: labels }, target: LABEL_COLUMN, classes },
      known,
    );
  } finally {
    source.close();
  }
}
