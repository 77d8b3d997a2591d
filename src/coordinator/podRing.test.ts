/**
 * Intersections among pods, whole federations: the modeller learns a number, each pod keeps who, and sites choose partners.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Federation } from '../../sim/federation.ts';
import { fingerprint } from '../crypto/index.ts';
import { type LocalAnalysis, parseAnalysis } from '../tasks/index.ts';

let federation: Federation;
afterEach(() => federation.close());

const compare = (sites: readonly string[], more: string): LocalAnalysis =>
  parseAnalysis(
    `pods: { identifiers: [${sites.map((site) => `hospital-${site}/breast-cancer`).join(', ')}] }
task:
  protocol: { name: ResultsOnly }
  algorithm:
    name: konsil.PrivateSetIntersection
    arguments: { columns: [patient_id], normalise: { digits: true }, among_pods: true, ${more} }
`,
    join(federation.folder, 'compare.yaml'),
  );

it('tells how many people all pods share, and leaves at each pod who they are', async () => {
  federation = await Federation.open(
    {
      pods: ['hospital-a', 'hospital-b', 'hospital-c'],
      pod: (_name, config) => ({
        ...config,
        policy: {
          ...config.policy,
          intersection: {
            ...{ kinds: ['cardinality', 'row_filter'], columns: ['patient_id'], maximumList: 100, maximumLists: 2 },
            ...{ padTo: 64, rowFilter: { minimumPeople: 5, keepDays: 1 } },
            // the third pod is no partner of anybody
            withPods: (['hospital-a', 'hospital-b'] as const).map((name) =>
              fingerprint(federation.world[name].identity.public.id),
            ),
          },
        },
      }),
    },
    (opened) => {
      federation = opened;
      // 20 people are at both
      for (const [site, from] of [
        ['a', 0],
        ['b', 20],
        ['c', 0],
      ] as const) {
        const people = Array.from({ length: 40 }, (_, i) => `${site === 'b' ? 'MRN-' : ''}${from + i + 1},${i}`);
        writeFileSync(join(opened.folder, `data/hospital-${site}.csv`), `patient_id,age\n${people.join('\n')}\n`);
      }
    },
  );
  const outcome = await federation.ask(compare(['a', 'b'], 'kind: row_filter, save_as: both'));
  expect(outcome.status, outcome.reason).toBe('complete');
  expect([...outcome.results].map(([pod, table]) => [pod, table?.rows])).toEqual([
    ['hospital-a', [[20]]],
    ['hospital-b', [[20]]],
  ]);
  for (const site of ['a', 'b']) {
    const folder = join(federation.folder, `state/hospital-${site}/selections`);
    const { people } = JSON.parse(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8')) as { people: string[] };
    expect(people).toHaveLength(20);
  }
  expect(readFileSync(join(federation.folder, 'state/hospital-a/ledger.jsonl'), 'utf8')).toMatch(
    /"event":"intersection".*"row_filter among 2 pods"/,
  );

  // pods of a ring have agreed to each other
  const stranger = await federation.ask(compare(['a', 'c'], 'kind: cardinality'));
  expect(stranger.status).toBe('aborted');
  expect(stranger.reason).toMatch(/does not compare lists with the pod of key .*with_pods/);
});
