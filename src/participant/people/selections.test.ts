/**
 * Selections of people at a pod, and a modeller who uses them to single somebody out.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { randomBytes } from '../../crypto/index.ts';
import { collectKeys, type KeySet } from '../../intersection/index.ts';
import { Selections, selectedRows } from './selections.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'konsil-selections-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const RULE = [{}];
const MINIMUM = 10;
const people = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `person ${from + i}`);
const site = (...names: string[]): KeySet =>
  collectKeys(
    RULE,
    names.map((name) => [name]),
  );
const SITE = site(...people(0, 100));
let count = 0;

/** What a list that has these people leaves at the site. */
function store(
  names: readonly string[],
  { keys = SITE, modeller = 'm', name = `s${count++}`, random = randomBytes } = {},
): number | null {
  const listed = new Set(site(...names).keys.map((key) => Buffer.from(key).toString('hex')));
  const matches = Uint8Array.from(keys.keys, (key) => Number(listed.has(Buffer.from(key).toString('hex'))));
  const selection = { modeller, dataset: 'x', name, columns: ['id'], rule: RULE, keys, matches };
  return new Selections(folder).store({ ...selection, expiresMs: 1, minimum: MINIMUM }, random).atLeast;
}

it('come back as the rows of their people, also when the data have changed', () => {
  expect(store(people(20, 60), { name: 'study' })).toBeGreaterThanOrEqual(MINIMUM);
  const selection = new Selections(folder).find({ modeller: 'm', dataset: 'x', name: 'study' })!;
  const later = site('person 25', 'somebody new', 'person 25', 'person 99', 'person 59');
  expect(selectedRows(selection, later)).toEqual({ rows: [0, 2, 4], people: 2 });
  for (const other of [{ modeller: 'n' }, { dataset: 'y' }, { name: 'other' }])
    expect(new Selections(folder).find({ modeller: 'm', dataset: 'x', name: 'study', ...other })).toBeUndefined();
});

it('name nobody, and two of the same people have no hash in common', () => {
  store(people(0, 40));
  store(people(0, 40), { modeller: 'n' });
  const files = readdirSync(join(folder, 'selections')).map((file) =>
    readFileSync(join(folder, 'selections', file), 'utf8'),
  );
  for (const text of files) expect(text).not.toContain('person');
  const [one, other] = files.map((text) => (JSON.parse(text) as { people: string[] }).people);
  expect(one!.filter((hash) => other!.includes(hash))).toEqual([]);
});

it.each<[string, readonly (readonly string[])[]]>([
  ['of fewer people than the minimum', [people(0, MINIMUM - 1)]],
  ['of nobody', [[]]],
  ['of everybody but one', [people(1, 100)]],
  ['that differ from an earlier one by one person', [people(0, 50), people(0, 51)]],
  [
    'that differ from an earlier one in nothing: that its refusal says nothing of the one person either',
    [people(0, 50), people(0, 50)],
  ],
  ['that exchange a person', [people(0, 50), people(1, 51)]],
  ['that lead from one to another in small steps', [people(0, 50), people(0, 55), people(0, 59)]],
])('are not trained on when they are %s', (_what, lists) => {
  const usable = lists.map((list) => store(list) !== null);
  expect(usable).toEqual(lists.map((_, i) => i === 0 && lists.length > 1));
});

it('are judged by themselves for each modeller: what two of them compare is not seen', () => {
  expect(store(people(0, 50))).not.toBeNull();
  expect(store(people(0, 51), { modeller: 'n' })).not.toBeNull();
});

it('do not tell about one person by being usable or not more often than the draw allows', () => {
  // the modeller knows 15 people of the site, and asks about one more
  const known = people(0, 15);
  const without = site(...people(0, 15), ...people(16, 100));
  // each threshold that can be drawn, once: T is 10 to 20
  const usable = [SITE, without].map((keys) =>
    Array.from({ length: MINIMUM + 1 }, (_, draw) =>
      store([...known, 'person 15'], {
        keys,
        modeller: `m${count}`,
        random: (size) => new Uint8Array(size).fill(draw, size - 1),
      }),
    ).filter((least) => least !== null),
  );
  expect(usable[0]).toEqual([10, 11, 12, 13, 14, 15, 16]);
  expect(usable[1]).toEqual([10, 11, 12, 13, 14, 15]);
});

it('stop everything when a file of theirs cannot be read', () => {
  store(people(0, 50));
  const [file] = readdirSync(join(folder, 'selections'));
  writeFileSync(join(folder, 'selections', file!), '{}');
  expect(() => store(people(0, 51))).toThrow(expect.objectContaining({ code: 'DATA_INVALID' }));
});

it('keep their names', () => {
  store(people(0, 50), { name: 'study' });
  expect(() => store(people(50, 100), { name: 'study' })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});
