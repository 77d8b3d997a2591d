/**
 * The tables of docs/reference/secure-aggregation.md, computed; `npx tsx scripts/secaggTables.ts` prints them and a test
 * compares them with the document.
 * @module
 */
import {
  type CohortAssumptions,
  failureBits,
  isSparse,
  messageSizes,
  messageTotals,
  thresholdsFor,
} from '../../src/aggregation/index.ts';

const row = (cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;
const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
const bits = (log2: number): string => (Number.isFinite(log2) ? `2^${log2.toFixed(1)}` : '0');

type Case = readonly [n: number, assumptions: CohortAssumptions & { readonly dropouts?: number }];

function thresholdRows(cases: readonly Case[]): (string | number)[][] {
  return cases.map(([n, assumptions]) => {
    const thresholds = thresholdsFor(n, assumptions);
    const { k, t, colluding, signatures, minSurvivors } = thresholds;
    const { secrecy, liveness } = failureBits(thresholds, assumptions.dropouts);
    const reach = Math.min(colluding, 2 * t - k - 2);
    return [n, k, colluding, t, reach, t - reach, signatures, minSurvivors, bits(secrecy), bits(liveness)];
  });
}

const HEAD = ['n', 'k', 'c', 't', 'a', 't − a', 's', 'm', 'secrecy fails', 'liveness fails'];

/** Columns up to m, without what only neighbour graphs have. */
const isForComplete = (_cell: unknown, column: number): boolean => column < 8 && column !== 4 && column !== 5;

/** Each table as Markdown. */
export function secaggTables(): { readonly complete: string; readonly neighbours: string; readonly bytes: string } {
  const complete = [3, 4, 5, 7, 10, 20, 32].map((n): Case => [n, {}]);
  const neighbours: Case[] = [
    ...[33, 50, 100, 300, 1_000, 10_000].map((n): Case => [n, {}]),
    [100, { colluding: 0.05, dropouts: 0.05 }],
    [100, { colluding: 0.2 }],
    [100, { colluding: 0.1, dropouts: 0.2 }],
    [1_000, { colluding: 0.2 }],
  ];
  const columns = [
    ['5', messageSizes(thresholdsFor(5))],
    ['10', messageSizes(thresholdsFor(10))],
    ['100 complete', messageSizes(thresholdsFor(100, { graph: 'complete' }))],
    ['100 neighbours', messageSizes(thresholdsFor(100))],
  ] as const;
  const types = Object.keys(columns[0][1]) as (keyof (typeof columns)[0][1])[];
  return {
    complete: table(
      HEAD.filter(isForComplete),
      thresholdRows(complete).map((cells) => cells.filter(isForComplete)),
    ),
    neighbours: table(
      ['n', 'assumed c, d', ...HEAD.slice(1)],
      thresholdRows(neighbours).map(([n, ...cells], i) => {
        const { colluding = 0.1, dropouts = 0.1 } = neighbours[i]![1];
        if (!isSparse(thresholdsFor(...neighbours[i]!))) throw new Error(`n = ${n} has the complete graph`);
        return [n!, `${colluding}, ${dropouts}`, ...cells];
      }),
    ),
    bytes: table(
      ['bytes per pod, n =', ...columns.map(([name]) => name)],
      [
        ...types.map((type) => [type, ...columns.map(([, sizes]) => sizes[type])]),
        ['**sent by the pod**', ...columns.map(([, sizes]) => messageTotals(sizes).sent)],
        ['**received by the pod**', ...columns.map(([, sizes]) => messageTotals(sizes).received)],
      ],
    ),
  };
}
