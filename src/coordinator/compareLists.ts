/**
 * Lists compared, message by message: the modeller's with each pod's, or the pods' among each other. See `intersect.ts` and
 * `podRing.ts` for what is in the messages.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { MAX_LIST, type PairReceiver } from '../intersection/index.ts';
import { listBytes, type ResultTable } from '../protocols/index.ts';
import type { IntersectionAlgorithm } from '../tasks/index.ts';
import type { BlobRef } from '../wire/index.ts';
import type { AnalysisSteps } from './analysisSteps.ts';
import { Comparison, type IdentifierList, sizeIn } from './intersect.ts';
import { describeAbsent, type Members } from './members.ts';
import { compareAmong } from './podRing.ts';

/** A list of a ring, with its envelope and an opening. */
const MAX_RING_BYTES = listBytes(MAX_LIST, 32) + (1 << 12);

export interface ComparisonOptions {
  readonly runId: string;
  readonly taskJson: string;
  readonly algorithm: IntersectionAlgorithm;
  /** Id of the modeller's identity. */
  readonly modeller: string;
  readonly members: Members;
  readonly signal: AbortSignal;
}

export interface ListsOptions extends ComparisonOptions {
  readonly list: IdentifierList;
}

/** Told what came of each pod's list; nothing where that stays at the pod. */
type Keep = (pod: string, table: ResultTable | null) => void;

/** The modeller's list against each pod's; the modeller learns what they share. */
export async function compareLists(
  { runId, taskJson, algorithm, list, modeller, members, signal }: ListsOptions,
  steps: AnalysisSteps,
  keep: Keep,
): Promise<void> {
  const comparison = new Comparison(algorithm, list, signal);
  const receivers = new Map<string, { readonly receiver: PairReceiver; readonly size: number }>();
  try {
    await steps.each(
      await steps.exchange(0, members.active(), () => undefined),
      async (member, { result }, context) => {
        const bytes = await steps.pull(member, result, context, 4);
        const size = sizeIn(bytes);
        const pod = member.peer.public.id;
        receivers.set(member.name, { receiver: comparison.open({ runId, taskJson, modeller, pod }, size), size });
      },
    );
    const asked = new Map<string, BlobRef>();
    for (const [pod, { receiver }] of receivers)
      asked.set(pod, steps.offer(await comparison.ask(receiver), [members.get(pod)]));
    const cohort = members.active().filter(({ name }) => asked.has(name));
    await steps.each(
      await steps.exchange(1, cohort, ({ name }) => asked.get(name)),
      async (member, { result }, context) => {
        const { receiver, size } = receivers.get(member.name)!;
        const most = listBytes(list.size, 32) + listBytes(size, 32);
        const answer = await steps.pull(member, result, context, most);
        keep(member.name, await comparison.read(receiver, answer));
      },
    );
  } finally {
    for (const { receiver } of receivers.values()) receiver.close();
    await comparison.close();
  }
}

/** Each pod's list against the modeller's; what the pods find stays there. */
export async function answerLists(
  { runId, taskJson, algorithm, list, modeller, members, signal }: ListsOptions,
  steps: AnalysisSteps,
  keep: Keep,
): Promise<void> {
  const comparison = new Comparison(algorithm, list, signal);
  const answers = new Map<string, BlobRef>();
  try {
    const asked = await steps.exchange(0, members.active(), () => undefined);
    await steps.each(asked, async (member, { result }, context) => {
      const bytes = await steps.pull(member, result, context, 4 + listBytes(MAX_LIST, 32));
      const session = { runId, taskJson, modeller, pod: member.peer.public.id };
      answers.set(member.name, steps.offer(await comparison.answer(session, bytes), [member]));
    });
    const cohort = members.active().filter(({ name }) => answers.has(name));
    // what pods say now is the same whatever they have found
    const done = await steps.exchange(1, cohort, ({ name }) => answers.get(name));
    await steps.each(done, async ({ name }) => keep(name, null));
  } finally {
    await comparison.close();
  }
}

/** The pods' lists against each other. @throws KonsilError COHORT_TOO_SMALL when fewer than two answer, or one is lost. */
export async function compareAmongPods(
  { runId, taskJson, algorithm, modeller, members, signal }: ComparisonOptions,
  steps: AnalysisSteps,
  keep: Keep,
): Promise<void> {
  const ring = members.active();
  if (ring.length < 2)
    throw new KonsilError(
      'COHORT_TOO_SMALL',
      `${ring.length} of the pods answer, two are needed to compare their lists: ${describeAbsent(members.all())}`,
    );
  const byId = new Map(ring.map((member) => [member.peer.public.id, member]));
  const run = { runId, taskJson, modeller, pods: [...byId.keys()], signal };
  const shared = await compareAmong(algorithm, run, async (step, sent) => {
    const refs = new Map([...sent].map(([id, bytes]) => [id, steps.offer(bytes, [byId.get(id)!])]));
    const answers = new Map<string, Uint8Array>();
    const said = await steps.exchange(step, ring, ({ peer }) => refs.get(peer.public.id));
    await steps.each(said, async (member, { result }, context) => {
      answers.set(member.peer.public.id, await steps.pull(member, result, context, MAX_RING_BYTES));
    });
    return answers;
  });
  for (const { name } of ring) keep(name, { columns: ['people_of_all_pods'], rows: [[shared]], suppressed: 0 });
}
