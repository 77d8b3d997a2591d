/**
 * The modeller's list against each pod's, message by message; see `intersect.ts` for what is in them.
 * @module
 */
import type { PairReceiver } from '../intersection/index.ts';
import { listBytes, type ResultTable } from '../protocols/index.ts';
import type { IntersectionAlgorithm } from '../tasks/index.ts';
import type { BlobRef } from '../wire/index.ts';
import type { AnalysisSteps } from './analysisSteps.ts';
import { Comparison, type IdentifierList } from './intersect.ts';
import type { Members } from './members.ts';

export interface ListsOptions {
  readonly runId: string;
  readonly taskJson: string;
  readonly algorithm: IntersectionAlgorithm;
  readonly list: IdentifierList;
  /** Id of the modeller's identity. */
  readonly modeller: string;
  readonly members: Members;
  readonly signal: AbortSignal;
}

/** @param keep - Told what came of each pod's list. */
export async function compareLists(
  { runId, taskJson, algorithm, list, modeller, members, signal }: ListsOptions,
  steps: AnalysisSteps,
  keep: (pod: string, table: ResultTable) => void,
): Promise<void> {
  const comparison = new Comparison(algorithm, list, signal);
  const receivers = new Map<string, { readonly receiver: PairReceiver; readonly size: number }>();
  try {
    await steps.each(
      await steps.exchange(0, members.active(), () => undefined),
      async (member, { result }, context) => {
        const bytes = await steps.pull(member, result, context, 4);
        const size = bytes.length === 4 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) : 0;
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
