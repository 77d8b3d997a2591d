/**
 * From the pods that are online to what all of them are asked to train: datasets, columns, the model and its first
 * parameters. Nothing is asked of a pod yet.
 * @module
 */
import { checkModelFits, type SumFacts, sumFacts, trainerOptions } from '../protocols/index.ts';
import type { LocalTask, Task } from '../tasks/index.ts';
import { type Layout, type ModelTrainer, type OpenTrainer, readModelFile } from '../training/index.ts';
import type { BlobRef } from '../wire/index.ts';
import { type ResolvedTask, resolveTask, startParameters } from './initialModel.ts';
import type { RunJournal } from './journal/index.ts';
import type { Member, Members } from './members.ts';
import { type Offer, offersOf, releasedBy, resolveAmong } from './resolveData.ts';
import { RunPrivacy } from './runPrivacy.ts';

/** What a run is about. */
export interface AgreedTask {
  readonly resolved: ResolvedTask;
  readonly layout: Layout;
  readonly parameters: Float32Array;
  readonly facts: SumFacts;
  readonly privacy: RunPrivacy | undefined;
  /** The dataset of each pod that is online, by its name. */
  readonly datasets: ReadonlyMap<string, string>;
}

/**
 * @throws KonsilError COHORT_TOO_SMALL when no pod answers within `joinMs`; whatever makes the task impossible: a model
 *   that cannot be trained is found before anyone is asked.
 */
export async function agreeOnTask(
  task: LocalTask,
  members: Members,
  joinMs: number,
  openTrainer: OpenTrainer,
  signal: AbortSignal,
): Promise<AgreedTask> {
  return agreeAmong(task, members, await offersOf(members, joinMs), openTrainer, signal);
}

/** As {@link agreeOnTask}, of pods that have answered. */
export async function agreeAmong(
  task: LocalTask,
  members: Members,
  offers: readonly Offer<Member>[],
  openTrainer: OpenTrainer,
  signal: AbortSignal,
): Promise<AgreedTask> {
  const { modelFile } = task.local;
  const attached = modelFile === undefined ? undefined : await readModelFile(modelFile);
  const released = releasedBy(offers);
  const resolved = resolveAmong(
    offers,
    (member, reason) => members.refuse(member, reason),
    (schema, pod) => resolveTask(task, schema, pod, attached, released),
  );
  const datasets = new Map(offers.map(({ member, dataset }) => [member.name, dataset]));
  return factsOf(resolved, datasets, openTrainer, signal, (program) =>
    startParameters(program, task, resolved.task, openTrainer, signal),
  );
}

/** Builds the model once: what is known of it decides everything else. */
async function factsOf(
  resolved: ResolvedTask,
  datasets: ReadonlyMap<string, string>,
  openTrainer: OpenTrainer,
  signal: AbortSignal,
  start: (program: ModelTrainer['program']) => Promise<Float32Array>,
): Promise<AgreedTask> {
  const trainer = await openTrainer(trainerOptions(resolved.task, resolved.model, resolved.source), signal);
  try {
    const { program } = trainer;
    const { layout } = program;
    const parameters = await start(program);
    const facts = sumFacts(resolved.task, layout, resolved.features.length);
    const privacy = RunPrivacy.of(resolved.task, facts.parameters);
    const { features } = facts;
    checkModelFits(program, resolved.task, resolved.task.dataStructure.images ? { atLeast: features } : features);
    return { resolved, layout, parameters, facts, privacy, datasets };
  } finally {
    await trainer.close();
  }
}

/** As it is written down. */
interface Written {
  readonly task: Task;
  readonly features: readonly string[];
  readonly source: string;
  readonly model: BlobRef;
  readonly datasets: readonly (readonly [string, string])[];
}

/** Writes down what was agreed before anybody is asked to run it. */
export function rememberAgreed(journal: RunJournal, { resolved, datasets }: AgreedTask): void {
  const { task, features, source, model } = resolved;
  const ref = journal.vectors.put(model);
  const written: Written = { task, features, source, model: ref, datasets: [...datasets] };
  journal.setAgreed(written, [ref.id]);
}

/**
 * What was agreed before the coordinator was restarted, with the model as the pods have it; the model's own first parameters
 * stand for those of the run. Null when nothing was agreed yet.
 */
export async function recallAgreed(
  journal: RunJournal,
  openTrainer: OpenTrainer,
  signal: AbortSignal,
): Promise<AgreedTask | null> {
  const written = journal.agreed() as Written | null;
  if (!written) return null;
  const { task, features, source, model, datasets } = written;
  const resolved = { task, features, source, model: journal.vectors.get(model.id) };
  return factsOf(resolved, new Map(datasets), openTrainer, signal, async ({ initial }) => initial.slice());
}
