/**
 * Selections of people that intersections have left at a pod, for tasks that train on their rows: one file each in the pod's
 * state, for the pod's owner alone. People stand there as salted hashes, which whoever has the file and guesses can
 * compare: the file is as secret as the data.
 *
 * A selection is usable when it is far enough from nobody, from everybody, and from every earlier selection of its modeller on
 * its dataset, in people: otherwise two results would differ by what a few people have. How far is drawn for each
 * selection, uniformly in [m, 2m] for the site's minimum m, so that whether it is usable is moved by one person with
 * probability at most (2 + earlier selections) / (m + 1).
 * @module
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { concatBytes, frame, KonsilError, messageOf, toHex } from '../../base/index.ts';
import { type RandomBytes, sha256 } from '../../crypto/index.ts';
import type { KeyRule, KeySet } from '../../intersection/index.ts';

/** Bytes of a salted hash: no two people of a site have one, even for 2^20 of them. */
const HASH_BYTES = 16;
const SALT_BYTES = 16;

const hex = z.string().regex(/^([0-9a-f]{2})+$/);
const file = z.strictObject({
  format: z.literal('konsil-selection-v1'),
  /** Peer id. */
  modeller: z.string(),
  dataset: z.string(),
  name: z.string(),
  expiresMs: z.number(),
  columns: z.array(z.string()).min(1),
  rule: z.array(
    z.strictObject({
      trim: z.boolean(),
      case: z.enum(['keep', 'fold']),
      digits: z.boolean(),
    }),
  ),
  /** People that have to be there whenever it is used; null when it may not be used. */
  atLeast: z.int().min(1).nullable(),
  salt: hex,
  people: z.array(hex),
});

/** Whose selection, of what. */
export interface SelectionName {
  readonly modeller: string;
  readonly dataset: string;
  readonly name: string;
}

/** What a pod knows about one. */
export type Selection = Readonly<z.output<typeof file>>;

/** What is to be stored. */
export interface NewSelection extends SelectionName {
  readonly columns: readonly string[];
  readonly rule: KeyRule;
  readonly keys: KeySet;
  /** Of each key 1 when it is selected. */
  readonly matches: Uint8Array;
  readonly expiresMs: number;
  /** The site's m. */
  readonly minimum: number;
}

/** Selections in a pod's state folder. */
export class Selections {
  readonly #folder: string;

  constructor(state: string) {
    this.#folder = join(state, 'selections');
  }

  /** @throws KonsilError DATA_INVALID when its file cannot be read: what was selected earlier is not known. */
  find(name: SelectionName): Selection | undefined {
    return this.#all().find((one) => sameName(one, name));
  }

  /**
   * Judges and stores a selection; what becomes of it is for the site alone.
   * @throws KonsilError CONFIG_INVALID when there is one of that name, FILE_WRITE_FAILED, DATA_INVALID as {@link find}.
   */
  store(selection: NewSelection, random: RandomBytes): Selection {
    const all = this.#all();
    if (all.some((one) => sameName(one, selection)))
      throw new KonsilError('CONFIG_INVALID', `selection "${selection.name}" is there already; expected another name`);
    const { modeller, dataset, name, expiresMs, columns, rule, keys, matches, minimum } = selection;
    const selected = keys.keys.filter((_, i) => matches[i] === 1);
    const earlier = all.filter((one) => one.modeller === modeller && one.dataset === dataset && one.atLeast !== null);
    const least = minimum + uniformUpTo(minimum, random);
    const distances = [
      selected.length,
      keys.keys.length - selected.length,
      ...earlier.map((one) => distance(one, selected)),
    ];
    const salt = random(SALT_BYTES);
    const stored: Selection = {
      ...{ format: 'konsil-selection-v1', modeller, dataset, name, expiresMs },
      ...{
        columns: [...columns],
        rule: rule.map((column) => ({ trim: true, case: 'keep', digits: false, ...column })),
      },
      atLeast: distances.every((people) => people >= least) ? least : null,
      salt: toHex(salt),
      people: selected.map((key) => hashOf(salt, key)).sort(),
    };
    this.#write(stored);
    return stored;
  }

  #all(): Selection[] {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return []; // none was ever made
    }
    return names.filter((name) => name.endsWith('.json')).map((name) => this.#read(join(this.#folder, name)));
  }

  #read(path: string): Selection {
    try {
      return file.parse(JSON.parse(readFileSync(path, 'utf8')));
    } catch (cause) {
      throw new KonsilError(
        'DATA_INVALID',
        `${path}: is no selection; restore it from a backup, or move it away and count its people as known to its modeller`,
        { file: path },
        { cause },
      );
    }
  }

  #write(selection: Selection): void {
    const { modeller, dataset, name } = selection;
    const id = toHex(sha256(frame('konsil/selection/v1', modeller, dataset, name))).slice(0, 32);
    const path = join(this.#folder, `${id}.json`);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      writeFileSync(`${path}.part`, JSON.stringify(selection), { mode: 0o600, flush: true });
      renameSync(`${path}.part`, path);
    } catch (cause) {
      throw new KonsilError('FILE_WRITE_FAILED', `${path}: ${messageOf(cause)}`, { file: path }, { cause });
    }
  }
}

/** Rows of people who are selected, ascending, and how many people these are. */
export function selectedRows(
  { salt, people }: Selection,
  { keys, keyOfRow }: KeySet,
): { readonly rows: readonly number[]; readonly people: number } {
  const known = new Set(people);
  const salted = Buffer.from(salt, 'hex');
  const isSelected = keys.map((key) => known.has(hashOf(salted, key)));
  const rows = [...keyOfRow.keys()].filter((row) => isSelected[keyOfRow[row]!] === true);
  return { rows, people: isSelected.filter(Boolean).length };
}

const sameName = (one: SelectionName, other: SelectionName): boolean =>
  one.modeller === other.modeller && one.dataset === other.dataset && one.name === other.name;

/** People who are in one of two selections only. */
function distance({ salt, people }: Selection, selected: readonly Uint8Array[]): number {
  const known = new Set(people);
  const salted = Buffer.from(salt, 'hex');
  const shared = selected.filter((key) => known.has(hashOf(salted, key))).length;
  return known.size + selected.length - 2 * shared;
}

function hashOf(salt: Uint8Array, key: Uint8Array): string {
  return toHex(sha256(concatBytes(salt, key)).subarray(0, HASH_BYTES));
}

/** Uniform in [0, most]; 53 random bits leave a bias below 2^-32. @param most - Below 2^21. */
function uniformUpTo(most: number, random: RandomBytes): number {
  const bytes = random(7);
  const value = bytes.reduce((sum, byte, i) => sum * 256 + (i === 0 ? byte & 0x1f : byte), 0);
  return value % (most + 1);
}
