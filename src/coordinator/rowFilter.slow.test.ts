/**
 * Training on the rows of people whom the modeller's list and a site have in common: which rows, and who learns of it.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Federation, reasons } from '../../sim/federation.ts';
import { parseAnalysis } from '../tasks/index.ts';

let federation: Federation;
afterEach(() => federation.close());

const SITES = ['a', 'b', 'c', 'd'] as const;
const dataOf = (site: string): string => join(federation.folder, `data/hospital-${site}.csv`);
const linesOf = (site: string): string[] => readFileSync(dataOf(site), 'utf8').trim().split('\n');
/** Every second row of most sites is on the modeller's list; of the last one too few. */
const isListed = (site: string, row: number): boolean => (site === 'd' ? row < 5 : row % 2 === 0);
const personOf = (site: string, row: number): string => `${site.toUpperCase()} ${String(row).padStart(5, '0')}`;

/** All files below a folder, as text. */
function textsBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)).toString('latin1'));
}

function find(name: string): ReturnType<typeof parseAnalysis> {
  return parseAnalysis(
    `pods: { identifiers: [${SITES.map((site) => `hospital-${site}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: ResultsOnly }
  algorithm:
    name: konsil.PrivateSetIntersection
    arguments:
      columns: [patient_id]
      normalise: { case: fold }
      kind: row_filter
      save_as: ${name}
      identifiers_file: ./list.csv
      pad_to: 128
`,
    join(federation.folder, 'find.yaml'),
  );
}

it('trains on the rows of the people in both lists, who stay the site’s secret', async () => {
  federation = await Federation.open(
    {
      pod: (_name, config) => ({
        ...config,
        policy: {
          ...config.policy,
          shareSiteMetrics: true,
          intersection: {
            ...{ kinds: ['row_filter'], columns: ['patient_id'], maximumList: 2_000, maximumLists: 2 },
            ...{ padTo: 64, withPods: [], rowFilter: { minimumPeople: 10, keepDays: 30 } },
          },
        },
      }),
    },
    (opened) => {
      federation = opened;
      const list: string[] = [];
      for (const site of SITES) {
        const [head, ...rows] = linesOf(site).slice(0, 61);
        const named = rows.map((row, i) => `${personOf(site, i)},${row}`);
        writeFileSync(dataOf(site), `patient_id,${head}\n${named.join('\n')}\n`);
        list.push(...rows.flatMap((_, i) => (isListed(site, i) ? [personOf(site, i).toLowerCase()] : [])));
      }
      writeFileSync(join(opened.folder, 'list.csv'), `patient_id\n${list.join('\n')}\nnobody 1\n`);
    },
  );
  const rowsOf = (site: string): number =>
    linesOf(site)
      .slice(1)
      .filter((_, i) => isListed(site, i)).length;

  const found = await federation.ask(find('study'));
  expect(found.status, found.reason).toBe('complete');
  expect([...found.results.values()]).toEqual([null, null, null, null]);
  const state = join(federation.folder, 'state/hospital-a');
  const [file] = readdirSync(join(state, 'selections'));
  expect(statSync(join(state, 'selections', file!)).mode & 0o777).toBe(0o600);
  // who is selected stands nowhere in words, at no site and with nobody
  for (const text of [...textsBelow(state), ...textsBelow(found.folder)]) expect(text).not.toMatch(/[abcd] 000\d\d/i);
  expect(JSON.stringify(federation.noticesOf('hospital-d', 'problem'))).toMatch(/"study\\?" is too small/);
  expect(federation.noticesOf('hospital-a', 'problem')).toEqual([]);

  federation.task = { ...federation.task, dataStructure: { ...federation.task.dataStructure, rowsFrom: 'study' } };
  const trained = await federation.run();
  expect(trained.status, trained.reason).toBe('complete');
  expect(reasons(trained)['hospital-d']).toMatch(/NO_DATA: .*no rows for the intersection "study".*enough people/);
  // the site's share in the split, and what it may show of itself elsewhere, are not told
  expect(trained.sites).toEqual([]);
  // a tenth and a quarter are held back
  for (const site of ['a', 'b', 'c'] as const) {
    const { rows } = federation.noticesOf(`hospital-${site}`, 'accepted').at(-1)!;
    expect(rows! / rowsOf(site)).toBeGreaterThan(0.6);
    expect(rows! / rowsOf(site)).toBeLessThan(0.7);
  }

  // the same list again is refused without a word, though its people are there: two results must differ by more
  expect((await federation.ask(find('study'))).reason).toMatch(/has a selection "study" already/);
  expect((await federation.ask(find('again'))).status).toBe('complete');
  federation.task = { ...federation.task, dataStructure: { ...federation.task.dataStructure, rowsFrom: 'again' } };
  const again = await federation.run();
  expect(again.status).toBe('aborted');
  expect(reasons(again)['hospital-a']).toBe(reasons(trained)['hospital-d']!.replace('study', 'again'));
  expect((await federation.ask(find('third'))).reason).toMatch(/has compared 2 lists of this modeller/);

  // files with these rows alone give the same model, but for the last bits: sums of three pods have finer steps
  for (const site of SITES) {
    const [head, ...rows] = linesOf(site);
    writeFileSync(dataOf(site), `${head}\n${rows.filter((_, i) => isListed(site, i)).join('\n')}\n`);
  }
  const { rowsFrom: _, ...dataStructure } = federation.task.dataStructure;
  const pods = federation.task.pods.slice(0, 3);
  federation.task = { ...federation.task, pods, dataStructure };
  const alone = await federation.run();
  expect(alone.status, alone.reason).toBe('complete');
  for (const [i, value] of alone.parameters!.entries())
    expect(Math.abs(value - trained.parameters![i]!)).toBeLessThan(1e-5);
});
