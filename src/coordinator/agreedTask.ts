/**
 * From the pods that are online to what all of them are asked to train: datasets, columns, the model and its first
 * parameters. Nothing is asked of a pod yet.
 * @module
 */
import { KonsilError } from '../base/index.ts';
import { checkModelFits, type SumFacts, sumFacts, trainerOptions } from '../protocols/index.ts';
import type { LocalTask } from '../tasks/index.ts';
import { type Layout, type OpenTrainer, readModelFile } from '../training/index.ts';
import { type ResolvedTask, resolveAmong, startParameters } from './initialModel.ts';
import { describeAbsent, type Members } from './members.ts';
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
  const online = await members.online(joinMs);
  if (online.size === 0)
    throw new KonsilError(
      'COHORT_TOO_SMALL',
      `no pod can be asked: ${describeAbsent(members.all())}; are they running, and do they know this modeller's key?`,
    );
  const offers = members.all().flatMap((member) => {
    const answer = online.get(member.name);
    if (!answer) return [];
    // the dataset the task names, or the pod's only one
    const dataset = member.dataset || (answer.datasets[0]?.name ?? member.name);
    return [{ member, dataset, datasets: answer.datasets }];
  });
  const { modelFile } = task.local;
  const attached = modelFile === undefined ? undefined : await readModelFile(modelFile);
  const resolved = resolveAmong(task, offers, (member, reason) => members.refuse(member, reason), attached);
  const trainer = await openTrainer(trainerOptions(resolved.task, resolved.model, resolved.source), signal);
  try {
    const { program } = trainer;
    const { layout } = program;
    const parameters = await startParameters(program, task, resolved.task, openTrainer, signal);
    const facts = sumFacts(resolved.task, layout, resolved.features.length);
    const privacy = RunPrivacy.of(resolved.task, facts.parameters);
    checkModelFits(program, resolved.task, facts.features);
    const datasets = new Map(offers.map(({ member, dataset }) => [member.name, dataset]));
    return { resolved, layout, parameters, facts, privacy, datasets };
  } finally {
    await trainer.close();
  }
}
