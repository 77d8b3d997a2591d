/**
 * A coordinator that asks what the task does not say.
 * @module
 */
import { expect, it } from 'vitest';
import { toHex, utf8 } from '../../base/index.ts';
import { sha256 } from '../../crypto/index.ts';
import { analysisPlan, statisticsInput } from '../../protocols/index.ts';
import { parseAnalysis } from '../../tasks/index.ts';
import type { Round } from '../round.ts';
import type { WorkSite } from '../runWork.ts';
import { AnalysisWork } from './analysisWork.ts';

const TASK = parseAnalysis(
  `pods: { identifiers: [a/d, b/d, c/d] }
task:
  protocol: { name: ResultsOnly }
  algorithm: { name: FederatedStatistics, arguments: { bins: 8, minimum_count: 1 } }
  aggregator: { secure: true }
  data_structure:
    select: { include: [age] }
    assign: { target: sick }
    categories: { sick: ['no', 'yes'] }
`,
  'task.yaml',
);

/** Work on three rows, and blobs that hold what a step is told. */
function setUp() {
  const blobs = new Map<string, Uint8Array>();
  const site = {
    blobs: { pull: async (_owner: string, { id }: { id: string }) => blobs.get(id)! },
    coordinator: { public: { id: 'coordinator' } },
  } as unknown as WorkSite;
  const ages = [40, 50, 60];
  const work = new AnalysisWork(
    TASK,
    {
      input: async (step, given) =>
        statisticsInput(TASK.algorithm as never, step, given, { rows: 3, at: (row, c) => (c === 0 ? ages[row]! : 1) }),
      close: async () => undefined,
    },
    site,
  );
  const ask = (purpose: string, step: number, facts?: unknown) => {
    const bytes = utf8(JSON.stringify(facts) ?? '');
    const parameters = facts === undefined ? undefined : { id: toHex(sha256(bytes)), bytes: bytes.length };
    if (parameters) blobs.set(parameters.id, bytes);
    const message = { type: 'ROUND_START', purpose, completed: step, parameters };
    return work.contribute({ message, context: {}, signal: new AbortController().signal } as unknown as Round);
  };
  return { ask };
}

const EDGES = [{ low: 32, high: 64 }, null];

it('answers the steps of its task, and the same again', async () => {
  const { ask } = setUp();
  const first = await ask('analysis', 0);
  expect(first!.input.counts['rows']).toBe(3);
  const second = await ask('analysis', 1, EDGES);
  expect(second).toEqual(await ask('analysis', 1, EDGES));
  expect(Object.values(second!.input.counts).reduce((sum, n) => sum + n, 0)).toBe(3);
  expect(second!.spec.counts).toEqual(analysisPlan(TASK.algorithm).layout(1, EDGES).counts);
});

it.each<[string, [string, number, unknown?]]>([
  ['a step that there is not', ['analysis', 2, EDGES]],
  ['an update', ['update', 0]],
  ['edges of another number of columns', ['analysis', 1, [EDGES[0]]]],
  ['edges that are none', ['analysis', 1, [{ low: 1, high: 0 }, null]]],
  ['text for edges', ['analysis', 1, 'all']],
  ['no edges', ['analysis', 1]],
])('refuses %s', async (_what, [purpose, step, facts]) => {
  await expect(setUp().ask(purpose, step, facts)).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
});

it('refuses to count between other edges once it has counted: they would show single values', async () => {
  const { ask } = setUp();
  await ask('analysis', 1, EDGES);
  await expect(ask('analysis', 1, [{ low: 49.9, high: 50.1 }, null])).rejects.toThrow(
    'step 1 was asked with other facts before',
  );
});
